"""Registry: versions, aliases and where each came from."""

from __future__ import annotations

import streamlit as st

from dashboard import columns, links, parts, reads, tables
from dashboard.scores import SOURCES, SOURCES_HELP
from dashboard.versions import evidence_table, version_table
from dashboard.words import plain

HOW = """cytolapse promote RUN_ID --reason "why"     # its model becomes a version; champion if it is at least as good
cytolapse promote RUN_ID --alias challenger # point the other alias, without a gate
cytolapse rollback                          # the champion before is champion again"""

parts.title(
    "Registry",
    "Models that were registered, the aliases that point to them, and the evidence on which they were promoted.",
)
versions = reads.versions()
if versions.empty:
    parts.stop(
        "No model registered yet",
        "Promote the model of a run from the command line:",
        "cytolapse promote RUN_ID",
        ":material/workspace_premium:",
    )
runs = reads.runs()
known = tables.sources(runs) if len(runs) else []
left, right = st.columns([1, 2])
with left:
    model = links.one(st.selectbox, "Model", "model", list(versions["name"].astype(str).unique()))
with right:
    source = links.one(
        st.segmented_control,
        "Scores",
        "scores",
        known or list(SOURCES),
        format_func=SOURCES.__getitem__,
        help=SOURCES_HELP,
        required=True,
    )

here = versions[versions["name"].astype(str) == model].reset_index(drop=True)
table = version_table(here, runs, source)
champions = [row for row in table.itertuples() if "champion" in row.aliases]
with st.container(border=True):
    if champions:
        best = champions[0]
        first, *rest = st.columns([1.6, 1, 1, 1], vertical_alignment="center")
        first.markdown(f":material/workspace_premium: **Champion: version {best.version}**  \nfrom {plain(best.run)}")
        shown = (("Validation", best.selection), ("SEG", best.seg), ("OP_CSB", best.op_csb_masks))
        for spot, (name, value) in zip(rest, shown, strict=True):
            spot.metric(name, "—" if value != value else f"{value:.3f}")
    else:
        st.markdown(":material/workspace_premium: No version of this model is the champion yet.")

st.subheader("Versions", anchor=False)
st.dataframe(
    table, hide_index=True, column_config=columns.versions(), placeholder="—", column_order=list(columns.versions())
)

st.subheader("Evidence", anchor=False)
with st.columns([1, 2])[0]:
    version = links.one(
        st.selectbox,
        "Version",
        "version",
        [str(number) for number in table["version"]],
        format_func="Version {}".format,
    )
evidence = evidence_table(here[here["version"].astype(str) == version])
if evidence.empty:
    st.caption("This version carries no promotion tags.")
else:
    st.dataframe(evidence, hide_index=True)

st.subheader("How to promote", anchor=False)
st.caption("This page only reads. Promotion and its rules are on the command line:")
st.code(HOW, language="bash")
