"""The estimate before the first step: it measures, and changes nothing."""

import torch
from lightning_fabric import Fabric

from cytolapse.config import Config
from cytolapse.learner import Clip
from cytolapse.models import MapModel
from trainers.estimate import estimate


def clip(side):
    frames = torch.randn(2, 1, 1, side, side)
    return Clip(
        frames,
        torch.zeros(2, 1, side, side, dtype=torch.int64),
        torch.ones(2, 1, dtype=torch.bool),
        torch.ones(2, dtype=torch.bool),
    )


def test_it_leaves_the_model_and_the_random_state_alone_and_grows_with_the_crop():
    fabric = Fabric(accelerator="cpu", devices=1)
    model = MapModel.build(Config(widths="4,8"))
    before = {name: each.clone() for name, each in model.state_dict().items()}
    small, large = clip(16), clip(64)
    state = torch.get_rng_state()
    guesses = [estimate(fabric, model, each) for each in (small, large)]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(each.grad is None for each in model.parameters())
    assert guesses[0].seconds_per_step > 0
    weights = sum(each.nbytes for each in model.parameters())
    assert 4 * weights < guesses[0].bytes < guesses[1].bytes
    assert 10 < (guesses[1].bytes - 4 * weights) / (guesses[0].bytes - 4 * weights) < 20, "16 times the pixels"


def test_weights_are_counted_once_however_many_clips():
    wide = MapModel.build(Config(widths="128,256"))
    found = estimate(Fabric(accelerator="cpu", devices=1), wide, clip(4))
    assert found.weights == 4 * sum(each.nbytes for each in wide.parameters())
    assert found.activations < found.weights / 8, "less than the weights themselves"
