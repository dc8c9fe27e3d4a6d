"""One colour per run, the same on every page of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Source: Okabe and Ito 2008, Color Universal Design. Their black and yellow each vanish on one of the two backgrounds:
# a grey and a violet stand in for them.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6f6f6f", "#7b4fc9")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hourglass")
"""Plotly's markers, one for each colour: who can't tell two colours apart tells these."""
_KEY = "colours"


def of(run_ids: Iterable[str]) -> dict[str, str]:
    """Run id -> its colour, for what is drawn together; a run that had one in this session keeps it."""
    wanted = list(run_ids)
    known = assigned(wanted, st.session_state.get(_KEY, {}))
    st.session_state[_KEY] = known
    return {run_id: known[run_id] for run_id in wanted}


def assigned(run_ids: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """The colours that are known, with one for each of these runs; the runs are then the last ones.

    Up to eight runs that are drawn together all differ: where two had one colour, the later gets another. A new run
    takes a colour that no run has yet, else the one that went unused for longest.

    Args:
        run_ids: what is drawn together.
        known: run id -> colour, the longest unused first.
    """
    wanted = list(dict.fromkeys(run_ids))
    taken: dict[str, str] = {}
    for run_id in wanted:
        if known.get(run_id) not in (None, *taken.values()):
            taken[run_id] = known[run_id]
    others = {run_id: colour for run_id, colour in known.items() if run_id not in wanted}
    for run_id in wanted:
        if run_id not in taken:
            taken[run_id] = _free(list(taken.values()), list(others.values()))
    return {**others, **{run_id: taken[run_id] for run_id in wanted}}


def symbol(colour: str) -> str:
    """The marker that goes with a colour."""
    return SYMBOLS[PALETTE.index(colour)]


def _free(here: list[str], elsewhere: list[str]) -> str:
    """A colour that is not taken here, first one that no run has elsewhere; each once more where all are taken."""
    left = [colour for colour in PALETTE if here.count(colour) == min(map(here.count, PALETTE))]
    last_used = {colour: place for place, colour in enumerate(elsewhere)}
    return min(left, key=lambda colour: (last_used.get(colour, -1), PALETTE.index(colour)))
