"""The cells of a truth on a page: figures, a table, and frames with outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import plots
from dashboard.data.annotated import summary
from dashboard.figures import cells as figures

if TYPE_CHECKING:
    from dashboard.data.annotated import Cells

KIND_HELP = (
    "Gold: masks that people drew. Silver: masks that programs made and people checked. "
    "TRA: markers of people, one for each cell, to follow cells by; they say where a cell is, not how large it is."
)


def cells(found: Cells, um: float | None, minutes: float | None, key: str) -> None:
    """Figures and a table of the cells of the truth."""
    if found.counts.empty:
        st.caption("No mask was read so far.")
        return
    look = plots.look()
    st.plotly_chart(figures.over_time(found.counts, minutes, look), theme=None, config=plots.CONFIG, key=f"{key}-time")
    left, right = st.columns(2, gap="medium")
    if len(found.cells):
        left.plotly_chart(figures.sizes(found.cells, um, look), theme=None, config=plots.CONFIG, key=f"{key}-sizes")
        figure = figures.elongations(found.cells, look)
        right.plotly_chart(figure, theme=None, config=plots.CONFIG, key=f"{key}-shapes")
    unit, column = "µm²" if um else "px", st.column_config
    names = {
        "kind": column.TextColumn("Truth", help=KIND_HELP),
        "frames": column.NumberColumn("Frames", format="localized"),
        "cells": column.NumberColumn("Cells", format="localized", help="Summed over frames."),
        "median": column.NumberColumn("Cells per frame", format="%.4g", help="Median over annotated frames."),
        "range": column.TextColumn("Fewest to most"),
        "area": column.NumberColumn(f"Area ({unit})", format="localized", help="Median over cells."),
        "quartiles": column.TextColumn(f"Half of the areas ({unit})", help="From the first to the third quartile."),
        "aspect": column.NumberColumn("Elongation", format="%.2f", help="Major over minor axis, median over cells."),
    }
    rows = summary(found, um).replace({"kind": figures.TITLES})
    st.dataframe(rows, hide_index=True, column_order=list(names), column_config=names, placeholder="—")


def sample(picture: bytes | None, sequence: str, number: int, minutes: float | None) -> None:
    """A frame with outlines; PNG, None = it can't be read."""
    when = f", {number * minutes / 60:.3g} h" if minutes else ""
    text = f"Sequence {sequence}, frame {number}{when}"
    if picture is None:
        st.caption(f"{text}: it can't be read.")
    else:
        st.image(picture, caption=text, output_format="PNG", width="stretch")
