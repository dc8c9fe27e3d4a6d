from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard import colours, figures
from dashboard.compare import compared
from dashboard.figures import Line
from dashboard.words import label, plain

BLUE, RED = colours.PALETTE[:2]
RUNS = {"a": Line("first", BLUE), "b": Line("<b>second</b>", RED)}


def sweep(suffix: str = "", **results) -> pd.DataFrame:
    rows = []
    for run_id, top in (("a", 0.9), ("b", 0.6)):
        for step in range(0, 101, 25):
            for key in (f"precision{suffix}", f"recall{suffix}"):
                rows.append((run_id, key, step, top * (1 - step / 100)))
    return compared.curves(pd.DataFrame(rows, columns=["run_id", "key", "step", "value"]), results, suffix)


def banded(half: float) -> dict:
    """A result with a band of one width around what `sweep` has of run a."""
    middle = [0.9 * (1 - step / 100) for step in range(101)]
    low, high = ([value + shift for value in middle] for shift in (-half, half))
    return {"bands": {key: {"low": low, "high": high, "reason": ""} for key in compared.KEYS}}


def traces(figure, run_id: str) -> list:
    return [trace for trace in figure.data if trace.legendgroup == run_id]


def test_thresholds_draw_each_run_in_three_panels():
    figure = figures.thresholds(sweep(), RUNS, figures.LIGHT)
    f1 = traces(figure, "a")[0]
    assert list(f1.x) == [0, 0.25, 0.5, 0.75, 1]
    assert np.allclose(f1.y, [0.9, 0.675, 0.45, 0.225, 0]), "precision = recall = F1 here; 0 where both are 0"
    assert {trace.xaxis for trace in traces(figure, "b")} == {"x", "x2", "x3"}
    assert [trace.showlegend for trace in traces(figure, "a")].count(True) == 1
    assert not [trace for trace in figure.data if trace.fill], "no interval is known"


def test_bands_are_drawn_where_every_threshold_has_limits():
    figure = figures.thresholds(sweep(a=banded(0.1)), RUNS, figures.LIGHT)
    areas = [trace for trace in figure.data if trace.fill]
    assert [trace.legendgroup for trace in areas] == ["a"] * 3
    assert np.allclose(areas[0].y[:5], [0.8, 0.575, 0.35, 0.125, -0.1])
    assert np.allclose(areas[0].y[:4:-1], [1.0, 0.775, 0.55, 0.325, 0.1]), "and back along the upper limits"
    assert areas[0].fillcolor.startswith("rgba(0, 114, 178")
    assert (
        len([trace for trace in figures.precision_recall(sweep(a=banded(0.1)), RUNS, figures.DARK).data if trace.fill])
        == 1
    )


def test_bars_at_three_thresholds_stand_in_for_the_bands_of_an_old_run():
    known = {
        f"{key}_iou_0.{percent}": {"low": 0.1, "high": 0.95, "reason": ""}
        for key in compared.KEYS
        for percent in (25, 50, 75)
    }
    figure = figures.thresholds(sweep(b={"intervals": known}), RUNS, figures.LIGHT)
    barred = [trace for trace in figure.data if trace.error_y.array is not None]
    assert [trace.legendgroup for trace in barred] == ["b"] * 3
    assert np.allclose(barred[0].error_y.arrayminus, [0.35, 0.2, 0.05])
    assert not [trace for trace in figure.data if trace.fill]
    crosses = [
        trace
        for trace in figures.precision_recall(sweep(b={"intervals": known}), RUNS, figures.LIGHT).data
        if trace.error_x.array is not None
    ]
    assert len(crosses) == 1


def test_source_compatible_curves_have_no_intervals():
    assert sweep("_any", a=banded(0.1))["f1_low"].isna().all()
    assert not [trace for trace in figures.thresholds(sweep("_any"), RUNS, figures.LIGHT).data if trace.fill]


def test_every_point_names_its_run_and_can_be_clicked():
    for figure in (
        figures.thresholds(sweep(), RUNS, figures.LIGHT),
        figures.precision_recall(sweep(), RUNS, figures.LIGHT),
    ):
        assert {trace.name for trace in figure.data} == {"first", "&lt;b&gt;second&lt;/b&gt;"}, "names are no HTML"
        assert {trace.legendgroup for trace in figure.data} == set(RUNS)
        assert all("markers" in trace.mode for trace in figure.data), "plotly lets people click markers only"
        assert all("%{fullData.name}" in trace.hovertemplate for trace in figure.data)
    assert label('<a href="javascript:x">') == "&lt;a href=&quot;javascript:x&quot;&gt;"


def test_a_run_without_a_curve_is_left_out_and_keeps_the_others_colours():
    one = sweep()
    figure = figures.thresholds(one[one["run_id"] == "b"], RUNS, figures.LIGHT)
    assert {trace.line.color for trace in figure.data} == {RED}
    assert {trace.marker.symbol for trace in figure.data} == {"square"}


def test_training_draws_a_panel_per_metric_losses_first():
    rows = [("a", key, step, 1.0) for key in ("val/seg", "train/loss", "val/loss") for step in range(3)]
    table = pd.DataFrame(rows, columns=["run_id", "key", "x", "value"])
    figure = figures.training(table, RUNS, "frames seen", figures.LIGHT)
    assert [note.text for note in figure.layout.annotations] == ["train/loss", "val/loss", "val/seg"]
    assert [trace.showlegend for trace in figure.data] == [True, False, False]
    assert figure.layout.xaxis.title.text == "frames seen"


@pytest.mark.parametrize("count", [1, 20])
def test_training_of_many_metrics(count):
    rows = [("a", f"val/{number}", 0, 1.0) for number in range(count)]
    table = pd.DataFrame(rows, columns=["run_id", "key", "x", "value"])
    assert len(figures.training(table, RUNS, "step", figures.LIGHT).data) == count


def test_bins_keep_their_order():
    rows = [("b", "<0.5", 3, 0.5, None), ("b", "0.5-1", 9, 0.75, 1.0), ("a", ">=2", 1, 1.0, 0.0)]
    table = pd.DataFrame(rows, columns=["run_id", "bin", "n", "seg", "missed"])
    figure = figures.by_bin(table, {"seg": "SEG", "missed": "Missed"}, "Size", RUNS, figures.LIGHT)
    assert figure.layout.xaxis.categoryarray == ("<0.5", "0.5-1", ">=2")
    assert list(traces(figure, "b")[0].customdata) == [3, 9]


def test_a_look_follows_its_background_and_saved_figures_have_one():
    assert figures.on("#fafafa") == figures.LIGHT._replace(paper="#fafafa")
    assert figures.on("#101820").ink == figures.DARK.ink
    for look in (figures.LIGHT, figures.DARK):
        assert figures.thresholds(sweep(), RUNS, look).layout.paper_bgcolor == look.paper


def test_words_of_others_are_no_markdown():
    assert plain("[x](http://evil) :red[y] $z$ <b>") == r"\[x\]\(http\://evil\) \:red\[y\] \$z\$ \<b\>"
