"""The benchmark of fading cells, on a world made by hand."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile

from benchmarks.fading import bins, cells, interval, owners, run, table
from benchmarks.state import stretches
from cytolapse.data.masks import mask_name
from cytolapse.data.simulate import write_dataset
from cytolapse.errors import CytolapseError

SIDE = 12


def square(labels, top, left, value, size=SIDE):
    labels[top : top + size, left : left + size] = value
    return labels


@pytest.fixture
def frame():
    """Two cells, tracks 7 and 9, that carry the exact ids 2 and 1."""
    exact, markers = np.zeros((2, 40, 60), np.uint16)
    for top, left, mask, track in ((4, 4, 2, 7), (20, 30, 1, 9)):
        square(exact, top, left, mask)
        square(markers, top + 4, left + 4, track, 4)
    return markers, exact


def fade(contrasts, label=1, start=0):
    frames = range(start, start + len(contrasts))
    return pd.DataFrame({"frame": frames, "label": label, "fading": contrasts})


def test_bins_follow_each_track_through_its_fade():
    first = fade([1, 0.6, 0.25, 0.25, 0.6, 0.6, 1, 1, 1, 1])
    second = fade([1.0] * 10, label=2)
    mixed = pd.concat([first, second]).sort_values("frame", kind="stable").reset_index(drop=True)
    got = mixed.assign(bin=bins(mixed)).groupby("label")["bin"].apply(list)
    after = ["after"] * 3
    assert got[1] == ["visible", "partly", "fading", "fading", "partly", "partly", *after, "visible"]
    assert got[2] == ["visible"] * 10


def test_tracks_are_found_by_their_marker_not_by_their_id(frame):
    assert owners(*frame) == {2: 7, 1: 9}


def test_a_hidden_cell_does_not_take_the_mask_it_lies_under(frame):
    markers, exact = frame
    square(markers, 9, 8, 3, 2)
    assert owners(markers, exact) == {2: 7, 1: 9}


def test_recall_is_one_to_one_at_half_and_seg_counts_what_covers(frame):
    markers, exact = frame
    pred = np.zeros_like(exact)
    pred[4:16, 4:13] = 5  # 9 of 12 columns of track 7
    pred[20:32, 30:35] = 6  # 5 of 12 columns of track 9
    assert {row["label"]: (row["found"], row["iou"]) for row in cells(markers, exact, pred)} == {
        7: (1, pytest.approx(9 / 12)),
        9: (0, 0),
    }


def test_a_merged_pair_is_found_once_at_most(frame):
    markers, exact = frame
    assert sum(row["found"] for row in cells(markers, exact, (exact > 0).astype(np.uint16))) <= 1


def test_cells_in_the_border_band_do_not_count(frame):
    markers, exact = frame
    square(exact, 0, 45, 3, 4)
    square(markers, 0, 45, 11, 4)
    counted = [{row["label"] for row in cells(markers, exact, exact, border)} for border in (0, 5)]
    assert counted == [{7, 9, 11}, {7, 9}]


def test_the_interval_needs_eight_blocks_and_holds_the_mean():
    values, blocks = np.random.default_rng(1).random(200), np.arange(200) // 10
    low, high = interval(values, blocks)
    assert low < values.mean() < high
    assert interval(np.ones(200), blocks) == [1, 1]
    assert interval(values[:70], blocks[:70]) is None


def test_the_interval_is_that_of_whole_blocks_drawn_again():
    rng = np.random.default_rng(2)
    values, blocks = rng.random(60), rng.integers(0, 9, 60)  # blocks hold unequal numbers of cells
    drawn = np.random.default_rng(0).integers(0, 9, (1000, 9))
    means = [np.mean([value for block in row for value in values[blocks == block]]) for row in drawn]
    assert interval(values, blocks) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=1e-4)


def rows(iou):
    count = len(iou)
    known = {"sequence": "01", "frame": np.arange(count) * 5, "label": 1, "bin": "visible"}
    return pd.DataFrame({**known, "found": (np.array(iou) >= 0.5).astype(int), "iou": iou})


def test_two_models_have_a_paired_difference():
    iou = np.linspace(0.2, 0.9, 40)
    lines = {(row["model"], row["bin"]): row for row in table({"a": rows(iou), "b": rows(iou + 0.1)})}
    assert lines["b - a", "all"]["seg"] == pytest.approx(0.1)
    assert lines["b - a", "all"]["seg_95"] == [0.1, 0.1]
    assert lines["a", "visible"]["cells"] == 40 and lines["a", "visible"]["blocks"] == 20
    assert lines["a", "fading"] | {"model": ""} == {
        **{"model": "", "bin": "fading", "cells": 0, "blocks": 0},
        **{"recall": None, "recall_95": None, "seg": None, "seg_95": None},
    }


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A data set with exact masks of all 12 frames, and these as predictions: a zip, and a folder without one cell."""
    home = tmp_path_factory.mktemp("fading")
    write_dataset(home / "sim", "demo", frames=12, sequences=1, size=(128, 128), gold_frames=12)
    (home / "bad/01").mkdir(parents=True)
    with zipfile.ZipFile(home / "01.zip", "w") as archive:
        for path in sorted((home / "sim/01_GT/SEG").iterdir()):
            name = mask_name(int(path.stem[-3:]))
            archive.write(path, name)
            labels = tifffile.imread(path)
            tifffile.imwrite(home / "bad/01" / name, np.where(labels == 1, 0, labels).astype(np.uint16))
    return home


