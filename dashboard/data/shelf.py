"""What the Data page keeps: folders as they are, the readings of their files, samples, and what runs stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.tracking import open_store
from dashboard import reads
from dashboard.data import samples
from dashboard.data.annotated import Cells, stored
from dashboard.data.datasets import Listed, listed
from dashboard.data.reading import Desk, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cytolapse.previews import Previews
    from dashboard.data.samples import Sample

PARTS = ("test", "val")
MOST = 5
"""Runs that are asked for what they stored."""


def inputs() -> pd.DataFrame:
    """Which data sets each run read, and where."""
    return _inputs(reads.address())


@st.cache_data(ttl=reads.SECONDS, show_spinner="Reading which data there are ...")
def _inputs(uri: str) -> pd.DataFrame:
    return open_store(uri).inputs()


@st.cache_resource(ttl=reads.SECONDS, max_entries=32, show_spinner="Looking into the folder ...")
def folder(path: str) -> Listed | None:
    """What lies in a folder now; None where it is not on this machine."""
    return listed(path)


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The readings of this server."""
    return Desk()


def reading(here: Listed) -> Reading:
    """That of a folder, which goes on while somebody looks."""
    return desk().reading(here)


def read_again(here: Listed) -> None:
    """Forget what was read of a folder."""
    desk().forget(here.root)
    folder.clear()


def picture(sample: Sample) -> bytes | None:
    """PNG of a frame with its truth; None where it can't be read."""
    try:
        written = tuple((kind, str(path), path.stat().st_mtime_ns) for kind, path in sample.files.items())
    except OSError:
        return None
    return _picture(written, sample)


@st.cache_data(max_entries=48, show_spinner=False)
def _picture(written: tuple[tuple[str, str, int], ...], _sample: Sample) -> bytes | None:
    return samples.picture(_sample)


class Told(NamedTuple):
    """What a run stored of the data that it was scored on.

    Attributes:
        run_id: the run.
        cells: the truth of those frames.
        previews: sequence -> its stored frames; those of the test part before validation's.
    """

    run_id: str
    cells: Cells
    previews: Mapping[str, list[Previews]]


def told(run_ids: Iterable[str]) -> Told | None:
    """Of the first of some runs that stored tables; None where none did."""
    for run_id in list(run_ids)[:MOST]:
        found = _tables(run_id)
        if found is not None:
            return Told(run_id, found, _previews(run_id))
    return None


def _tables(run_id: str) -> Cells | None:
    parts: dict[str, list[pd.DataFrame]] = {"frames": [], "objects": []}
    for part in PARTS:
        for name, kept in parts.items():
            try:
                table = reads.table(run_id, f"{part}/{name}.parquet")
            except CytolapseError:  # damaged, or deleted a moment ago
                continue
            if table is not None:
                kept.append(table)
    frames, objects = (pd.concat(each, ignore_index=True) if each else None for each in parts.values())
    return None if frames is None else stored(frames, objects)


def _previews(run_id: str) -> dict[str, list[Previews]]:
    found: dict[str, list[Previews]] = {}
    for part in PARTS:
        for path in reads.files(run_id, f"{part}/previews"):
            try:
                previews = reads.previews(run_id, path)
            except CytolapseError:
                continue
            found.setdefault(previews.path.stem, []).append(previews)
    return found
