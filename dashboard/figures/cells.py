"""Figures of a data set's truth: cells per frame, their sizes and shapes; tables in, plotly figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.look import DARK, Look, dress, translucent

if TYPE_CHECKING:
    import pandas as pd

# On light, the colours of the Movie page are too pale for lines: the same hues, darker.
COLOURS = {
    "gold": ("#009b74", "#00c896"),
    "silver": ("#4f83e3", "#a8c7fa"),
    "TRA": ("#b0578a", "#cc79a7"),
}
"""Kind of truth -> its colour on light and on dark."""
TITLES = {"gold": "Gold masks", "silver": "Silver masks", "TRA": "TRA markers"}
COLUMNS = 3
BINS = 30
ROW, GAP = 190, 60


def colour(kind: str, look: Look) -> str:
    """That of a kind of truth."""
    return COLOURS[kind][look.ink == DARK.ink]


def over_time(counts: pd.DataFrame, minutes: float | None, look: Look) -> go.Figure:
    """Number of cells over time, one panel for each sequence: gold as points, the others as lines with gaps.

    Args:
        counts: sequence, kind, frame, cells.
        minutes: per frame; None = the axis counts frames.
        look: light or dark.
    """
    names = sorted(counts["sequence"].unique())
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    titles = [f"Sequence {name}" for name in names] if len(names) > 1 else None
    figure = make_subplots(rows, columns, subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.03)
    for place, name in enumerate(names):
        for kind in ("silver", "TRA", "gold"):
            here = counts[(counts["sequence"] == name) & (counts["kind"] == kind)].sort_values("frame")
            if len(here):
                shown = kind not in set(counts.loc[counts["sequence"].isin(names[:place]), "kind"])
                trace = _counted(here, kind, minutes, look)
                figure.add_trace(trace.update(showlegend=shown), place // columns + 1, place % columns + 1)
    dress(figure, GAP + ROW * rows + 60, {}, look)
    figure.update_layout(margin={"t": 66 if titles else 44})
    for column in range(1, columns + 1):
        figure.update_xaxes(title_text="Time (h)" if minutes else "Frame", row=rows, col=column)
    for row in range(1, rows + 1):
        figure.update_yaxes(title_text="Cells per frame", row=row, col=1)
    figure.update_yaxes(rangemode="tozero", tickformat="d")
    return figure


def _counted(here: pd.DataFrame, kind: str, minutes: float | None, look: Look) -> go.Scatter:
    frames = here["frame"].to_numpy()
    cells = here["cells"].astype(float).to_numpy()
    if kind != "gold":  # a gap where frames are not annotated
        breaks = np.flatnonzero(np.diff(frames) > 1) + 1
        frames, cells = np.insert(frames, breaks, frames[breaks] - 1), np.insert(cells, breaks, np.nan)
    paint = colour(kind, look)
    style: dict[str, Any] = {"mode": "markers", "marker": {"color": paint, "size": 7}}
    if kind != "gold":
        style = {"mode": "lines+markers" if len(here) < 40 else "lines", "line": {"color": paint, "width": 2}}
        style["line"]["dash"] = "dot" if kind == "TRA" else "solid"
        style["marker"] = {"color": paint, "size": 4}
    return go.Scatter(
        x=frames * minutes / 60 if minutes else frames,
        y=cells,
        customdata=frames,
        name=TITLES[kind],
        legendrank=list(TITLES).index(kind),
        hovertemplate="frame %{customdata}: %{y:d} cells",
        **style,
    )


def sizes(cells: pd.DataFrame, um: float | None, look: Look) -> go.Figure:
    """Distribution of the cells' areas.

    Args:
        cells: kind, area in px.
        um: per pixel; None = areas stay in px.
        look: light or dark.
    """
    values = {kind: part["area"].to_numpy(float) * (um or 1) ** 2 for kind, part in cells.groupby("kind")}
    return _shares(values, f"Area of a cell ({'µm²' if um else 'px'})", look)


def elongations(cells: pd.DataFrame, look: Look) -> go.Figure:
    """Distribution of the cells' elongation; `cells`: kind, aspect."""
    values = {kind: part["aspect"].dropna().to_numpy(float) for kind, part in cells.groupby("kind")}
    return _shares(values, "Elongation (major / minor axis)", look)


def _shares(values: dict[str, Any], title: str, look: Look) -> go.Figure:
    """One staircase for each kind: gold has few cells and silver many, so shares and not numbers are compared."""
    figure = go.Figure()
    every = np.concatenate([each for each in values.values() if len(each)] or [np.zeros(1)])
    low, high = float(every.min()), float(np.percentile(every, 99.5))
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    for kind in ("silver", "gold"):
        if kind not in values or not len(values[kind]):
            continue
        number = np.histogram(np.clip(values[kind], low, edges[-1]), edges)[0]
        share = 100 * number / len(values[kind])
        paint = colour(kind, look)
        figure.add_trace(
            go.Scatter(
                x=np.repeat(edges, 2),
                y=np.concatenate([[0], np.repeat(share, 2), [0]]),
                mode="lines",
                line={"color": paint, "width": 1.5},
                fill="tozeroy",
                fillcolor=translucent(paint, 0.22),
                name=f"{TITLES[kind]} ({len(values[kind]):,})",
                hovertemplate="%{x:.3~g}: %{y:.1f} %<extra></extra>",
            )
        )
    dress(figure, 270, {}, look)
    figure.update_layout(showlegend=True, legend={"traceorder": "reversed"}, margin={"t": 44})
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text="Share of cells (%)", rangemode="tozero")
    return figure
