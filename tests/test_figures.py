from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard import figures, picture, tables
from dashboard.scores import SEG, TRUTH
from dashboard.words import label, plain

NAMES = {"a": "first", "b": "<b>second</b>"}


def curves(suffix: str = "") -> pd.DataFrame:
    rows = []
    for run_id, top in (("a", 0.9), ("b", 0.6)):
        for step in range(0, 101, 25):
            for key in (f"precision{suffix}", f"recall{suffix}"):
                rows.append((run_id, key, step, top * (1 - step / 100)))
    return pd.DataFrame(rows, columns=["run_id", "key", "step", "value"])


def traces(figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


def test_sweep_draws_each_run_in_four_panels():
    figure = figures.sweep(curves(), NAMES)
    assert len(traces(figure, "first")) == 5
    f1 = traces(figure, "first")[0]
    assert list(f1.x) == [0, 0.25, 0.5, 0.75, 1]
    assert np.allclose(f1.y, [0.9, 0.675, 0.45, 0.225, 0]), "precision = recall = F1 here; 0 where both are 0"
    assert [trace.showlegend for trace in traces(figure, "first")].count(True) == 1


def test_sweep_of_the_source_compatible_curves():
    assert len(figures.sweep(curves("_any"), NAMES, "_any").data) == 10
    assert len(figures.sweep(curves(), NAMES, "_any").data) == 0


def test_a_run_without_a_curve_is_left_out_and_keeps_the_others_colours():
    one = curves()
    figure = figures.sweep(one[one["run_id"] == "b"], NAMES)
    assert {trace.line.color for trace in figure.data} == {figures.COLOURS[1]}


def test_names_are_no_html_in_plotly():
    figure = figures.sweep(curves(), NAMES)
    assert {trace.name for trace in figure.data} == {"first", "&lt;b&gt;second&lt;/b&gt;"}
    assert label('<a href="javascript:x">') == "&lt;a href=&quot;javascript:x&quot;&gt;"


def test_training_draws_a_panel_per_metric_losses_first():
    rows = [("a", key, step, 1.0) for key in ("val/seg", "train/loss", "val/loss") for step in range(3)]
    figure = figures.training(pd.DataFrame(rows, columns=["run_id", "key", "step", "value"]), NAMES)
    assert [note.text for note in figure.layout.annotations] == ["train/loss", "val/loss", "val/seg"]
    assert [trace.showlegend for trace in figure.data] == [True, False, False]


@pytest.mark.parametrize("count", [1, 20])
def test_training_of_many_metrics(count):
    rows = [("a", f"val/{number}", 0, 1.0) for number in range(count)]
    figure = figures.training(pd.DataFrame(rows, columns=["run_id", "key", "step", "value"]), NAMES)
    assert len(figure.data) == count


def test_words_of_others_are_no_markdown():
    assert plain("[x](http://evil) :red[y] $z$ <b>") == r"\[x\]\(http\://evil\) \:red\[y\] \$z\$ \<b\>"


def runs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "name": ["same", "same", None],
            "status": ["FINISHED", "stale", "ODD"],
            "started": pd.to_datetime(["2026-01-01 10:00", "2026-01-01 09:00", None], utc=True),
            "finished": pd.to_datetime(["2026-01-01 10:30", None, None], utc=True),
            "dataset": ["d", "d", ""],
            "metrics.val/silver/op_csb_masks": [0.5, 0.7, None],
            "metrics.test/gold/seg": [0.8, 0.6, None],
            "metrics.test/gold/n_truth": [10, 10, None],
            "params.cfg.seed": ["0", "1", None],
            "params.cfg.head": ["x", "x", None],
            "params.seed": ["7", "8", None],
        }
    )


def test_leaderboard_orders_by_validation_and_bears_what_is_missing():
    table = tables.leaderboard(runs(), "test-gold", "http://m:5000")
    assert list(table.index) == ["b", "a", "c"]
    assert list(table["status"]) == ["? stale", "✓ finished", "odd"]
    assert table.loc["a", "minutes"] == 30
    assert table.loc["c", "name"] == tables.UNKNOWN
    assert table.loc["a", "mlflow"] == "http://m:5000/#/runs/a"
    assert tables.sources(runs()) == ["test-gold", "val-silver"]


def test_names_that_are_shared_carry_a_piece_of_the_id():
    assert tables.unique_names(runs()) == {"a": "same (a)", "b": "same (b)", "c": tables.UNKNOWN}


def test_differences_read_only_the_resolved_parameters():
    table = tables.differences(runs(), {"a": "A", "b": "B"})
    assert table.to_dict("index") == {"seed": {"A": "0", "B": "1"}}
    assert tables.differences(runs(), {"a": "A"}).empty


def test_best_of_a_row_is_marked_but_not_a_count():
    table = tables.score_table(runs(), {"a": "A", "b": "B"}, "test-gold", (SEG, TRUTH))
    assert table.loc["SEG"].to_dict() == {"A": 0.8, "B": 0.6}
    shown = tables.highlight(table, {"SEG": "definition", TRUTH.title: "count"}).to_html()
    assert shown.count("background-color") == 1
    assert "definition" in shown


def test_worst_frames_first():
    frames = pd.DataFrame(
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
    assert list(tables.worst_frames(frames, "gold", "02")["frame"]) == [3, 2, 1]
    assert not tables.is_full(frames, "gold", "02", 2)
    assert tables.is_full(None, "gold", "02", 2)


def test_window_stays_inside_and_has_the_zoomed_size():
    assert picture.window((100, 200), 1, None) == (slice(0, 100), slice(0, 200))
    assert picture.window((100, 200), 4, (2, 199)) == (slice(0, 25), slice(150, 200))
    assert picture.window((100, 200), 2, (50, 100)) == (slice(25, 75), slice(50, 150))


def test_predictions_of_a_partial_frame_are_not_called_false():
    objects = pd.DataFrame(
        {
            "side": ["truth", "prediction", "prediction"],
            "kind": ["missed", "spurious", "matched"],
            "truth": [1, None, 2],
        }
    )
    assert list(picture.countable(objects, full=False)["kind"]) == ["missed", "matched"]
    assert len(picture.countable(objects, full=True)) == 3


def test_legend_names_what_is_drawn():
    assert "missed" in picture.legend(True)
    assert "missed" not in picture.legend(False)
