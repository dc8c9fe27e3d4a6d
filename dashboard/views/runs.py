"""Runs: every experiment, searched, grouped, tagged, exported and trained again."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import columns, links, parts, reads, tables
from dashboard.runs import board, changes, charts, filters, narrow, picked
from dashboard.scores import LEADERBOARD, SOURCES, SOURCES_HELP, Score, prefix
from dashboard.words import plain

EVERY = "all"
NO_DATASET = "No data set named"
GROUPS = {"none": "Single runs", "parent": "By parent", "settings": "By settings"}
GROUPS_HELP = (
    "By parent: the rows of a study, the seeds of one training. By settings: runs that differ in nothing but the seed."
)
NO_GROUPS = {
    "parent": "No run here has a parent: `cytolapse study` and `cytolapse train --seeds` make such runs.",
    "settings": "No run here logged its settings.",
}
BARS = 25
VALIDATION = Score("selection", "Validation OP_CSB", columns.VALIDATION_HELP)
BARRED = {score.key: score for score in (VALIDATION, *LEADERBOARD)}


def page_of(count: int, key: str) -> slice:
    """The rows on show, where a table has more than fit: numbered pages, and which rows these are."""
    size = board.PAGE
    if count <= size:
        return slice(None)
    with st.container(horizontal=True, vertical_alignment="center"):
        number = links.page(key, -(-count // size))
        rows = slice(size * (number - 1), min(size * number, count))
        st.caption(f"{rows.start + 1}-{rows.stop} of {count}")
    return rows


@st.fragment
def show_tables() -> None:
    """What can be done with the ticked runs, and the tables: a tick or another page draws these alone."""
    if changes.waiting():
        st.rerun()
    there = set(every["run_id"].astype(str))
    ticked = [run_id for run_id in st.query_params.get_all("run") if run_id in there]
    st.session_state["picked"] = ticked
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        picked.actions(every, ticked)
    fits = sum(map(len, built.values())) <= board.PAGE
    for place, (name, here) in enumerate(built.items()):
        title = NO_DATASET if name == tables.UNKNOWN else plain(name)
        if len(built) == 1:
            st.subheader(title, anchor=False)
            show_dataset(name, here, "page")
            continue
        wanted = fits or place == 0 or bool(here["run_id"].isin(ticked).any())
        section = st.expander(f"**{title}**: {picked.counted(here)}", wanted, key=f"open-{name}", on_change="rerun")
        if section.open:  # tables are costly: none is drawn that nobody sees
            with section:
                show_dataset(name, here, f"page-{name}")


def show_dataset(name: str, here: pd.DataFrame, key: str) -> None:
    """The groups and the runs of a data set."""
    if by != "none" and not member:
        show_groups(here, source, by, name)
    show_table(name, here, key)


def show_table(name: str, here: pd.DataFrame, key: str) -> None:
    """One page of a data set's runs."""
    rows = page_of(len(here), key)
    if (name, rows.start) not in boards:
        boards[name, rows.start] = board_of(here.iloc[rows])
    table = boards[name, rows.start]
    links.rows(
        f"board-{name}-{source}-{by}",
        "run",
        list(table.index),
        table,
        hide_index=True,
        column_config=columns.leaderboard() | columns.chosen(table, titles),
        column_order=["name", *(column for column in chosen if column in table)],
        placeholder="—",
    )


