"""What a trial shows: painted cells, and counts and areas over time; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy import ndimage

from cytolapse.exports.rois import colour

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cytolapse.previews import FrameView

TARGET = 900
"""Width in px that a picture should have at least; pixels are repeated."""
LINE, BAND = "#2b93b8", "rgba(43,147,184,0.22)"  # readable on light and on dark


def painted(view: FrameView, tint: float = 0.3) -> NDArray[np.uint8]:
    """The frame with each cell outlined and tinted in the colour of its track, as the ROIs have it: (Y, X, 3).

    Args:
        view: the frame; only image and prediction are read.
        tint: how strong; 0 = outlines only.
    """
    zoom = max(1, round(TARGET / view.image.shape[1]))
    labels = view.prediction.repeat(zoom, 0).repeat(zoom, 1)
    canvas = np.repeat(view.image.repeat(zoom, 0).repeat(zoom, 1)[..., None], 3, axis=2).astype(np.float32)
    ids, places = np.unique(labels, return_inverse=True)
    colours = np.array([list(colour(int(each))[1:]) for each in ids], np.float32)[places.reshape(labels.shape)]
    cells = labels > 0
    size = 2 * (1 + max(canvas.shape) // 1400) + 1
    line = cells & (ndimage.maximum_filter(labels, size) != ndimage.minimum_filter(labels, size))
    canvas[cells] += tint * (colours[cells] - canvas[cells])
    canvas[line] = colours[line]
    shown: NDArray[np.uint8] = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    return shown


def over_time(cells: pd.DataFrame, numbers: list[int], minutes: float | None) -> pd.DataFrame:
    """One row a frame, also where no cell was found: frame, hours, cells, total, median, low, high.

    Areas are in um2 where the pixel size is known, else in px; low and high are quartiles of the cells' areas.

    Args:
        cells: rows of the measurements.
        numbers: every frame's number.
        minutes: per frame, or None.
    """
    column = unit(cells)[0]
    areas = cells.astype({"frame": int, column: float}).groupby("frame")[column]  # a table without rows has no types
    table = areas.agg(cells="size", total="sum", median="median").reindex(numbers)
    table["low"], table["high"] = areas.quantile(0.25), areas.quantile(0.75)
    table[["cells", "total"]] = table[["cells", "total"]].fillna(0)
    table["cells"] = table["cells"].astype(int)
    if minutes:
        table["hours"] = table.index * minutes / 60
    return table.rename_axis("frame").reset_index()


def unit(cells: pd.DataFrame) -> tuple[str, str]:
    """The column of areas to show, and its unit."""
    known = "area_um2" in cells and cells["area_um2"].notna().any()
    return ("area_um2", "µm²") if known else ("area_px", "px")


def growth(table: pd.DataFrame, areas: str, log: bool) -> go.Figure:
    """Number of cells, total area and area of a cell over time; a gap where a logarithm has nothing to show.

    Args:
        table: as `over_time` gives it.
        areas: the unit of areas.
        log: logarithmic axes for number and total area: steady growth is a straight line.
    """
    titles = ("Number of cells", f"Total area ({areas})", f"Area of a cell ({areas}): median and quartiles")
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.06)
    time, what = ("hours", "time (h)") if "hours" in table else ("frame", "frame")
    x, marks = table[time], "lines+markers" if len(table) < 60 else "lines"
    look = {"mode": marks, "line": {"color": LINE, "width": 2}, "hovertemplate": "%{y:.4~g}"}
    for column, name in enumerate(("cells", "total"), start=1):
        shown = table[name].where(table[name] > 0) if log else table[name]
        figure.add_trace(go.Scatter(x=x, y=shown, **look), 1, column)
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=x, y=table["low"], **edge), 1, 3)
    figure.add_trace(go.Scatter(x=x, y=table["high"], fill="tonexty", fillcolor=BAND, **edge), 1, 3)
    figure.add_trace(go.Scatter(x=x, y=table["median"], **look), 1, 3)
    figure.update_layout(showlegend=False, height=300, margin={"l": 8, "r": 8, "t": 34, "b": 8}, hovermode="x")
    figure.update_annotations(font={"size": 14})
    figure.update_xaxes(title_text=what, title_standoff=4, automargin=True)
    figure.update_yaxes(automargin=True, rangemode="tozero")
    if log:
        for column in (1, 2):
            figure.update_yaxes(type="log", dtick="D2", row=1, col=column)
    return figure
