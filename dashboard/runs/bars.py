"""Scores with their intervals as error bars: what the Runs page shows below its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard import columns, links
from dashboard.runs import board, charts
from dashboard.scores import LEADERBOARD, SOURCES, Score, prefix
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

MOST = 25
VALIDATION = Score("selection", "Validation OP_CSB", columns.VALIDATION_HELP)
SCORES = {score.key: score for score in (VALIDATION, *LEADERBOARD)}


def show(built: Mapping[str, pd.DataFrame], source: str) -> None:
    """A figure per data set; behind a title where it can't show all runs.

    Args:
        built: the runs per data set, in order.
        source: whose scores, as `test-gold`.
    """
    few = len(built) == 1 and sum(map(len, built.values())) <= MOST
    wanted = few or "bars" in st.query_params
    box = st.expander("Scores with their intervals", expanded=wanted, icon=":material/error_med:", on_change="rerun")
    if not box.open:  # figures are costly: none is drawn that nobody sees
        return
    with box:
        limited = any(f"metrics.{prefix(source)}seg_low" in runs for runs in built.values())
        usual = "seg" if limited else VALIDATION.key
        with st.columns([1, 3])[0]:
            key = links.one(
                st.selectbox, "Score", "bars", list(SCORES), usual, format_func=lambda key: SCORES[key].title
            )
        for place, (name, runs) in enumerate(built.items()):
            if len(built) > 1:
                st.markdown(f"**{plain(name)}**")
            figure(runs, source, SCORES[key], f"bars-{place}")


def figure(runs: pd.DataFrame, source: str, score: Score, key: str) -> None:
    """The runs of one data set."""
    found = board.limits(runs, source, score)
    if found.empty:
        st.caption(f"No run here has {score.title}.")
        return
    title = score.title if score is VALIDATION else f"{score.title}, {SOURCES[source].lower()}"
    st.plotly_chart(charts.scores(found.head(MOST), title), key=key, config={"displayModeBar": False})
    most = f"The first {MOST} of {len(found)} runs. " if len(found) > MOST else ""
    barred = "Bars: 95 % intervals over blocks of frames." if found["low"].notna().any() else "No intervals here."
    st.caption(most + barred)
