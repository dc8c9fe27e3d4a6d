from __future__ import annotations

import pandas as pd
import pytest

from dashboard.runs.progress import Progress, ago, best_so_far, changes, duration, lately, newest, progress, thin

NOW = pd.Timestamp("2026-03-02 12:00", tz="UTC")


def run(**more):
    before = {"started": NOW - pd.Timedelta(minutes=30), "finished": pd.NaT, "params.cfg.train_steps": "1200"}
    return {**before, "tags.cytolapse.heartbeat": str(int(NOW.timestamp() * 1000) - 4000), **more}


@pytest.mark.parametrize(
    ("row", "step", "expected"),
    [
        (run(), 400, "step 400/1200, 60 min left"),
        (run(**{"tags.cytolapse.estimate_minutes": "100"}), 400, "step 400/1200, 60 min left"),
        (run(**{"tags.cytolapse.estimate_minutes": "100"}), 12, "step 12/1200, 99 min left"),
        (run(finished=NOW, **{"tags.cytolapse.estimate_minutes": "30"}), 600, "step 600/1200, 15 min left"),
        (run(finished=NOW), 600, "step 600/1200"),
        (run(), 0, "starting"),
        (run(), 1200, "trained, being evaluated"),
        (run(**{"params.cfg.train_steps": None}), 7, "step 7"),
        (run(**{"tags.cytolapse.heartbeat": None}), 1199, "step 1199/1200, under 1 min left"),
        (run(**{"tags.cytolapse.heartbeat": str(int(NOW.timestamp() * 1000) - 180_000)}), 9, "silent for 3 min"),
    ],
)
def test_how_far_a_run_is(row, step, expected):
    said = str(progress(row, step, NOW))
    assert said == expected.replace("99 min", "1.6 h")


def test_durations():
    assert [duration(minutes) for minutes in (0.2, 1, 89, 90, 600)] == [
        "under 1 min",
        "1 min",
        "89 min",
        "1.5 h",
        "10.0 h",
    ]
    assert ago(pd.NaT, NOW - pd.Timedelta(days=3), NOW) == "3 days ago"
    assert ago(pd.NaT, pd.NaT, NOW) == ""
    assert str(Progress()) == "starting"


def test_a_thin_curve_keeps_its_ends_and_its_mean():
    values = [float(number) for number in range(1000)]
    few = thin(values, 10)
    assert len(few) == 10
    assert few[0] == sum(range(100)) / 100
    assert sum(few) / 10 == pytest.approx(sum(values) / 1000)
    assert thin([1, 2], 10) == [1.0, 2.0]
    assert thin([], 10) == []


def table() -> pd.DataFrame:
    hours = [1, 2, 30, 40]
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "c", "d"],
            "name": ["new", "broken", "old", "older"],
            "status": ["RUNNING", "FAILED", "FINISHED", "FINISHED"],
            "started": [NOW - pd.Timedelta(hours=hour) for hour in hours],
            "finished": [pd.NaT, *(NOW - pd.Timedelta(hours=hour - 0.5) for hour in hours[1:])],
            "metrics.val/silver/op_csb_masks": [0.9, None, 0.7, 0.8],
        }
    )


VERSIONS = pd.DataFrame(
    {
        "version": [3, 2],
        "aliases": [["champion"], []],
        "created": [NOW - pd.Timedelta(days=9)] * 2,
        "tags.promoted_at": ["2026-03-02T10:00:00+00:00", None],
    }
)
NO_VERSIONS = VERSIONS.iloc[:0]


def test_what_changed_since_yesterday():
    assert changes(table(), VERSIONS, NOW) == [
        "2 new runs (1 running, 1 failed)",
        "best on validation 0.800 → 0.900 by new",
        "version 3 became champion",
    ]
    assert changes(table(), VERSIONS.drop(columns="tags.promoted_at"), NOW)[-1].startswith("best"), "created days ago"
    assert changes(table().iloc[2:], NO_VERSIONS, NOW) == []
    assert changes(table().iloc[:1], NO_VERSIONS, NOW) == ["1 new run (1 running)", "best on validation 0.900 by new"]


def test_newest_runs_come_with_what_runs_first():
    losses = pd.DataFrame({"run_id": ["a", "a"], "step": [1, 5], "value": [2.0, 1.0]})
    found = newest(lately(table().iloc[::-1].reset_index(drop=True), 3), losses, NOW)
    assert list(found["run_id"]) == ["a", "d", "c"]
    assert found["state"].iloc[0] == "▸ step 5"
    assert found["state"].iloc[1] == "✓ finished 2 days ago"
    assert found["loss"].iloc[0] == [2.0, 1.0]
    assert found["loss"].iloc[1] == []
    asked = table().assign(**{"tags.cytolapse.stop_requested": ["ada, now", None, None, None]})
    assert newest(asked, losses, NOW)["state"].iloc[0] == "▸ stopping"


def test_best_so_far_never_falls():
    found = best_so_far(table())
    assert list(found["score"]) == [0.8, 0.7, 0.9]
    assert list(found["best"]) == [0.8, 0.8, 0.9]
