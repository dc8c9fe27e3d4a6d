"""Compare: scores, curves and parameters of chosen runs."""

from __future__ import annotations

import streamlit as st

from dashboard import columns, figures, links, parts, reads, scores, tables

LOOK = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
MATCHINGS = {"strict": "Strict, one-to-one", "any": "Source-compatible"}
MATCHINGS_HELP = (
    "Strict: a truth and a predicted object pair up at most once. "
    "Source-compatible: an object counts as found if ANY object of the other side passes with it."
)

parts.title(
    "Compare",
    "Precision, recall and F1 over the IoU threshold, training curves, and the parameters in which runs differ.",
)
runs = parts.experiments_or_stop()
names = tables.unique_names(runs)
left, middle, right = st.columns([2.2, 1.6, 1.2], vertical_alignment="top")
with left:
    default = [run_id for run_id in st.session_state.get("picked", ()) if run_id in names] or tables.first_choice(runs)
    chosen = links.many("Runs", "run", list(names), default, format_func=lambda run_id: names.get(run_id, run_id))
with middle:
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

if tables.mixed(runs, names):
    st.warning("These runs are of different data sets: their scores are not comparable.", icon=":material/warning:")

st.subheader("Curves over the IoU threshold", anchor=False)
curves = reads.series(chosen, "curve/" + scores.prefix(source))
if curves.empty:
    parts.note(
        "No curves here",
        f"None of these runs was evaluated on this: {scores.SOURCES[source].lower()}.",
        "cytolapse evaluate RUN_ID --data DATA",
        ":material/ssid_chart:",
    )
else:
    figure = figures.sweep(curves, names, "" if matching == "strict" else "_any")
    st.plotly_chart(figure, theme=None, config=LOOK, key="sweep")

st.subheader("Scores", anchor=False)
here = runs[runs["run_id"].isin(chosen)]
here = here.assign(readings=reads.readings(here))
table = tables.score_table(here, names, source, (*scores.ALL, scores.TRUTH))
if table.empty:
    st.caption(f"No scores on {scores.SOURCES[source].lower()} yet.")
else:
    titles = {score.title: score.help for score in (*scores.ALL, *scores.COUNTS)}
    st.dataframe(
        tables.highlight(table, titles),
        height="content",
        column_config={tables.DEFINITION: columns.definition()},
        placeholder="—",
    )
    st.caption("Best of each row highlighted; a difference smaller than the scatter between seeds means nothing.")

st.subheader("Training", anchor=False)
history = reads.histories(chosen)
if history.empty:
    st.caption("These runs logged no training curves.")
else:
    keys = sorted(history["key"].unique())
    wanted = links.many("Series", "series", keys, tables.first_series(keys))
    if wanted:
        st.plotly_chart(
            figures.training(history[history["key"].isin(wanted)], names), theme=None, config=LOOK, key="training"
        )

st.subheader("Parameters that differ", anchor=False)
table = tables.differences(runs, names)
if len(chosen) < 2:
    st.caption("Choose a second run to see in which parameters they differ.")
elif table.empty:
    st.caption("These runs have the same parameters.")
else:
    st.dataframe(table)
