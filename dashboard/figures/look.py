"""What all figures look like, on a light page and on a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dashboard import colours
from dashboard.words import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

_LEGEND_ROW, _LEGEND_LINE, _LEGEND_CHARACTERS = 24, 6, 150


class Look(NamedTuple):
    """Colours of everything but the runs; `paper` is solid, so that a saved figure can be read anywhere."""

    paper: str
    ink: str
    faint: str
    grid: str
    axis: str


LIGHT = Look("#ffffff", "#17212b", "#51606e", "#e6ebef", "#b3bec8")
DARK = Look("#0e1117", "#f2f5f7", "#a9b4be", "#2a313b", "#56616d")


def on(paper: str) -> Look:
    """The look that can be read on a background #rrggbb."""
    red, green, blue = (int(paper[place : place + 2], 16) for place in (1, 3, 5))
    return (LIGHT if 0.3 * red + 0.59 * green + 0.11 * blue > 127 else DARK)._replace(paper=paper)


class Line(NamedTuple):
    """How a run is drawn: the same on every page."""

    name: str
    colour: str

    @property
    def symbol(self) -> str:
        """Its marker, for those who can't tell its colour."""
        return colours.symbol(self.colour)


def trace(run_id: str, line: Line, shown: bool) -> dict[str, Any]:
    """What every trace of a run has; `legendgroup` tells whose point was clicked."""
    return {
        "name": label(line.name),
        "legendgroup": run_id,
        "showlegend": shown,
        "line": {"color": line.colour, "width": 2},
        "marker": {"color": line.colour, "symbol": line.symbol, "size": 8},
        "unselected": {"marker": {"opacity": 1}},
    }


def translucent(colour: str, alpha: float) -> str:
    """A colour #rrggbb that lets through what lies below."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def band(x: Any, low: Any, high: Any, line: Line, run_id: str) -> dict[str, Any]:
    """The outline of the area between two curves."""
    return {
        "x": [*x, *x[::-1]],
        "y": [*low, *high[::-1]],
        "fill": "toself",
        "fillcolor": translucent(line.colour, 0.18),
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": run_id,
        "name": label(line.name),
    }


def bar(values: Any, low: Any, high: Any, line: Line) -> dict[str, Any]:
    """Error bars from limits."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [h - v for v, h in zip(values, high, strict=True)],
        "arrayminus": [v - lo for v, lo in zip(values, low, strict=True)],
        "color": line.colour,
        "thickness": 1.3,
        "width": 4,
    }


def dress(figure: go.Figure, height: int, runs: Mapping[str, Line], look: Look) -> None:
    """Font, legend above, axes.

    Args:
        figure: changed in place.
        height: in px, without further rows of the legend.
        runs: those of the legend.
        look: light or dark.
    """
    more = _LEGEND_ROW * (_legend_rows(runs) - 1)
    figure.update_layout(
        template="none",
        height=height + more,
        margin={"l": 52, "r": 12, "t": 64 + more, "b": 46},
        font={"family": "Source Sans, Source Sans Pro, sans-serif", "size": 13, "color": look.ink},
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top", "font": {"size": 13}},
        hoverlabel={"namelength": -1},
        hovermode="closest",
        paper_bgcolor=look.paper,
        plot_bgcolor=look.paper,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": look.axis, "activecolor": look.ink},
    )
    figure.update_annotations(font={"size": 14, "color": look.ink})
    axis = {"gridcolor": look.grid, "zeroline": False, "linecolor": look.axis, "automargin": True}
    axis |= {"title_font": {"size": 12, "color": look.faint}, "tickfont": {"color": look.faint}}
    figure.update_xaxes(**axis, title_standoff=6, ticks="outside", tickcolor=look.axis)
    figure.update_yaxes(**axis, title_standoff=6)


def _legend_rows(runs: Mapping[str, Line]) -> int:
    """Rows of the legend on a usual screen, where plotly gives all entries the width of the longest."""
    widest = max((len(line.name) for line in runs.values()), default=0) + _LEGEND_LINE
    return -(-len(runs) // max(1, _LEGEND_CHARACTERS // widest))