def test_perfect_masks_score_1_and_lost_cells_cost(simulated, capsys):
    file = simulated / "out.json"
    given = [f"good={simulated}/01.zip", f"bad={simulated}/bad/01", "--json", str(file)]
    lines = run([str(simulated / "sim"), *given])
    assert json.loads(file.read_text()) == lines
    whole = {line["model"]: line for line in lines if line["bin"] == "all"}
    acts = pd.read_csv(simulated / "sim/01_GT/cells.csv")
    assert whole["good"]["cells"] == whole["bad"]["cells"] == len(acts)
    assert whole["good"]["recall"] == whole["good"]["seg"] == 1
    assert whole["bad"]["recall"] == pytest.approx(1 - 12 / len(acts), abs=1e-4)
    assert "bad - good" in capsys.readouterr().out


def test_the_truth_of_a_data_set_can_stand_as_a_model(simulated):
    gold, silver = (f"{name}={simulated}/sim/01_{name}/SEG" for name in ("GT", "ST"))
    lines = {(row["model"], row["bin"]): row for row in run([str(simulated / "sim"), gold, silver])}
    assert lines["GT", "all"]["recall"] == 1
    assert 0.5 < lines["ST", "all"]["seg"] < 1


def test_what_cannot_be_compared_is_refused(simulated, tmp_path):
    data, zipped = str(simulated / "sim"), f"good={simulated}/01.zip"
    (tmp_path / "01").mkdir()
    for path in sorted((simulated / "bad/01").iterdir())[1:]:
        (tmp_path / "01" / path.name).symlink_to(path)
    with pytest.raises(CytolapseError, match="frame 0 of sequence 01 is in the masks of only one of good and short"):
        run([data, zipped, f"short={tmp_path}/01"])
    with pytest.raises(CytolapseError, match=r"masks: the name must begin with the sequence's number, as 02\.zip"):
        run([data, f"good={tmp_path}/masks"])
    with pytest.raises(CytolapseError, match="good has masks of sequence 01 already: name each once"):
        run([data, zipped, zipped])
    with pytest.raises(CytolapseError, match=r"cells\.csv does not exist: write the data set anew"):
        run([str(tmp_path), zipped])
    with pytest.raises(SystemExit):
        run([data, "nothing"])


def test_stretches_lie_around_fades_and_are_joined_where_they_meet():
    apart = pd.concat([fade([1, 0.6, 0.25, 0.6, 1], start=9), fade([0.25], label=2, start=30)])
    assert stretches(apart, 5, 40) == [(5, 17), (25, 35)]
    assert stretches(apart, 20, 33) == [(0, 33)]
    assert stretches(fade([1, 1]), 5, 40) == []
