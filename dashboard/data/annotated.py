"""The cells of a data set's truth as tables: from its masks, or from what runs stored of them; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cytolapse.metrics.overlap import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cytolapse.data.tiff import Array

KINDS = ("gold", "silver", "TRA")
"""What a frame can be annotated with: whole cells by people, whole cells by programs, tracking markers."""
_STORED = {
    "frames": ["sequence", "reference", "frame", "n_truth"],
    "objects": ["sequence", "reference", "area", "aspect"],
}


class Annotated(NamedTuple):
    """The truth of one frame.

    Attributes:
        sequence: its name.
        kind: gold, silver or TRA.
        frame: its number.
        cells: how many it holds.
        areas: (N,) px; none for TRA, whose markers are no cells.
        aspects: (N,) major over minor axis; NaN for a cell that is one pixel thin.
    """

    sequence: str
    kind: str
    frame: int
    cells: int
    areas: Array
    aspects: Array


def annotated(sequence: str, kind: str, frame: int, labels: Array) -> Annotated:
    """What a label image (Y, X) holds."""
    found = overlap(labels, labels).truth
    shown = found if kind != "TRA" else found.only(np.zeros(len(found.ids), bool))
    major, minor = shown.axes.T
    aspects = np.divide(major, minor, out=np.full(len(major), np.nan), where=minor > 0)
    return Annotated(sequence, kind, frame, len(found.ids), shown.areas, aspects)


class Cells(NamedTuple):
    """The truth of a data set.

    Attributes:
        counts: sequence, kind, frame, cells.
        cells: sequence, kind, area (px), aspect (major over minor axis); whole cells only.
    """

    counts: pd.DataFrame
    cells: pd.DataFrame

    def of(self, sequences: Sequence[str]) -> Cells:
        """Those of some sequences."""
        return Cells(*(table[table["sequence"].isin(sequences)] for table in self))


def tables(found: Iterable[Annotated]) -> Cells:
    """Of frames that were read."""
    rows = list(found)
    counts = pd.DataFrame([row[:4] for row in rows], columns=["sequence", "kind", "frame", "cells"])
    whole = [row for row in rows if len(row.areas)]
    each = {
        name: np.repeat([getattr(row, name) for row in whole], [len(row.areas) for row in whole])
        for name in ("sequence", "kind")
    }
    values = {
        name: np.concatenate([getattr(row, of) for row in whole]) if whole else np.zeros(0)
        for name, of in (("area", "areas"), ("aspect", "aspects"))
    }
    return Cells(counts, pd.DataFrame({**each, **values}))


def stored(frames: pd.DataFrame, objects: pd.DataFrame | None) -> Cells | None:
    """Of the frames that a run was scored on; None where the tables are too old to tell.

    Args:
        frames: its `frames.parquet`, of all its parts.
        objects: its `objects.parquet`, likewise; None = it has none.
    """
    if not set(_STORED["frames"]) <= set(frames):
        return None
    names = {"reference": "kind", "n_truth": "cells"}
    counts = frames[_STORED["frames"]].rename(columns=names).drop_duplicates(["sequence", "kind", "frame"])
    if objects is None or not {*_STORED["objects"], "side"} <= set(objects):
        cells = pd.DataFrame(columns=["sequence", "kind", "area", "aspect"])
    else:
        cells = objects.loc[objects["side"] == "truth", _STORED["objects"]].rename(columns=names)
    return Cells(counts.astype({"sequence": str}), cells.astype({"sequence": str, "area": float, "aspect": float}))


def summary(found: Cells, um: float | None) -> pd.DataFrame:
    """One row for each kind of truth: kind, frames, cells, median, range, area, quartiles, aspect.

    Args:
        found: the truth.
        um: per pixel: areas are in um2; None = in px.
    """
    rows = []
    for kind in KINDS:
        counts = found.counts.loc[found.counts["kind"] == kind, "cells"]
        whole = found.cells[found.cells["kind"] == kind]
        if len(counts):
            area = whole["area"].astype(float) * (um or 1) ** 2
            low, middle, high = (_short(area.quantile(share)) for share in (0.25, 0.5, 0.75))
            rows.append(
                {
                    "kind": kind,
                    "frames": len(counts),
                    "cells": int(counts.sum()),
                    "median": float(counts.median()),
                    "range": f"{counts.min()} to {counts.max()}",
                    "area": middle if len(area) else None,
                    "quartiles": f"{low:,g} to {high:,g}" if len(area) else None,
                    "aspect": float(whole["aspect"].astype(float).median()) if len(area) else None,
                }
            )
    return pd.DataFrame(rows)


def _short(value: float) -> float:
    """Three digits of a number."""
    return float(f"{value:.3g}")
