"""Overview: per data set the champion, the newest runs, scores over time, and what changed since yesterday."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import parts, reads, tables
from dashboard.columns import newest as newest_columns
from dashboard.runs import charts, filters
from dashboard.runs.champion import champion_of, headline
from dashboard.runs.progress import best_so_far, changes, lately, newest
from dashboard.scores import SOURCES
from dashboard.words import plain

EVERY_S = 4
SHOWN = 4
NOTHING_RUNS = "Nothing runs at the moment."


def main() -> None:
    """The page."""
    parts.title("Overview", "Per data set: the champion, what runs now, and how scores moved.")
    runs = parts.runs_or_stop()
    runs = runs[~tables.helpers(runs) & ~filters.archived(runs)]
    if runs.empty:
        parts.stop("No experiments yet", parts.NOTHING_TRAINED, parts.FIRST_STEPS)
    runs = runs.assign(dataset=tables.text(runs, "dataset"))
    names = list(dict.fromkeys(runs["dataset"]))  # the one worked on last comes first
    names.sort(key=lambda name: name == tables.UNKNOWN)
    for name in names[:SHOWN]:
        section(name, runs[runs["dataset"] == name])
    for name in names[SHOWN:]:
        with st.expander(plain(name)):
            section(name, runs[runs["dataset"] == name], head=False)


def section(name: str, runs: pd.DataFrame, head: bool = True) -> None:
    """One data set."""
    versions = reads.versions()
    versions = versions[versions["name"].astype(str) == name]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if head:
            st.subheader("No data set named" if name == tables.UNKNOWN else plain(name), anchor=False, width="content")
        st.page_link("views/runs.py", label=f"{len(runs)} run{'s' * (len(runs) > 1)}", query_params={"dataset": name})
    said = changes(runs, versions, pd.Timestamp.now("UTC"))
    line = "; ".join(plain(each) for each in said) if said else "nothing new"
    st.caption(f":material/update: Since yesterday: {line}.")
    cards = st.container(horizontal=True, gap="small")  # on a narrow screen the last card goes below
    with cards.container(border=True, height="stretch", width=296):
        champion(runs, versions)
    with cards.container(border=True, height="stretch", width=560):
        live = bool((runs["status"] == "RUNNING").any())
        st.markdown("**Newest runs**")
        st.fragment(latest, run_every=EVERY_S if live else None, key=f"latest-{name}")(name, live)
    with cards.container(border=True, height="stretch"):
        history(name, runs)


def champion(runs: pd.DataFrame, versions: pd.DataFrame) -> None:
    """The champion with its picture; where there is none, the best run on validation and how it becomes one."""
    version = champion_of(versions)
    if version is None:
        best = runs.iloc[tables.by_selection(runs)].iloc[0]
        st.markdown(":material/workspace_premium: **No champion yet**")
        if pd.isna(tables.column(runs, *tables.SELECTION).loc[best.name]):
            st.caption("No run was scored on validation so far: train one to its end.")
            st.code("cytolapse train unet --data DATA", language="bash", wrap_lines=True)
            return
        st.caption(f"Best on validation: {plain(best['name'])}. It becomes champion by:")
        st.code(f"cytolapse promote {str(best['run_id'])[:8]}", language="bash", wrap_lines=True)
        show_run(best)
        return
    found = runs[runs["run_id"].astype(str) == str(version["run_id"])]
    st.markdown(f":material/workspace_premium: **Champion: version {version['version']}**")
    if found.empty:
        st.caption("Its run was deleted or archived; the Registry page has its evidence.")
        return
    st.page_link(
        "views/runs.py",
        label=plain(found["name"].iloc[0]),
        query_params={"dataset": str(found["dataset"].iloc[0]), "run": str(version["run_id"])},
    )
    show_run(found.iloc[0])


def show_run(run: Any) -> None:
    """Scores and picture of one run."""
    source, told = headline(run)
    for spot, (score, value, interval) in zip(st.columns(max(1, len(told))), told, strict=False):
        spot.metric(score.title, f"{value:.3f}", help=score.help)
        if interval:
            spot.caption(interval)
    if source:
        st.caption(SOURCES[source] + (", with 95 % intervals" if any(each[2] for each in told) else ""))
    image = reads.picture(str(run["run_id"]))
    if image is None:
        st.caption("No picture: `cytolapse evaluate` stores one.")
    else:
        st.image(image, width="stretch")


def latest(name: str, live: bool) -> None:
    """The newest runs; drawn anew every few seconds while one runs, and the whole page when the last has ended."""
    try:
        runs = reads.runs()
        runs = runs[tables.text(runs, "dataset") == name]
        runs = runs[~tables.helpers(runs) & ~filters.archived(runs)]
        going = runs["status"] == "RUNNING"
        runs = lately(runs)
        table = newest(runs, reads.losses([str(run_id) for run_id in runs["run_id"]]), pd.Timestamp.now("UTC"))
    except CytolapseError as error:  # this part runs by itself: nobody else would say it
        st.warning(plain(error), icon=":material/cloud_off:")
        return
    if live and not going.any():
        st.rerun(scope="app")
    table["open"] = [f"runs?dataset={name}&run={run_id}" for run_id in table["run_id"]]
    st.dataframe(
        table,
        hide_index=True,
        column_config=newest_columns(),
        column_order=list(newest_columns()),
        placeholder="—",
        row_height=44,
        height="content",
    )
    if live:
        st.caption(":material/sync: Updated every few seconds while something runs.")
    else:
        st.caption(NOTHING_RUNS)


def history(name: str, runs: pd.DataFrame) -> None:
    """Scores over time; a click on a point opens the run."""
    table = best_so_far(runs)
    st.markdown("**Score over time** on validation, and the best so far")
    if table.empty:
        st.caption("No run was scored on validation so far.")
        return
    whole, table = len(table), charts.drawn(table)
    state = st.echarts_chart(charts.over_time(table), key=f"time-{name}", on_select="rerun", height=330)
    run_id = charts.clicked(state, list(table["run_id"]))
    if len(table) < whole:
        st.caption(f"The newest {charts.MOST} of {whole} runs, and those that were the best.")
    if run_id:
        st.session_state.pop(f"time-{name}", None)
        st.switch_page("views/runs.py", query_params={"dataset": name, "run": run_id})


main()