def board_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of some runs, with what is read for these alone: validation curves, readings."""
    if "readings" in chosen:
        rows = rows.assign(readings=reads.readings(rows))
    curves = reads.sparks([str(run_id) for run_id in rows["run_id"]]) if "spark" in chosen else {}
    return board.board(rows, source, chosen, curves, reads.pages_of_mlflow())


def exported() -> str:
    """All runs that fit, as CSV; made when someone asks for it."""
    every = pd.concat(built.values())
    table = board.board(every, source, chosen, {}, reads.pages_of_mlflow())
    return board.csv(table.assign(dataset=every["dataset"].to_numpy()), chosen)


def show_groups(here: pd.DataFrame, source: str, by: str, dataset: str) -> None:
    """Means and spreads of the groups, each with a link to its runs."""
    table = board.groups(here, source, by)
    if table.empty:
        st.caption(NO_GROUPS[by])
        return
    table["open"] = [f"runs?dataset={dataset}&group={by}&of={group}" for group in table.index]
    config = columns.groups()
    st.dataframe(table, hide_index=True, column_config=config, column_order=list(config), placeholder="—")


def show_bars(here: pd.DataFrame, source: str, score: Score, key: str) -> None:
    """Scores with their intervals as error bars."""
    found = board.limits(here, source, score)
    if found.empty:
        st.caption(f"No run here has {score.title}.")
        return
    title = score.title if score is VALIDATION else f"{score.title}, {SOURCES[source].lower()}"
    st.plotly_chart(charts.scores(found.head(BARS), title), key=key, config={"displayModeBar": False})
    most = f"The first {BARS} of {len(found)} runs. " if len(found) > BARS else ""
    barred = "Bars: 95 % intervals over blocks of frames." if found["low"].notna().any() else "No intervals here."
    st.caption(most + barred)


changes.tell()
parts.title("Runs", "Every experiment, the best on validation first. Hover a column's head for its definition.")
every = parts.runs_or_stop()
links.asked("Runs", "run", list(every["run_id"]))
runs = every.assign(dataset=tables.text(every, "dataset"))

search_at, dataset_at, source_at, sort_at, group_at = st.columns([1.4, 1, 1, 1, 0.8], vertical_alignment="bottom")
bar = st.container(horizontal=True, vertical_alignment="center")
with bar.popover("Filters", icon=":material/filter_alt:"):
    runs = narrow.hidden(runs)
    fitting = narrow.narrowed(runs)
known = tables.sources(runs) or list(SOURCES)
datasets = sorted(runs["dataset"].unique(), key=lambda name: name == tables.UNKNOWN)  # else by their newest run
with dataset_at:
    dataset = links.one(
        st.selectbox,
        "Data set",
        "dataset",
        [EVERY, *datasets],
        format_func=lambda name: {EVERY: "All data sets", tables.UNKNOWN: NO_DATASET}.get(name, name),
    )
with source_at:
    source = links.one(st.selectbox, "Scores", "scores", known, format_func=SOURCES.__getitem__, help=SOURCES_HELP)
with search_at:
    query = links.words("Search", "q", placeholder="unet batch=4 seg>0.9", help=filters.HELP, icon=":material/search:")
with sort_at:
    sort = links.one(st.selectbox, "Order", "sort", list(board.SORTS), format_func=board.SORTS.__getitem__)
with group_at:
    by = links.one(st.selectbox, "Group", "group", list(GROUPS), format_func=GROUPS.__getitem__, help=GROUPS_HELP)
cheap = not reads.address().startswith("http")
usual = board.defaults(runs, source, cheap, reads.pages_of_mlflow())
titles = board.choices(runs)
with bar.popover("Columns", icon=":material/view_column:"):
    chosen = links.many("Columns, in this order", "columns", list(titles), usual, format_func=titles.__getitem__)
    if chosen == usual:
        links.keep("columns", [])
shown = narrow.searched(fitting, query, prefix(source))
member = st.query_params.get("of", "")
if member and by != "none":
    links.keep("of", member)
    shown = shown[board.members(runs, by, member).loc[shown.index]]

found = {name: shown[shown["dataset"] == name] for name in (datasets if dataset == EVERY else [dataset])}
built = {name: board.ordered(here, source, sort) for name, here in found.items() if len(here)}
# The pages of tables that were shown since: a tick shows them again.
boards: dict[tuple[str, int | None], pd.DataFrame] = {}
# What answers a click comes before the tables: a page is drawn from above while the script goes on.
with bar:
    if built:
        st.download_button(
            "CSV",
            exported,
            "runs.csv",
            "text/csv",
            icon=":material/download:",
            help="All runs that fit, with the columns shown.",
            on_click="ignore",
        )
    st.caption(f"{sum(map(len, built.values()))} of {len(every)} runs")
    narrow.told()
show_tables()
if built:
    title = "Scores with their intervals"
    few = len(built) == 1 and sum(map(len, built.values())) <= BARS
    bars = st.expander(title, expanded=few, icon=":material/error_med:", on_change="rerun")
    if bars.open:  # figures are costly: none is drawn that nobody sees
        with bars:
            first = "seg" if f"metrics.{prefix(source)}seg_low" in shown else "selection"
            with st.columns([1, 3])[0]:
                score = links.one(
                    st.selectbox, "Score", "bars", list(BARRED), first, format_func=lambda key: BARRED[key].title
                )
            for place, (name, here) in enumerate(built.items()):
                if len(built) > 1:
                    st.markdown(f"**{plain(name)}**")
                show_bars(here, source, BARRED[score], f"bars-{place}")

if runs.empty:
    parts.note("No experiments yet", parts.NOTHING_TRAINED, parts.FIRST_STEPS)
elif not built:
    parts.note(
        "No run fits the filter", "Clear it, or choose another data set above.", icon=":material/filter_alt_off:"
    )
st.caption(
    "SEG does not punish false positives: read it beside F1. n: truth objects that the scores rest on. "
    "Scores of different data sets, splits or references are not comparable."
)
