"""Registry: versions, what they rest on and come from, their history; promote and roll back for those who may."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.tracking.promotion.policy import policy_of
from dashboard import columns, links, parts, reads, tables
from dashboard.registry import history, promoting
from dashboard.registry.versions import evidence, rules_table, tags_table, version_table, when
from dashboard.runs.champion import ALIAS, headline
from dashboard.scores import SOURCES, SOURCES_HELP
from dashboard.words import plain

if TYPE_CHECKING:
    import pandas as pd

HOW = """cytolapse promote RUN_ID --reason "why"     # champion, if the gate lets it pass
cytolapse promote RUN_ID --alias challenger # any other alias, without a gate
cytolapse rollback                          # the champion before is champion again"""
LINES = 12
FIRST = 8  # runs that are offered where there is no model yet
CROWN = ":material/workspace_premium:"


def champion(here: pd.DataFrame, runs: pd.DataFrame) -> None:
    """The version that is champion, its scores with their intervals, and since when."""
    best = next((row for row in here.to_dict("records") if ALIAS in row["aliases"]), None)
    if best is None:
        st.markdown(f"{CROWN} No version of this model is the champion yet.")
        return
    run = runs[runs["run_id"].astype(str) == str(best["run_id"])]
    source, told = headline({str(key): value for key, value in run.iloc[0].items()}) if len(run) else ("", [])
    first, *rest = st.columns([1.7, *[1] * len(told)], vertical_alignment="center")
    name = plain(run["name"].iloc[0]) if len(run) else "a run that was deleted or archived"
    first.markdown(f"{CROWN} **Champion: version {best['version']}**  \nfrom {name}")
    first.caption(
        f"{SOURCES[source]}, 95 % intervals below" if any(each[2] for each in told) else SOURCES.get(source, "")
    )
    for spot, (score, value, interval) in zip(rest, told, strict=True):
        spot.metric(score.title, f"{value:.3f}", help=score.help)
        if interval:
            spot.caption(interval)


def show_history(decisions: pd.DataFrame, runs: pd.DataFrame) -> None:
    """The timeline, newest first."""
    names = dict(zip(runs["run_id"].astype(str), runs["name"].astype(str), strict=True)) if len(runs) else {}
    lines = history.timeline(decisions, names)
    st.markdown("**History**")
    if not lines:
        st.caption("Nothing was decided through the gate so far.")
    for line in lines[:LINES]:
        with st.container(gap=None):
            st.markdown(line.head)
            st.caption("  \n".join(filter(None, (line.detail, line.gate, line.reason))))
    if len(lines) > LINES:
        st.caption(f"and {len(lines) - LINES} before that")


def show_evidence(version: dict[str, Any], here: pd.DataFrame) -> None:
    """Rules, who, when and why; and every tag."""
    found = evidence(version)
    if found.get("rules"):
        st.table(rules_table(found))
    known = {**found, "at": when(found["at"])} if found.get("at") else found
    facts = (("Decided", "decision"), ("At", "at"), ("By", "by"), ("Reason", "reason"))
    told = [f"{name}: {plain(known[key])}" for name, key in facts if known.get(key)]
    read = found.get("readings", {})
    if read:
        told.append(f"Test read {read['all_runs']} times by all runs on these data, {read['candidate']} by this one")
    if found.get("policy"):
        told.append(f"Policy: {plain(found['policy'].get('source', ''))}")
    if told:
        st.caption(" · ".join(told))
    tags = tags_table(here[here["version"] == version["version"]])
    if tags.empty:
        st.caption("This version carries no promotion tags.")
        return
    with st.expander("All tags", expanded=not found.get("rules")):
        st.dataframe(tags, hide_index=True, key="tags")


def show_lineage(version: dict[str, Any], runs: pd.DataFrame) -> None:
    """From the data to the alias, step by step."""
    made = history.lineage(version, runs)
    for spot, (name, value) in zip(st.columns([1, 1.1, 1.2, 1.8, 1]), made.items(), strict=True):
        spot.caption(name)
        spot.markdown(f"**{plain(value)}**")
    if len(runs) and str(version["run_id"]) in set(runs["run_id"].astype(str)):
        with st.container(horizontal=True):
            for page, label in (("runs", "Run"), ("compare", "Curves"), ("movie", "Movie")):
                st.page_link(f"views/{page}.py", label=label, query_params={"run": str(version["run_id"])})


