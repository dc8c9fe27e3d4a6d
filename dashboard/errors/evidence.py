"""What the Errors page reads: what a run gets wrong, cut-outs of its stored frames, and audits."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import reads
from dashboard.errors import cutouts
from dashboard.errors.mistakes import Mistakes, movie
from dashboard.tables import AUDIT
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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


def mistakes(run_id: str, split: str, reference: str) -> Mistakes:
    """What a run gets wrong in a part, against a truth; read only, as all pages share it.

    Raises:
        CytolapseError: a table is absent, damaged or of an older version.
    """
    files = [reads.file(run_id, f"{split}/{name}.parquet") for name in ("objects", "frames")]
    return _mistakes(*files, tuple(file.stat().st_mtime_ns for file in files), reference)


def stored(run_id: str, split: str) -> dict[str, Path]:
    """Sequence -> its stored frames; what is damaged is told and left out."""
    found = {}
    for path in reads.files(run_id, f"{split}/previews"):
        try:
            found[PurePosixPath(path).stem] = reads.previews(run_id, path).path
        except CytolapseError:
            name = plain(PurePosixPath(path).stem)
            st.warning(
                f"The stored frames of sequence {name} are damaged: evaluate the run again.",
                icon=":material/broken_image:",
            )
    return found


def cutout(path: Path, reference: str, row: Mapping[str, Any], side: int, objects: Sequence[Any] | None) -> bytes:
    """PNG of the surroundings of an object in the stored frames at `path`; the rest as `cutouts.cut`."""
    place = (row["frame"], row["y"], row["x"])
    return _cutout(path, path.stat().st_mtime_ns, reference, place, side, objects is not None, objects)


def frame_picture(path: Path, reference: str, number: int, objects: Sequence[Any]) -> bytes:
    """PNG of a stored frame with its errors."""
    return _frame_picture(path, path.stat().st_mtime_ns, reference, number, objects)


def audit(dataset: str, digest: str) -> tuple[str, pd.DataFrame] | None:
    """The newest audit of a data set: the run that holds it, and its findings; None where there is none."""
    runs = reads.runs()
    wanted = {"tags.cytolapse.dataset": dataset, "tags.cytolapse.digest": digest}
    if AUDIT not in runs or not set(wanted) <= set(runs):
        return None
    found = runs[runs[AUDIT].notna() & (runs[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    for run_id in found["run_id"]:
        if "audit/audit.csv" in reads.files(run_id, "audit"):
            return str(run_id), _findings(reads.address(), str(run_id))
    return None


def sheet(run_id: str, path: str) -> bytes | None:
    """A small file of a run; None where it is gone."""
    return reads.file(run_id, path).read_bytes() if path in reads.files(run_id, path.rpartition("/")[0]) else None


@st.cache_resource(max_entries=4, show_spinner="Reading what the run gets wrong ...")
def _mistakes(objects: Path, frames: Path, written: tuple[int, ...], reference: str) -> Mistakes:
    from cytolapse.tracking.tables import read_rows

    rows = [read_rows(file, file.stem, f"The table {file.parent.name}/{file.name}") for file in (objects, frames)]
    return Mistakes(*rows, reference)


@st.cache_data(max_entries=1000, show_spinner=False)
def _cutout(
    path: Path,
    written: int,
    reference: str,
    place: tuple[int, float, float],
    side: int,
    by_error: bool,
    _objects: Sequence[Any] | None,
) -> bytes:
    return cutouts.cut(reads.frame(path, place[0]), reference, _objects, place[1:], side)


@st.cache_data(max_entries=20, show_spinner=False)
def _frame_picture(path: Path, written: int, reference: str, number: int, _objects: Sequence[Any]) -> bytes:
    return cutouts.whole(reads.frame(path, number), reference, _objects)


@st.cache_data(ttl=reads.SECONDS, show_spinner=False)
def _findings(uri: str, run_id: str) -> pd.DataFrame:
    try:
        return pd.read_csv(reads.file(run_id, "audit/audit.csv"), dtype={"sequence": str, "label": str})
    except (OSError, ValueError) as error:
        raise CytolapseError("The audit of these data is damaged: log it again with `cytolapse audit --log`") from error
