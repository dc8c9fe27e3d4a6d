"""`cytolapse compare` through the command line: what it says of two runs, and which it refuses."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile
from compared_world import discs, eroded, evaluated, one_too_many, right, write_discs

from cytolapse.cli import cytolapse
from cytolapse.metrics import SCORES, match, summarise
from cytolapse.metrics.comparison import Scored, compare, compare_bins
from cytolapse.tracking import resume_run, start_run
from cytolapse.tracking.spool import FILES


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("data") / "discs")


@pytest.fixture(scope="module")
def made(tmp_path_factory, data):
    """Three spooled runs: right, eroded, one_too_many."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        for change in (right, eroded, one_too_many):
            evaluated(f"spool:{folder}/{change.__name__}", data, change)
    return folder


@pytest.fixture
def runs(made, tmp_path, cli):
    """A copy of them, to be changed; in the current folder."""
    for name in ("right", "eroded", "one_too_many"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def numbers(cli, *words):
    code, out, err = cli("compare", *words, "--json", "out.json")
    assert code == 0, err
    with open("out.json") as file:
        return json.load(file), out


def tag(place, **values):
    with resume_run(f"spool:{place}").settled() as run:
        run.tags({name.replace("__", "."): value for name, value in values.items()})


def test_a_difference_has_an_interval_a_share_and_a_verdict(runs, cli):
    found, out = numbers(cli, "eroded", "right")
    assert (found["split"], found["data set"], found["border"]) == ("test", "discs", 0)
    assert re.fullmatch(r"eroded-\w{6}", found["a"]["name"]) and found["b"]["run"] == str(runs / "right")
    silver, gold = found["references"]["silver"], found["references"]["gold"]
    assert (silver["frames"], silver["blocks"], gold["frames"], gold["marked_frames"]) == (90, 9, 30, 90)
    seg = silver["scores"]["seg"]
    assert seg["b"] == 1 and 0.4 < seg["a"] < 0.9 and seg["difference"] == 1 - seg["a"]
    assert 0 < seg["low"] < seg["difference"] < seg["high"] and seg["b_wins"] == 1
    line = next(line for line in out.splitlines() if line.startswith("seg "))
    assert line.endswith("100.0 %   B is better")
    for name in ("det", "op_csb", "tra", "lnk", "op_ctb", "det_masks", "op_csb_masks", "pixel_iou", "f1_iou_0.75"):
        assert gold["scores"][name]["low"] is not None, name
    assert silver["scores"]["det"]["reason"] == "the score is not defined", "markers stand with gold"
    assert "A: eroded-" in out and "test part of discs (" in out


def test_the_other_way_round_is_the_opposite(runs, cli):
    there, _ = numbers(cli, "eroded", "right")
    back, out = numbers(cli, "right", "eroded")
    one, other = (found["references"]["gold"]["scores"]["op_csb"] for found in (there, back))
    assert (one["low"], one["high"]) == (pytest.approx(-other["high"]), pytest.approx(-other["low"]))
    assert (one["b_wins"], other["b_wins"]) == (1, 0)
    assert "%   A is better" in out and "%   B is better" not in out


def now_and_then(labels, t):
    return eroded(labels, t) if t // 10 % 2 else labels


def then_and_now(labels, t):
    return labels if t // 10 % 2 else eroded(labels, t)


def test_a_difference_that_changes_sides_is_undecided(data, cli):
    for change in (now_and_then, then_and_now):
        evaluated(f"spool:{change.__name__}", data, change)
    found, out = numbers(cli, "now_and_then", "then_and_now")
    seg = found["references"]["silver"]["scores"]["seg"]
    assert seg["low"] < 0 < seg["high"] and 0 < seg["b_wins"] < 1
    assert next(line for line in out.splitlines() if line.startswith("seg ")).endswith("%   undecided")


def test_bins_of_cells_tell_where_the_difference_lies(runs, cli):
    found, out = numbers(cli, "right", "one_too_many")
    bins = found["references"]["silver"]["bins"]
    assert {name: (each["frames"], each["blocks"]) for name, each in bins.items()} == {
        "0": (20, 2), "1": (10, 1), "2-4": (60, 6),
    }  # fmt: skip
    empty = bins["0"]["scores"]
    assert empty["seg"]["a"] is None and empty["false_per_frame"] == {
        "a": 0, "b": 1, "difference": 1, "low": None, "high": None, "b_wins": None,
        "reason": "blocks of 10 frame numbers that hold fully annotated frames: 2, where 8 are needed",
    }  # fmt: skip
    whole = found["references"]["silver"]["scores"]
    assert whole["false_per_frame"]["b_wins"] == 0 and whole["seg"]["difference"] == 0
    assert re.search(r"^ +0 +20 +2  false_per_frame +0\.000 +1\.000 +\+1\.000", out, re.MULTILINE)
    assert next(line for line in out.splitlines() if line.startswith("seg ")).endswith(" 0.0 %   equal")


def test_the_json_agrees_with_the_results_and_bins_with_their_frames(data, runs, cli):
    """The same numbers from pools of matchings, made anew."""
    found, _ = numbers(cli, "eroded", "one_too_many")

    def pool(change, cells=None):
        truths = [(t, discs("02", t)) for t in range(90)]
        return summarise(
            [
                match(truth, change(truth, t), sequence="02", frame=t)
                for t, truth in truths
                if cells is None or len(np.unique(truth)) - 1 == cells
            ]
        )

    silver = found["references"]["silver"]
    for name, value in pool(eroded).scores.items():
        assert silver["scores"][name]["a"] == pytest.approx(value) and "b_wins" in silver["scores"][name]
    one = silver["bins"]["1"]["scores"]
    assert one["op_csb_masks"]["a"] == pytest.approx(pool(eroded, 1).scores["op_csb_masks"])
    assert one["f1_iou_0.50"]["b"] == pytest.approx(pool(one_too_many, 1).at(0.5)["f1"])


def test_scores_that_are_no_sums_are_shown_with_the_reason(runs, cli, monkeypatch):
    for name in ("right", "eroded"):
        path = runs / name / FILES / "artifacts/curves/test-gold.json"
        result = json.loads(path.read_text())
        path.write_text(
            json.dumps({**result, "scores": {**result["scores"], "smooth": 0.5 if name == "right" else 0.25}})
        )

    monkeypatch.setitem(SCORES._things, "smooth", lambda pool: None)
    found, out = numbers(cli, "right", "eroded")
    assert found["references"]["gold"]["scores"]["smooth"]["difference"] == -0.25
    assert "No interval of smooth: the score is not read from sums over frames" in out


REFUSALS = {
    "the same": (["right", "spool:right"], r"right and spool:right are the same run, right-\w{6}: give two"),
    "not there": (["right", "nothing"], r"run nothing: not in"),
    "other part": (
        ["right", "eroded", "--split", "val"],
        r"right-\w{6} was not evaluated on val: `cytolapse evaluate \S+/right --data DATA --split val` does that",
    ),
}


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_can_not_be_compared(words, message, runs, cli, store):
    code, out, err = cli("compare", *words)
    assert (code, out) == (1, "")
    assert re.search(message, err) and "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "cytolapse__dataset",
            "others",
            "with data set discs, eroded-.* with data set others: compare runs on one",
        ),
        (
            "cytolapse__digest",
            "0" * 16,
            "with digest .* with digest 0{16}: `--rescore DATA` scores the stored masks of both afresh",
        ),
        ("metric_schema_version", "0", "with metric_schema_version 1, .* with metric_schema_version 0, 1: `--rescore"),
        ("cytolapse__ignore__test", "abc", "with ignore list none, .* with ignore list abc: `--rescore DATA` scores"),
    ],
)
def test_runs_that_were_scored_otherwise_are_refused(name, value, message, runs, cli):
    tag("eroded", **{name: value})
    code, out, err = cli("compare", "right", "eroded")
    assert (code, out) == (1, "")
    assert re.search(f"right-\\w{{6}} was scored {message}", err)


