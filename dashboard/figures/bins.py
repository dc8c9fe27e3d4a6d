"""Scores by kind of frame or cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.look import dress, trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dashboard.figures.look import Line, Look


def by_bin(
    table: pd.DataFrame, scores: Mapping[str, str], axis: str, runs: Mapping[str, Line], look: Look
) -> go.Figure:
    """One panel per score.

    Args:
        table: run_id, bin (in order), n (truth objects), and the scores.
        scores: column -> title.
        axis: what the bins are of.
        runs: run id -> how it is drawn.
        look: light or dark.
    """
    figure = make_subplots(1, len(scores), subplot_titles=list(scores.values()), horizontal_spacing=0.05)
    for run_id, line in runs.items():
        here = table[table["run_id"] == run_id]
        if here.empty:
            continue
        for col, (score, title) in enumerate(scores.items(), 1):
            hover = f"{axis} %{{x}}: {title} %{{y:.3f}}, %{{customdata}} cells<extra>%{{fullData.name}}</extra>"
            dots = go.Scatter(
                x=here["bin"],
                y=here[score],
                customdata=here["n"],
                hovertemplate=hover,
                mode="lines+markers",
                **trace(run_id, line, shown=col == 1),
            )
            figure.add_trace(dots, 1, col)
    dress(figure, 380, runs, look)
    order = list(dict.fromkeys(table["bin"]))
    figure.update_xaxes(title_text=axis, type="category", categoryorder="array", categoryarray=order)
    figure.update_yaxes(range=[0, 1.03], dtick=0.25)
    return figure
