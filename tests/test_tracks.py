"""Scores of linked tracks: against py-ctcmetrics, by hand, and what is refused."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from linked_world import write_linked, write_random

from cytolapse.metrics import Tracks, match, summarise

NAMES = {"seg": "SEG", "det": "DET", "tra": "TRA", "lnk": "LNK", "op_csb": "OP_CSB", "op_ctb": "OP_CTB"}


def theirs(truth, prediction):
    """What py-ctcmetrics says; it writes to the terminal and warns."""
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evaluate_sequence(str(prediction), str(truth), ["Valid", "SEG", "DET", "TRA", "LNK"], threads=1)


def ours(cli, truth, prediction, *options):
    code, out, err = cli("score", truth, prediction, "--json", "scores.json", *options)
    assert code == 0, err
    return out, json.loads(Path("scores.json").read_text())


@pytest.mark.parametrize("seed", range(12))
def test_scores_are_those_of_py_ctcmetrics(cli, tmp_path, seed):
    truth, prediction = write_random(tmp_path, seed)
    expected = theirs(truth, prediction)
    assert expected["Valid"] == 1
    found = ours(cli, truth, prediction)[1]["scores"]
    assert {name: found[name] for name in NAMES} == pytest.approx(
        {name: expected[other] for name, other in NAMES.items()}, abs=1e-9
    )


def test_the_table_says_what_tracks_need(cli, tmp_path):
    truth, prediction = write_random(tmp_path, 0)
    assert "tra              0.906   needs TRA markers and tracks" in ours(cli, truth, prediction)[0]
    (prediction / "res_track.txt").unlink()
    out, found = ours(cli, truth, prediction)
    assert "tra                  -   needs TRA markers and tracks: res_track.txt beside the predictions" in out
    assert found["scores"]["tra"] is found["scores"]["lnk"] is found["scores"]["op_ctb"] is None
    assert found["scores"]["det"] is not None


def test_a_frame_alone_has_no_track_score(cli, tmp_path):
    found = ours(cli, *write_random(tmp_path, 0))[1]
    assert {row["tra"] for row in found["by_frame"]} == {None}
    assert found["by_sequence"]["01"]["tra"] == found["scores"]["tra"] == pytest.approx(0.906, abs=5e-4)


# A cell 1 that divides into 2 and 3 at frame 2; one column a cell, so that each edge can be counted by hand.
ROWS = np.array([[1, 0, 1, 0], [2, 2, 3, 1], [3, 2, 3, 1]])
LINES = [[1, 1, 0, 0], [1, 1, 0, 0], [2, 0, 0, 3], [2, 0, 0, 3]]
IMAGES = [np.array([each]).repeat(2, 0) for each in LINES]
LINKS = 5  # 1-1, 1-2, 1-3, 2-2, 3-3
NODES = 6


def links_of(images, rows, truth=IMAGES, truth_rows=ROWS, **more):
    pairs = zip(truth, images, strict=True)
    markers = [match(*pair, frame=t, **more) for t, pair in enumerate(pairs)]
    return summarise([], markers, tracks={"": Tracks(truth_rows, np.array(rows))})


@pytest.mark.parametrize(
    ("rows", "cost"),
    [
        ([[1, 0, 1, 0], [2, 2, 3, 1], [3, 2, 3, 1]], 0),
        ([[1, 0, 1, 0], [2, 2, 3, 0], [3, 2, 3, 0]], 2 * 1.5),  # no parents: two links to add
        ([[1, 0, 1, 0], [2, 2, 3, 1], [3, 2, 3, 0]], 1.5),
    ],
)
def test_parents_by_hand(rows, cost):
    scores = links_of(IMAGES, rows).scores
    assert scores["lnk"] == pytest.approx(1 - cost / (1.5 * LINKS))
    assert scores["tra"] == pytest.approx(1 - cost / (1.5 * LINKS + 10 * NODES))
    assert scores["det"] == 1


def test_a_daughter_that_keeps_the_mothers_label_is_a_link_of_the_wrong_kind():
    images = [np.where(image == 2, 1, image) for image in IMAGES]
    links = links_of(images, [[1, 0, 3, 0], [3, 2, 3, 0]]).pool.links
    assert links == (0, 1, 1, LINKS)


def test_a_swap_costs_what_it_takes_away_and_what_it_adds():
    images = [*IMAGES[:3], IMAGES[3].copy()]
    images[3][IMAGES[3] == 2], images[3][IMAGES[3] == 3] = 3, 2
    assert links_of(images, ROWS).pool.links == (2, 2, 0, LINKS)


def test_a_part_of_a_sequence_counts_its_own_links_only():
    late = [match(image, image, frame=t) for t, image in enumerate(IMAGES) if t >= 2]
    assert summarise([], late, tracks={"": Tracks(ROWS, ROWS)}).pool.links == (0, 0, 0, 2)


def test_what_lies_in_the_border_has_no_links():
    wide = [image.repeat(6, 0).repeat(2, 1) for image in IMAGES]
    dropped = links_of(wide, ROWS, truth=wide, border=2)
    assert dropped.pool.links.truth == 1, "1 reaches into the field; 2 and 3 do not"
    assert dropped.scores["tra"] == 1


def test_sequences_without_tracks_are_left_out():
    one = [match(image, image, frame=t, sequence="01") for t, image in enumerate(IMAGES)]
    other = [match(image, np.zeros_like(image), frame=t, sequence="02") for t, image in enumerate(IMAGES)]
    result = summarise([*one, *other], [*one, *other], tracks={"01": Tracks(ROWS, ROWS)})
    assert result.scores["tra"] == result.by_sequence["01"]["tra"] == 1
    assert result.by_sequence["02"]["tra"] is None and result.scores["det"] == 0.5


@pytest.fixture
def linked(tmp_path):
    """A data set and a folder of results that are right."""
    write_linked(tmp_path / "01_GT/TRA", "man_track{:03d}.tif", IMAGES, ROWS, "man_track.txt")
    write_linked(tmp_path / "01_GT/SEG", "man_seg{:03d}.tif", IMAGES, ROWS, "ignored.txt")
    return tmp_path / "01_GT", write_linked(tmp_path / "01_RES", "mask{:03d}.tif", IMAGES, ROWS, "res_track.txt")


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ("1 0 1 0\n2 2 3 1\n", "label 3 is in the masks of frames 2-3 but not in the file: add its line"),
        ("1 0 1 0\n2 2 3 1\n3 2 3 1\n4 0 1 0\n", "label 4 (frames 0-1) is in no mask of these frames"),
        ("1 0 1 0\n2 2 3 1\n3 2 9 1\n", "label 3 (frames 2-9) goes on after the last mask (3)"),
        ("1 0 1 0\n2 2 2 1\n3 2 3 1\n", "label 2 (frames 2-2) is also in the masks of frames 3"),
        ("1 0 1 0\n2 2 3 3\n3 2 3 1\n", "label 2 begins at 2, but its parent 3 is there until 3: a parent ends before"),
        ("1 0 1 0\n2 2 3 7\n3 2 3 1\n", "label 2 has the parent 7, which does not exist: correct it or write 0"),
        ("1 0 1 0\n2 2 3 1\n3 2 3 1\n3 2 3 1\n", "label 3 is 0 or stands twice"),
        ("1 0 1 0\n2 2 3 one\n", "line 2 is '2 2 3 one': four whole numbers are expected"),
        ("1 0 1 0\n2 2 99999999999999999999 1\n", "line 2 is '2 2 99999999999999999999 1': four whole numbers"),
        ("1 0 1 0\n", "(and 1 problem more)"),
        ("1 0 999999999 0\n2 2 3 1\n3 2 3 1\n", "label 1 (frames 0-999999999) is in masks from 0 to 1 only"),
    ],
)
def test_tracks_that_disagree_with_their_masks_are_refused(cli, linked, tracks, message):
    truth, prediction = linked
    (prediction / "res_track.txt").write_text(tracks)
    code, out, err = cli("score", truth, prediction)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {prediction / 'res_track.txt'}") and message in err


def test_a_gap_is_refused_in_a_result_and_not_in_the_truth(cli, tmp_path):
    gap = [IMAGES[0], IMAGES[2] * 0, IMAGES[0]]
    rows = np.array([[1, 0, 2, 0]])
    broken = write_linked(tmp_path / "gap", "mask{:03d}.tif", gap, rows, "res_track.txt")
    kept = write_linked(tmp_path / "02_GT/TRA", "man_track{:03d}.tif", gap, rows, "man_track.txt")
    write_linked(tmp_path / "02_GT/SEG", "man_seg{:03d}.tif", gap[:1], rows, "ignored.txt")
    whole = write_linked(tmp_path / "whole", "mask{:03d}.tif", [IMAGES[0]] * 3, rows, "res_track.txt")
    code, _, err = cli("score", kept.parent, broken)
    assert code == 1
    assert (
        "label 1 (frames 0-2) has a gap at 1: give what follows a label of its own, with this one as its parent" in err
    )
    assert ours(cli, kept.parent, whole)[1]["scores"]["tra"] == pytest.approx(1 - 1 / 20), "one spurious object"


def test_truth_whose_tracks_disagree_with_its_markers_is_refused(cli, linked):
    truth, prediction = linked
    (truth / "TRA/man_track.txt").write_text("1 0 1 0\n2 2 3 1\n")
    code, _, err = cli("score", truth, prediction)
    assert code == 1 and f"{truth / 'TRA/man_track.txt'}: label 3 is in the masks of frames 2-3" in err
