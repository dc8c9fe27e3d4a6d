"""What the Runs page offers to find runs by: words, recipe, head, status, any parameter, days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import links, tables
from dashboard.runs import filters
from dashboard.words import plain

if TYPE_CHECKING:
    import pandas as pd

NARROWING = ("q", "recipe", "head", "status", "param", "value", "since", "until", "of")
HELPERS_HELP = "What `mlflow run` noted for simulate, segment and evaluate: runs of their own, but no experiments."


def hidden(runs: pd.DataFrame) -> pd.DataFrame:
    """Without what was archived and what is no experiment, unless that is asked for."""
    helpers, archived = tables.helpers(runs), filters.archived(runs)
    left, right = st.columns(2)
    with left:
        if helpers.any() and not links.flag(f"Helper runs ({helpers.sum()})", "helpers", False, help=HELPERS_HELP):
            runs = runs[~helpers]
    with right:
        if archived.any() and not links.flag(f"Archived runs ({archived.sum()})", "archived", False):
            runs = runs[~archived.loc[runs.index]]
    return runs


def narrowed(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that fit what is chosen behind the button Filters."""
    states = tables.text(runs, "status").str.upper()
    for title, key, values in (
        ("Recipe", "recipe", tables.text(runs, "recipe")),
        ("Head", "head", tables.text(runs, "head")),
        ("Status", "status", states),
    ):
        options = sorted({*values, *(tables.STATUS if key == "status" else ())} - {tables.UNKNOWN})
        chosen = links.many(title, key, options, placeholder="All", format_func=_worded)
        runs = runs[values.loc[runs.index].isin(chosen)] if chosen else runs
    runs = _by_parameter(runs)
    left, right = st.columns(2)
    with left:
        since = links.day("Started from (UTC)", "since")
    with right:
        until = links.day("Started to (UTC)", "until")
    return runs[filters.between(runs, since, until)]


def _by_parameter(runs: pd.DataFrame) -> pd.DataFrame:
    known = {"": "Any", **filters.parameters(runs)}
    asked = st.query_params.get("param", "")
    if asked.startswith("params.") and asked in runs:  # the last value of it that is left still names it
        known.setdefault(asked, asked.removeprefix("params.").removeprefix("cfg."))
    left, right = st.columns(2)
    with left:
        field = links.one(st.selectbox, "Parameter", "param", list(known), format_func=known.__getitem__)
    if not field:
        links.keep("param", [])
        return runs
    values = tables.text(runs, field)
    with right:
        wanted = links.many("Its values", "value", sorted(set(values)), placeholder="All")
    return runs[values.isin(wanted)] if wanted else runs


def searched(runs: pd.DataFrame, query: str, score: str) -> pd.DataFrame:
    """The runs that fit the words typed; a field that no run has is told."""
    unknown = filters.unknown_fields(runs, query, score)
    if unknown:
        st.caption(
            f":material/info: No run has a field {', '.join(plain(name) for name in unknown)}: "
            "parameters (batch), scores (seg), metrics and tags can be asked for."
        )
    return runs[filters.matching(runs, query, score)] if query else runs


def told() -> bool:
    """One line on what narrows the tables, with a button that clears it; whether something does."""
    said = [
        f"{_TITLES.get(key, key)} {', '.join(_worded(value) for value in st.query_params.get_all(key))}"
        for key in NARROWING
        if any(st.query_params.get_all(key)) and key != "of"
    ]
    if any(st.query_params.get_all("of")):
        said.append("one group")
    if said:
        st.caption(f"Only: {plain('; '.join(said))}")
        st.button("Clear", key="clear", type="tertiary", icon=":material/filter_alt_off:", on_click=_clear)
    return bool(said)


_TITLES = {"q": "search", "param": "parameter", "value": "with", "since": "from", "until": "to"}


def _worded(value: str) -> str:
    return tables.STATUS.get(value, value.removeprefix("params.").removeprefix("cfg."))


def _clear() -> None:
    for key in NARROWING:
        links.put(key, [])
