from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard import tables
from dashboard.registry.versions import tags_table, version_table
from dashboard.scores import ALL, READINGS, SEG, SOURCES, TRUTH

EVIL = '<img src=x onerror="alert(1)"> [x](javascript:alert(1))'
NOTHING = pd.DataFrame(columns=["run_id", "name", "status", "started", "finished", "dataset", "recipe", "head"])


def runs() -> pd.DataFrame:
    """What `RunStore.runs()` gives, newest first; `c` has nothing."""
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "name": ["same", "same", None],
            "status": ["FINISHED", "stale", "ODD"],
            "started": pd.to_datetime(["2026-01-01 10:00", "2026-01-01 09:00", None], utc=True),
            "finished": pd.to_datetime(["2026-01-01 10:30", None, None], utc=True),
            "dataset": ["d", "d", ""],
            "recipe": ["unet", "unet", ""],
            "head": ["boundary", "semantic", ""],
            "metrics.val/silver/op_csb_masks": [0.5, 0.7, None],
            "metrics.test/gold/seg": [0.8, 0.6, None],
            "metrics.test/gold/n_truth": [10, 10, None],
            "params.cfg.seed": ["0", "12", None],
            "params.cfg.head": ["x", "x", None],
            "params.seed": ["7", "8", None],
        }
    )


def objects() -> pd.DataFrame:
    """Two frames: in 7 one cell of three has truth, in 8 all have."""
    rows = [
        ("truth", "matched", 7),
        ("prediction", "matched", 7),
        ("prediction", "unjudged", 7),
        ("prediction", "spurious", 7),  # as before there was the kind `unjudged`
        ("truth", "missed", 7),
        ("prediction", "spurious", 8),
    ]
    table = pd.DataFrame(rows, columns=["side", "kind", "frame"])
    numbers = [float(number) for number in range(len(table))]
    return table.assign(reference="gold", sequence="02", truth=numbers, prediction=numbers, y=1.0, x=2.0)


def frames() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reference": ["gold"] * 3 + ["silver"],
            "sequence": ["02"] * 4,
            "frame": [1, 2, 3, 4],
            "n_truth": [5] * 4,
            "n_pred": [5] * 4,
            "fp": [0, None, 2, 9],
            "fn": [0, 1, 0, 9],
            "seg": [0.9, 0.5, 0.8, 0],
            "full": [True, False, True, True],
        }
    )


def test_a_leaderboard_bears_what_is_missing():
    table = tables.leaderboard(runs(), "test-gold", "http://m:5000")
    assert list(table.index) == ["a", "b", "c"]
    assert list(table["status"]) == ["✓ finished", "? stale", "odd"]
    assert table.loc["a", "minutes"] == 30
    assert table.loc["c", "name"] == tables.UNKNOWN
    assert table.loc["a", "mlflow"] == "http://m:5000/#/runs/a"
    assert tables.sources(runs()) == ["test-gold", "val-silver"]


def test_minutes_of_another_tool_are_not_known():
    foreign = runs().assign(**{"tags.cytolapse.masks": ["masks/02_RES", None, None]})
    minutes = tables.leaderboard(foreign, "test-gold")["minutes"]
    assert np.isnan(minutes["a"])
    assert minutes.drop("a").equals(tables.leaderboard(runs(), "test-gold")["minutes"].drop("a"))


def test_minutes_are_those_of_training_where_the_run_noted_them():
    noted = runs().assign(**{"metrics.train/minutes": [4.5, None, None]})
    assert tables.leaderboard(noted, "test-gold").loc["a", "minutes"] == 4.5, "not the 30 until its last evaluation"


def test_leaderboard_has_no_scores_of_another_source():
    table = tables.leaderboard(runs(), "val-gold")
    assert table["seg"].isna().all()
    assert "mlflow" not in table
    assert tables.leaderboard(runs(), "test-gold").loc["b", "seg"] == 0.6


@pytest.mark.parametrize("table", [NOTHING, runs().iloc[:0]])
def test_a_leaderboard_of_nothing(table):
    assert tables.leaderboard(table, "test-gold").empty
    assert tables.sources(table) == []
    assert tables.unique_names(table) == {}


def test_seeds_are_numbers_and_what_is_none_stays_empty():
    table = tables.leaderboard(runs().assign(**{"params.cfg.seed": ["9", "12", "none"]}), "test-gold")
    assert table.loc["a", "seed"] < table.loc["b", "seed"], "as text 12 would come before 9"
    assert pd.isna(table.loc["c", "seed"])
    assert tables.leaderboard(runs().drop(columns="params.cfg.seed"), "test-gold")["seed"].isna().all()