def change_results(place, **values):
    for path in (place / FILES / "artifacts/curves").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_another_border_is_refused_and_scored_afresh(data, runs, cli):
    change_results(runs / "eroded", border=7)
    code, _, err = cli("compare", "right", "eroded")
    assert code == 1 and "with border 0, eroded-" in err and "with border 7: `--rescore DATA`" in err
    assert numbers(cli, "right", "eroded", "--rescore", data)[0]["border"] == 0


def without_frames(place, which):
    path = place / FILES / "artifacts/test/counts.parquet"
    table = pd.read_parquet(path)
    table[~which(table)].to_parquet(path, index=False)


def test_other_frames_are_refused_named_and_counted(data, runs, cli):
    without_frames(runs / "eroded", lambda table: (table["reference"] == "silver") & (table["frame"] < 7))
    without_frames(runs / "right", lambda table: (table["reference"] == "silver") & (table["frame"] == 80))
    code, _, err = cli("compare", "right", "eroded")
    assert code == 1
    assert re.search(r"different frames of silver truth: 7 only in right-\w+ \(02: 0, 1, 2, 3, 4 \.\.\.\) and ", err)
    assert re.search(r"1 only in eroded-\w+ \(02: 80\); `--rescore DATA` .* on the 82 frames that both have", err)


def test_other_truth_of_the_same_frames_is_refused(runs, cli):
    path = runs / "right" / FILES / "artifacts/test/counts.parquet"
    pd.read_parquet(path).assign(truth=3).to_parquet(path, index=False)
    code, _, err = cli("compare", "right", "eroded")
    assert code == 1 and "scored against different truth of the same frames" in err


