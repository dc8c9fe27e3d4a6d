"""`cytolapse log-masks`, through the command line: any tool's masks are a run like ours."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import TOY_FRAMES, toy_labels
from PIL import Image

from cytolapse.cli import main
from cytolapse.data import open_dataset
from cytolapse.data.ignore import data_key
from cytolapse.previews import Previews
from cytolapse.tracking import logged, open_store
from cytolapse.tracking.masks import stored_masks
from trainers.commands import trainers


@pytest.fixture
def log(capfd, monkeypatch, tmp_path):
    """Run `python -m trainers ...` in this process: words -> (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words, command="log-masks"):
        monkeypatch.setattr(sys, "argv", ["trainers", command, *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(trainers)
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out, err

    return run


def shifted(t):
    """What a middling tool finds: everything two pixels too low, cell 5 not at all."""
    labels = np.roll(toy_labels(t), 2, axis=0)
    return np.where(labels == 5, 0, labels).astype(np.uint16)


def write_masks(folder, numbers=range(TOY_FRAMES), labels=shifted, name="out_{:03d}_cp_masks.png"):
    folder.mkdir(parents=True)
    for number in numbers:
        path = folder / name.format(number)
        if path.suffix == ".png":
            Image.fromarray(labels(number)).save(path)
        else:
            tifffile.imwrite(path, labels(number))
    return folder


def values(spool):
    return logged(f"spool:{spool}").metrics


def test_masks_become_a_run_with_all_that_an_evaluation_gives(log, toy, store, tmp_path):
    words = ["--data", toy, "--name", "cellpose", "--param", "diameter=16", "--param", "model=cyto3"]
    code, out, err = log(write_masks(tmp_path / "masks"), *words)
    assert code == 0, err
    run_id = re.fullmatch(r"run_id: (\w+)\n", out)[1]
    runs = open_store().runs()
    row = runs[runs["run_id"] == run_id].iloc[0]
    assert (row["status"], row["dataset"], row["recipe"], row["head"]) == ("FINISHED", "toy", "cellpose", "")
    assert re.fullmatch(r"cellpose-\w{6}", row["name"])
    assert (row["params.tool.diameter"], row["params.tool.model"]) == ("16", "cyto3")
    assert row["tags.cytolapse.masks"] == str(tmp_path / "masks")
    assert {"metric_schema_version", "cytolapse.digest", "cytolapse.machine", "cytolapse.git_commit"} <= {
        name.removeprefix("tags.") for name in runs
    }
    assert json.loads(row["tags.cytolapse.split"])["test"] == [["01", 32, 40]]
    assert row["metrics.test/readings"] == 1
    assert row["metrics.test/silver/n_truth"] == 32
    assert row["metrics.test/silver/n_pred"] == 24
    assert row["metrics.test/silver/recall_iou_0.50"] == 0.75
    assert 0 < row["metrics.val/silver/op_csb_masks"] < 1
    files = set(open_store().artifacts(run_id))
    for part in ("test", "val"):
        assert {f"{part}/{name}" for name in ("counts.parquet", "objects.parquet", "frames.parquet")} <= files
        assert {f"{part}/{name}" for name in ("overlay.webp", "report.md", "masks/01.zip", "previews/01.zip")} <= files
        assert {f"curves/{part}-gold.json", f"curves/{part}-silver.json"} <= files
    view = Previews(open_store().artifact(run_id, "test/previews/01.zip")).frame(33)
    assert ((view.prediction > 0) == (shifted(33) > 0)).all()
    counts = pd.read_parquet(open_store().artifact(run_id, "test/counts.parquet"))
    assert set(counts["frame"]) == set(range(32, 40))
    report = Path(open_store().artifact(run_id, "test/report.md")).read_text()
    assert "# cellpose on the test part of toy" in report
    assert f"Masks of cellpose, from {tmp_path / 'masks'}. 28 masks of other frames were ignored. Sequence 01" in report
    assert "Sequence 01 came without res_track.txt: ids, TRA and LNK are of our linking." in report
    assert "12 masks scored, 28 of other frames ignored" in err


def test_the_scores_are_those_of_the_score_command(log, cli, toy, tmp_path):
    masks = write_masks(tmp_path / "masks", name="mask{:03d}.tif")
    assert log(masks, "--data", toy, "--name", "other", "--tracking", "spool:run")[0] == 0
    truth = tmp_path / "truth"
    truth.mkdir()
    for number in range(32, 40):
        shutil.copy(toy / f"01_ST/SEG/man_seg{number:03d}.tif", truth)
    assert cli("score", truth, masks, "--json", "scores.json")[0] == 0
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    got = values(tmp_path / "run")
    for name in ("seg", "det_masks", "pixel_iou", "op_csb_masks"):
        assert got[f"test/silver/{name}"] == pytest.approx(scores[name], abs=1e-12)


def test_a_stack_and_a_folder_of_results_score_the_same(log, toy, tmp_path):
    every = [shifted(number) for number in range(TOY_FRAMES)]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(every), imagej=True, metadata={"axes": "TYX"})
    write_masks(tmp_path / "results/01_RES", name="mask{:04d}.tif")
    write_masks(tmp_path / "results/01", labels=toy_labels, name="t{:04d}.tif")
    for path, spool in (("stack.tif", "a"), ("results", "b"), ("results/01_RES", "c")):
        code, out, err = log(path, "--data", toy, "--name", "tool", "--tracking", f"spool:{spool}")
        assert (code, out) == (0, f"spool: {tmp_path / spool}\n"), err
    assert values("a") == values("b") == values("c")
    assert values("a")["test/silver/recall_iou_0.50"] == 0.75


def test_without_masks_of_the_validation_part_only_test_is_scored(log, toy, tmp_path):
    masks = write_masks(tmp_path / "masks", range(30, 40))
    code, _, err = log(masks, "--data", toy, "--name", "tool", "--tracking", "spool:run")
    assert code == 0
    assert "not scored on validation: no masks of frames 23-26 of sequence 01" in err
    assert {name.partition("/")[0] for name in values("run")} == {"test"}


def test_what_an_ignore_list_names_is_not_scored(log, toy, tmp_path):
    key = data_key(open_dataset(toy))
    rows = [f"{key},01,{number},5,,,," for number in range(32, 40)]
    (tmp_path / "list.csv").write_text("\n".join(["data,sequence,frame,label,y0,x0,y1,x1", *rows]) + "\n")
    words = ["--data", toy, "--name", "tool", "--ignore", "list.csv", "--tracking", "spool:run"]
    assert log(write_masks(tmp_path / "masks"), *words)[0] == 0
    assert values("run")["test/silver/n_truth"] == 24
    assert values("run")["test/silver/recall_iou_0.50"] == 1
    assert logged("spool:run").tags["cytolapse.ignore.test"]


def test_it_cannot_be_promoted_or_evaluated_and_says_so(log, cli, toy, store, tmp_path):
    out = log(write_masks(tmp_path / "masks"), "--data", toy, "--name", "cellpose")[1]
    run = out.split()[1]
    code, _, err = cli("promote", run)
    assert code == 1
    assert re.search(
        r"error: run cellpose-\w+ holds masks of cellpose and no model: compare with it, but promote a", err
    )
    code, _, err = log(run, "--data", toy, command="evaluate")
    assert code == 1
    assert f"error: run {run} holds masks of cellpose and no model: it was scored when they were logged" in err
    code, out, _ = cli("runs")
    assert code == 0
    assert re.search(r"cellpose-\w+ +FINISHED +\S+ \S+ +toy +0\.\d{4} +0\.\d{4}\n", out)


def colour(number):
    return np.stack([shifted(number), shifted(number) // 2, shifted(number)], axis=-1).astype(np.uint8)


def binary(number):
    return ((shifted(number) > 0) * 255).astype(np.uint8)


WRONG = {
    "missing": (
        {"numbers": range(35)},
        "masks has no masks of frames 35-39 of sequence 01, which are in the test part: add",
    ),
    "from_one": (
        {"numbers": range(1, 41)},
        "masks has masks of frames 40, but sequence 01 of DATA has the frames 0-39: number the masks as the frames are",
    ),
    "size": (
        {"labels": lambda number: shifted(number)[:50]},
        "out_032_cp_masks.png is 50 x 96, but its frame is 96 x 96: a mask has its frame's size",
    ),
    "colour": (
        {"labels": colour},
        "out_032_cp_masks.png is colour (3 values a pixel), where labels are whole numbers, one a cell: save the label",
    ),
    "float": (
        {"labels": lambda number: shifted(number).astype(np.float32), "name": "m{}.tif"},
        "m32.tif is no label image but float32: save whole numbers, 0 = background and one id a cell",
    ),
    "binary": (
        {"labels": binary},
        "out_032_cp_masks.png looks binary: one value (255) on 3 separate objects in frame 32: give each cell an id",
    ),
    "large": (
        {"labels": lambda number: shifted(number).astype(np.uint32) * 70000, "name": "m{}.tif"},
        "m32.tif has the label 280000, where 65535 is the most: number them anew",
    ),
    "twice": ({"name": "m{:03d}a.tif", "numbers": [3]}, "m003a.tif and m003b.tif are both frame 3: remove one"),
    "unnumbered": (
        {"name": "mask{:.0s}.tif", "numbers": ["3"], "labels": lambda _: shifted(3)},
        "has no frame number in",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_masks_that_cannot_be_scored_are_named_and_no_run_is_left(log, toy, tmp_path, case):
    options, message = WRONG[case]
    folder = write_masks(tmp_path / "masks", **options)
    if case == "twice":
        shutil.copy(folder / "m003a.tif", folder / "m003b.tif")
    code, out, err = log(folder, "--data", toy, "--name", "tool", "--tracking", "spool:run")
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    assert message.replace("DATA", str(toy)) in err
    assert not (tmp_path / "run").exists()


def test_a_stack_must_have_a_mask_for_each_frame(log, toy, tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([shifted(number) for number in range(8)]))
    code, _, err = log("stack.tif", "--data", toy, "--name", "tool", "--tracking", "spool:run")
    assert code == 1
    assert f"stack.tif holds 8 masks, but sequence 01 of {toy} has 40 frames: a stack must hold one for each" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere does not exist: give a folder of TIFF or PNG files, one TIFF stack, or an"),
        (
            ["empty", "--sequence", "02"],
            "empty holds no TIFF or PNG (.tif, .tiff, .png): give a folder of images, one a frame",
        ),
        (
            ["seg", "--sequence", "02"],
            "seg has Cellpose's masks as _seg.npy, a format that can run code when it is read: save them as TIFF or",
        ),
        (["masks", "--sequence", "07"], "masks has masks of sequence 07, but DATA has the sequences 01, 02"),
        (["masks"], "DATA has the sequences 01, 02: say with --sequence which masks is of"),
        (["masks", "--sequence", "01"], "masks has no masks of frames 0-7 of sequence 02, which are in the test part"),
        (
            ["masks", "--name", "unet"],
            "--name is unet, a recipe of cytolapse: its runs would be taken for trained ones",
        ),
        (["masks", "--name", "a/b"], "--name is 'a/b': letters, digits, spaces and . _ + - make a name"),
        (["masks", "--param", "flow"], "--param is 'flow', where KEY=VALUE is expected, as --param diameter=30"),
        (["masks", "--param", "a=1", "--param", "a=2"], "--param a is given twice: 1 and 2; leave out one"),
    ],
)
def test_wrong_words(log, tmp_path, words, message):
    from ctc_world import labels, write_world

    data = write_world(tmp_path / "data", ("01", "02"), frames=8)
    write_masks(tmp_path / "masks", range(8), labels=labels)
    (tmp_path / "empty").mkdir()
    (tmp_path / "seg").mkdir()
    (tmp_path / "seg/im0_seg.npy").write_bytes(b"")
    code, _, err = log(*words, "--data", data, *([] if "--name" in words else ["--name", "tool"]))
    assert code == 1
    assert message.replace("DATA", str(data)) in err, err


def test_one_of_two_sequences(log, tmp_path):
    """Gold of the other sequence is not asked for; its validation part is scored where its masks are there."""
    from ctc_world import labels, write_world

    data = write_world(tmp_path / "data", ("01", "02"), frames=8)
    write_masks(tmp_path / "res/02_RES", range(8), labels=labels)
    write_masks(tmp_path / "res/01_RES", range(8), labels=labels)
    for path, spool, parts in (("res/02_RES", "one", {"test"}), ("res", "both", {"test", "val"})):
        assert log(path, "--data", data, "--name", "tool", "--tracking", f"spool:{spool}")[0] == 0
        assert {name.partition("/")[0] for name in values(spool)} == parts
        assert values(spool)["test/silver/seg"] == 1
    swapped = ["--test-sequence", "01", "--tracking", "spool:swapped"]
    assert log("res", "--data", data, "--name", "tool", *swapped)[0] == 0
    assert json.loads(logged("spool:swapped").tags["cytolapse.split"])["test"] == [["01", 0, 8]]


def test_a_tools_own_tracks_are_kept_and_scored(log, toy, tmp_path):
    """The toy world's own ids, with parents; the same without a track file is linked by us."""
    folder = write_masks(tmp_path / "01_RES", labels=toy_labels, name="mask{:03d}.tif")
    shutil.copy(toy / "01_GT/TRA/man_track.txt", folder / "res_track.txt")
    words = ("--data", toy, "--name", "tracker")
    assert log(folder, *words, "--tracking", f"spool:{tmp_path}/own")[0] == 0
    run = logged(f"spool:{tmp_path}/own")
    assert run.metrics["test/gold/tra"] == run.metrics["test/gold/lnk"] == 1
    assert "The tracks are the tool's own." in run.artifact("test/report.md").read_text()
    kept = stored_masks(run, "test")["01"]
    assert kept.tracks.tolist() == [[1, 32, 39, 0], [3, 32, 39, 0], [4, 32, 39, 0], [5, 32, 39, 0]]
    assert set(np.unique(kept[35])) == {0, 1, 3, 4, 5}
    (folder / "res_track.txt").write_text("1 0 39 0\n")
    code, _, err = log(folder, *words, "--tracking", f"spool:{tmp_path}/bad")
    assert code == 1 and "01_RES/res_track.txt: label 3 is in the masks of frames 32-39 but not in the file" in err
    (folder / "res_track.txt").unlink()
    assert log(folder, *words, "--tracking", f"spool:{tmp_path}/ours")[0] == 0
    assert values(f"{tmp_path}/ours")["test/gold/tra"] == 1
