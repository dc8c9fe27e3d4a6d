"""Data whose folder is not on this machine: what the runs that were scored on them stored."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from cytolapse.data.ctc import OFFICIAL, Facts
from cytolapse.data.findings import count
from cytolapse.errors import CytolapseError
from dashboard import parts, reads, tables
from dashboard.data import cells_shown, samples, shelf, strips
from dashboard.words import plain

if TYPE_CHECKING:
    import pandas as pd

    from dashboard.data.datasets import Known
    from dashboard.data.shelf import Told

ICON = ":material/dataset:"


def show(data: Known, folder: str, runs: pd.DataFrame) -> None:
    """What is known of data whose folder is not on this machine."""
    where = f"It was read from {plain(folder)}, which is not" if folder else "No run says where it lies"
    line = f"{where} on this machine" if folder else where
    mine = runs[runs["run_id"].isin(data.runs)]
    scored = mine[mine.filter(regex=r"^metrics\.(test|val)/(gold|silver)/").notna().any(axis=1)]
    found = shelf.told(scored["run_id"].astype(str))
    if found is None:
        parts.note(
            "Only its name is known",
            f"{line}, and no run stored what it was scored on. Evaluate a run to see frames and cells here:",
            f"cytolapse evaluate {_newest(mine, runs)} --data DATA",
            ICON,
        )
        return
    name = tables.unique_names(runs)[found.run_id]
    st.caption(f":material/folder_off: {line}: what follows is what run {plain(name)} stored when it was scored.")
    facts = OFFICIAL.get(data.name, Facts(data.name))
    said = (each.minutes for every in found.previews.values() for each in every if each.minutes)
    minutes = next(said, facts.minutes)
    st.subheader("What was scored", anchor=False, help=cells_shown.KIND_HELP)
    _strips(found, minutes)
    st.subheader("Cells of the truth", anchor=False, help="In the frames that the run was scored on.")
    cells_shown.cells(found.cells, facts.um, minutes, "told")
    _samples(found, minutes)


def _newest(mine: pd.DataFrame, runs: pd.DataFrame) -> str:
    """What a command calls the newest run: its name, where no other run has it."""
    name = str(mine["name"].iloc[0] or "")
    return shlex.quote(name if name and (runs["name"] == name).sum() == 1 else str(mine["run_id"].iloc[0]))


def _strips(found: Told, minutes: float | None) -> None:
    """Which frames a run was scored on."""
    shown = []
    for sequence, here in found.cells.counts.groupby("sequence"):
        numbers = here["frame"].astype(int)
        rows = [
            strips.truth_strip(str(kind), sorted(each["frame"].astype(int)), 0) for kind, each in here.groupby("kind")
        ]
        ends = (int(numbers.min()), int(numbers.max()))
        shown.append(
            strips.sequence(f"Sequence {sequence}", count(numbers.nunique(), "scored frame"), rows, ends, minutes)
        )
    st.html("".join(shown))


def _samples(found: Told, minutes: float | None) -> None:
    """Stored frames with their truth."""
    st.subheader("Samples", anchor=False, help="Stored frames, spread over time; with gold masks where there are any.")
    every = [
        (name, each, number)
        for name, all_parts in found.previews.items()
        for each in all_parts
        for number in each.numbers
    ]
    gold = [each for each in every if each[2] in each[1].stored.get("gold", {})]
    chosen = samples.spread(gold or every)
    if not chosen:
        st.caption("No frames are stored with this run, or they are gone.")
        return
    kinds: set[str] = set()
    for place, (name, previews, number) in zip(st.columns(samples.COUNT), chosen, strict=False):
        try:
            view = reads.frame(previews.path, number)
            picture: bytes | None = samples.outlined(view.image, view.references)
            kinds |= set(view.references)
        except (CytolapseError, OSError):
            picture = None
        with place:
            cells_shown.sample(picture, name, number, minutes)
    st.html(samples.legend(kinds))
