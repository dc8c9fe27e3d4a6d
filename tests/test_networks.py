"""Networks: every one in the registry, with the same demands."""

import pytest
import torch

from cytolapse.networks import NETWORKS

networks = pytest.mark.parametrize("name", list(NETWORKS))


def build(name, widths=(4, 8, 8), channels=3):
    torch.manual_seed(0)
    return NETWORKS[name](channels, widths)


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
