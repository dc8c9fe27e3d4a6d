"""The gallery of the Errors page: its filters, and cut-outs of the objects of one kind, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import links
from dashboard.errors import auditing, cutouts, evidence
from dashboard.errors.cutouts import Card
from dashboard.errors.mistakes import BINS, KINDS, Wish

if TYPE_CHECKING:
    from dashboard.errors.evidence import Shown

CELLS = 21
"""Cut-outs on one page."""
Row = dict[str, Any]


def show(shown: Shown) -> None:
    """Cut-outs of the objects of one kind, page by page."""
    st.subheader(
        "Cells that went wrong", anchor=False, help="Lowest IoU first. A click opens the place in the movie, in a tab."
    )
    wish = filters(shown)
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
        st.success(_nothing(shown, kind, wish), icon=":material/check_circle:")
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
    st.html(cutouts.gallery(_card(shown, row, KINDS[kind].by_error) for row in here))
    st.html(cutouts.legend(KINDS[kind].by_error))
    st.caption(f"{len(rows):,} of {found[kind]:,}; a cut-out is {shown.mistakes.side} px wide and high.")


def filters(shown: Shown) -> Wish:
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


def _nothing(shown: Shown, kind: str, wish: Wish) -> str:
    """Why the gallery is empty."""
    title = KINDS[kind].title.lower()
    if not any(shown.mistakes.counts(Wish(shown.sequence)).values()):
        return "No errors at all: every cell was found, and every prediction is a cell."
    if wish != Wish(shown.sequence, wish.area) or shown.mistakes.counts(Wish(shown.sequence))[kind]:
        return f"Nothing {title} among the objects that the filters leave."
    return f"Nothing is {title} here."


def _card(shown: Shown, row: Row, by_error: bool) -> Card:
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
