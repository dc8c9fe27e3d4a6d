"""Networks: every one in the registry, with the same demands."""

import pytest
import torch

from cytolapse.config import Config
from cytolapse.networks import NETWORKS, restarted

networks = pytest.mark.parametrize("name", list(NETWORKS))


def build(name, channels=3, **given):
    torch.manual_seed(0)
    return NETWORKS[name](channels, Config(**{"widths": "4,8,8", **given}))


@networks
@pytest.mark.parametrize("size", [(16, 16), (32, 48)])
def test_maps_have_the_frames_size_and_the_heads_channels(name, size):
    maps, _ = build(name)(torch.randn(2, 3, 1, *size), None)
    assert maps.shape == (2, 3, 3, *size)


@networks
def test_every_weight_learns(name):
    network = build(name)
    maps, _ = network(torch.randn(2, 2, 1, 16, 16), None)
    maps.square().mean().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in network.parameters())


@networks
def test_a_clip_in_pieces_with_carried_state_gives_the_same_maps(name):
    network = build(name).eval()
    frames = torch.randn(1, 6, 1, 16, 16)
    whole, _ = network(frames, None)
    first, state = network(frames[:, :2], None)
    rest, _ = network(frames[:, 2:], state)
    assert torch.allclose(whole, torch.cat([first, rest], dim=1), atol=1e-5)


@networks
def test_the_stride_is_what_the_sizes_must_be_multiples_of(name):
    network = build(name)
    assert network.stride == 4
    with pytest.raises(RuntimeError):
        network(torch.randn(1, 1, 1, 16, 18), None)


@networks
@pytest.mark.parametrize("given", [{"kernel": 5}, {"norm": "group"}, {"widths": "6,10,14"}, {"recurrent_kernel": 5}])
def test_the_settings_of_a_network(name, given):
    maps, _ = build(name, **given)(torch.randn(1, 2, 1, 16, 16), None)
    assert maps.shape == (1, 2, 3, 16, 16)


@networks
def test_a_restarted_place_of_the_batch_forgets_and_the_others_go_on(name):
    network = build(name).eval()
    frames = torch.randn(2, 4, 1, 16, 16)
    _, state = network(frames[:, :2], None)
    mixed, _ = network(frames[:, 2:], restarted(state, torch.tensor([True, False])))
    fresh, _ = network(frames[:, 2:], None)
    whole, _ = network(frames, None)
    assert torch.allclose(mixed[0], fresh[0], atol=1e-5)
    assert torch.allclose(mixed[1], whole[1, 2:], atol=1e-5)