def test_runs_of_an_older_version_are_refused(data, runs, cli):
    path = runs / "right" / FILES / "artifacts/test/counts.parquet"
    pd.read_parquet(path).drop(columns=["marked", "markers"]).to_parquet(path, index=False)
    code, _, err = cli("compare", "right", "eroded")
    assert code == 1
    assert "was evaluated by an older version, which did not count marked, markers: `cytolapse evaluate" in err
    assert "counts them; or `--rescore DATA` scores the stored masks" in err
    path.unlink()
    code, _, err = cli("compare", "right", "eroded")
    assert code == 1 and "has no test/counts.parquet, an older version evaluated it: `cytolapse evaluate" in err
    assert numbers(cli, "right", "eroded", "--rescore", data)[0]["references"]["silver"]["frames"] == 90


def test_scored_afresh_stored_masks_give_the_scores_that_were_logged(data, runs, cli):
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file() and path.suffix != ".json"}
    as_logged, _ = numbers(cli, "eroded", "right")
    afresh, out = numbers(cli, "eroded", "right", "--rescore", data)
    assert afresh["references"] == as_logged["references"]
    assert "scored afresh on the 90 frames that both have" in out and afresh["masks"] == 90
    after = {path: path.read_bytes() for path in before}
    assert after == before, "neither run is changed"


def test_only_frames_that_both_have_are_scored_afresh(data, runs, cli):
    drop_masks(runs / "right", lambda number: number < 45)
    found, _ = numbers(cli, "eroded", "right", "--rescore", data)
    assert (found["masks"], found["references"]["silver"]["frames"]) == (45, 45)
    assert found["references"]["gold"]["marked_frames"] == 45
    drop_masks(runs / "eroded", lambda number: number >= 45)
    code, _, err = cli("compare", "eroded", "right", "--rescore", data)
    assert code == 1
    assert re.search(
        r"no frame of \S+ is masked in both: eroded-\w+ has 45 masks \(02: 0, 1, 2, 3, 4 \.\.\.\), right", err
    )


def _is_mask(name, which):
    return name.startswith("mask") and which(int(name[4:-4]))


def drop_masks(place, which):
    path = place / FILES / "artifacts/test/masks/02.zip"
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if not _is_mask(name, which)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)


def test_data_that_can_not_be_scored_against(data, runs, cli, tmp_path):
    other = shutil.copytree(data, tmp_path / "others")
    for folder, message in (
        ("nowhere", "nowhere does not exist"),
        (other, r"eroded-\w+ was scored on discs, \S+others is others: give the data of both"),
    ):
        code, _, err = cli("compare", "eroded", "right", "--rescore", folder)
        assert code == 1 and re.search(message, err)
    grown = shutil.copytree(data, tmp_path / "grown/discs")
    for path in (grown / "02").iterdir():
        tifffile.imwrite(path, np.zeros((60, 60), np.uint8))
    for path in [*(grown / "02_ST").rglob("*.tif"), *(grown / "02_GT").rglob("*.tif")]:
        tifffile.imwrite(path, np.zeros((60, 60), np.uint16))
    code, _, err = cli("compare", "eroded", "right", "--rescore", grown)
    assert code == 1 and "masks of eroded-" in err and "the truth is 60 x 60 and the prediction 48 x 48" in err


def test_corrected_truth_is_scored_afresh(data, runs, cli, tmp_path):
    """The data set has another digest then, which `evaluate` refuses and which stops nothing here."""
    better = shutil.copytree(data, tmp_path / "better/discs")
    (better / "02_ST/SEG/man_seg089.tif").unlink()
    found, out = numbers(cli, "eroded", "right", "--rescore", better)
    assert found["references"]["silver"]["frames"] == 89
    assert re.search(r"^eroded-\w{6} was made on other content of that name \(\w{16}\)$", out, re.MULTILINE)
    assert "other content" not in numbers(cli, "eroded", "right", "--rescore", data)[1]


def test_runs_in_a_store_go_by_name_or_id(data, cli, store):
    one, other = evaluated(store, data, eroded), evaluated(store, data, right)
    found, _ = numbers(cli, one.name, other.run_id[:8])
    assert (found["a"]["run"], found["b"]["name"]) == (one.run_id, other.name)
    assert numbers(cli, one.name, other.name, "--rescore", data)[0]["references"] == found["references"]


def test_a_parent_names_its_children(data, runs, cli):
    with start_run("spool:family", "discs", "family") as parent:
        place = f"spool:{parent.folder}/parts/seed-0"
        with start_run(place, "discs", "child", parent=parent.child("seed 0")):
            pass
    code, _, err = cli("compare", "family", "right")
    assert code == 1
    assert re.search(r"family-\w+ is the parent of 1 runs .* compare two of child-\w{6} \(seed 0\)", err)


def test_help_shows_an_example(cli):
    assert "cytolapse compare unet-boundary-" in cli("compare", "--help")[1]
    assert "compare" in cytolapse.list_commands(None)


def test_nothing_to_compare_is_no_number():
    nothing = Scored([], {})
    found = compare(nothing, nothing)
    assert (found.frames, found.blocks) == (0, 0)
    assert all(each.a is each.b is each.difference is each.wins is None for each in found.scores.values())
    assert compare_bins(nothing, nothing) == {}
