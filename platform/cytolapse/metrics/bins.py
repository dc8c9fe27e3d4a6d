"""Bins: how truth objects fare by cells per frame, size, elongation, nearness of a division and of a seam."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.metrics.scores import mean, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
Labelled = tuple["Mapping[str, Any]", dict[str, str]]

NEAR_DIVISION = 5
"""Frames after and before a division that count as near it."""
UNKNOWN = "unknown"
EDGES: dict[str, tuple[tuple[float, ...], tuple[str, ...]]] = {
    "cells": ((2, 5, 10), ("1", "2-4", "5-9", ">=10")),
    "size": ((0.5, 1, 2), ("<0.5", "0.5-1", "1-2", ">=2")),
    "aspect": ((1.5, 3), ("<1.5", "1.5-3", ">=3")),
}
"""Bins of a number: from which value on the next one begins, and their names."""
SIDES = ("near", "away")
GROUPS: dict[str, tuple[str, ...]] = {
    "cells": EDGES["cells"][1],
    "size": EDGES["size"][1],
    "aspect": (*EDGES["aspect"][1], UNKNOWN),
    "division": (*SIDES, UNKNOWN),
    "seam": (*SIDES, UNKNOWN),
}
"""Kind of bin -> its bins. cells: truth objects in the frame; size: area / median area of all truth objects; aspect:
major / minor axis; division: the first five frames after one and the last five before one, all unknown where no
division is known, as where track files name no parents; seam: see `Note`."""


def by_bin(objects: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Row]]:
    """Kind of bin -> bin -> what became of its truth objects; every bin of `GROUPS` is there.

    `n` truth objects; `seg`, `recall_iou_0.50` and `recall_iou_0.75` over them; which share of them was `merged`,
    `split` and `missed`. None where n is 0. Over the bins of one kind, the means weighted by n are the scores of all.

    Args:
        objects: the rows of `Result.objects`, or those of one reference in `objects.parquet`.
    """
    return summarised(labelled(row for row in objects if row["side"] == "truth"))


def labelled(objects: Iterable[Mapping[str, Any]]) -> list[Labelled]:
    """Each object with its bins: kind of bin -> bin; truth objects say what is counted and what is the median.

    A prediction has bins too, as if it were a cell; no division and no seam is known of it, and in a frame without
    truth objects its bin of cells is "0".
    """
    rows = list(objects)
    truth = [row for row in rows if row["side"] == "truth"]
    cells = Counter((row["sequence"], row["frame"]) for row in truth)
    median, divide = median_area(truth), any(_of_division(row) for row in truth)
    found = []
    for row in rows:
        here = cells[row["sequence"], row["frame"]]
        own = row["side"] == "truth"
        bins = {
            "cells": _of("cells", here) if here else "0",
            "size": _of("size", None if median is None else row["area"] / median),
            "aspect": _of("aspect", row["aspect"]),
            "division": _division(row) if divide and own else UNKNOWN,
            "seam": UNKNOWN if row["near_seam"] is None else SIDES[not row["near_seam"]],
        }
        found.append((row, bins))
    return found


def summarised(truth: Iterable[Labelled]) -> dict[str, dict[str, Row]]:
    """What `by_bin` gives, of truth objects whose bins are known."""
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {
        kind: {name: [] for name in names} for kind, names in GROUPS.items()
    }
    for row, bins in truth:
        for kind, name in bins.items():
            found[kind][name].append(row)
    return {kind: {name: _summary(rows) for name, rows in bins.items()} for kind, bins in found.items()}


def median_area(truth: Sequence[Mapping[str, Any]]) -> float | None:
    """The median area of truth objects in pixels; None where there is none."""
    return float(np.median([row["area"] for row in truth])) if truth else None


def _of(kind: str, value: float | None) -> str:
    edges, names = EDGES[kind]
    return UNKNOWN if value is None else names[bisect_right(edges, value)]


def _of_division(row: Mapping[str, Any]) -> list[int]:
    """Frames to the divisions of a row's track that are known."""
    return [row[name] for name in ("since_division", "until_division") if row[name] is not None]


def _division(row: Mapping[str, Any]) -> str:
    """Away only where the track is known: without one nobody knows."""
    near = any(each < NEAR_DIVISION for each in _of_division(row))
    return SIDES[0] if near else UNKNOWN if row["track"] is None else SIDES[1]


def _summary(rows: Sequence[Mapping[str, Any]]) -> Row:
    n, kinds = len(rows), Counter(row["kind"] for row in rows)
    # a match of IoU 0.5 is the only one of IoU 0.75 that there can be
    closely = sum(row["kind"] == "matched" and row["iou"] >= 0.75 for row in rows)
    return {
        "n": n,
        "seg": mean(*(row["seg"] for row in rows)),
        "recall_iou_0.50": ratio(kinds["matched"], n),
        "recall_iou_0.75": ratio(closely, n),
        **{kind: ratio(kinds[kind], n) for kind in ("merged", "split", "missed")},
    }
