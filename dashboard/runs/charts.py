"""Small figures of many runs: scores with their intervals, and scores over time; a table in, a figure out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dashboard.words import label, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

# A blue and an orange that stay apart for the colour-blind, and stand out on white and on dark.
POINT, BEST, QUIET = "#2b8cc4", "#d55e00", "rgba(128, 138, 148, 0.55)"
MOST = 400
"""Runs drawn over time, beside those that were the best."""
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


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Of very many runs those that were the best at their time, and the newest: no eye tells thousands apart."""
    better = table["best"] > table["best"].shift(fill_value=float("-inf"))
    return table[better | (np.arange(len(table)) >= len(table) - MOST)]


def over_time(table: pd.DataFrame) -> dict[str, Any]:
    """Validation scores over the runs' starts, and the best so far as a staircase: an ECharts figure.

    The Overview is opened the most: ECharts loads in a quarter of the time that plotly takes.

    Args:
        table: run_id, name, started, score, best; oldest first.
    """
    times = (table["started"].dt.tz_localize(None).astype("datetime64[ms]").astype("int64")).tolist()
    low, high = _window(table["score"])
    rows = list(zip(times, table["score"].tolist(), table["name"].tolist(), strict=True))
    dots = [
        {
            "name": f"{short(name, 34)}: {score:.3f}",
            "value": [time, max(score, math.floor(20 * low) / 20)],
            "symbol": "circle" if score >= low else "triangle",  # below the axis: drawn at its edge, upside down
            "symbolRotate": 0 if score >= low else 180,
        }
        for time, score, name in rows
    ]
    steps = [[time, best] for time, best in zip(times, table["best"].tolist(), strict=True)]
    quiet = {"silent": True, "animation": False, "showSymbol": False}
    return {
        "useUTC": True,
        "animation": False,
        "grid": {"left": 8, "right": 14, "top": 30, "bottom": 34, "containLabel": True},
        "legend": {"show": False},
        "tooltip": {"trigger": "item", "formatter": "{b}", "confine": True},
        "xAxis": {"type": "time", "name": "Started (UTC)", "nameLocation": "middle", "nameGap": 28},
        "yAxis": {
            "type": "value",
            "name": "Validation OP_CSB",
            "nameTextStyle": {"align": "left", "padding": [0, 0, 0, -30]},
            "min": math.floor(20 * low) / 20,
            "max": min(1.0, math.ceil(20 * high) / 20),
        },
        "series": [
            {"type": "line", "name": "best so far", "step": "end", "data": steps, "color": BEST, **quiet},
            {
                "type": "scatter",
                "name": "run",
                "data": dots,
                "color": POINT,
                "symbolSize": 9,
                "itemStyle": {"opacity": 0.8},
                "selectedMode": "single",
            },
        ],
    }


def clicked(state: Any, run_ids: Sequence[str]) -> str:
    """The run whose point was just clicked; empty = none."""
    groups = state["selection"]["selected"] if state else []
    places = [place for group in groups if group["series_index"] == 1 for place in group["data_indices"]]
    return run_ids[places[0]] if places and places[0] < len(run_ids) else ""


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
