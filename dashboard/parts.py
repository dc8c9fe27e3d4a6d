"""Pieces that several pages show."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.tracking.uri import shown
from dashboard import reads, tables
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

FIRST_STEPS = """cytolapse simulate data/demo --preset demo
cytolapse train unet --data data/demo
cytolapse evaluate RUN_ID --data data/demo"""
NOTHING_TRAINED = "The store's runs trained nothing. Train a first model, then reload this page:"


def title(name: str, line: str) -> None:
    """A page's head: its name and one line on what it answers."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(name, anchor=False, width="content")
        st.caption(line)


def failed(error: CytolapseError, part: str) -> None:
    """What went wrong in a part of a page, and another try."""
    st.error(plain(error), icon=":material/cloud_off:")
    st.button("Try again", key=f"again-{part}", icon=":material/refresh:", on_click=reads.forget)


def alone(part: Callable[..., None]) -> Callable[..., None]:
    """Have a part of a page drawn alone when something in it is touched; it says itself what fails in it."""

    @wraps(part)
    def drawn(*given: Any) -> None:
        try:
            part(*given)
        except CytolapseError as error:
            failed(error, part.__name__)

    return st.fragment(drawn)


def runs_or_stop() -> pd.DataFrame:
    """Every run; where there is none the page says how to make one and ends."""
    runs = reads.runs()
    if runs.empty:
        store = plain(shown(reads.address()) or "mlflow.db in this folder")
        stop("No runs yet", f"The store ({store}) is empty. Train a first model, then reload this page:", FIRST_STEPS)
    return runs


def experiments_or_stop() -> pd.DataFrame:
    """Runs that may have scores, best first, and those that the URL names; ends the page where there is none."""
    runs = runs_or_stop()
    runs = runs[~tables.helpers(runs) | runs["run_id"].isin(st.query_params.get_all("run"))]
    if runs.empty:
        stop("No experiments yet", NOTHING_TRAINED, FIRST_STEPS)
    return runs.iloc[tables.by_selection(runs)]


def stop(head: str, line: str, code: str = "", icon: str = ":material/science:") -> NoReturn:
    """An empty state: what is missing and what brings it; ends the page."""
    note(head, line, code, icon)
    st.stop()


def note(head: str, line: str, code: str = "", icon: str = ":material/science:") -> None:
    """What is missing here, and the command that brings it."""
    _, middle, _ = st.columns([1, 2.2, 1])
    with middle.container(border=True, gap="small"):
        st.subheader(f"{icon} {head}", anchor=False)
        st.write(line)
        if code:
            st.code(code, language="bash")
