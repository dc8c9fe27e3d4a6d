"""Backbones: residual networks for Mask R-CNN's feature pyramid, and their published weights."""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import contextmanager, redirect_stdout
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn
from torchvision.models import ResNet, ResNet18_Weights, ResNet50_Weights, resnet18, resnet50
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from cytolapse.networks.blocks import NORMS
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torchvision.models import WeightsEnum

    from cytolapse.config import Config

log = logging.getLogger("cytolapse.mask_rcnn.backbones")
TIMEOUT = 10.0
"""Seconds that a server of weights may be silent."""


class Backbone(NamedTuple):
    """A residual network.

    Attributes:
        build: makes it, with a normalisation.
        weights: what was published for it, trained on ImageNet.
        channels: of the feature pyramid and of the heads.
    """

    build: Callable[..., ResNet]
    weights: WeightsEnum
    channels: int


BACKBONES: Registry[Backbone] = Registry(
    "backbone",
    {
        "resnet18": Backbone(resnet18, ResNet18_Weights.IMAGENET1K_V1, 64),
        "resnet50": Backbone(resnet50, ResNet50_Weights.IMAGENET1K_V1, 256),
    },
)


def pyramid(config: Config) -> BackboneWithFPN:
    """Frames (N, 1, Y, X) to five feature maps, at strides 4, 8, 16, 32 and 64; sides are multiples of 32.

    Source: Lin et al. 2017 (arXiv 1612.03144).
    """
    kind, norm = BACKBONES[config.network], NORMS[config.norm]
    body = kind.build(norm_layer=norm)
    body.conv1 = nn.Conv2d(1, body.conv1.out_channels, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
    widths = [body.inplanes // 2**n for n in (3, 2, 1, 0)]
    levels = {f"layer{n + 1}": str(n) for n in range(4)}
    return BackboneWithFPN(body, levels, widths, kind.channels, LastLevelMaxPool(), norm)


def load_published(body: nn.Module, network: str) -> str:
    """Give a backbone the weights that were published for it, where they can be had; what came of it.

    They are for red, green and blue; a grey frame is all three, so the first layer takes the sum over them.
    """
    weights = BACKBONES[network].weights
    try:
        with _impatient():
            state: dict[str, Any] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, HTTPException, RuntimeError) as error:  # a RuntimeError: what came has another hash
        log.warning("--pretrained: %s can't be had (%s): training goes on from random weights", weights.url, error)
        return "not reachable"
    state["conv1.weight"] = state["conv1.weight"].sum(dim=1, keepdim=True)
    body.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("fc.")})
    return "loaded"


@contextmanager
def _impatient() -> Iterator[None]:
    """A server that is silent is given up, and stdout kept for results: torch's own download does neither."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)
