from __future__ import annotations

import json

import pandas as pd
import pytest

from cytolapse.metrics import summarise
from dashboard import tables
from dashboard.compare import compared, paired
from dashboard.scores import COUNTS, SEG, TRUTH

NAMES = {"a": "A", "b": "B"}


def runs(**columns) -> pd.DataFrame:
    table = pd.DataFrame({"run_id": ["a", "b", "c"], "params.cfg.seed": ["0", "12", None]})
    return table.assign(**{"params.cfg.head": ["x", "x", None], "params.seed": ["0", "1", "2"], **columns})


def test_only_the_resolved_parameters_are_told_and_equal_ones_are_hidden():
    every = compared.parameters(runs(), NAMES)
    assert set(every.index) == {"seed", "head"}
    assert compared.differing(every).to_dict("index") == {"seed": {"A": "0", "B": "12"}}
    assert compared.differing(compared.parameters(runs(), {"a": "A"})).empty


def test_settings_of_other_tools_and_what_one_run_lacks_differ():
    told = runs(**{"params.tool.diameter": ["30", None, None]})
    table = compared.differing(compared.parameters(told, NAMES))
    assert table.loc["tool.diameter"].to_dict() == {"A": "30", "B": tables.UNKNOWN}
    assert compared.parameters(told, {"a": "A", "c": "C"}).loc["head"].to_dict() == {"A": "x", "C": tables.UNKNOWN}


def test_the_environment_has_a_row_for_every_package():
    versions = [json.dumps({"torch": number, "python": "3.12"}) for number in ("2.10", "2.11")]
    split = json.dumps({"test": [["02", 89, 115]]})
    told = runs(
        **{
            "tags.cytolapse.versions": [*versions, None],
            "tags.cytolapse.git_commit": ["abc", "abc", None],
            "tags.cytolapse.split": [split, "no JSON", None],
            "tags.cytolapse.heartbeat": ["1", "2", "3"],
        }
    )
    every = compared.environment(told, NAMES)
    assert every.loc["git commit"].to_dict() == {"A": "abc", "B": "abc"}
    assert compared.differing(every).to_dict("index") == {
        "versions: torch": {"A": "2.10", "B": "2.11"},
        "split: test": {"A": "02 89-115", "B": tables.UNKNOWN},
    }


def history() -> pd.DataFrame:
    rows = [("a", "train/loss", 0, 1.0, 60_000), ("a", "val/seg", 10, 0.5, 180_000), ("b", "train/loss", 10, 1.0, 5)]
    return pd.DataFrame(rows, columns=["run_id", "key", "step", "value", "time_ms"])


def test_training_is_put_on_steps_minutes_or_frames():
    told = runs(**{"params.cfg.batch": ["4", "2", None], "params.cfg.clip": ["3", None, None]})
    assert list(compared.on_axis(history(), told, "step")["x"]) == [0, 10, 10]
    assert list(compared.on_axis(history(), told, "minutes")["x"]) == [0, 2, 0]
    frames = compared.on_axis(history(), told, "frames")
    assert list(zip(frames["run_id"], frames["x"], strict=True)) == [("a", 0), ("a", 120)], "of b nobody knows"
    assert compared.on_axis(history(), runs(), "frames").empty


def test_bins_keep_their_order_and_leave_out_what_is_unknown_or_empty():
    sizes = {"<0.5": {"n": 2, "seg": 0.5}, "0.5-1": {"n": 0, "seg": None}, "1-2": {"n": 5, "seg": 0.75}}
    results = {
        "a": {
            "bins": {"0": {"n_truth": 0, "seg": None}, "2-4": {"n_truth": 9, "seg": 0.5, "f1": 1.0}},
            "by_bin": {"size": sizes, "seam": {"near": {"n": 0}, "unknown": {"n": 7, "seg": 1.0}}},
        },
        "b": {},
    }
    assert compared.kinds(results) == ["cells", "size"]
    size = compared.bins(results, "size")
    assert list(size["bin"]) == ["<0.5", "1-2"]
    assert list(size["n"]) == [2, 5]
    assert list(compared.bins(results, "cells")["f1"]) == [1.0]
    assert compared.kinds({"b": {}}) == []


def test_runs_without_intervals_say_why_by_reason():
    short = summarise([]).to_json()
    assert list(compared.why_no_limits({"a": short, "b": short}, NAMES).values()) == [["A", "B"]]
    assert compared.why_no_limits({"a": {}}, NAMES) == {}


def test_best_of_a_row_is_marked_but_not_a_count_and_intervals_stand_beside():
    table = pd.DataFrame({"A": [0.8, 1.0], "B": [0.6, 14.0]}, index=[SEG.title, TRUTH.title])
    about = {score.title: f"about {score.key}" for score in (SEG, *COUNTS)}
    limits = compared.limits({"b": {"intervals": {"seg": {"low": 0.5, "high": 0.7, "reason": ""}}}}, NAMES)
    shown = compared.highlight(table, about, limits).to_html()
    assert shown.count("background-color") == 1
    assert "about seg" in shown
    assert ">1<" in shown, "one object is 1, not 1.000"
    assert ">0.800<" in shown
    assert "0.600  [0.500, 0.700]" in shown


@pytest.mark.parametrize(("score", "low", "high", "mark"), [
    ("SEG", 0.1, 0.3, paired.BETTER), ("SEG", -0.3, -0.1, paired.WORSE), ("SEG", -0.1, 0.3, ""),
    ("False objects a frame", 0.1, 0.3, paired.WORSE),
])  # fmt: skip
def test_only_what_is_sure_is_coloured(score, low, high, mark):
    row = {"run_id": "b", "score": score, "baseline": 0.5, "value": 0.7, "difference": (low + high) / 2}
    rows = pd.DataFrame([{**row, "low": low, "high": high, "wins": 0.9, "reason": ""}])
    shown = paired.table(rows, NAMES, "a").to_html()
    assert (mark or "no mark") in shown or (not mark and "rgba" not in shown)
    assert "wins 90%" in shown


def test_a_difference_without_an_interval_says_why_once():
    row = {"run_id": "b", "baseline": 0.5, "value": 0.7, "difference": 0.2, "low": None, "high": None, "wins": None}
    rows = pd.DataFrame([{**row, "score": score, "reason": "too few"} for score in ("SEG", "DET")])
    assert paired.reasons(rows) == ["No interval of SEG, DET: too few."]
    assert "+0.200" in paired.table(rows.astype({"low": float, "high": float}), NAMES, "a").to_html()
