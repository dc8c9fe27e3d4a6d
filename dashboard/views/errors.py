"""Errors: the worst frames of a run, its wrong cells as a gallery, scores by bin, and what an audit says."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import auditing, colours, columns, cutouts, evidence, figures_errors, links, parts, reads, tables
from dashboard.cutouts import Card
from dashboard.mistakes import ALL, BINS, KINDS, Mistakes, Wish, movie
from dashboard.scores import SOURCES_HELP
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

SPLITS = {"test": "Test", "val": "Validation"}
CELLS = 21
WORST = 50
LONG = 420
ICON = ":material/pest_control:"
Row = dict[str, Any]


class Shown(NamedTuple):
    """What the page shows.

    Attributes:
        run_id: whose errors.
        split: test or val.
        reference: gold or silver.
        sequence: its name, or ALL.
        mistakes: the errors.
        pictures: sequence -> its stored frames.
        findings: of an audit of these data, against this truth; None = there was none.
    """

    run_id: str
    split: str
    reference: str
    sequence: str
    mistakes: Mistakes
    pictures: Mapping[str, Path]
    findings: pd.DataFrame | None

    def link(self, row: Mapping[str, Any], close: bool = True) -> str:
        """Address of a place in the movie."""
        return movie(self.run_id, self.split, self.reference, row, close)


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
    audit = evidence.audit(str(row.get("dataset")), str(row.get("tags.cytolapse.digest")))
    findings = None if audit is None or reference != "silver" else auditing.of(audit[1], sequence)
    shown = Shown(run_id, split, reference, sequence, mistakes, stored(run_id, split), findings)
    return shown, "" if audit is None else audit[0]


def stored(run_id: str, split: str) -> dict[str, Path]:
    """Sequence -> its stored frames; what is damaged is told and left out."""
    found = {}
    for path in reads.files(run_id, f"{split}/previews"):
        try:
            found[PurePosixPath(path).stem] = reads.previews(run_id, path).path
        except CytolapseError as error:
            st.warning(plain(error), icon=":material/broken_image:")
    return found


def counts(shown: Shown) -> None:
    """How many objects are of each kind, and which share of their side."""
    found = shown.mistakes.counts(Wish(shown.sequence))
    for place, (kind, each) in zip(st.columns(len(KINDS)), KINDS.items(), strict=True):
        total = shown.mistakes.total(each.side, shown.sequence)
        of = "cells" if each.side == "truth" else "predictions"
        share = f"{100 * found[kind] / total:.1f} % of {total:,} {of}" if total else f"no {of}"
        place.metric(
            each.title,
            f"{found[kind]:,}",
            share,
            delta_color="off",
            delta_arrow="off",
            help=each.text,
            border=True,
        )


def worst(shown: Shown) -> None:
    """The worst frames, and a picture of the one that was clicked."""
    st.subheader(
        "Worst frames",
        anchor=False,
        help="Most cells and predictions without a match at IoU 0.5 first, then lowest SEG. Click a row to see it.",
    )
    rows = shown.mistakes.worst(shown.sequence)[:WORST]
    if not rows:
        st.caption("No frame of this sequence was scored against this truth.")
        return
    ranks = [str(row["rank"]) for row in rows]
    chosen = (links.asked("Rank", "rank", ranks) or ranks)[0]
    row = rows[ranks.index(chosen)]
    shown_columns = columns.ranked_frames(several=len({each["sequence"] for each in shown.mistakes.frames}) > 1)
    left, right = st.columns([1.3, 1.2], gap="medium")
    with left:
        st.dataframe(
            [{**each, "movie": shown.link(each, close=False)} for each in rows],
            hide_index=True,
            height=LONG if len(rows) > 8 else "content",
            column_order=list(shown_columns),
            column_config=shown_columns,
            key="worst",
            selection_mode="single-row",
            placeholder="—",
            on_select=lambda: links.put_row("rank", "worst", ranks),
        )
    with right:
        path = shown.pictures.get(row["sequence"])
        if path is None:
            st.caption("No picture of this frame is stored.")
            return
        objects = shown.mistakes.by_frame[row["sequence"], row["frame"]]
        try:
            picture = evidence.frame_picture(path, shown.reference, row["frame"], objects)
        except CytolapseError as error:
            st.caption(plain(error))
            return
        text = f"Frame {row['frame']} of sequence {row['sequence']}"
        st.image(picture, output_format="PNG", width="stretch", alt=f"{text} with outlines")
        st.html(cutouts.legend(by_error=True))


def wishes(shown: Shown) -> Wish:
    """The filters of the gallery."""
    held = shown.mistakes.bins()
    smallest, largest = shown.mistakes.areas()
    with st.expander("Filter by size, elongation and surroundings", icon=":material/filter_alt:"):
        area: tuple[float, float] = (smallest, largest)
        places = st.columns(3, gap="medium")
        if smallest < largest:
            with places[0]:
                area = links.between("Area (px)", "area", smallest, largest)
        chosen = {}
        for place, (kind, names) in enumerate(held.items(), 1):
            with places[place % 3]:
                chosen[kind] = links.many(BINS[kind][0], kind, names, help=BINS[kind][1], placeholder="all")
    return Wish(shown.sequence, area, {kind: names for kind, names in chosen.items() if names})


def gallery(shown: Shown) -> None:
    """Cut-outs of the objects of one kind, page by page."""
    st.subheader(
        "Cells that went wrong", anchor=False, help="Lowest IoU first. A click opens the place in the movie, in a tab."
    )
    wish = wishes(shown)
    found = shown.mistakes.counts(wish)
    first = next((kind for kind in KINDS if found[kind]), "missed")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = links.one(
            st.segmented_control,
            "Kind",
            "kind",
            list(KINDS),
            first,
            format_func=lambda key: f"{KINDS[key].title} {found[key]:,}",
            required=True,
        )
        once = links.flag(
            "Each place once", "once", help="Of a place, neighbouring frames show the same mistake: one of ten is kept."
        )
    rows = shown.mistakes.of(kind, wish)
    rows = shown.mistakes.places(rows) if once else rows
    if not rows:
        st.success(nothing(shown, kind, wish), icon=":material/check_circle:")
        return
    if not shown.pictures:
        st.info(
            f"{found[kind]:,} objects, but no frames are stored: evaluate the run again to see them.",
            icon=":material/hide_image:",
        )
        return
    pages = [str(number + 1) for number in range(-(-len(rows) // CELLS))]
    page = int(links.stepper("Page", "page", pages, "1")) if len(pages) > 1 else 1
    here = rows[(page - 1) * CELLS : page * CELLS]
    st.html(cutouts.gallery(card(shown, row, KINDS[kind].by_error) for row in here))
    st.html(cutouts.legend(KINDS[kind].by_error))
    st.caption(f"{len(rows):,} of {found[kind]:,}; a cut-out is {shown.mistakes.side} px wide and high.")


def nothing(shown: Shown, kind: str, wish: Wish) -> str:
    """Why the gallery is empty."""
    title = KINDS[kind].title.lower()
    if not any(shown.mistakes.counts(Wish(shown.sequence)).values()):
        return "No errors at all: every cell was found, and every prediction is a cell."
    if wish != Wish(shown.sequence, wish.area) or shown.mistakes.counts(Wish(shown.sequence))[kind]:
        return f"Nothing {title} among the objects that the filters leave."
    return f"Nothing is {title} here."


def card(shown: Shown, row: Row, by_error: bool) -> Card:
    """The cut-out of an object."""
    path = shown.pictures.get(row["sequence"])
    objects = shown.mistakes.by_frame[row["sequence"], row["frame"]] if by_error else None
    try:
        picture = None if path is None else evidence.cutout(path, shown.reference, row, shown.mistakes.side, objects)
    except CytolapseError:
        picture = None
    finding = None if shown.findings is None else auditing.at(shown.findings, row)
    return Card(
        picture,
        shown.link(row),
        f"{row['sequence']} · frame {row['frame']}",
        f"IoU {row['iou']:.2f} · {row['area']:,} px",
        "" if finding is None else f"audit #{finding['rank']}: silver {finding['kind']}?",
    )


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
worst(chosen)
gallery(chosen)
scores(chosen)
audit(chosen, audited)
