"""Figures of errors: scores by bin; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.errors.mistakes import BINS

if TYPE_CHECKING:
    from collections.abc import Mapping

SCORES = {"recall_iou_0.50": "Recall at IoU 0.5", "recall_iou_0.75": "Recall at IoU 0.75", "seg": "SEG"}


def by_bin(found: Mapping[str, Mapping[str, Mapping[str, Any]]], score: str, colour: str) -> go.Figure:
    """A panel for each kind of bin, a bar for each bin with the number of its cells.

    Args:
        found: kind of bin -> bin -> `n` and scores.
        score: a key of SCORES.
        colour: of the run.
    """
    widths = [max(1.5, len(bins)) for bins in found.values()]
    titles = [BINS[kind][0] for kind in found]
    figure = make_subplots(
        1, len(found), subplot_titles=titles, shared_yaxes=True, column_widths=widths, horizontal_spacing=0.025
    )
    for place, bins in enumerate(found.values(), 1):
        values = [row[score] for row in bins.values()]
        bars = go.Bar(
            x=[f"{name}<br>n={row['n']:,}" for name, row in bins.items()],
            y=values,
            text=[f"{value:.3f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker_color=colour,
            hovertemplate="%{x}<br>%{y:.3f}<extra></extra>",
        )
        figure.add_trace(bars, 1, place)
    figure.update_layout(height=320, showlegend=False, bargap=0.35, margin={"l": 52, "r": 8, "t": 44, "b": 48})
    figure.update_xaxes(type="category")
    figure.update_yaxes(range=[0, 1.1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(title_text=SCORES[score], col=1)
    return figure
