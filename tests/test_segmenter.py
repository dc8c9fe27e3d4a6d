"""Segmenter and models: any size, constant results, stored and loaded without a change."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import toy_frame, toy_labels

from cytolapse import segmenter
from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from cytolapse.learner import normalise
from cytolapse.metrics import match, summarise
from cytolapse.models import resized
from cytolapse.segmenter import Segmenter, pick_device

SMALL = {"widths": "4,8", "postprocess": "drop_small=5"}
CONFIGS = {
    "boundary": Config(**SMALL, head="boundary"),
    "semantic": Config(**SMALL, head="semantic"),
    "resized": Config(**SMALL, frame_size=32),
    "mask_rcnn": Config(model="mask_rcnn", network="resnet18", head="", anchors="16,24/1", postprocess="none"),
    "classical": Config(model="classical", network="", head=""),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))


def build(config):
    torch.manual_seed(1)
    return Segmenter.build(config, um=0.65)


@configs
@pytest.mark.parametrize("size", [(1, 40, 40), (2, 37, 51), (1, 3, 5)])
def test_frames_of_any_size(config, size):
    frames = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    labels = list(build(config).segment(frames))
    assert [each.shape for each in labels] == [size[1:]] * size[0]
    assert all(each.dtype == np.int32 for each in labels)


@configs
def test_frames_without_contrast_give_no_nan(config):
    raw = next(build(config).raw(np.full((1, 24, 24), 40007, np.uint16)))
    assert all(np.isfinite(part).all() for part in (raw if isinstance(raw, tuple) else [raw]))


def test_the_classical_model_finds_nothing_where_there_is_no_contrast():
    assert not next(build(CONFIGS["classical"]).segment(np.full((1, 24, 24), 40007, np.uint16))).any()


@configs
def test_stored_and_loaded_it_gives_the_same_labels(config, tmp_path):
    segmenter = build(config)
    segmenter = segmenter.at({name: values[-1] for name, values in segmenter.model.space.items()})
    segmenter.save(tmp_path / "model")
    loaded = Segmenter.load(tmp_path / "model", device="cpu")
    frames = np.stack([toy_frame(toy_labels(t), t) for t in (0, 20)])
    assert (loaded.point, loaded.um, loaded.config) == (dict(segmenter.point), 0.65, config)
    for mine, theirs in zip(segmenter.segment(frames), loaded.segment(frames), strict=True):
        assert (mine == theirs).all()


def test_the_classical_model_finds_the_discs():
    labels = toy_labels(0)
    found = next(build(CONFIGS["classical"]).segment(toy_frame(labels, 0)[None]))
    assert summarise([match(labels, found)]).at(0.3)["f1"] == 1


def test_normalise_gives_every_frame_mean_0_and_deviation_1():
    frames = np.random.default_rng(0).integers(0, 4000, (3, 20, 30)).astype(np.uint16)
    frames[1] += 9000
    values = normalise(frames)
    assert values.dtype == np.float32
    assert np.allclose(values.mean(axis=(1, 2)), 0, atol=1e-4)
    assert np.allclose(values.std(axis=(1, 2)), 1, atol=1e-3)


def test_a_full_disk_keeps_the_stored_model_whole(tmp_path, monkeypatch):
    build(CONFIGS["boundary"]).save(tmp_path)
    stored = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def full(model, path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segmenter, "save_model", full)
    with pytest.raises(CytolapseError, match=r"No space left on device\): free some disk space"):
        build(CONFIGS["semantic"]).save(tmp_path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == stored


def test_the_network_sees_resized_frames_as_it_was_trained_on_them():
    frames = np.random.default_rng(0).normal(size=(2, 90, 70)).astype(np.float32)
    small = resized(torch.from_numpy(frames)[:, None], 32)
    assert small.shape == (2, 1, 32, 32)
    assert abs(float(small.mean()) - frames.mean()) < 0.01
    assert small.std() < 0.6, "smoothed before it is thinned"


def broken(folder, name, content):
    build(CONFIGS["boundary"]).save(folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "config.json is missing: .* holds no segmenter"),
        ("config.json", b"{", "is no JSON"),
        ("config.json", json.dumps({"format": 9}).encode(), "format 1 is needed"),
        ("config.json", json.dumps({"format": 1}).encode(), "format 1 is needed"),
        ("weights.safetensors", None, "stored without its weights"),
        ("weights.safetensors", b"\x80\x04junk", "does not fit its config.json"),
    ],
)
def test_a_broken_model_says_what_is_wrong(tmp_path, name, content, message):
    with pytest.raises(CytolapseError, match=message):
        Segmenter.load(broken(tmp_path / "model", name, content))


def test_weights_of_another_network_are_refused(tmp_path):
    build(CONFIGS["boundary"]).save(tmp_path)
    card = json.loads((tmp_path / "config.json").read_text())
    card["config"]["widths"] = "4,8,16"
    (tmp_path / "config.json").write_text(json.dumps(card))
    with pytest.raises(CytolapseError, match=r"does not fit its config\.json"):
        Segmenter.load(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none():
    assert pick_device("auto") == "cpu"
    with pytest.raises(CytolapseError, match="--device cpu"):
        pick_device("cuda")


def test_labels_are_numbered_without_gaps():
    labels = toy_labels(0)
    segmenter = build(CONFIGS["classical"])
    found = next(segmenter.segment(toy_frame(labels, 0)[None]))
    assert set(np.unique(found)) == set(range(found.max() + 1))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("config", [], "config is a list, where fields and values are expected"),
        ("config", {"widths": 5}, "config has widths = 5, where str is expected"),
        ("config", {"batch": "4"}, "config has batch = '4', where int is expected"),
        ("point", None, "operating point is None, where a number for interior, grow, drop_small is expected"),
        ("point", {"threshold": 0.5}, "where a number for interior, grow, drop_small is expected"),
        ("point", {"interior": "x", "grow": 1}, "where a number for interior, grow, drop_small is expected"),
        (
            "point",
            {"interior": 0.5, "grow": 1, "close": 2},
            "where a number for interior, grow, drop_small is expected",
        ),
        ("point", {"interior": 0.5, "grow": math.inf}, "where a number for interior, grow, drop_small is expected"),
    ],
)
def test_a_card_with_wrong_values_is_refused(tmp_path, part, value, message):
    build(CONFIGS["boundary"]).save(tmp_path)
    card = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**card, part: value}))
    with pytest.raises(CytolapseError, match=message):
        Segmenter.load(tmp_path)


def test_the_numbers_of_steps_belong_to_the_point(tmp_path):
    segmenter = build(CONFIGS["boundary"])
    assert segmenter.point == {"interior": 0.5, "grow": 2, "drop_small": 5}
    assert segmenter.space["drop_small"] == (5, 2.5, 10, 20)
    tuned = segmenter.at({"drop_small": 1000})
    raw = segmenter.model.head.perfect(segmenter.model.encode(toy_labels(0)[None]))[0]
    assert segmenter.decode(raw).any()
    tuned.save(tmp_path)
    loaded = Segmenter.load(tmp_path, device="cpu")
    assert loaded.point["drop_small"] == 1000
    assert not loaded.decode(raw).any()
    assert loaded.config.postprocess == "drop_small=5", "what the user gave stays as it is"
    assert loaded.space == segmenter.space


def test_a_model_stored_without_numbers_of_steps_has_those_of_its_config(tmp_path):
    build(CONFIGS["boundary"]).save(tmp_path)
    card = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**card, "point": {"interior": 0.35, "grow": 1}}))
    assert Segmenter.load(tmp_path, device="cpu").point == {"interior": 0.35, "grow": 1, "drop_small": 5}


def test_a_parameter_with_the_name_of_a_step_is_refused(monkeypatch):
    monkeypatch.setattr(HEADS["boundary"], "space", {"close": (1,)})
    with pytest.raises(CytolapseError, match="close names a parameter of the model and a step of --postprocess"):
        Segmenter.build(Config(widths="4,8", postprocess="close=2"))
