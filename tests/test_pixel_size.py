"""Pixel size: found where it is written, frames rescaled for the model, and never in silence."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import toy_frame, toy_labels
from test_tiles import Lazy, recurrent, unet

from cytolapse.config import Config
from cytolapse.data import default_split, open_dataset
from cytolapse.data.um import frames_um
from cytolapse.errors import CytolapseError
from cytolapse.metrics import match
from cytolapse.pixel_size import Rescaled, restored, scale
from cytolapse.segmenter import Segmenter
from trainers import evaluate
from trainers.starting import start_from

CLASSICAL = Config(model="classical", network="", head="", postprocess="drop_small=60")


def classical(um):
    return Segmenter.build(CLASSICAL, um=um)


@pytest.mark.parametrize(
    ("frames", "model", "factor"),
    [
        *((0.65, 0.65, 1), (0.77, 0.65, 1), (0.79, 0.65, 0.79 / 0.65), (0.55, 0.65, 1), (0.5, 0.65, 0.5 / 0.65)),
        *((None, 0.65, 1), (0.65, None, 1), (0.0, 0.65, 1), (None, None, 1)),
    ],
)
def test_only_what_differs_by_more_than_a_fifth_is_rescaled(frames, model, factor):
    assert scale(frames, model) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("um", "message"),
    [
        (-1.0, "the pixel size of the frames is -1.0 um: give one above 0, with --um"),
        (float("nan"), "the pixel size of the frames is nan um"),
        (650.0, "the frames have 650 um a pixel, the model 0.65: is that micrometres"),
    ],
)
def test_a_pixel_size_that_can_not_be_is_refused(um, message):
    with pytest.raises(CytolapseError, match=message):
        scale(um, 0.65)


@pytest.mark.parametrize("factor", [2, 3])
def test_cells_of_another_magnification_are_found_at_their_own_size(factor, caplog):
    """Enlarged frames, whose pixels are smaller, give the enlarged labels; the model never sees the large cells."""
    caplog.set_level(logging.INFO)
    truth = np.kron(toy_labels(0), np.ones((factor, factor), np.uint16))
    frames = np.kron(toy_frame(toy_labels(0), 0), np.ones((factor, factor), np.uint8))[None]
    seen = next(classical(0.6).segment(frames, um=0.6 / factor))
    own = next(classical(0.6).segment(toy_frame(toy_labels(0), 0)[None]))
    assert seen.shape == truth.shape
    assert len(match(truth, seen).matched(30)) == 4
    same = match(np.kron(own, np.ones((factor, factor), np.int32)), seen)
    assert same.iou[same.matched(50)].min() > 0.8, "as the frames of the model's own pixel size, but for the smoothing"
    told = [each.getMessage() for each in caplog.records]
    side = 96 * factor
    assert len(told) == 1
    assert f"the model was trained at 0.6: rescaled by {1 / factor:.3g} ({side} x {side} to 96 x 96 px)" in told[0]


def test_labels_come_back_numbered_without_gaps():
    labels = np.arange(1, 65, dtype=np.int32).reshape(8, 8)
    small = restored(labels, (4, 4))
    np.testing.assert_array_equal(small, labels[1::2, 1::2])
    segmenter = Segmenter.build(CLASSICAL, um=0.3)
    found = next(segmenter.segment(toy_frame(toy_labels(0), 0)[None], um=0.9))
    assert set(np.unique(found)) == set(range(found.max() + 1))
    assert found.shape == (96, 96)


@pytest.mark.parametrize("um", [0.2, 0.65, 1.5])
def test_rescaling_streams_with_a_state(um):
    frames = Lazy(10**9)
    segmenter = recurrent(tile=16)
    segmenter = Segmenter(segmenter.config, segmenter.model, segmenter.point, (), um=0.65)
    found = segmenter.segment(frames, um=um)
    assert [next(found).shape for _ in range(6)] == [(20, 36)] * 6
    assert (frames.asked, frames.furthest) == (4, 5)
    lazy = Rescaled(Lazy(5), um / 0.65)
    streamed = list(segmenter.raw(lazy))
    at_once = recurrent().raw(lazy[0:5])
    for mine, theirs in zip(streamed, at_once, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_a_frame_of_few_pixels_and_a_movie_of_one_frame():
    frames = np.zeros((1, 3, 5), np.uint16)
    assert next(classical(9.0).segment(frames, um=0.6)).shape == (3, 5)
    assert len(Rescaled(frames, 2)[1:5]) == 0
    assert Rescaled(frames, 0.01).shape == (1, 1, 1)


def write(path: Path, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), **options)
    return path


PER_CM = (1e4 / 0.65, 1e4 / 0.65)


@pytest.mark.parametrize(
    ("options", "um"),
    [
        ({}, None),
        ({"resolution": PER_CM, "resolutionunit": "CENTIMETER"}, 0.65),
        ({"resolution": (2e4, 1e4), "resolutionunit": "CENTIMETER"}, None),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "um", "axes": "TYX"}}, 0.5),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "\\u00B5m", "axes": "TYX"}}, 0.5),
        ({"imagej": True, "resolution": (0.002, 0.002), "metadata": {"unit": "nm", "axes": "TYX"}}, 0.5),
        ({"imagej": True, "metadata": {"axes": "TYX"}}, None),
    ],
)
def test_what_a_tiff_says(options, um, tmp_path):
    path = write(tmp_path / "movie.tif", **options)
    assert frames_um(path) == (None if um is None else pytest.approx(um, rel=1e-4))
    (tmp_path / "notes.txt").touch()
    assert frames_um(tmp_path) == frames_um(path), "a folder says what its first file says"


def test_a_sequence_has_the_pixel_size_of_its_data_set(tmp_path):
    frame = write(tmp_path / "mine/01/t000.tif", resolution=PER_CM, resolutionunit="CENTIMETER")
    assert frames_um(frame.parent) == pytest.approx(0.65, rel=1e-4), "the file's, where the data set says nothing"
    (tmp_path / "mine/dataset.toml").write_text("um = 1.3\n")
    assert frames_um(tmp_path / "mine/01") == 1.3
    assert frames_um(write(tmp_path / "BF-C2DL-HSC/02/t000.tif").parent) == 0.645
    (tmp_path / "empty").mkdir()
    assert frames_um(tmp_path / "empty") is None


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        (
            0.65,
            (),
            "the pixel size of the frames is not known: the frames are segmented as they are; give --um if it is",
        ),
        (None, (), "the pixel size of the frames and the model is not known"),
        (None, ("--um", 0.3), "the pixel size of the model is not known"),
        (0.65, ("--um", 1.3), "rescaled by 2 (8 x 8 to 16 x 16 px)"),
        (0.65, ("--um", 0.7), None),
    ],
)
def test_the_command_says_what_it_does_about_the_pixel_size(model, words, said, cli, tmp_path):
    classical(model).save(tmp_path / "model")
    code, _, err = cli("segment", "model", write(tmp_path / "movie.tif"), "out", *words)
    assert code == 0, err
    lines = [line for line in err.splitlines() if "pixel" in line]
    assert len(lines) == (said is not None)
    assert said is None or said in err
    assert tifffile.imread(tmp_path / "out/mask0001.tif").shape == (8, 8)


def test_the_command_tiles_and_leaves_out_what_is_empty(cli, tmp_path):
    unet().save(tmp_path / "model")
    movie = write(tmp_path / "movie.tif")
    code, _, err = cli("segment", "model", movie, "out", "--tile", 4, "--stitch", "hard")
    assert code == 0, err
    code, _, err = cli("segment", "model", movie, "out2", "--tile", "", "--stitch", "", "--um", "")
    assert code == 0, err
    code, _, err = cli("segment", "model", movie, "out3", "--tile", 5)
    assert code == 1
    assert "--tile is 5: unet with widths 4,8 needs a multiple of 2, as 4 or 6" in err


def test_fine_tuning_at_another_pixel_size_warns(tmp_path, caplog):
    unet().save(tmp_path)
    card = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(card.replace('"um": null', '"um": 0.65'))
    start_from(Segmenter(unet().config, unet().model, {}, (), um=0.7), str(tmp_path))
    assert not caplog.records
    start_from(Segmenter(unet().config, unet().model, {}, (), um=1.3), str(tmp_path))
    assert f"--init {tmp_path} has 0.65 um a pixel, the data 1.3" in caplog.text


def test_evaluating_data_whose_pixel_size_was_changed_warns(toy, tmp_path, caplog, monkeypatch):
    class Enough(Exception):
        """The warning comes before the run is opened."""

    def stop(*_, **__):
        raise Enough

    dataset = open_dataset(toy)
    tags = {"cytolapse.split": json.dumps(default_split(dataset).as_dict()), "cytolapse.dataset": "toy"}
    monkeypatch.setattr(evaluate, "logged_tags", lambda *_: {**tags, "cytolapse.digest": dataset.digest})
    monkeypatch.setattr(evaluate, "open_dataset", lambda *_: replace(dataset, um=0.65))
    monkeypatch.setattr(evaluate, "_model_folder", lambda *_: tmp_path)
    monkeypatch.setattr(evaluate, "resume_run", stop)
    classical(0.3).save(tmp_path)
    with pytest.raises(Enough):
        evaluate.evaluate_run("run", toy, "test")
    assert f"the model has 0.3 um a pixel, {toy} 0.65" in caplog.text
