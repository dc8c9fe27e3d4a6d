"""Training curves on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.look import dress, trace
from dashboard.words import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dashboard.figures.look import Line, Look

FEW = 40
"""Points up to which each has a marker that is seen."""


def training(history: pd.DataFrame, runs: Mapping[str, Line], axis: str, look: Look) -> go.Figure:
    """One panel per metric.

    Args:
        history: run_id, key (like train/loss), x, value.
        runs: run id -> how it is drawn.
        axis: what x is, with its unit.
        look: light or dark.
    """
    keys = sorted(history["key"].unique(), key=lambda key: (not key.endswith("loss"), key))
    rows = max(1, -(-len(keys) // 2))
    figure = make_subplots(
        rows,
        2,
        subplot_titles=[label(key) for key in keys],
        horizontal_spacing=0.07,
        vertical_spacing=min(0.34 / rows, 0.16),
    )
    told: set[str] = set()
    for number, key in enumerate(keys):
        for run_id, line in runs.items():
            here = history[(history["run_id"] == run_id) & (history["key"] == key)].sort_values("x", kind="stable")
            if len(here):
                figure.add_trace(_curve(here, run_id, line, run_id not in told), number // 2 + 1, number % 2 + 1)
                told.add(run_id)
    dress(figure, 60 + 290 * rows, runs, look)
    figure.update_xaxes(title_text=axis, rangemode="tozero")
    return figure


def _curve(here: pd.DataFrame, run_id: str, line: Line, shown: bool) -> go.Scatter:
    base, seen = trace(run_id, line, shown), len(here) <= FEW
    base["marker"] = {**base["marker"], "size": 6, "opacity": float(seen)}
    base["unselected"] = base["selected"] = {"marker": {"opacity": float(seen)}}
    hover = "%{x:.6g}: %{y:.4g}<extra>%{fullData.name}</extra>"
    return go.Scatter(x=here["x"], y=here["value"], hovertemplate=hover, mode="lines+markers", **base)
