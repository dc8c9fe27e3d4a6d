"""`cytolapse export` on bad input: named, on stderr, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from export_world import PLACES, TRACKS, write_data, write_masks, write_run

from cytolapse.exports import rois

EVERY = [out for _, out in PLACES]
IMAGE = np.zeros((96, 96), np.uint16)
BAD = {
    "colour": (np.zeros((96, 96, 3), np.uint8), r"mask0014.tif is colour (3 values a pixel)"),
    "float": (IMAGE.astype(np.float32), "mask0014.tif is no label image but float32"),
    "negative": (IMAGE.astype(np.int32) - 1, "mask0014.tif has ids from -1"),
    "size": (IMAGE[:50], "the mask of frame 14 in {} is 50 x 96, but frame 12 is 96 x 96"),
}
STORIES = {
    "1 12 17 0\n": "label 2 is in the masks of frames 12-14 but not in the file",
    TRACKS + "9 12 13 0\n": "label 9 (frames 12-13) is in no mask of these frames",
    TRACKS.replace("3 15 17 2", "3 15 17 8"): "label 3 has the parent 8, which does not exist",
    TRACKS.replace("2 12 14 0", "2 12 15 0"): "label 2 (frames 12-15) is in masks from 12 to 14 only",
    "1 12 17\n": "line 1 is '1 12 17': four whole numbers are expected",
}


@pytest.fixture
def masks(tmp_path) -> Path:
    return write_masks(tmp_path / "masks")


@pytest.fixture
def refused(cli, tmp_path):
    """Run the command on bad input; the message. Nothing is left behind."""

    def run(*words: Any) -> str:
        before = everything(tmp_path)
        code, out, err = cli("export", *words)
        assert code == 1 and not out and "Traceback" not in err
        assert everything(tmp_path) == before
        return err[err.index("error: ") :]

    return run


def everything(folder: Path) -> list[Path]:
    """All files and folders but the home and the locks of a store."""
    return sorted(each for each in folder.rglob("*") if "home" not in each.parts and each.suffix != ".lock")


@pytest.mark.parametrize("out", EVERY)
@pytest.mark.parametrize("bad", BAD)
def test_a_mask_that_is_none(refused, masks, out, bad):
    image, message = BAD[bad]
    tifffile.imwrite(masks / "mask0014.tif", image)
    assert message.format(masks) in refused(masks, out)


@pytest.mark.parametrize("out", EVERY)
@pytest.mark.parametrize("story", STORIES, ids=range(len(STORIES)))
def test_tracks_that_disagree_with_the_masks(refused, masks, out, story):
    (masks / "res_track.txt").write_text(story)
    assert STORIES[story] in refused(masks, out)


@pytest.mark.parametrize("out", EVERY)
def test_a_place_that_exists(refused, masks, tmp_path, out):
    (tmp_path / out).write_text("mine")
    assert f"{out} exists already" in refused(masks, out)
    assert (tmp_path / out).read_text() == "mine"


@pytest.mark.parametrize("out", EVERY)
def test_a_place_that_cannot_be_written(refused, masks, tmp_path, out):
    (tmp_path / "file").write_text("mine")
    assert f"file/{out} could not be written" in refused(masks, Path("file") / out, "--sequence", "01")


def test_a_place_that_tells_no_format(refused, masks):
    assert "cells.xlsx tells no format: end it with one of .csv, .parquet" in refused(masks, "cells.xlsx")
    assert "cells.csv is no place for rois: end it with .zip" in refused(masks, "cells.csv", "--as", "rois")
    assert "cells.tif is no place for ome-tiff: end it with .ome.tif" in refused(masks, "cells.tif", "--as", "ome-tiff")


def test_frames_that_are_not_those_of_the_masks(refused, masks, tmp_path):
    data = write_data(tmp_path / "toy")
    for number in (16, 17):
        (data / f"01/t{number:03d}.tif").unlink()
    assert "masks of frames 16-17, which are not among the frames (0-15)" in refused(masks, "a.csv", "--data", data)
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((18, 40, 30), np.uint8), photometric="minisblack")
    message = refused(masks, "a.csv", "--frames", "stack.tif")
    assert "the mask of frame 12" in message and "is 96 x 96, but the frames are 40 x 30" in message
    assert "nowhere does not exist" in refused(masks, "a.csv", "--frames", "nowhere")
    assert "nowhere does not exist" in refused(masks, "a.csv", "--data", "nowhere")


def test_a_result_that_is_none(refused, tmp_path, store):
    assert "run nowhere: not in" in refused("nowhere", "a.csv")
    assert "no/where does not exist: give a folder of label images, or a run" in refused("no/where", "a.csv")
    (tmp_path / "empty").mkdir()
    assert "empty holds no TIFF" in refused("empty", "a.csv")
    (tmp_path / "stack.tif").write_text("")
    assert "stack.tif is a file: give a folder of label images" in refused("stack.tif", "a.csv")


def test_a_run_without_these_masks(refused, tmp_path):
    data = write_data(tmp_path / "toy")
    spool = f"spool:{tmp_path}/spool"
    write_run(tmp_path, spool, sequences=("01", "02"))
    assert "has no masks of val; it has those of test" in refused(spool, "a.csv", "--split", "val")
    assert "a.zip can hold one sequence, and there are 01, 02: choose one with --sequence" in refused(spool, "a.zip")
    assert "part of run run-" in (message := refused(spool, "a.csv", "--sequence", "07")) and "has 01, 02" in message
    assert "sequences have two digits" in refused(spool, "a.csv", "--sequence", "seven")
    assert "is of sequence 02, and" in refused(spool, "a.csv", "--data", data)
    (data / "dataset.toml").write_text('name = "other"')
    assert "is other, but run run-" in refused(spool, "a.csv", "--data", data)


def test_ctc_needs_a_sequence_and_labels_of_16_bit(refused, masks):
    assert "does not tell which sequence it is: give --sequence" in refused(masks, "results")
    assert "02_RES is for sequence 02, but this is 01" in refused(masks, "02_RES", "--sequence", "01")
    (masks / "res_track.txt").unlink()
    tifffile.imwrite(masks / "mask0017.tif", np.full((96, 96), 65536, np.int32))
    assert "label 65536 exceeds 65535" in refused(masks, "results", "--sequence", "01")


def test_ctc_allows_no_gaps_in_tracks(cli, refused, masks):
    image = tifffile.imread(masks / "mask0014.tif")
    tifffile.imwrite(masks / "mask0014.tif", np.where(image == 1, 0, image))
    assert "res_track.txt: label 1 (frames 12-17)" in (message := refused(masks, "r", "--sequence", "01"))
    assert "gap at 14" in message
    assert cli("export", masks, "cells.csv")[0] == 0


def test_frames_too_large_for_rois(refused, masks, monkeypatch):
    monkeypatch.setattr(rois, "LARGEST", 95)
    assert "is 96 x 96 px, where ROIs end at 95" in refused(masks, "a.zip")
