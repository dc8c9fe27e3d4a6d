"""Errors: the worst frames of a run, its wrong cells as a gallery, scores by bin, and what an audit says."""

from __future__ import annotations

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import colours, links, parts, reads, tables
from dashboard.errors import auditing, evidence, gallery, worst
from dashboard.errors import figure as figures_errors
from dashboard.errors.evidence import Shown
from dashboard.errors.mistakes import ALL, BINS, KINDS, Wish
from dashboard.scores import SOURCES_HELP
from dashboard.words import plain

SPLITS = {"test": "Test", "val": "Validation"}
ICON = ":material/pest_control:"


def choose() -> tuple[Shown, str]:
    """The selections at the head of the page, and the run that holds an audit ("" = none)."""
    runs = parts.experiments_or_stop()
    names = tables.unique_names(runs)
    one, two, three, four = st.columns([2, 1.2, 1, 1])
    with one:
        run_id = links.one(
            st.selectbox, "Run", "run", list(names), tables.with_scores(runs), format_func=lambda each: names[each]
        )
    splits = [split for split in SPLITS if f"{split}/objects.parquet" in reads.files(run_id, split)]
    if not splits:
        parts.stop(
            "Not evaluated yet",
            "This run has no table of objects: it was not evaluated, or its files are gone. Evaluation writes it:",
            f"cytolapse evaluate {run_id} --data DATA",
            ICON,
        )
    with two:
        split = links.one(st.segmented_control, "Split", "split", splits, format_func=SPLITS.__getitem__, required=True)
    try:
        frames = reads.table(run_id, f"{split}/frames.parquet")
        truths = [name for name in ("gold", "silver") if frames is None or name in set(frames["reference"])]
        with four:
            reference = links.one(
                st.segmented_control,
                "Truth",
                "reference",
                truths or ["silver"],
                format_func=str.capitalize,
                help=SOURCES_HELP,
                required=True,
            )
        mistakes = evidence.mistakes(run_id, split, reference)
    except (CytolapseError, KeyError) as error:
        text = plain(error) if isinstance(error, CytolapseError) else "Its table of frames lacks a column."
        parts.stop("Evaluate this run again", text, f"cytolapse evaluate {run_id} --data DATA", ICON)
    sequences = sorted({row["sequence"] for row in mistakes.frames})
    with three:
        sequence = links.one(
            st.selectbox,
            "Sequence",
            "sequence",
            [ALL, *sequences],
            ALL if len(sequences) != 1 else sequences[0],
            format_func=lambda name: "all sequences" if name == ALL else name,
        )
    row = runs.set_index("run_id").loc[run_id]
    try:
        audit = evidence.audit(str(row.get("dataset")), str(row.get("tags.cytolapse.digest")))
    except CytolapseError as error:
        st.warning(plain(error), icon=":material/broken_image:")
        audit = None
    findings = None if audit is None or reference != "silver" else auditing.of(audit[1], sequence)
    shown = Shown(run_id, split, reference, sequence, mistakes, evidence.stored(run_id, split), findings)
    return shown, "" if audit is None else audit[0]


def counts(shown: Shown) -> None:
    """How many objects are of each kind, and which share of their side."""
    found = shown.mistakes.counts(Wish(shown.sequence))
    for place, (kind, each) in zip(st.columns(len(KINDS)), KINDS.items(), strict=True):
        total = shown.mistakes.total(each.side, shown.sequence)
        of = "cells" if each.side == "truth" else "predictions"
        with place.container(border=True, gap=None, height="stretch"):
            st.metric(each.title, f"{found[kind]:,}", help=each.text)
            st.caption(f"{100 * found[kind] / total:.1f} % of {total:,} {of}" if total else f"no {of}")


def scores(shown: Shown) -> None:
    """How cells of each bin fare."""
    found = shown.mistakes.scores(shown.sequence)
    if not found:
        return
    left, right = st.columns([2, 1.4], vertical_alignment="bottom")
    left.subheader("Cells by bin", anchor=False, help="\n\n".join(f"{title}: {text}" for title, text in BINS.values()))
    with right:
        score = links.one(
            st.segmented_control,
            "Score",
            "score",
            list(figures_errors.SCORES),
            format_func=figures_errors.SCORES.__getitem__,
            required=True,
        )
    figure = figures_errors.by_bin(found, score, colours.of([shown.run_id])[shown.run_id])
    st.plotly_chart(figure, config={"displayModeBar": False}, key="bins", alt=f"{score} by bin")


def audit(shown: Shown, run_id: str) -> None:
    """What models that agree with each other say against the silver truth."""
    st.subheader("Is the silver truth right?", anchor=False)
    if not run_id:
        st.caption("No audit of these data is logged. It shows where independent models agree against silver truth:")
        st.code("cytolapse audit DATA --runs RUN_A RUN_B RUN_C --log", language="bash")
        return
    if shown.findings is None:
        st.caption("An audit of the silver truth is logged: choose silver truth above to see it beside the errors.")
        return
    if shown.findings.empty:
        st.success("The audit found nothing against silver in this sequence.", icon=":material/check_circle:")
        return
    auditing.show(run_id, shown.findings, shown.link)


parts.title("Errors", "What a run gets wrong: the worst frames, and its cells one by one.")
chosen, audited = choose()
counts(chosen)
worst.show(chosen)
gallery.show(chosen)
scores(chosen)
audit(chosen, audited)
