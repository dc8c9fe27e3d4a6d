"""`cytolapse errors`: what it prints, writes and draws of a run, and what it says where it can't."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest
from dashboard_world import log_scores, movie
from PIL import Image

from cytolapse.metrics import match, summarise
from cytolapse.metrics.mistakes import bin_table, kinds_table, worst_table
from cytolapse.tracking import logged, start_run
from cytolapse.tracking.tables import stored_tables


def evaluated(tracking, split="test", views=None):
    """A run of the world of the dashboard: six frames, one cell lost in frame 12, all else off by two pixels."""
    with start_run(tracking, "demo", "unet") as run:
        log_scores(run, views or movie(2), split)
    return run.run_id or str(run.folder)


@pytest.fixture
def spool(tmp_path):
    return evaluated(f"spool:{tmp_path}/spool")


def row_of(out, *starts):
    """The cells of the one printed line that begins so."""
    lines = [line.split() for line in out.splitlines()]
    (found,) = [line for line in lines if line[: len(starts)] == list(starts)]
    return found[len(starts) :]


@pytest.mark.parametrize("kind", ["spool", "store"])
def test_it_prints_kinds_worst_frames_and_bins(kind, store, cli, tmp_path):
    tracking = store if kind == "store" else f"spool:{tmp_path}/spool"
    run = evaluated(tracking)
    words = (run[:8], "--tracking", store) if kind == "store" else (f"spool:{run}",)
    code, out, err = cli("errors", *words, "--reference", "silver", "--top", 2)
    assert code == 0, err
    assert ": test against silver truth, 6 frames, 24 cells\n" in out
    assert "(--reference gold shows the errors against gold truth)" in out
    assert row_of(out, "cells", "matched")[:3] == ["23", "95.8", "%"]
    assert row_of(out, "cells", "missed")[:3] == ["1", "4.2", "%"]
    assert row_of(out, "predictions", "spurious")[:3] == ["0", "0.0", "%"]
    assert "Worst frames (2 of 6)" in out
    first = next(line.split() for line in out.splitlines() if line.split()[:1] == ["02"])
    assert first[:7] == ["02", "12", "1", "4", "1", "0", "0"]
    assert row_of(out, "cells", "in", "the", "frame")[:2] == ["2-4", "24"]
    assert "By division within 5 frames: unknown: the truth has no tracking markers with tracks" in out
    assert "By seam within 4 px: no frame was cut into tiles" in out
    assert max(map(len, out.splitlines())) <= 100


def test_gold_is_taken_where_there_is_gold_and_test_where_it_was_evaluated(cli, spool):
    code, out, _ = cli("errors", f"spool:{spool}")
    assert code == 0
    assert "test against gold truth, 3 frames, 11 cells" in out
    assert "2 of these frames hold every cell of theirs; predictions are judged in those only" in out


def test_all_numbers_are_in_the_json(cli, spool, tmp_path):
    code, _, err = cli("errors", f"spool:{spool}", "--reference", "silver", "--json", "all.json")
    assert code == 0, err
    found = json.loads((tmp_path / "all.json").read_text())
    result = summarise([match(v.references["silver"], v.prediction, sequence="02", frame=v.number) for v in movie(2)])
    assert found["by_bin"] == result.by_bin
    assert found["kinds"]["truth"] == {"matched": 23, "merged": 0, "split": 0, "missed": 1}
    assert found["worst"][0]["frame"] == 12 and len(found["worst"]) == 6
    assert [row["rank"] for row in found["worst"]] == [1, 2, 3, 4, 5, 6]
    assert (found["split"], found["reference"], found["n_truth"], found["n_pred"]) == ("test", "silver", 24, 23)
    seg = [row["seg"] for row in found["by_bin"]["cells"].values() if row["n"]]
    assert seg == [pytest.approx(result.scores["seg"])]


def test_whole_numbers_stay_whole_where_some_are_unknown(cli, spool, tmp_path):
    assert cli("errors", f"spool:{spool}", "--csv", "tables")[0] == 0
    with (tmp_path / "tables/frames.csv").open() as file:
        frames = {row["frame"]: row for row in csv.DictReader(file)}
    assert [frames[number]["spurious"] for number in ("10", "12", "14")] == ["0", "0", ""]
    with (tmp_path / "tables/objects.csv").open() as file:
        objects = list(csv.DictReader(file))
    assert {row["truth"] for row in objects} == {"1", "2", "3", "4", ""}
    assert {row["kind"] for row in objects if row["frame"] == "14"} == {"matched", "unjudged"}
    with (tmp_path / "tables/bins.csv").open() as file:
        bins = {(row["kind"], row["bin"]): row["n"] for row in csv.DictReader(file)}
    assert bins["cells", "2-4"] == "11" and bins["division", "unknown"] == "11" and bins["seam", "near"] == "0"


def test_the_pictures_show_the_worst_frames_and_cells(cli, spool, tmp_path):
    words = ("--reference", "silver", "--top", "2", "--pictures", "worst")
    code, _, err = cli("errors", f"spool:{spool}", *words)
    assert code == 0, err
    assert "4 pictures in worst" in err
    names = sorted(each.name for each in (tmp_path / "worst").iterdir())
    assert names[:2] == ["cells-imprecise.png", "cells-missed.png"]
    assert names[2] == "frame-001-02-0012.png" and names[3].startswith("frame-002-02-")
    frame = np.asarray(Image.open(tmp_path / "worst/frame-001-02-0012.png"))
    missed = (250, 235, 70)
    assert (frame == missed).all(axis=2).sum() > 100, "the outline of the missed cell"
    assert frame.shape[1] >= 900
    sheet = np.asarray(Image.open(tmp_path / "worst/cells-missed.png"))
    assert (sheet == missed).all(axis=2).sum() > 100
    assert not (tmp_path / ".worst.partial").exists()


def test_one_place_is_cut_out_once_in_ten_frames(spool):
    from cytolapse.pictures import apart

    rows = [{"sequence": "01", "frame": frame, "y": 5.0, "x": x} for frame, x in ((0, 5), (9, 6), (10, 5), (0, 40))]
    assert [(row["frame"], row["x"]) for row in apart(rows, 20)] == [(0, 5), (10, 5), (0, 40)]


def rewritten(spool, name, change):
    """Replace a table of the run by what `change` makes of it."""
    path = logged(spool).artifact(f"test/{name}.parquet")
    change(pd.read_parquet(path)).to_parquet(path)


def test_a_run_that_was_not_evaluated_is_named(cli, tmp_path):
    with start_run(f"spool:{tmp_path}/bare", "demo", "unet") as run:
        pass
    code, _, err = cli("errors", f"spool:{run.folder}")
    assert code == 1
    assert "was not evaluated on its test part; `cytolapse evaluate " in err
    assert f"{run.folder} --data DATA --split test` does it" in err


def test_a_split_that_was_not_evaluated_is_named(cli, spool, tmp_path):
    code, _, err = cli("errors", f"spool:{spool}", "--split", "val")
    assert code == 1
    assert "was not evaluated on its val part; it was on test: --split test; `cytolapse evaluate" in err
    code, out, _ = cli("errors", f"spool:{evaluated(f'spool:{tmp_path}/other', 'val')}")
    assert code == 0 and ": val against gold truth" in out, "what was evaluated is shown where nothing is asked for"


def test_a_truth_that_the_data_lack_is_named(cli, spool):
    for name in ("objects", "frames"):
        rewritten(spool, name, lambda table: table[table["reference"] == "silver"])
    code, _, err = cli("errors", f"spool:{spool}", "--reference", "gold")
    assert code == 1
    assert "has no gold truth; it was scored against silver truth: --reference silver" in err
    assert "against silver truth" in cli("errors", f"spool:{spool}")[1]


@pytest.mark.parametrize(("name", "column"), [("objects", "major"), ("frames", "rank")])
def test_tables_of_an_older_version_are_named(cli, spool, name, column):
    rewritten(spool, name, lambda table: table.drop(columns=column))
    code, _, err = cli("errors", f"spool:{spool}")
    assert code == 1
    assert f"test/{name}.parquet of run unet-" in err
    assert f"written by an older version of cytolapse, without {column}: evaluate the run again" in err


def test_a_damaged_table_is_named(cli, spool):
    logged(spool).artifact("test/objects.parquet").write_bytes(b"PAR1 cut short")
    code, _, err = cli("errors", f"spool:{spool}")
    assert code == 1
    assert "test/objects.parquet of run unet-" in err and "is damaged" in err and "evaluate the run again" in err


def test_a_run_that_nobody_knows_is_named(cli, store):
    code, out, err = cli("errors", "nothing", "--tracking", store)
    assert (code, out) == (1, "")
    assert err.startswith("error: run nothing"), err


def test_pictures_need_previews_and_a_new_folder(cli, spool, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    code, _, err = cli("errors", f"spool:{spool}", "--pictures", "full")
    assert code == 1 and "full exists already" in err
    logged(spool).artifact("test/previews/02.zip").unlink()
    code, out, err = cli("errors", f"spool:{spool}", "--pictures", "worst")
    assert code == 1
    assert "has no file 'test/previews/02.zip'" in err
    assert not (tmp_path / "worst").exists() and out == ""


def test_top_is_a_number_of_frames(cli, spool):
    assert cli("errors", f"spool:{spool}", "--top", 0)[0] == 2


def test_a_trained_and_evaluated_run_tells_its_errors(cli, toy, tmp_path):
    assert cli("train", "classical", "--data", toy, "--tracking", f"spool:{tmp_path}/run")[0] == 0
    code, out, err = cli("errors", f"spool:{tmp_path}/run", "--reference", "silver", "--json", "errors.json")
    assert code == 0, err
    assert "val against silver truth, " in out
    found = json.loads((tmp_path / "errors.json").read_text())

    assert min(row["frame"] for row in found["worst"]) == 23, "the toy world divides in frame 15"
    division = {name: row["n"] for name, row in found["by_bin"]["division"].items()}
    assert division == {"near": 0, "away": found["n_truth"], "unknown": 0}
    report = (tmp_path / "run/files/artifacts/val/report.md").read_text()
    assert "### What went wrong" in report and "| cells | missed | " in report
    assert "| division within 5 frames | " in report
    assert "By seam within 4 px: no frame was cut into tiles." in report


def frame(truth, pred, number, full=True):
    return match(np.array([truth]), np.array([pred]), sequence="01", frame=number, full=full)


def test_the_tables_by_hand():
    result = summarise(
        [
            frame([1, 1, 0, 2, 2, 0, 0, 0, 0], [3, 3, 3, 3, 3, 0, 0, 4, 0], 0),
            frame([1, 1, 1, 1, 0, 2, 2, 2, 2], [5, 5, 0, 6, 0, 7, 7, 7, 7], 4),
            frame([1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 8, 0, 0, 0, 0, 0], 6, full=False),
        ]
    )
    assert [row[:4] for row in kinds_table(result.by_frame).rows] == [
        ["cells", "matched", "3", "60.0 %"],
        ["cells", "merged", "2", "40.0 %"],
        ["cells", "split", "0", "0.0 %"],
        ["cells", "missed", "0", "0.0 %"],
        ["predictions", "matched", "2", "40.0 %"],
        ["predictions", "merging", "1", "20.0 %"],
        ["predictions", "fragment", "1", "20.0 %"],
        ["predictions", "spurious", "1", "20.0 %"],
    ]
    assert worst_table(result.by_frame, 3).rows == [
        ["01", "0", "4", "2", "0", "2", "0", "1", "0.400"],
        ["01", "4", "1", "2", "0", "0", "0", "0", "0.500"],
        ["01", "6", "0", "1", "0", "0", "0", "-", "1.000"],
    ]
    bins, remarks = bin_table(result.objects)
    assert bins.rows[:2] == [
        ["cells in the frame", "1", "1", "1.000", "1.000", "1.000", "0.0 %", "0.0 %", "0.0 %"],
        ["", "2-4", "4", "0.450", "0.500", "0.250", "50.0 %", "0.0 %", "0.0 %"],
    ]
    assert len(remarks) == 2
    lines = worst_table(result.by_frame, 1).text()
    assert lines[0].index("frame") + len("frame") == lines[1].index(" 0 ") + 2, "numbers stand right"
    assert worst_table(result.by_frame, 1).markdown()[2] == "| 01 | 0 | 4 | 2 | 0 | 2 | 0 | 1 | 0.400 |"


def test_without_frames_and_cells_there_are_empty_tables():
    nothing = summarise([])
    assert worst_table(nothing.by_frame, 5).text()[0].startswith("sequence")
    assert {row[3] for row in kinds_table(nothing.by_frame).rows} == {"-"}
    assert bin_table(nothing.objects)[0].rows == []


def test_what_is_read_is_what_was_scored(spool):
    tables = stored_tables(logged(spool), "test", "silver")
    result = summarise([match(v.references["silver"], v.prediction, sequence="02", frame=v.number) for v in movie(2)])
    expected = [{**row, "reference": "silver"} for row in result.objects]
    assert [dict(sorted(row.items())) for row in tables.objects] == [dict(sorted(row.items())) for row in expected]
