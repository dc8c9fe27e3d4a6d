"""Mask R-CNN: losses, published weights, and what a run keeps of both."""

import json
import socket
import sys
from urllib.error import URLError

import numpy as np
import pytest
import torch
from conftest import toy_frame, toy_labels
from torchvision.models import resnet18

from cytolapse.config import Config
from cytolapse.learner import Clip, normalise
from cytolapse.mask_rcnn.model import MaskRCNN
from cytolapse.metrics import match, summarise
from cytolapse.segmenter import Segmenter
from trainers import checkpoint

CONFIG = Config(model="mask_rcnn", network="resnet18", head="", anchors="12,17/1", crop=96, postprocess="none")
TINY = "--network resnet18 --crop 64 --batch 2 --train-steps 2 --validate-every 1 --validate-frames 1".split()
HUB = "torchvision.models._api.load_state_dict_from_url"


def clip(model, known=(True, True), cells=True):
    labels = np.stack([toy_labels(t) * cells for t in (0, 20)])
    frames = normalise(np.stack([toy_frame(toy_labels(t), t) for t in (0, 20)]))
    return Clip(
        torch.from_numpy(frames)[:, None, None],
        torch.from_numpy(model.encode(labels))[:, None],
        torch.tensor(known)[:, None],
        torch.ones(2, dtype=torch.bool),
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MaskRCNN(CONFIG).train()


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("known", "cells"), [((True, False), True), ((True, True), False)])
def test_losses_are_finite_with_and_without_cells(model, precision, known, cells):
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        loss, state = model(clip(model, known, cells))
    loss.backward()
    assert state is None
    assert torch.isfinite(loss) and loss > 0.5
    assert all(torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None)
    assert all(torch.isfinite(each).all() for each in model.buffers())
    assert model.detector.backbone.body.conv1.weight.grad.abs().sum() > 0


def test_frames_without_truth_are_left_out(model):
    loss, _ = model(clip(model, (False, False)))
    loss.backward()
    assert float(loss.detach()) == 0
    both = clip(model, (True, False))
    losses = []
    for other in (both, both._replace(frames=both.frames * torch.tensor([1.0, 50.0]).view(2, 1, 1, 1, 1))):
        torch.manual_seed(0)
        losses.append(float(model(other)[0].detach()))
    assert losses[0] == losses[1]


def test_boxes_keep_their_precision_under_bf16(model):
    seen = []
    model.detector.rpn.register_forward_hook(lambda module, inputs, outputs: seen.extend(outputs[0]))
    with torch.autocast("cpu", torch.bfloat16):
        model(clip(model))
    assert all(boxes.dtype == torch.float32 for boxes in seen)
    assert any((boxes != boxes.bfloat16().float()).any() for boxes in seen)


@pytest.mark.slow
def test_it_learns_one_clip_by_heart(model):
    one, optimizer = clip(model), torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(one)[0].backward()
        optimizer.step()
    segmenter = Segmenter(CONFIG, model, {"score": 0.5, "mask": 0.5, "overlap": 0.5}, ())
    found = segmenter.segment(np.stack([toy_frame(toy_labels(t), t) for t in (0, 20)]))
    matched = [match(toy_labels(t), labels) for t, labels in zip((0, 20), found, strict=True)]
    assert summarise(matched).scores["seg"] > 0.7


def test_published_weights_see_grey_as_red_green_and_blue(monkeypatch, capsys):
    torch.manual_seed(3)
    theirs = resnet18().eval()
    asked = {}

    def fetched(url, **options):
        sys.stdout.write(f"Downloading: {url}\n")
        asked.update(options, timeout=socket.getdefaulttimeout())
        return theirs.state_dict()

    monkeypatch.setattr(HUB, fetched)
    model = MaskRCNN(Config(**{**CONFIG.as_dict(), "pretrained": "yes"}))
    assert model.published() == {"cytolapse.pretrained": "loaded"}
    assert asked["weights_only"] and asked["check_hash"] and asked["timeout"] > 0
    assert socket.getdefaulttimeout() is None
    assert not capsys.readouterr().out, "stdout is for results"
    frame = torch.randn(1, 1, 64, 64)
    mine = model.detector.backbone.body.eval()(frame)["0"]
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(frame.expand(1, 3, 64, 64)))))
    torch.testing.assert_close(mine, theirs.layer1(x), atol=1e-4, rtol=1e-4)
    assert MaskRCNN(CONFIG).published() == {}


def test_where_the_weights_cant_be_reached_the_run_says_so(toy, cli, tmp_path, monkeypatch):
    def unreachable(url, **options):
        raise URLError("no route to host")

    monkeypatch.setattr(HUB, unreachable)
    train = ("train", "mask_rcnn", "--data", toy, *TINY, "--train-steps", 1, "--pretrained", "yes")
    code, _, err = cli(*train, "--tracking", "spool:run")
    assert code == 0, err
    assert "can't be had (<urlopen error no route to host>): training goes on from random weights" in err
    assert "not reachable" in (tmp_path / "run/spool.jsonl").read_text()
    config = json.loads((tmp_path / "run/segmenter/config.json").read_text())["config"]
    assert config["anchors"] == "15,15,15,17,17/0.83,1,1.20", "fitted to the discs, and kept"
    assert Segmenter.load(tmp_path / "run/segmenter").config.anchors == config["anchors"], "asks for no weights again"
    code, _, err = cli(*train, "--init", "run/segmenter")
    assert code == 1
    assert "--pretrained yes can't be given with --init run/segmenter" in err


@pytest.mark.slow
def test_it_resumes_bit_identically(toy, cli, tmp_path, monkeypatch):
    from trainers import fit

    train, step = ("train", "mask_rcnn", "--data", toy, *TINY), fit._step
    assert cli(*train, "--tracking", "spool:whole")[0] == 0
    steps = iter(range(1))

    def cut(*parts):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return step(*parts)

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_step", cut)
        assert cli(*train, "--tracking", "spool:cut")[0] != 0
    code, _, err = cli("train", "mask_rcnn", "--data", toy, "--resume", "spool:cut")
    assert code == 0, err
    whole, resumed = (checkpoint.load(tmp_path / name / "checkpoints/last.pt") for name in ("whole", "cut"))
    assert all(torch.equal(each, resumed["parts"]["model"][name]) for name, each in whole["parts"]["model"].items())


def test_weights_for_other_anchors_or_of_other_shapes_are_refused(toy, cli, tmp_path):
    Segmenter.build(CONFIG).save(tmp_path / "other")
    train = ("train", "mask_rcnn", "--data", toy, *TINY, "--tracking", "spool:run", "--init", "other")
    code, _, err = cli(*train)
    assert code == 1
    assert f"--init other has anchors '{CONFIG.anchors}'" in err and f"give --anchors {CONFIG.anchors}" in err
    code, _, err = cli(*train, "--anchors", CONFIG.anchors, "--norm", "group")
    assert code == 1
    assert "--init other has weights of other shapes: give the settings it has" in err
    assert cli(*train, "--anchors", CONFIG.anchors)[0] == 0
