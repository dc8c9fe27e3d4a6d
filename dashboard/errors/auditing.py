"""Findings of an audit of the silver truth, beside the errors of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import columns, links
from dashboard.errors import evidence
from dashboard.errors.mistakes import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

LONG = 8


def of(findings: pd.DataFrame, sequence: str) -> pd.DataFrame:
    """The findings of a sequence, or of all, with their centres `y` and `x`."""
    kept = findings if sequence == ALL else findings[findings["sequence"] == sequence]
    return kept.assign(y=(kept["y0"] + kept["y1"]) / 2, x=(kept["x0"] + kept["x1"]) / 2).reset_index(drop=True)


def at(findings: pd.DataFrame, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The finding in whose box an object's centre lies; None where there is none."""
    same = (findings["sequence"] == row["sequence"]) & (findings["frame"] == row["frame"])
    inside = findings["y0"].le(row["y"]) & findings["y1"].gt(row["y"])
    inside &= findings["x0"].le(row["x"]) & findings["x1"].gt(row["x"])
    found = findings[same & inside]
    return None if found.empty else {str(key): value for key, value in found.iloc[0].items()}


def show(run_id: str, findings: pd.DataFrame, link: Callable[[Mapping[str, Any]], str]) -> None:
    """The findings as a table, and the sheet of the one that was clicked.

    Args:
        run_id: of the audit.
        findings: at least one, as `of` gives them.
        link: row -> its place in the movie.
    """
    ranks = [str(rank) for rank in findings["rank"]]
    rank = (links.asked("Finding", "finding", ranks) or ranks)[0]
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        st.dataframe(
            findings.assign(movie=[link(row) for row in findings.to_dict("records")]),
            hide_index=True,
            height=360 if len(findings) > LONG else "content",
            column_order=list(columns.findings()),
            column_config=columns.findings(),
            key="findings",
            selection_mode="single-row",
            placeholder="—",
            on_select=lambda: links.put_row("finding", "findings", ranks),
        )
        st.caption("Models that are independent agree with each other against silver: look before you trust a score.")
    with right:
        sheet = evidence.sheet(run_id, f"audit/findings/{int(rank):04d}.png")
        if sheet is None:
            st.caption("The picture of this finding is gone.")
        else:
            st.image(sheet, output_format="PNG", width="stretch", alt=f"Finding {rank}: silver and models")
