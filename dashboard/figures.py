"""Figures: a table in, a plotly figure out; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.words import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

# Source: Okabe and Ito's palette, its light yellow left out; a second round is dashed.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b4b8a", "#444444")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKS = (0.25, 0.5, 0.75)
_LEGEND_ROW, _LEGEND_LINE, _LEGEND_CHARACTERS = 28, 7, 165
_INK, _GRID = "#17212b", "#e6ebef"


def sweep(series: pd.DataFrame, names: Mapping[str, str], suffix: str = "") -> go.Figure:
    """F1, precision and recall over the IoU threshold, and precision over recall.

    Args:
        series: run_id, key (precision, recall, f1, precision_any, recall_any), step (threshold in percent), value.
        names: run id -> name, in the order of the colours.
        suffix: "" = strict one-to-one matching, "_any" = source-compatible.
    """
    titles = (
        "F1 over IoU threshold",
        "Precision over recall (dots: IoU 0.25, 0.5, 0.75)",
        "Precision over IoU threshold",
        "Recall over IoU threshold",
    )
    figure = make_subplots(2, 2, subplot_titles=titles, horizontal_spacing=0.07, vertical_spacing=0.16)
    for position, (run_id, name) in enumerate(names.items()):
        curve = _curve(series[series["run_id"] == run_id], suffix)
        if curve.empty:
            continue
        style = _style(position, name)
        threshold = curve.index / 100
        for key, row, col in (("f1", 1, 1), ("precision", 2, 1), ("recall", 2, 2)):
            line = go.Scatter(x=threshold, y=curve[key], hovertemplate="%{y:.3f}", **style, showlegend=key == "f1")
            figure.add_trace(line, row, col)
        for trace in _precision_recall(curve, style):
            figure.add_trace(trace, 1, 2)
    _dress(figure, 680, names)
    figure.update_xaxes(range=[0, 1], dtick=0.25, title_text="IoU threshold", title_standoff=4)
    figure.update_yaxes(range=[0, 1.03], dtick=0.25)
    figure.update_xaxes(title_text="Recall", range=[0, 1.03], row=1, col=2)
    for row, col in ((1, 1), (2, 1), (2, 2)):
        for mark in MARKS:
            figure.add_vline(mark, row=row, col=col, line_width=1, line_dash="dot", line_color="#b3bec8")
    return figure


def training(series: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """One panel per metric over optimiser steps.

    Args:
        series: run_id, key (like train/loss), step, value.
        names: run id -> name, in the order of the colours.
    """
    keys = sorted(series["key"].unique(), key=lambda key: (not key.endswith("loss"), key))
    rows = max(1, -(-len(keys) // 2))
    gap = 0.34 / rows
    figure = make_subplots(
        rows, 2, subplot_titles=[label(key) for key in keys], horizontal_spacing=0.07, vertical_spacing=min(gap, 0.16)
    )
    for number, key in enumerate(keys):
        row, col = number // 2 + 1, number % 2 + 1
        for position, (run_id, name) in enumerate(names.items()):
            here = series[(series["run_id"] == run_id) & (series["key"] == key)].sort_values("step")
            style = _style(position, name)
            first = not any(trace.legendgroup == style["legendgroup"] for trace in figure.data)
            mode = "lines+markers" if len(here) < 40 else "lines"
            if len(here):
                line = go.Scatter(
                    x=here["step"],
                    y=here["value"],
                    hovertemplate="%{y:.4g}",
                    **{**style, "mode": mode},
                    showlegend=first,
                )
                figure.add_trace(line, row, col)
    _dress(figure, 60 + 290 * rows, names)
    figure.update_xaxes(title_text="step", title_standoff=4, rangemode="tozero")
    return figure


def _curve(series: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Threshold in percent -> precision, recall, f1; what is undefined stays empty."""
    wide = series.drop_duplicates(["key", "step"], keep="last").pivot(index="step", columns="key", values="value")
    if f"precision{suffix}" not in wide or f"recall{suffix}" not in wide:
        return wide.iloc[:0]
    curve = wide[[f"precision{suffix}", f"recall{suffix}"]].set_axis(["precision", "recall"], axis=1)
    both = curve["precision"] + curve["recall"]
    harmonic = (2 * curve["precision"] * curve["recall"] / both.where(both > 0)).fillna(0 * both)
    return curve.assign(f1=wide["f1"] if not suffix and "f1" in wide else harmonic)


def _precision_recall(curve: pd.DataFrame, style: dict[str, Any]) -> list[go.Scatter]:
    hover = "IoU %{customdata:.2f}: precision %{y:.3f}, recall %{x:.3f}<extra>%{fullData.name}</extra>"
    marks = curve[curve.index.isin([round(100 * mark) for mark in MARKS])]
    dots = {**style, "mode": "markers", "showlegend": False}
    return [
        go.Scatter(x=part["recall"], y=part["precision"], customdata=part.index / 100, hovertemplate=hover, **look)
        for part, look in ((curve, {**style, "showlegend": False}), (marks, dots))
    ]


def _style(position: int, name: str) -> dict[str, Any]:
    colour, dash = COLOURS[position % len(COLOURS)], DASHES[position // len(COLOURS) % len(DASHES)]
    return {
        "name": label(name),
        "legendgroup": str(position),
        "mode": "lines",
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"color": colour, "size": 6},
    }


def _dress(figure: go.Figure, height: int, names: Mapping[str, str]) -> None:
    more = _LEGEND_ROW * (_legend_rows(names) - 1)
    figure.update_layout(
        template="plotly_white",
        height=height + more,
        margin={"l": 44, "r": 12, "t": 66 + more, "b": 44},
        font={"family": "Source Sans, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 14}},
        hoverlabel={"namelength": -1},
    )
    figure.update_annotations(font={"size": 14, "color": _INK})
    figure.update_xaxes(
        title_font={"size": 12},
        gridcolor=_GRID,
        zeroline=False,
        linecolor="#b3bec8",
        ticks="outside",
        tickcolor="#b3bec8",
    )
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)


def _legend_rows(names: Mapping[str, str]) -> int:
    """Rows of the legend on a usual screen, where plotly gives all entries the width of the longest."""
    widest = max((len(name) for name in names.values()), default=0) + _LEGEND_LINE
    return -(-len(names) // max(1, _LEGEND_CHARACTERS // widest))
