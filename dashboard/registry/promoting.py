"""Promote and roll back from a page: reasoned, confirmed, run in a process of its own, and told rule by rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import reads, tables, writers
from dashboard.registry.jobs import Done, Job
from dashboard.registry.versions import rules_table
from dashboard.runs.filters import archived
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB, DONE = "promoting.job", "promoting.done"
ALIASES = ("champion", "challenger")
SECONDS = 1.0


def candidates(runs: pd.DataFrame, model: str) -> dict[str, str]:
    """Run id -> its name and validation score, the best first, of runs that could become a version of a model.

    Args:
        runs: `RunStore.runs()`.
        model: a registered model; "" = any.
    """
    fit = ~tables.helpers(runs) & ~archived(runs) & (tables.text(runs, tables.FOREIGN) == tables.UNKNOWN)
    names = tables.text(runs, "dataset").map(lambda name: re.sub(r"[^\w.-]+", "-", name))
    scores = pd.to_numeric(tables.column(runs, *tables.SELECTION))
    fit &= (runs["status"] == "FINISHED") & scores.notna() & ((names == model) | (model == ""))
    chosen = runs[fit].iloc[tables.by_selection(runs[fit])]
    return {str(row.run_id): f"{row.name}, validation {scores[row.Index]:.3f}" for row in _named(chosen)}


def _named(runs: pd.DataFrame) -> Any:
    return runs[["run_id", "name"]].itertuples(name="Row")


def buttons(runs: pd.DataFrame, model: str, back: str) -> None:
    """What a writer can do; one line for everybody else.

    Args:
        runs: `RunStore.runs()`.
        model: the registered model; "" = there is none yet.
        back: the version that a roll back would make champion again; "" = none.
    """
    if JOB in st.session_state:
        return
    who = writers.writer_or_note("promote a model or roll back")
    if not who:
        return
    with st.popover("Promote", icon=":material/workspace_premium:"):
        _promote(candidates(runs, model), who)
    if back:
        with st.popover("Roll back", icon=":material/undo:"):
            _roll_back(model, back, who)


def _promote(known: dict[str, str], who: str) -> None:
    if not known:
        st.caption("No finished run with a validation score here: train one, then evaluate it.")
        return
    asked = st.query_params.get("run", "")
    ids = list(known)
    run = st.selectbox("Run", ids, ids.index(asked) if asked in known else 0, known.__getitem__, key="promote-run")
    alias = st.selectbox("Alias", ALIASES, key="promote-alias", help="The gate judges champions; a challenger is free.")
    reason = st.text_input("Reason", key="promote-reason", max_chars=400, placeholder="three seeds agree")
    override = st.text_input(
        "Override the gate, because",
        key="promote-override",
        max_chars=400,
        help="Leave it empty: the gate then decides. A model that does not load is never promoted.",
    )
    data = st.text_input(
        "Data, if it has moved",
        key="promote-data",
        placeholder="where the run read it",
        help="Folder of the data set on the machine of this dashboard: the model segments a few of its frames.",
    )
    st.caption("The gate compares both runs on test, loads the model, and repeats some of its masks: a minute or so.")
    sure = st.checkbox(f"Yes, make it {alias} if the gate lets it pass", key="promote-sure")
    words = ["promote", run, f"--alias={alias}", f"--reason={reason}", f"--by={who}"]
    words += [f"--override={override}"] if override else []
    words += [f"--data={data}"] if data else []
    st.button(
        "Promote",
        key="promote-go",
        type="primary",
        disabled=not (reason.strip() and sure),
        on_click=_start,
        args=(f"The gate looks at {known[run].partition(',')[0]}", words, True),
    )


def _roll_back(model: str, version: str, who: str) -> None:
    st.markdown(f"Version **{plain(version)}** becomes champion of {plain(model)} again.")
    reason = st.text_input("Reason", key="back-reason", max_chars=400, placeholder="it merges cells in new movies")
    sure = st.checkbox("Yes, roll back", key="back-sure")
    st.button(
        "Roll back",
        key="back-go",
        type="primary",
        disabled=not (reason.strip() and sure),
        on_click=_start,
        args=("Rolling back", ["rollback", model, f"--reason={reason}", f"--by={who}"], False),
    )


def _start(title: str, words: Sequence[str], evidence: bool) -> None:
    if writers.writer() is None:  # the page was drawn for someone who may no longer write
        st.session_state[DONE] = Done(False, "Nothing was changed: you may not write here.", {})
    elif JOB not in st.session_state:
        st.session_state.pop(DONE, None)
        st.session_state[JOB] = Job.start(title, words, evidence)


def tell() -> None:
    """How far the job is that this person started, or what became of it."""
    if JOB in st.session_state:
        st.fragment(running, run_every=SECONDS)()
    elif DONE in st.session_state:
        told(st.session_state[DONE])


def running() -> None:
    """How far the job is; the whole page is drawn anew when it has ended."""
    job: Job = st.session_state[JOB]
    if not job.running:
        st.session_state[DONE] = job.finish()
        del st.session_state[JOB]
        reads.forget()
        st.rerun()
    share, what = job.progress
    with st.container(border=True):
        st.progress(share, f"{plain(job.title)} ... {plain(what)}")
        st.button("Stop", key="job-stop", icon=":material/stop_circle:", on_click=job.stop)


def told(done: Done) -> None:
    """What became of the last job, rule by rule, until the next one starts or it is put away."""
    first, *_ = done.said.splitlines() or [""]
    with st.container(border=True):
        if done.good:
            st.success(plain(first), icon=":material/check:")
        else:
            icon = ":material/block:" if done.evidence else ":material/error:"
            st.error(plain(first if done.evidence else done.said), icon=icon)
        if done.evidence.get("rules"):
            st.table(rules_table(done.evidence))
        st.button("Put away", key="job-away", icon=":material/close:", on_click=st.session_state.pop, args=(DONE, None))