def test_readings_of_the_test_part_are_shown_where_they_are_known():
    assert tables.leaderboard(runs(), "test-gold")[READINGS.key].isna().all()
    table = tables.leaderboard(runs().assign(readings=[3, None, 0]), "test-gold")
    assert table.loc["a", READINGS.key] == 3
    assert pd.isna(table.loc["b", READINGS.key])
    assert table.loc["c", READINGS.key] == 0


@pytest.mark.parametrize(
    ("recipe", "entry", "status", "hidden"),
    [
        ("", "simulate", "RUNNING", True),
        (None, "segment", "FAILED", True),
        ("", "evaluate", "FINISHED", True),
        ("unet", "evaluate", "FINISHED", False),
        ("", "unet", "FAILED", False),
        ("", "main", "FINISHED", True),
        ("", None, "FINISHED", False),
    ],
)
def test_helper_runs_are_those_of_commands_that_log_elsewhere(recipe, entry, status, hidden):
    values = {"run_id": "a", "recipe": recipe, "status": status, "tags.mlflow.project.entryPoint": entry}
    table = pd.DataFrame([values])
    assert list(tables.helpers(table)) == [hidden]
    assert not tables.helpers(runs()).any(), "not every store was filled by `mlflow run`"


def test_names_that_are_shared_carry_a_piece_of_the_id():
    assert tables.unique_names(runs()) == {"a": "same (a)", "b": "same (b)", "c": tables.UNKNOWN}


def test_long_names_are_cut_in_the_middle_and_stay_apart():
    long = runs().assign(name=["n" * 300 + "-e5c728", "n" * 300 + "-60c759", EVIL])
    names = tables.unique_names(long)
    assert names["a"].endswith("-e5c728")
    assert len(set(names.values())) == 3
    assert max(map(len, names.values())) <= 40
    alike = tables.unique_names(long.assign(name=["n" * 300, "n" * 200, "m"]))
    assert alike["a"] != alike["b"]


def test_scores_and_below_them_the_counts():
    counted = runs().assign(**{"metrics.test/gold/n_truth": [1, 14, None], "readings": [2, 1, 0]})
    table = tables.score_table(counted, {"a": "A", "b": "B"}, "test-gold", (SEG, TRUTH))
    assert table.loc["SEG"].to_dict() == {"A": 0.8, "B": 0.6}
    assert table.loc[READINGS.title].to_dict() == {"A": 2, "B": 1}


def test_scores_that_no_run_has_are_left_out():
    table = tables.score_table(runs().assign(readings=0), {"a": "A"}, "test-gold", (*ALL, TRUTH))
    assert list(table.index) == ["SEG", TRUTH.title, READINGS.title]
    nothing = tables.score_table(runs().assign(readings=0), {"a": "A"}, "val-gold", (*ALL, TRUTH))
    assert nothing.empty, "how often the test part was read is no score by itself"
    unknown = tables.score_table(runs(), {"a": "A"}, "test-gold", (SEG,))
    assert list(unknown.index) == ["SEG"]


def test_worst_frames_first():
    assert list(tables.worst_frames(frames(), "gold", "02")["frame"]) == [3, 2, 1]
    assert tables.worst_frames(frames(), "gold", "01").empty
    assert tables.is_full(frames(), "gold", "02", 1)
    assert not tables.is_full(frames(), "gold", "02", 2)
    assert tables.is_full(None, "gold", "02", 2)


def test_worst_frames_of_partial_truth_count_no_false_ones():
    only = frames().assign(fp=None, full=False)
    table = tables.worst_frames(only, "gold", "02")
    assert list(table["errors"]) == [1, 0, 0]
    assert table["fp"].isna().all()
    assert list(table["frame"]) == [2, 3, 1], "equal errors: the lowest SEG first"


def test_objects_of_a_frame_errors_first():
    table = tables.frame_objects(objects().assign(kind="matched"), "gold", "02", 7)
    assert list(table["truth"]) == [0, 1, 2, 3, 4]
    assert tables.frame_objects(objects(), "silver", "02", 7).empty
    assert list(tables.frame_objects(objects(), "gold", "02", 8)["kind"]) == ["spurious"]


def test_predictions_of_a_partial_frame_are_not_called_false():
    table = tables.frame_objects(objects(), "gold", "02", 7, full=False)
    assert list(table["kind"]) == ["missed", "not judged", "not judged", "matched", "matched"]
    trusted = tables.frame_objects(objects(), "gold", "02", 7)
    assert list(trusted["kind"]).count("not judged") == 1, "the kind `unjudged` holds whatever the table of frames says"


