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


def hidden(runs: pd.DataFrame, drawn: bool = True) -> pd.DataFrame:
    """Without what was archived and what is no experiment, unless that is asked for.

    Args:
        runs: `RunStore.runs()`.
        drawn: whether someone sees the widgets; else those alone are drawn that the link sets.
    """
    for spot, title, key, which, told in zip(
        st.columns(2),
        ("Helper runs", "Archived runs"),
        ("helpers", "archived"),
        (tables.helpers, filters.archived),
        (HELPERS_HELP, None),
        strict=True,
    ):
        out = which(runs)
        asked = out.any() and (drawn or key in st.query_params)
        with spot:
            if out.any() and not (asked and links.flag(f"{title} ({out.sum()})", key, False, help=told)):
                runs = runs[~out]
                links.keep(key, [])
    return runs


def narrowed(runs: pd.DataFrame, drawn: bool = True) -> pd.DataFrame:
    """The runs that fit what is chosen behind the button Filters; arguments as of `hidden`."""
    every = runs
    for title, key in (("Recipe", "recipe"), ("Head", "head"), ("Status", "status")):
        if drawn or key in st.query_params:
            values = tables.text(every, key)
            values = values.str.upper() if key == "status" else values
            options = sorted({*values, *(tables.STATUS if key == "status" else ())} - {tables.UNKNOWN})
            chosen = links.many(title, key, options, placeholder="All", format_func=_worded)
            runs = runs[values.loc[runs.index].isin(chosen)] if chosen else runs
    if drawn or "param" in st.query_params:
        runs = _by_parameter(runs)
    if drawn or {"since", "until"} & set(st.query_params):
        left, right = st.columns(2)
        with left:
            since = links.day("Started from (UTC)", "since")
        with right:
            until = links.day("Started to (UTC)", "until")
        runs = runs[filters.between(runs, since, until)]
    return runs


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
