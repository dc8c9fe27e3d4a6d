"""Small figures of many runs: scores with their intervals, and scores over time; a table in, a plotly figure out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dashboard.words import label, short

if TYPE_CHECKING:
    import pandas as pd

# A blue and an orange that stay apart for the colour-blind, and stand out on white and on dark.
POINT, BEST, QUIET = "#2b8cc4", "#d55e00", "rgba(128, 138, 148, 0.55)"
ROW = 24
"""Height of one run in px."""


def scores(table: pd.DataFrame, title: str) -> go.Figure:
    """Every run's score with its 95 % interval, in the table's order.

    Args:
        table: run_id as index; name, score, low and high (NaN where there is no interval).
        title: of the score.
    """
    names = [label(short(name, 34)) for name in table["name"]]
    places = list(range(len(table)))
    whole = table["low"].notna() & table["high"].notna()
    bars = {
        "type": "data",
        "symmetric": False,
        "array": (table["high"] - table["score"]).where(whole, 0).clip(lower=0).tolist(),
        "arrayminus": (table["score"] - table["low"]).where(whole, 0).clip(lower=0).tolist(),
        "thickness": 1.5,
        "width": 4,
        "color": QUIET,
    }
    said = [
        f"{row.score:.3f}" + (f", 95 % interval {row.low:.3f} to {row.high:.3f}" if row.low == row.low else "")
        for row in table.itertuples()
    ]
    dots = go.Scatter(
        x=table["score"].tolist(),
        y=places,
        error_x=bars,
        mode="markers",
        marker={"color": POINT, "size": 9},
        text=names,
        customdata=[[run_id, line] for run_id, line in zip(table.index.astype(str), said, strict=True)],
        hovertemplate="%{text}: %{customdata[1]}<extra></extra>",
    )
    figure = go.Figure(dots)
    _dress(figure, 72 + ROW * max(2, len(table)))
    figure.update_yaxes(tickvals=places, ticktext=names, range=[len(table) - 0.4, -0.6], showgrid=False)
    figure.update_xaxes(title_text=label(title))
    return figure


def over_time(table: pd.DataFrame) -> go.Figure:
    """Validation scores over the runs' starts, and the best so far as a staircase.

    Args:
        table: run_id, name, started, score, best; oldest first.
    """
    names = [label(short(name, 34)) for name in table["name"]]
    times = table["started"].dt.tz_localize(None).to_numpy()
    low, high = _window(table["score"])
    below = table["score"] < low  # drawn at the edge, as what they are
    steps = go.Scatter(
        x=times,
        y=table["best"].to_numpy(),
        mode="lines",
        line={"color": BEST, "width": 2, "shape": "hv"},
        name="best so far",
        hoverinfo="skip",
    )
    dots = go.Scatter(
        x=times,
        y=table["score"].clip(lower=low).to_numpy(),
        mode="markers",
        marker={
            "color": POINT,
            "size": 9,
            "opacity": 0.8,
            "symbol": below.map({True: "triangle-down", False: "circle"}).tolist(),
        },
        name="run",
        text=names,
        customdata=table[["run_id", "score"]].to_numpy().tolist(),
        hovertemplate="%{text}: %{customdata[1]:.3f}<extra></extra>",
    )
    figure = go.Figure([steps, dots])
    _dress(figure, 330)
    figure.update_yaxes(title_text="Validation OP_CSB", range=[low - 0.04 * (high - low), high])
    figure.update_xaxes(title_text="Started (UTC)")
    return figure


def clicked(state: Any) -> str:
    """The run whose point was just clicked; empty = none."""
    points = state["selection"]["points"] if state else []
    data = points[0].get("customdata") if points else None
    if isinstance(data, dict):  # Streamlit hands lists over as {"0": ...}
        data = list(data.values())
    return str(data[0]) if data else ""


def _window(values: pd.Series) -> tuple[float, float]:
    """The part of the scores' axis in which most runs lie, so that one failure does not press the rest together."""
    low, high = float(values.quantile(0.1)), float(values.max())
    margin = max(0.005, 0.15 * (high - low))
    return max(0.0, low - margin), min(1.02, high + margin)


def _dress(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 10, "b": 40},
        showlegend=False,
        hoverlabel={"namelength": -1},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(title_standoff=6, zeroline=False, automargin=True)
    figure.update_yaxes(title_standoff=6, zeroline=False, automargin=True)