def show_version(here: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One version: its evidence, its card, what it comes from."""
    best = next((str(row["version"]) for row in here.to_dict("records") if ALIAS in row["aliases"]), None)
    with st.columns([1, 3])[0]:
        number = links.one(
            st.selectbox,
            "Version",
            "version",
            [str(number) for number in here["version"]],
            best,
            format_func="Version {}".format,
        )
    row = here[here["version"].astype(str) == number].iloc[0]
    version = {str(key): value for key, value in row.items()}
    rules, card, origin = st.tabs(["Evidence", "Model card", "Lineage"])
    with rules:
        show_evidence(version, here)
    with card:
        if version["description"]:
            # Smaller heads, and no pictures: anybody may have written it, and a picture calls another server.
            st.markdown(re.sub(r"(?m)^#", "####", str(version["description"]).replace("![", "!\\[")))
        else:
            st.caption("This version carries no model card: `cytolapse promote` writes one.")
    with origin:
        show_lineage(version, runs)


def show_policy(model: str) -> None:
    """The rules that a champion must pass."""
    with st.popover("Policy", icon=":material/policy:"):
        try:
            policy = policy_of(model)
        except CytolapseError as error:  # the gate says the same when it is asked
            st.error(plain(error), icon=":material/error:")
            return
        st.markdown(f"**{plain(policy.source)}**")
        rows = {name: value for name, value in policy.as_dict().items() if name != "source"}
        values = [", ".join(value) if isinstance(value, list) else f"{value:g}" for value in rows.values()]
        st.table({"Rule": list(rows), "Value": values})
        st.caption(f"A file `policies/{plain(model)}.toml` beside the dashboard changes it: see docs/promotion.md.")


def nothing_registered(runs: pd.DataFrame) -> NoReturn:
    """How the first model becomes champion, and the runs that could; ends the page."""
    known = promoting.candidates(runs, "") if len(runs) else {}
    if not known:
        line = "A finished run with a validation score can become the first champion. Train one, then promote it:"
        parts.stop("No model registered yet", line, f"{parts.FIRST_STEPS}\ncytolapse promote RUN_ID", CROWN)
    best = next(iter(known))
    parts.note(
        "No model registered yet",
        "The first champion needs only that its model loads and makes its stored masks again; whoever comes later must "
        "not be worse than it. The best run on validation:",
        f"cytolapse promote {best}",
        CROWN,
    )
    st.subheader("Runs that can become the first champion", anchor=False)
    source = next(iter(tables.sources(runs)), "test-gold")
    table = tables.leaderboard(runs[runs["run_id"].astype(str).isin(known)], source).loc[list(known)[:FIRST]]
    config = columns.candidates()
    st.dataframe(table, hide_index=True, column_config=config, placeholder="—", column_order=list(config))
    more = f"the best {FIRST} of {len(known)} on validation; " if len(known) > FIRST else ""
    st.caption(f"{more}scores on {SOURCES[source].lower()}.".capitalize())
    promoting.buttons(runs, "", "")
    st.stop()


parts.title("Registry", "Registered models: which version is the champion, on what evidence, and what came before.")
versions, runs = reads.versions(), reads.runs()
promoting.tell()
if versions.empty:
    nothing_registered(runs)
left, right = st.columns([1, 2])
with left:
    model = links.one(st.selectbox, "Model", "model", list(versions["name"].astype(str).unique()))
known = tables.sources(runs) if len(runs) else []
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
decisions = reads.decisions()
decisions = decisions[decisions["name"].astype(str) == model]
wide, narrow = st.columns([2.4, 1])
with wide:
    with st.container(border=True):
        champion(here, runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_policy(model)
        promoting.buttons(runs, model, history.previous(decisions, here, ALIAS))
    st.subheader("Versions", anchor=False)
    table = version_table(here, runs, source)
    config = columns.versions()
    st.dataframe(table, hide_index=True, column_config=config, placeholder="—", column_order=list(config))
    show_version(here, runs)
with narrow.container(border=True):
    show_history(decisions, runs)
with st.expander("The same on the command line", icon=":material/terminal:"):
    st.code(HOW, language="bash")
