"""`cytolapse score`, as a user meets it: the worlds of known numbers, folders of a data set, and bad input."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import metric_twin as twin
import numpy as np
import pytest
import tifffile

from cytolapse.cli import main

if TYPE_CHECKING:
    from pathlib import Path

CASES = (
    "assignment",
    "border_band",
    "empty_prediction",
    "empty_truth",
    "exact_half",
    "jittered",
    "large_sparse_ids",
    "merge_and_split",
    "one_doubly_empty_frame",
    "perfect",
)


@pytest.fixture
def score(monkeypatch, capsys, tmp_path):
    """Run the command; the text on stdout and what --json wrote."""

    def run(truth, pred, *options):
        file = tmp_path / "scores.json"
        monkeypatch.setattr(sys, "argv", ["cytolapse", "score", str(truth), str(pred), "--json", str(file), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == 0, err
        return out, json.loads(file.read_text())

    return run


@pytest.fixture
def refused(monkeypatch, capsys):
    """Run the command on bad input; the message on stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cytolapse", "score", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == 1 and not out and err.startswith("error: ") and "Traceback" not in err
        return err

    return run


def write(folder: Path, name="mask{:04d}.tif", **images):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in images.items():
        tifffile.imwrite(folder / name.format(int(number[1:])), image)
    return folder


CELLS = np.array([[1, 1, 0, 0, 2, 2]] * 6, np.uint16)
EMPTY = np.zeros_like(CELLS)


@pytest.mark.parametrize("case", CASES)
def test_known_worlds(score, shared, case):
    folder = shared / "metric-cases" / case
    expected = json.loads((folder / "expected.json").read_text())
    _, found = score(folder / "truth", folder / "pred")
    assert {name: found["scores"][name] for name in expected["scores"]} == pytest.approx(expected["scores"], abs=1e-9)
    rows = {row["threshold"]: row for row in found["curve"]}
    assert len(rows) == 101
    for row in expected["curve"]:
        assert rows[row["threshold"]] == pytest.approx(row, abs=1e-9)
    assert found["schema_version"] == 1 and found["border"] == 0


def test_every_known_world_is_tested(shared):
    assert sorted(path.name for path in (shared / "metric-cases").iterdir()) == sorted(CASES)


def test_border_band_of_25(score, shared):
    folder = shared / "metric-cases" / "border_band"
    truth, pred = (tifffile.imread(next((folder / side).iterdir())) for side in ("truth", "pred"))
    assert set(twin.cells(truth)) - set(twin.cells(truth, 25)) == {1}
    assert set(twin.cells(pred)) - set(twin.cells(pred, 25)) == {9}
    world = [(twin.cells(truth, 25), twin.cells(pred, 25))]
    out, found = score(folder / "truth", folder / "pred", "--border", "25")
    assert "border 25 px" in out
    assert (found["border"], found["n_truth"], found["n_pred"]) == (25, 2, 2)
    expected = twin.scores(world)
    assert {name: found["scores"][name] for name in expected} == pytest.approx(expected, abs=1e-9)
    for percent in (0, 50, 75, 100):
        assert found["curve"][percent] == pytest.approx(twin.row(world, percent), abs=1e-9)


def test_the_json_says_everything(score, tmp_path):
    truth = write(tmp_path / "truth", "man_seg{:03d}.tif", t0=CELLS, t7=CELLS)
    pred = write(tmp_path / "pred", t0=CELLS, t7=EMPTY, t8=CELLS)
    _, found = score(truth, pred)
    assert (found["frames"], found["n_truth"], found["n_pred"], found["ignored_predictions"]) == (2, 4, 2, 1)
    assert found["scores"]["seg"] == 0.5 and found["scores"]["det"] is None
    assert [(row["sequence"], row["frame"], row["n_truth"], row["n_pred"]) for row in found["by_frame"]] == [
        ("", 0, 2, 2),
        ("", 7, 2, 0),
    ]
    assert list(found["bins"]) == ["0", "1", "2-4", "5-9", ">=10"]
    assert found["errors"]["matched"] == found["errors"]["missed"] == 2


def test_the_table_says_what_the_numbers_leave_out(score, tmp_path):
    truth = write(tmp_path / "truth", t0=CELLS)
    out, _ = score(truth, write(tmp_path / "pred", t0=CELLS, t1=CELLS))
    assert "false positives cost nothing in SEG" in out
    assert "predictions without a truth frame, ignored: 1" in out
    assert "precision        1.000   1.000   1.000" in out
    assert "2 matched, 0 merged" in out


def test_numbers_pair_whatever_their_digits(score, tmp_path):
    truth = write(tmp_path / "truth", "man_seg{:03d}.tif", t1=EMPTY, t1001=CELLS)
    pred = write(tmp_path / "pred", "run2_mask{:04d}_label.TIFF", t1=EMPTY, t1001=CELLS)
    assert score(truth, pred)[1]["scores"]["seg"] == 1


