"""Networks: frames in, maps out. One file a network."""

from cytolapse.networks.base import Network, State, restarted
from cytolapse.networks.convlstm_unet import ConvLSTMUNet
from cytolapse.networks.unet import UNet
from cytolapse.registry import Registry

NETWORKS: Registry[type[Network]] = Registry(
    "network", {"convlstm_unet": ConvLSTMUNet, "unet": UNet}, group="cytolapse.networks"
)

__all__ = ["NETWORKS", "Network", "State", "restarted"]
