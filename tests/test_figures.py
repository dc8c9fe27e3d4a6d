from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dashboard import figures
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