@pytest.fixture
def dataset(tmp_path):
    """Gold truth of two frames, of which frame 1 misses the marked cell 2, and a prediction that is perfect."""
    root = tmp_path / "PhC-C2DH-U373"
    frame, markers = np.zeros((200, 220), np.uint8), np.zeros((200, 220), np.uint16)
    frame[90:110, 60:80], frame[90:110, 140:160], frame[5:25, 60:90] = 1, 2, 3
    markers[98:102, 68:72], markers[98:102, 148:152] = 11, 12
    write(root / "02_GT" / "SEG", "man_seg{:03d}.tif", t0=frame, t1=np.where(frame == 2, 0, frame).astype(np.uint8))
    write(root / "02_GT" / "TRA", "man_track{:03d}.tif", t0=markers, t1=markers, t2=markers)
    write(root / "02_RES", "mask{:03d}.tif", t0=frame, t1=frame, t2=frame)
    return root


@pytest.mark.parametrize("truth", ["02_GT/SEG", "02_GT"])
def test_a_data_set_brings_its_border_its_markers_and_its_full_frames(score, dataset, truth):
    out, found = score(dataset / truth, dataset / "02_RES")
    assert "frames 2 (full: 1)" in out and "1 of 2 frames hold every cell" in out
    assert found["border"] == 50  # by the folder's name; object 3 lies inside the band
    assert (found["n_truth"], found["n_pred"], found["full_frames"]) == (3, 4, 1)
    assert found["by_sequence"]["02"]["seg"] == found["scores"]["det"] == found["scores"]["det_masks"] == 1
    assert found["curve"][50]["fp"] == 0


def test_dataset_toml_and_the_option_come_before_the_name(score, dataset):
    (dataset / "dataset.toml").write_text("border = 7\n")
    assert score(dataset / "02_GT", dataset / "02_RES")[1]["border"] == 7
    assert score(dataset / "02_GT", dataset / "02_RES", "--border", "0")[1]["border"] == 0


def test_det_needs_a_prediction_for_every_marker_image(score, dataset):
    (dataset / "02_RES" / "mask002.tif").unlink()
    assert score(dataset / "02_GT", dataset / "02_RES")[1]["scores"]["det"] is None


def test_gold_without_its_marker_image_is_not_full(score, dataset):
    (dataset / "02_GT" / "TRA" / "man_track000.tif").unlink()
    assert score(dataset / "02_GT", dataset / "02_RES")[1]["full_frames"] == 0


def test_real_silver_against_real_gold(score, shared):
    root = shared / "data" / "PhC-C2DH-U373"
    _, found = score(root / "02_GT" / "SEG", root / "02_ST" / "SEG")
    assert (found["frames"], found["n_truth"]) == (19, 110)
    assert found["scores"]["seg"] == pytest.approx(0.888, abs=5e-4)


def test_a_truth_frame_without_prediction_is_named(refused, tmp_path):
    truth = write(tmp_path / "truth", "man_seg{:04d}.tif", t0=CELLS, t3=CELLS, t4=CELLS)
    message = refused(truth, write(tmp_path / "pred", t0=CELLS))
    assert "man_seg0003.tif has no prediction of frame 3 in" in message and "2 such frames" in message


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((6, 6, 3), np.uint8), "colour"),
        (CELLS.astype(np.float32), "is no label image but float32"),
        (CELLS[:5], "the truth is 6 x 6 and the prediction 5 x 6"),
        (np.stack([CELLS] * 2), "holds 2 images"),
    ],
)
def test_a_bad_prediction_is_named(refused, tmp_path, image, message):
    truth, pred = write(tmp_path / "truth", t0=CELLS), write(tmp_path / "pred", t0=image)
    error = refused(truth, pred)
    assert message in error and str(pred / "mask0000.tif") in error


@pytest.mark.parametrize("kept", [0, 4, 100])
def test_a_truncated_file_is_named(refused, tmp_path, kept):
    truth, pred = write(tmp_path / "truth", t0=CELLS), write(tmp_path / "pred", t0=CELLS)
    file = truth / "mask0000.tif"
    file.write_bytes(file.read_bytes()[:kept])
    assert str(file) in refused(truth, pred)


def test_bad_folders(refused, tmp_path):
    good, empty = write(tmp_path / "good", t0=CELLS), tmp_path / "empty"
    empty.mkdir()
    assert "absent does not exist: give a folder of label images" in refused(tmp_path / "absent", good)
    assert "mask0000.tif is a file" in refused(good / "mask0000.tif", good)
    assert "empty holds no TIFF" in refused(good, empty)
    write(tmp_path / "unnamed", "cell.tif", t0=CELLS)
    assert "cell.tif has no frame number in its name" in refused(good, tmp_path / "unnamed")
    twice = write(write(tmp_path / "twice", t1=CELLS), "t{:03d}.tif", t1=CELLS)
    assert "are both number 1" in refused(good, twice)
    assert "border is 3 px: a frame of 6 x 6 px" in refused(good, good, "--border", "3")


def test_the_json_is_whole_or_absent(refused, tmp_path):
    good = write(tmp_path / "good", t0=CELLS)
    assert "can't be written (No such file or directory)" in refused(good, good, "--json", tmp_path / "no" / "s.json")
    assert "is no file: give another place to --json" in refused(good, good, "--json", good)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good"]


def test_help_ends_with_an_example_and_the_options(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cytolapse", "score", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Example:\n    cytolapse score data/" in capsys.readouterr().out
