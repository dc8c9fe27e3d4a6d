"""A figure on a page: it follows the theme, a click on a point opens its run, and it is saved as PNG, SVG or CSV."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import colours, figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import plotly.graph_objects as go

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
}
FORMATS = ("png", "svg")
BUTTONS = "".join(f'<button type="button" data-format="{name}">{name.upper()}</button>' for name in FORMATS)
OPENED = "plots.opened"
_HERE = Path(__file__).parent
_save = st.components.v2.component(
    "cytolapse.save",
    html=BUTTONS,
    css=(_HERE / "save.css").read_text(),
    js=(_HERE / "save.js").read_text(),
)


def look() -> figures.Look:
    """Light or dark, as the page is."""
    theme = st.context.theme.type or "light"
    usual = figures.DARK if theme == "dark" else figures.LIGHT
    paper = st.get_option(f"theme.{theme}.backgroundColor") or st.get_option("theme.backgroundColor")
    # A theme that the configuration fixes wins over what the browser prefers.
    return figures.on(paper) if re.fullmatch("#[0-9a-fA-F]{6}", str(paper)) else usual


def lines(names: Mapping[str, str]) -> dict[str, figures.Line]:
    """Run id -> how it is drawn."""
    found = colours.of(names)
    return {run_id: figures.Line(name, found[run_id]) for run_id, name in names.items()}


def show(figure: go.Figure, table: pd.DataFrame, key: str, name: str) -> None:
    """Draw a figure, with what saves it below.

    Args:
        figure: its traces have their run's id as `legendgroup`.
        table: the numbers of the figure.
        key: of the figure on its page.
        name: of the files, without an end.
    """
    st.plotly_chart(
        figure,
        theme=None,
        config=CONFIG,
        key=key,
        on_select=lambda: clicked(st.session_state[key]),
        selection_mode="points",
    )
    with _right():
        _save(key=f"{key}-save", data={"chart": key, "name": name}, width="content", height="content")
        csv_button(table.to_csv(index=False), key, name)


def csv_button(csv: str, key: str, name: str) -> None:
    """What saves a table."""
    st.download_button("CSV", csv, f"{name}.csv", "text/csv", key=f"{key}-csv", on_click="ignore", type="tertiary")


def csv_row(csv: str, key: str, name: str) -> None:
    """What saves a table that no figure is drawn of, on a row of its own."""
    with _right():
        csv_button(csv, key, name)


def _right() -> Any:
    return st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small")


def clicked(state: Any) -> None:
    """Remember whose point was clicked."""
    for point in state["selection"]["points"]:
        st.session_state[OPENED] = point.get("legendgroup")


def open_clicked(known: Mapping[str, str]) -> None:
    """Go to the run whose point was clicked; call it before anything is drawn."""
    run_id = st.session_state.pop(OPENED, None)
    if run_id in known:
        st.switch_page("views/runs.py", query_params={"run": run_id})
