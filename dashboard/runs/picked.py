"""What can be done with the runs that are ticked: look at them, train them again, tag, archive and stop them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.tracking import marks
from dashboard import reads, tables, writers
from dashboard.runs import again, changes, filters
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    import pandas as pd

MOST = 4
"""Runs whose commands are shown at once."""


def actions(runs: pd.DataFrame, picked: Sequence[str]) -> None:
    """The row of buttons for the ticked runs.

    Args:
        runs: `RunStore.runs()`.
        picked: their run ids.
    """
    count = "this run" if len(picked) == 1 else counted(picked)
    for page, title, icon, most in (
        ("compare", f"Compare {count}" if picked else "Compare", "ssid_chart", None),
        ("movie", "Movies side by side" if len(picked) > 1 else "Movie", "movie", 3),
    ):
        st.page_link(
            f"views/{page}.py",
            label=title,
            icon=f":material/{icon}:",
            query_params={"run": list(picked[:most])},
            disabled=not picked,
        )
    if not picked:
        st.caption("Tick runs on the left of a table to compare, repeat, tag, archive or stop them.")
        return
    chosen = runs.set_axis(runs["run_id"].astype(str)).loc[list(picked)]
    again_at = st.popover("Train again", icon=":material/replay:", key="train-again", on_change="rerun")
    if again_at.open:
        with again_at:
            commands(chosen)
    mlflow = reads.pages_of_mlflow()
    if mlflow:
        st.link_button("MLflow", f"{mlflow}/#/runs/{picked[0]}", icon=":material/open_in_new:")
    who = writers.writer_or_note("tag, archive and stop runs")
    if who:
        _writing(chosen, list(picked))


def commands(chosen: pd.DataFrame) -> None:
    """How each of the runs is trained again, to copy."""
    names = tables.unique_names(chosen)
    for run in chosen.head(MOST).to_dict("records"):
        st.markdown(f"**{plain(names[str(run['run_id'])])}**")
        lines = again.command({str(name): value for name, value in run.items()})
        if lines:
            st.code(lines, language="bash", wrap_lines=True)
        else:
            st.caption("It trained nothing, so there is no command that repeats it.")
    if len(chosen) > MOST:
        st.caption(f"The first {MOST} of {len(chosen)}.")


def _writing(chosen: pd.DataFrame, picked: list[str]) -> None:
    going = chosen[(chosen["status"] == "RUNNING") & (tables.text(chosen, tables.STOP) == tables.UNKNOWN)]
    if len(going):
        with st.popover("Stop", icon=":material/stop_circle:"):
            _stop(going)
    with st.popover("Tag", icon=":material/label:"):
        _tags(chosen, picked)
    away = filters.archived(chosen)
    if not away.all():
        there = [str(run_id) for run_id in chosen.index[~away]]
        _button("Archive", "archive", f"Archived: {counted(there)}.", marks.archive, there)
    if away.any():
        there = [str(run_id) for run_id in chosen.index[away]]
        _button("Restore", "unarchive", f"Restored: {counted(there)}.", marks.restore, there)


def _stop(going: pd.DataFrame) -> None:
    st.caption("It ends within seconds, keeps a checkpoint, and can go on later with `cytolapse train --resume`.")
    for run_id, name in zip(going.index, tables.text(going, "name"), strict=True):
        st.button(
            f"Stop {plain(name)}",
            key=f"stop-{run_id}",
            icon=":material/stop_circle:",
            on_click=changes.do,
            args=(f"{name} was asked to stop.", marks.ask_to_stop, str(run_id)),
        )


def _tags(chosen: pd.DataFrame, picked: list[str]) -> None:
    with st.form("tag", border=False, clear_on_submit=True):
        st.text_input("New tag", key="new-tag", placeholder="figure 2", max_chars=60)
        st.form_submit_button(f"Tag {counted(picked)}", on_click=_add_tag, args=(picked,))
    for place, word in enumerate(filters.tags_of(chosen)):
        st.button(
            f"Remove {plain(word)}",
            key=f"untag-{place}",
            icon=":material/label_off:",
            on_click=changes.do,
            args=(f"Tag {word} removed.", marks.remove_tag, picked, word),
        )


def _add_tag(picked: list[str]) -> None:
    word = st.session_state["new-tag"]
    changes.do(f"Tagged {word.strip()}.", marks.add_tag, picked, word)


def _button(title: str, icon: str, said: str, change: Any, run_ids: list[str]) -> None:
    st.button(title, key=title.lower(), icon=f":material/{icon}:", on_click=changes.do, args=(said, change, run_ids))


def counted(runs: Sized) -> str:
    """1 run, 2 runs, ..."""
    return "1 run" if len(runs) == 1 else f"{len(runs)} runs"
