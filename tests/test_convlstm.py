"""The ConvLSTM against a slow twin in float64, and the U-Net that is made of it."""

import numpy as np
import pytest
import torch

from cytolapse.config import Config
from cytolapse.models import MapModel, stream
from cytolapse.networks.convlstm_unet import ConvLSTM, ConvLSTMUNet
from trainers.convlstm_unet import RECIPE


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def convolved(image, weight):
    """The sum over channels and offsets, pixel by pixel: image (C, Y, X), weight (O, C, K, K)."""
    (outputs, inputs, side, _), (_, height, width) = weight.shape, image.shape
    reach = side // 2
    padded = torch.zeros(inputs, height + 2 * reach, width + 2 * reach, dtype=torch.float64)
    padded[:, reach : reach + height, reach : reach + width] = image
    rows = [
        torch.stack([(padded[:, y : y + side, x : x + side] * weight[o]).sum() for x in range(width)])
        for o in range(outputs)
        for y in range(height)
    ]
    return torch.stack(rows).reshape(outputs, height, width)


def twin(cell, frames, h, c):
    """Outputs (T, H, Y, X), h and c of frames (T, C, Y, X), gate by gate."""
    hidden, outputs = len(h), []
    driving, feedback, bias = cell.input.weight, cell.recurrent.weight, cell.input.bias
    for x in frames:
        gates = []
        for gate in range(4):
            rows = slice(gate * hidden, (gate + 1) * hidden)
            gates.append(convolved(x, driving[rows]) + convolved(h, feedback[rows]) + bias[rows, None, None])
        c = sigmoid(gates[1]) * c + sigmoid(gates[0]) * torch.tanh(gates[3])
        h = sigmoid(gates[2]) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), h, c


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_outputs_gradients_and_state_against_a_slow_twin(kernel):
    torch.manual_seed(kernel)
    cell = ConvLSTM(2, 3, kernel).double()
    frames = torch.randn(1, 3, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    h, c = (torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    outputs, (last_h, last_c) = cell(frames, (h, c))
    mine = (outputs[0], last_h[0], last_c[0])
    theirs = twin(cell, frames[0], h[0], c[0])
    inputs = [frames, h, c, *cell.parameters()]
    weights = [torch.randn_like(each) for each in theirs]
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-12)
    gradients = [
        torch.autograd.grad(sum((w * each).sum() for w, each in zip(weights, found, strict=True)), inputs)
        for found in (mine, theirs)
    ]
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-10)
        assert a.abs().sum() > 0


def test_the_forget_gate_begins_open():
    cell = ConvLSTM(1, 4, 3)
    assert cell.input.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_the_state_stays_in_float32_under_autocast():
    network = ConvLSTMUNet(2, Config(widths="4,8"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps, state = network(torch.randn(1, 2, 1, 8, 8), None)
    assert maps.dtype == torch.bfloat16
    assert {each.dtype for each in state} == {torch.float32}


def test_the_papers_setting_has_the_papers_number_of_parameters():
    with torch.device("meta"):
        network = ConvLSTMUNet(3, Config(**RECIPE.presets["paper"]))
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 1) == 74.6


def model(**given):
    torch.manual_seed(1)
    return MapModel.build(Config(network="convlstm_unet", widths="4,8", crop=32, **given)).eval()


def movie(length=9):
    return np.random.default_rng(0).integers(0, 255, (length, 32, 32), dtype=np.uint8)


def test_a_movie_is_begun_backwards():
    frames, network = movie(), model(warm_up=4)
    state = None
    for t in (4, 3, 2, 1):
        _, state = network.predict(frames[t : t + 1], state)
    expected, _ = network.predict(frames[:1], state)
    assert np.allclose(next(stream(network, frames)), expected[0], atol=1e-6)
    cold, _ = network.predict(frames[:1])
    assert not np.allclose(cold, expected, rtol=0, atol=1e-6)


def test_streaming_frame_by_frame_gives_what_one_long_clip_gives():
    frames, network = movie(), model(warm_up=0)
    whole, _ = network.predict(frames)
    assert np.allclose(whole, np.stack(list(stream(network, frames))), atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_movies_shorter_than_the_warm_up(length):
    assert len(list(stream(model(), movie(length)))) == length


def test_what_was_seen_changes_what_is_made_of_a_frame():
    frames, network = movie(), model()
    alone = next(stream(network, frames[8:]))
    assert not np.allclose(list(stream(network, frames))[8], alone, rtol=0, atol=1e-6)


def test_a_network_that_forgets_sees_every_few_frames_as_a_movie_of_their_own():
    network, frames = model(warm_up=0), np.random.default_rng(0).integers(0, 255, (8, 16, 24), np.uint8)
    apart = [raw for start in (0, 3, 6) for raw in stream(network, frames[start : start + 3])]
    assert np.allclose(list(stream(network, frames, restart=3)), apart, atol=1e-6)
    assert not np.allclose(list(stream(network, frames)), apart, atol=1e-6), "which makes a difference"
    assert {RECIPE.presets[name]["restart"] for name in ("full", "crops")} == {5}, "as they were trained"
