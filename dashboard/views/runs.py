"""Runs: the leaderboard."""

from __future__ import annotations

import streamlit as st

from dashboard import columns, links, parts, reads, tables
from dashboard.scores import SOURCES, SOURCES_HELP
from dashboard.words import plain

EVERY = "all"
NO_DATASET = "No data set named"
HELPERS_HELP = "What `mlflow run` noted for simulate, segment and evaluate: runs of their own, but no experiments."

parts.title(
    "Runs",
    "Every experiment, the best on validation first. Click a column's head to sort, hover it for its definition.",
)
runs = parts.runs_or_stop()
helpers = tables.helpers(runs)
picked = links.asked("Runs", "run", list(runs["run_id"]))
left, middle, right, last = st.columns([1.2, 1.2, 1, 0.8], vertical_alignment="bottom")
with last:
    if helpers.any() and not links.flag(f"Helper runs ({helpers.sum()})", "helpers", default=False, help=HELPERS_HELP):
        runs = runs[~helpers]
runs = runs.assign(dataset=tables.text(runs, "dataset"), recipe=tables.text(runs, "recipe"))
datasets = sorted(runs["dataset"].unique(), key=lambda name: name == tables.UNKNOWN)
recipes = sorted(runs["recipe"].unique())
known = tables.sources(runs) or list(SOURCES)

with left:
    dataset = links.one(
        st.selectbox,
        "Data set",
        "dataset",
        [EVERY, *datasets],
        format_func=lambda name: {EVERY: "All data sets", tables.UNKNOWN: NO_DATASET}.get(name, name),
    )
with middle:
    chosen = links.many("Recipe", "recipe", recipes, placeholder="All recipes")
with right:
    source = links.one(st.selectbox, "Scores", "scores", known, format_func=SOURCES.__getitem__, help=SOURCES_HELP)

shown = runs[runs["recipe"].isin(chosen or recipes)]
actions = st.container(horizontal=True, vertical_alignment="center", key="actions")
for name in datasets if dataset == EVERY else [dataset]:
    here = shown[shown["dataset"] == name]
    if here.empty:
        continue
    st.subheader(NO_DATASET if name == tables.UNKNOWN else plain(name), anchor=False)
    board = tables.leaderboard(here.assign(readings=reads.readings(here)), source, reads.pages_of_mlflow())
    links.rows(
        f"board-{name}-{source}-{'-'.join(chosen)}",
        "run",
        list(board.index),
        board,
        hide_index=True,
        column_config=columns.leaderboard(),
        placeholder="—",
    )

if runs.empty:
    parts.note("No experiments yet", parts.NOTHING_TRAINED, parts.FIRST_STEPS)
elif shown.empty:
    parts.note("No run fits the filter", "Choose another data set or recipe above.", icon=":material/filter_alt_off:")
st.session_state["picked"] = picked
with actions:
    if picked:
        count = "this run" if len(picked) == 1 else f"{len(picked)} runs"
        st.page_link(
            "views/compare.py", label=f"Compare {count}", icon=":material/ssid_chart:", query_params={"run": picked}
        )
        st.page_link(
            "views/movie.py",
            label="Movie" if len(picked) == 1 else "Movies side by side",
            icon=":material/movie:",
            query_params={"run": picked[:3]},
        )
    else:
        st.caption("Tick runs on the left to compare them.")
st.caption(
    "SEG does not punish false positives: read it beside F1. n: truth objects that the scores rest on. "
    "Scores of different data sets, splits or references are not comparable."
)
