"""The worst frames on the Errors page: a table, and a picture of the one that was clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import columns, links
from dashboard.errors import cutouts, evidence
from dashboard.errors.mistakes import kinds_of

if TYPE_CHECKING:
    from dashboard.errors.evidence import Shown

WORST = 50
"""Frames that are listed."""
LONG = 420
"""Height of a long table in px."""


def show(shown: Shown) -> None:
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
    shown_columns = columns.ranked_frames(several=len({each["sequence"] for each in shown.mistakes.frames}) > 1)
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        st.dataframe(
            [{**each, "kinds": kinds_of(each), "movie": shown.link(each, close=False)} for each in rows],
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
        _picture(shown, rows[ranks.index(chosen)])


def _picture(shown: Shown, row: dict[str, Any]) -> None:
    """A frame with outlines, and what they mean."""
    path = shown.pictures.get(row["sequence"])
    if path is None:
        st.caption("No picture of this frame is stored: evaluate the run again to see it.")
        return
    objects = shown.mistakes.by_frame[row["sequence"], row["frame"]]
    try:
        picture = evidence.frame_picture(path, shown.reference, row["frame"], objects)
    except CytolapseError:
        st.caption("The stored picture of this frame is damaged: evaluate the run again to see it.")
        return
    text = f"Frame {row['frame']} of sequence {row['sequence']}"
    st.image(picture, output_format="PNG", width="stretch", alt=f"{text} with outlines")
    st.html(cutouts.legend(by_error=True))
