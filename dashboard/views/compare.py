"""Compare: curves, scores, bins, training and settings of chosen runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import columns, figures, links, parts, plots, reads, scores, tables
from dashboard.compare import compared, paired, results
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cytolapse.metrics.comparison import Comparison

    Stored = Mapping[str, Mapping[str, Any]]
    Lines = Mapping[str, figures.Line]

MATCHINGS = {"strict": "Strict, one-to-one", "any": "Source-compatible"}
MATCHINGS_HELP = (
    "Strict: a truth and a predicted object pair up at most once. "
    "Source-compatible: an object counts as found if ANY object of the other side passes with it; without intervals."
)
AXES_HELP = "Frames seen: steps x clips in a batch x frames in a clip. Minutes: of a resumed run, with the pause."
BASELINE_HELP = "Against which run all others are compared, on the same frames and the same resamples of time blocks."


def choose(runs: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """The runs that the link or the person names; at most as many as there are colours."""
    asked = [run_id for run_id in dict.fromkeys(st.query_params.get_all("run")) if run_id in names]
    if len(asked) > compared.MOST:
        st.warning(
            f"Compare shows {compared.MOST} runs at a time: of the {len(asked)} that were asked for, the first "
            f"{compared.MOST} are here.",
            icon=":material/warning:",
        )
        st.query_params["run"] = asked[: compared.MOST]
    picked = [run_id for run_id in st.session_state.get("picked", ()) if run_id in names]
    return links.many(
        f"Runs (2 to {compared.MOST})",
        "run",
        list(names),
        picked[: compared.MOST] or tables.first_choice(runs),
        format_func=lambda run_id: names.get(run_id, run_id),
        max_selections=compared.MOST,
    )


def show_curves(table: pd.DataFrame, stored: Stored, lines: Lines) -> None:
    """The sweep over the IoU threshold, twice."""
    left, right = st.columns([1, 2.1], gap="medium")
    with left:
        plots.show(figures.precision_recall(table, lines, look), table, "pr", f"precision-recall-{source}")
    with right:
        plots.show(figures.thresholds(table, lines, look), table, "sweep", f"iou-thresholds-{source}")
    if matching == "any":
        return
    if table["f1_low"].notna().any():
        st.caption("Bands and bars: 95 % intervals over time blocks. Markers: IoU 0.25, 0.5 and 0.75.")
    for reason, whose in compared.why_no_limits(stored, names).items():
        st.caption(f"No intervals of {plain(', '.join(whose))}: {plain(reason)}.")


def show_scores(here: pd.DataFrame, stored: Stored) -> None:
    """Every score with its interval, the best of each row marked."""
    table = tables.score_table(here, names, source, (*scores.ALL, scores.TRUTH))
    if table.empty:
        st.caption(f"No scores on {scores.SOURCES[source].lower()} yet.")
        return
    titles = {score.title: score.help for score in (*scores.ALL, *scores.COUNTS)}
    shown = compared.highlight(table, titles, compared.limits(stored, names))
    st.dataframe(shown, height="content", column_config={tables.DEFINITION: columns.definition()})
    st.caption("Best of each row highlighted; a difference smaller than the scatter between seeds means nothing.")


def show_differences(here: pd.DataFrame) -> None:
    """Each run against the baseline."""
    with st.columns([1, 2])[0]:
        baseline = links.one(
            st.selectbox,
            "Baseline",
            "baseline",
            list(names),
            format_func=lambda run_id: names.get(run_id, run_id),
            help=BASELINE_HELP,
        )
    found: dict[str, Comparison] = {}
    refused: dict[str, list[str]] = {}
    for run_id in names:
        if run_id == baseline:
            continue
        try:
            found[run_id] = paired.pair(here, (baseline, run_id), source)
        except CytolapseError as error:
            why = str(error).replace("`--rescore", "`cytolapse compare A B --rescore")  # this page has no such switch
            refused.setdefault(why, []).append(names[run_id])
    for why, whose in refused.items():
        st.warning(f"Not compared: {plain(', '.join(whose))}. {plain(why)}.", icon=":material/compare_arrows:")
    table = paired.rows(found)
    if table.empty:
        return
    st.dataframe(paired.table(table, names, baseline), height="content")
    first = next(iter(found.values()))
    st.caption(
        f"Difference to {plain(names[baseline])} [95 % interval], and the share of resamples in which the run wins, "
        f"over {first.frames} frames in {first.blocks} time blocks. Blue: surely better, orange: surely worse."
    )
    for line in paired.reasons(table):
        st.caption(plain(line))
    csv = table.assign(run=table["run_id"].map(names), baseline_run=names[baseline]).to_csv(index=False)
    plots.csv_row(csv, "paired", f"paired-differences-{source}")


def show_bins(stored: Stored, lines: Lines) -> None:
    """Scores by kind of frame or cell."""
    known = compared.kinds(stored)
    if not known:
        st.caption("None of these runs has scores by bin here.")
        return
    kind = links.one(st.segmented_control, "By", "bin", known, format_func=compared.GROUPS.__getitem__, required=True)
    table = compared.bins(stored, kind)
    titles = compared.OF_FRAMES if kind == "cells" else compared.OF_CELLS
    figure = figures.by_bin(table, titles, compared.GROUPS[kind], lines, look)
    plots.show(figure, table, "bins", f"by-{kind}-{source}")


def show_training(here: pd.DataFrame, lines: Lines) -> None:
    """Training curves on a common axis."""
    history = reads.histories(list(names))
    if history.empty:
        st.caption("These runs logged no training curves.")
        return
    keys = sorted(history["key"].unique())
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        wanted = links.many("Series", "series", keys, tables.first_series(keys))
    with right:
        axis = links.one(
            st.segmented_control,
            "Axis",
            "axis",
            list(compared.AXES),
            format_func=str.capitalize,
            help=AXES_HELP,
            required=True,
        )
    table = compared.on_axis(history[history["key"].isin(wanted)], here, axis)
    if table.empty:
        st.caption("No series is chosen." if not wanted else "These runs did not log how many frames a step sees.")
        return
    figure = figures.training(table, lines, compared.AXES[axis], look)
    plots.show(figure, table.assign(run=table["run_id"].map(names)), "training", f"training-by-{axis}")


def show_settings(here: pd.DataFrame) -> None:
    """Parameters and environment, equal ones hidden."""
    if len(names) < 2:
        st.caption("Choose a second run to see in what they differ.")
        return
    every = links.flag("Show equal ones, too", "equal", default=False)
    settings = {"Parameters": compared.parameters(here, names), "Environment": compared.environment(here, names)}
    for title, table in settings.items():
        shown = table if every else compared.differing(table)
        equal = "" if every else f"{len(table) - len(shown)} equal ones hidden"
        st.markdown(f"**{title}**" + (f" :gray[({equal})]" if equal else ""))
        if shown.empty:
            st.caption("No difference." if len(table) else "None logged.")
        else:
            st.dataframe(shown, height="content")


parts.title("Compare", "Curves over the IoU threshold, paired differences, training, and in what the runs differ.")
runs = parts.experiments_or_stop()
names = tables.unique_names(runs)
plots.open_clicked(names)
look = plots.look()
chosen = choose(runs, names)
left, right, _ = st.columns([1, 1.3, 1], vertical_alignment="top")
with left:
    known = tables.sources(runs) or list(scores.SOURCES)
    source = links.one(
        st.selectbox,
        "Split and reference",
        "scores",
        known,
        next(iter(tables.sources(runs[runs["run_id"].isin(chosen)])), known[0]),
        format_func=scores.SOURCES.__getitem__,
        help=scores.SOURCES_HELP,
    )
with right:
    matching = links.one(
        st.segmented_control,
        "Matching",
        "matching",
        list(MATCHINGS),
        format_func=MATCHINGS.__getitem__,
        help=MATCHINGS_HELP,
        required=True,
    )
if not chosen:
    parts.stop("No run chosen", "Choose runs above, or tick them on the Runs page.", icon=":material/ssid_chart:")
names = {run_id: names[run_id] for run_id in chosen}
lines = plots.lines(names)
here = runs[runs["run_id"].isin(chosen)]
if tables.mixed(runs, names):
    st.warning("These runs are of different data sets: their scores are not comparable.", icon=":material/warning:")

st.subheader("Curves over the IoU threshold", anchor=False)
found, damaged = results.of(chosen, source)
if damaged:
    whose = plain(", ".join(names[run_id] for run_id in damaged))
    st.warning(
        f"The stored results of {whose} are damaged: without intervals and bins, until evaluated again.",
        icon=":material/broken_image:",
    )
suffix = "" if matching == "strict" else "_any"
curves = compared.curves(reads.series(chosen, "curve/" + scores.prefix(source)), found, suffix)
if curves.empty:
    parts.note(
        "No curves here",
        f"None of these runs was evaluated on this: {scores.SOURCES[source].lower()}.",
        "cytolapse evaluate RUN_ID --data DATA",
        ":material/ssid_chart:",
    )
else:
    show_curves(curves, found, lines)

st.subheader("Scores", anchor=False)
show_scores(here.assign(readings=reads.readings(here)), found)
st.subheader("Paired differences", anchor=False)
if len(names) > 1:
    show_differences(here)
else:
    st.caption("Choose a second run to see by how much it differs on the same frames.")
st.subheader("Scores by kind of frame and cell", anchor=False)
show_bins(found, lines)
st.subheader("Training", anchor=False)
show_training(here, lines)
st.subheader("What differs", anchor=False)
show_settings(here)
