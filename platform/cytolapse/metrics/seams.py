"""Seams: whether objects near the seams of tiles are segmented worse than the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.metrics.scores import mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

DISTANCE = 4
"""px from a seam line within which an object is near it."""


def ids_near(truth: NDArray[np.integer], near: NDArray[np.bool_]) -> set[int]:
    """Ids of the objects of a truth (Y, X) of which any pixel lies where `near` (Y, X) is True.

    >>> ids_near(np.array([[0, 5, 7, 7]]), np.array([[True, True, False, False]]))
    {5}
    """
    return set(np.unique(truth[near]).tolist()) - {0}


def seam_scores(objects: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """Mean IoU of the truth objects near seams and away from them, with the number of each; None = there are none.

    An object counts with the `iou` of its row: that of its match, else of the prediction of largest IoU, 0 where no
    prediction touches it. Predictions, and so false positives, do not count. A large object comes near a seam more
    often than a small one, so the two differ for whole frames too: what tiles do shows in the same objects segmented
    as whole frames (benchmarks/stitching.py).

    Args:
        objects: the rows of `Result.objects`; it is known of each truth object whether it comes near a seam.
    """
    sides: dict[bool, list[float]] = {True: [], False: []}
    for row in objects:
        if row["side"] == "truth":
            sides[row["near_seam"]].append(row["iou"])
    return {
        "iou_near_seams": mean(*sides[True]),
        "iou_away_from_seams": mean(*sides[False]),
        "n_near_seams": float(len(sides[True])),
        "n_away_from_seams": float(len(sides[False])),
    }
