"""What the movie player reads: stored frames of a sequence, and what became of its cells, as small JSON."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pandas as pd

from cytolapse.errors import CytolapseError
from cytolapse.previews import Previews
from dashboard import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dashboard.signing import Place

OPEN = 8
"""Zips that stay open at most."""
OBJECT = {
    **dict.fromkeys(("frame", "area", "truth", "prediction", "track"), int),
    **dict.fromkeys(("side", "kind"), str),
    "iou": float,
}


def written(path: Path) -> str:
    """Tells a file from one that is written at the same place later."""
    stat = path.stat()
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


class Bundles:
    """The zips that were asked for last, kept open; several threads may ask.

    Attributes:
        find: run id, path of a file of the run -> a local copy of it.
    """

    def __init__(self, find: Callable[[str, str], Path], most: int = OPEN) -> None:
        self.find = find
        self._most = most
        self._open: OrderedDict[Place, Previews] = OrderedDict()
        self._lock = threading.Lock()

    def previews(self, place: Place) -> Previews:
        """The stored frames of a place.

        Raises:
            CytolapseError: they are gone, damaged, or were written anew since the link was made.
        """
        with self._lock:
            if place in self._open:
                self._open.move_to_end(place)
                return self._open[place]
        path = self.find(place.run, f"{place.part}/previews/{place.sequence}.zip")
        if written(path) != place.written:
            raise CytolapseError(f"{path} was written anew: reload the page")
        found = Previews(path)
        with self._lock:
            self._open[place] = found
            while len(self._open) > self._most:
                self._open.popitem(last=False)
        return found

    def table(self, place: Place, name: str) -> pd.DataFrame | None:
        """`frames` or `objects` of a part of a run; None where there is no such table or it is damaged."""
        try:
            return pd.read_parquet(self.find(place.run, f"{place.part}/{name}.parquet"))
        except (CytolapseError, OSError, ValueError):
            return None


def manifest(previews: Previews, frames: pd.DataFrame | None, sequence: str) -> dict[str, Any]:
    """What there is to show of a sequence.

    Returns:
        `frames`: numbers; `minutes` between two; `marks`: kind -> per frame a mark of its image or None;
        `scores`: reference -> per frame None, or [cells, predictions, errors, SEG or None].
    """
    marks = {
        kind: [stored[number].mark if number in stored else None for number in previews.numbers]
        for kind, stored in previews.stored.items()
    }
    scores = {}
    for reference in () if frames is None else sorted(set(frames["reference"])):
        rows = tables.worst_frames(frames, reference, sequence).set_index("frame")
        listed = rows[["n_truth", "n_pred", "errors", "seg"]].astype(object).where(rows.notna(), None)
        known = {number: list(row) for number, *row in listed.itertuples()}
        scores[reference] = [known.get(number) for number in previews.numbers]
    return {"frames": previews.numbers, "minutes": previews.minutes, "marks": marks, "scores": scores}


def objects(table: pd.DataFrame | None, reference: str, sequence: str) -> dict[str, list[Any]]:
    """The scored objects of a sequence against one reference, column by column; None = unknown."""
    if table is None:
        return {}
    here = table[(table["reference"] == reference) & (table["sequence"].astype(str) == sequence)]
    return {name: _listed(here[name], kind) for name, kind in OBJECT.items() if name in here}


def _listed(column: pd.Series, kind: type) -> list[Any]:
    return [None if pd.isna(value) else round(value, 3) if kind is float else kind(value) for value in column]
