"""Runs: every experiment, searched, grouped, tagged, exported and trained again."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import columns, links, parts, reads, tables
from dashboard.runs import bars, board, changes, filters, narrow, picked
from dashboard.scores import SOURCES, SOURCES_HELP, prefix
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
EXAMPLE = "unet batch=4 seg>0.9"
NO_FIT = "Clear it, or choose another data set above."
COMPARABLE = (
    "SEG does not punish false positives: read it beside F1. n: truth objects that the scores rest on. "
    "Scores of different data sets, splits or references are not comparable."
)


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


class Asked(NamedTuple):
    """What the page was asked for.

    Attributes:
        every: all runs of the store.
        built: the runs that fit, per data set and in order.
        source: whose scores, as `test-gold`.
        by: how runs are grouped.
        member: the one group whose runs show; "" = any.
        chosen: columns.
        titles: of the columns that can be chosen.
        boards: pages of tables that were shown since; a tick shows them again.
    """

    every: pd.DataFrame
    built: dict[str, pd.DataFrame]
    source: str
    by: str
    member: str
    chosen: list[str]
    titles: dict[str, str]
    boards: dict[tuple[str, int | None], pd.DataFrame]

    def table(self, rows: pd.DataFrame, curves: dict[str, list[float]] | None = None) -> pd.DataFrame:
        """The table of some runs."""
        return board.board(rows, self.source, self.chosen, curves or {}, reads.pages_of_mlflow())


@parts.alone
def show_tables(asked: Asked) -> None:
    """What can be done with the ticked runs, and the tables: a tick or another page draws these alone."""
    if changes.waiting():
        st.rerun()
    there = set(asked.every["run_id"].astype(str))
    ticked = [run_id for run_id in st.query_params.get_all("run") if run_id in there]
    st.session_state["picked"] = ticked
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        picked.actions(asked.every, ticked)
    several, fits = len(asked.built) > 1, sum(map(len, asked.built.values())) <= board.PAGE
    drawn = []
    for place, (name, here) in enumerate(asked.built.items()):
        title = NO_DATASET if name == tables.UNKNOWN else plain(name)
        page = f"page-{name}" if several else "page"
        if not several:
            st.subheader(title, anchor=False)
            drawn.append(show_dataset(asked, name, here, page))
            continue
        wanted = fits or place == 0 or page in st.query_params or bool(here["run_id"].isin(ticked).any())
        section = section_of(name, f"**{title}**: {picked.counted(here)}", wanted)
        if section.open:  # tables are costly: none is drawn that nobody sees
            with section:
                drawn.append(show_dataset(asked, name, here, page))
        elif page in st.query_params:
            links.keep(page, st.query_params.get_all(page))
    links.forget_rows("board-", drawn)


def section_of(name: str, title: str, wanted: bool) -> Any:
    """A part of the page that stays as a person left it, open or closed, whatever its title says then."""
    left: dict[str, bool] = st.session_state.setdefault("sections", {})
    key = f"open-{name}"

    def leave() -> None:
        left[name] = st.session_state[key]

    st.session_state[key] = left.get(name, wanted)
    return st.expander(title, key=key, on_change=leave)


def show_dataset(asked: Asked, name: str, here: pd.DataFrame, key: str) -> str:
    """The groups of a data set, and one page of its runs; gives the key of the table."""
    if asked.by != "none" and not asked.member:
        show_groups(here, asked.source, asked.by, name)
    rows = page_of(len(here), key)
    if (name, rows.start) not in asked.boards:
        asked.boards[name, rows.start] = board_of(asked, here.iloc[rows])
    table = asked.boards[name, rows.start]
    widget = f"board-{name}-{asked.source}-{asked.by}"
    links.rows(
        widget,
        "run",
        list(table.index),
        table,
        hide_index=True,
        column_config=columns.leaderboard() | columns.chosen(table, asked.titles),
        column_order=["name", *(column for column in asked.chosen if column in table)],
        placeholder="—",
    )
    return widget


def board_of(asked: Asked, rows: pd.DataFrame) -> pd.DataFrame:
    """The table of some runs, with what is read for these alone: validation curves, readings."""
    if "readings" in asked.chosen:
        rows = rows.assign(readings=reads.readings(rows))
    return asked.table(rows, reads.sparks([str(each) for each in rows["run_id"]]) if "spark" in asked.chosen else {})


def exported(asked: Asked) -> str:
    """All runs that fit, as CSV."""
    rows = pd.concat(asked.built.values())
    return board.csv(asked.table(rows).assign(dataset=rows["dataset"].to_numpy()), asked.chosen)


def show_groups(here: pd.DataFrame, source: str, by: str, dataset: str) -> None:
    """Means and spreads of the groups, each with a link to its runs."""
    table = board.groups(here, source, by)
    if table.empty:
        st.caption(NO_GROUPS[by])
        return
    table["open"] = [f"runs?dataset={dataset}&group={by}&of={group}" for group in table.index]
    config = columns.groups()
    st.dataframe(table, hide_index=True, column_config=config, column_order=list(config), placeholder="—")


@parts.alone
def show() -> None:
    """The page below its head."""
    if changes.waiting():
        st.rerun()
    links.begin()
    every = parts.runs_or_stop()
    links.asked("Runs", "run", list(every["run_id"]))
    runs = every.assign(dataset=tables.text(every, "dataset"))
    at = st.columns([1.4, 1, 1, 1, 0.8], vertical_alignment="bottom")
    bar = st.container(horizontal=True, vertical_alignment="center")
    with bar.popover("Filters", icon=":material/filter_alt:", key="filters", on_change="rerun") as popover:
        runs = narrow.hidden(runs, popover.open)
        fitting = narrow.narrowed(runs, popover.open)
    names = sorted(runs["dataset"].unique(), key=lambda name: name == tables.UNKNOWN)  # else by their newest run
    words = {EVERY: "All data sets", tables.UNKNOWN: NO_DATASET}
    known = tables.sources(runs) or list(SOURCES)
    with at[1]:
        dataset = links.one(
            st.selectbox, "Data set", "dataset", [EVERY, *names], format_func=lambda name: words.get(name, name)
        )
    with at[2]:
        source = links.one(st.selectbox, "Scores", "scores", known, format_func=SOURCES.__getitem__, help=SOURCES_HELP)
    with at[0]:
        query = links.words("Search", "q", placeholder=EXAMPLE, help=filters.HELP, icon=":material/search:")
    with at[3]:
        sort = links.one(st.selectbox, "Order", "sort", list(board.SORTS), format_func=board.SORTS.__getitem__)
    with at[4]:
        by = links.one(st.selectbox, "Group", "group", list(GROUPS), format_func=GROUPS.__getitem__, help=GROUPS_HELP)
    titles = board.choices(runs)
    with bar.popover("Columns", icon=":material/view_column:", key="all-columns", on_change="rerun") as popover:
        chosen = choose_columns(runs, source, titles, popover.open)
    shown = narrow.searched(fitting, query, prefix(source))
    member = st.query_params.get("of", "") if by != "none" else ""
    if member:
        links.keep("of", member)
        shown = shown[board.members(runs, by, member).loc[shown.index]]
    found = {name: shown[shown["dataset"] == name] for name in (names if dataset == EVERY else [dataset])}
    built = {name: board.ordered(here, source, sort) for name, here in found.items() if len(here)}
    asked = Asked(every, built, source, by, member, chosen, titles, {})
    # What answers a click comes before the tables: a page is drawn from above while the script goes on.
    with bar:
        told(asked)
    show_tables(asked)
    if built:
        bars.show(built, source)
    elif runs.empty:
        parts.note("No experiments yet", parts.NOTHING_TRAINED, parts.FIRST_STEPS)
    else:
        parts.note("No run fits the filter", NO_FIT, icon=":material/filter_alt_off:")
    st.caption(COMPARABLE)
    links.commit()


def choose_columns(runs: pd.DataFrame, source: str, titles: dict[str, str], drawn: bool) -> list[str]:
    """The columns of the tables, in the order in which they were picked; without a widget that nobody sees."""
    cheap = not reads.address().startswith("http")
    usual = board.defaults(runs, source, cheap, reads.pages_of_mlflow())
    if not drawn and "columns" not in st.query_params:
        return usual
    filled = [name for name in titles if name in board.STANDARD or runs[name].notna().any()]
    chosen = links.many("Columns, in this order", "columns", filled, usual, format_func=titles.__getitem__)
    if chosen == usual:
        links.keep("columns", [])
    return chosen


def told(asked: Asked) -> None:
    """How many runs fit, and why no more; all of them as CSV, made when someone asks for it."""
    if asked.built:
        st.download_button(
            "CSV",
            lambda: exported(asked),
            "runs.csv",
            "text/csv",
            icon=":material/download:",
            help="All runs that fit, with the columns shown.",
            on_click="ignore",
        )
    st.caption(f"{sum(map(len, asked.built.values()))} of {len(asked.every)} runs")
    narrow.told()


changes.tell()
parts.title("Runs", "Every experiment, the best on validation first. Hover a column's head for its definition.")
show()
