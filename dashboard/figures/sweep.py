"""Precision, recall and F1 over the IoU threshold, with their 95 % intervals where these are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.look import band, bar, dress, trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dashboard.figures.look import Line, Look

MARKS = (25, 50, 75)
KEYS = {"f1": "F1", "precision": "Precision", "recall": "Recall"}
ROW = 20
"""Height of a row of the legend, in px."""
_HIT = {"size": 9, "opacity": 0}
"""Markers that nobody sees: plotly lets people click markers only."""
_HOVER = "IoU %{customdata:.2f}: precision %{y:.3f}, recall %{x:.3f}<extra>%{fullData.name}</extra>"


def thresholds(curves: pd.DataFrame, runs: Mapping[str, Line], look: Look) -> go.Figure:
    """One panel each for F1, precision and recall.

    Args:
        curves: as `compared.curves` makes them.
        runs: run id -> how it is drawn.
        look: light or dark.
    """
    figure = make_subplots(1, 3, subplot_titles=list(KEYS.values()), horizontal_spacing=0.05)
    for run_id, line, curve in _each(curves, runs):
        for col, key in enumerate(KEYS, 1):
            for each in _over_threshold(curve, key, run_id, line, shown=col == 1):
                figure.add_trace(each, 1, col)
    dress(figure, 400, runs, look)
    figure.update_xaxes(range=[0, 1], dtick=0.25, title_text="IoU threshold")
    figure.update_yaxes(range=[0, 1.03], dtick=0.25)
    for mark in MARKS:
        figure.add_vline(mark / 100, line_width=1, line_dash="dot", line_color=look.axis)
    return figure


def precision_recall(curves: pd.DataFrame, runs: Mapping[str, Line], look: Look) -> go.Figure:
    """Precision over recall, a point for every IoU threshold; markers at 0.25, 0.50 and 0.75.

    Args:
        curves: as `compared.curves` makes them.
        runs: run id -> how it is drawn.
        look: light or dark.
    """
    figure = go.Figure()
    for run_id, line, curve in _each(curves, runs):
        base = trace(run_id, line, shown=True)
        known = curve.dropna(subset=["precision_low", "recall"])
        if len(known) > len(MARKS):
            figure.add_trace(
                go.Scatter(**band(known["recall"], known["precision_low"], known["precision_high"], line, run_id))
            )
        figure.add_trace(_line(curve["recall"], curve["precision"], curve["threshold"], _HOVER, base))
        marked = curve[curve["percent"].isin(MARKS)]
        dots = _dots(marked["recall"], marked["precision"], marked["threshold"], _HOVER, base)
        limits = marked.dropna(subset=["precision_low", "recall_low"])
        if len(limits) == len(marked):
            dots.error_y = bar(limits["precision"], limits["precision_low"], limits["precision_high"], line)
            dots.error_x = bar(limits["recall"], limits["recall_low"], limits["recall_high"], line)
        figure.add_trace(dots)
    # The curves run from one corner to the other, so no corner is free for names: each has a row above.
    rows = ROW * len(runs)
    dress(figure, 370 + rows, {}, look)
    legend = {"orientation": "v", "x": 0, "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 12}}
    figure.update_layout(legend=legend, margin={"t": 14 + rows})
    figure.update_xaxes(range=[0, 1.03], dtick=0.25, title_text="Recall")
    figure.update_yaxes(range=[0, 1.03], dtick=0.25, title_text="Precision")
    return figure


def _each(curves: pd.DataFrame, runs: Mapping[str, Line]) -> list[tuple[str, Line, pd.DataFrame]]:
    found = ((run_id, line, curves[curves["run_id"] == run_id]) for run_id, line in runs.items())
    return [(run_id, line, curve) for run_id, line, curve in found if len(curve)]


def _over_threshold(curve: pd.DataFrame, key: str, run_id: str, line: Line, shown: bool) -> list[go.Scatter]:
    """Band, line, and markers at three thresholds, with bars where there is no band."""
    base = trace(run_id, line, shown)
    hover = f"IoU %{{x:.2f}}: {KEYS[key]} %{{y:.3f}}<extra>%{{fullData.name}}</extra>"
    known = curve.dropna(subset=[f"{key}_low"])
    banded = len(known) > len(MARKS)
    areas = [go.Scatter(**band(known["threshold"], known[f"{key}_low"], known[f"{key}_high"], line, run_id))]
    marked = curve[curve["percent"].isin(MARKS)]
    dots = _dots(marked["threshold"], marked[key], marked["threshold"], hover, base)
    if not banded and len(known):
        marked = known
        dots = _dots(marked["threshold"], marked[key], marked["threshold"], hover, base)
        dots.error_y = bar(marked[key], marked[f"{key}_low"], marked[f"{key}_high"], line)
    return [*(areas if banded else []), _line(curve["threshold"], curve[key], curve["threshold"], hover, base), dots]


def _line(x: Any, y: Any, threshold: Any, hover: str, base: dict[str, Any]) -> go.Scatter:
    """A curve; where undefined it has a gap."""
    hit = {**base["marker"], **_HIT}
    look = {**base, "marker": hit, "unselected": {"marker": {"opacity": 0}}, "selected": {"marker": {"opacity": 0}}}
    return go.Scatter(x=x, y=y, customdata=threshold, hovertemplate=hover, mode="lines+markers", **look)


def _dots(x: Any, y: Any, threshold: Any, hover: str, base: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, customdata=threshold, hovertemplate=hover, mode="markers", **{**base, "showlegend": False}
    )