def test_compare_opens_with_the_best_runs_of_the_latest_data_set():
    mixed = pd.concat([runs(), runs().assign(run_id=["d", "e", "f"], dataset="other")])
    assert tables.first_choice(mixed) == ["b", "a"]
    assert tables.first_choice(runs().drop(columns="metrics.val/silver/op_csb_masks")) == ["a", "b"]
    assert tables.mixed(mixed, {"a": "", "d": ""})
    assert not tables.mixed(mixed, {"a": "", "b": ""})


def test_frames_opens_with_the_newest_tested_run():
    assert tables.with_scores(runs().iloc[::-1]) == "b"
    assert tables.with_scores(runs()[["run_id", "name"]]) == "a"


def test_frames_does_not_open_with_the_parent_of_several_seeds():
    spread = {
        "metrics.test/gold/seg_mean": [float("nan"), float("nan"), 0.5],
        "metrics.test/gold/seeds": [None, None, 2],
    }
    assert tables.with_scores(runs().assign(**spread).iloc[::-1]) == "b"


def test_limits_of_intervals_are_no_columns_of_their_own():
    limits = {f"metrics.{source.replace('-', '/')}/seg_{side}": 0.5 for source in SOURCES for side in ("low", "high")}
    with_limits = runs().assign(**limits)
    assert list(tables.leaderboard(with_limits, "test-gold")) == list(tables.leaderboard(runs(), "test-gold"))
    names = {"a": "a", "b": "b"}
    shown = tables.score_table(with_limits, names, "test-gold", ALL)
    assert list(shown.index) == list(tables.score_table(runs(), names, "test-gold", ALL).index)


def test_the_usual_training_curves_come_first_else_any_four():
    assert tables.first_series(["train/loss", "train/x", "val/seg"]) == ["train/loss", "val/seg"]
    assert tables.first_series(["a", "b", "c", "d", "e"]) == ["a", "b", "c", "d"]


def registered(**columns) -> pd.DataFrame:
    base = {"name": "m", "version": [2, 10], "run_id": ["a", "gone"], "aliases": [["champion"], None]}
    created = pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)
    return pd.DataFrame({**base, "created": created, "source": ["models:/m-1", None], **columns})


def test_versions_are_ordered_as_numbers_and_bear_a_run_that_is_gone():
    table = version_table(registered(), runs(), "test-gold")
    assert list(table["version"]) == [10, 2]
    assert list(table["run"]) == ["gone", "same"]
    assert list(table["aliases"]) == [[], ["champion"]]
    assert pd.isna(table["seg"][0])
    assert table["seg"][1] == 0.8
    assert table["movie"][1] == "movie?run=a"
    assert list(version_table(registered(), NOTHING, "test-gold")["run"]) == ["gone", "a"]


def test_evidence_lists_the_tags_that_say_something():
    version = registered(**{"tags.reason": [EVIL, None], "tags.empty": "", "tags.promoted_at": [None, None]}).iloc[:1]
    assert tags_table(version).values.tolist() == [["reason", EVIL]], "drawn in a table, where it is no HTML"
    assert tags_table(registered()).empty


def test_what_a_json_tag_holds_stands_in_rows():
    version = pd.DataFrame({"tags.evidence": ['{"score": 0.8, "champion": {"run_id": "a"}, "over": null}']})
    assert tags_table(version).values.tolist() == [["evidence: score", "0.8"], ["evidence: champion: run_id", "a"]]


def test_the_best_on_validation_comes_first_and_runs_without_a_score_last():
    table = pd.DataFrame({"run_id": list("abc"), "metrics.val/silver/op_csb_masks": [0.5, None, 0.9]})
    assert list(table["run_id"].iloc[tables.by_selection(table)]) == ["c", "a", "b"]
    assert list(tables.by_selection(pd.DataFrame({"run_id": ["x", "y"]}))) == [0, 1]


def test_the_parent_of_several_seeds_shows_their_mean_and_is_never_the_first_choice():
    parent = runs().assign(
        **{"metrics.val/silver/op_csb_masks_mean": [None, None, 0.9], "metrics.test/gold/seg_mean": [None, None, 0.85]}
    )
    table = tables.leaderboard(parent.assign(run_id=["a", "b", "p"]), "test-gold")
    assert table.loc["p", ["selection", "seg"]].tolist() == [0.9, 0.85]
    assert table.loc["b", ["selection", "seg"]].tolist() == [0.7, 0.6]
    assert tables.first_choice(parent.iloc[:2]) == ["b", "a"]
    assert tables.first_choice(parent.assign(dataset="d")) == ["b", "a"], "it has no masks and no curves"
