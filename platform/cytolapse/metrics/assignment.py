"""One-to-one matching: the most matches, then the largest summed IoU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.metrics.overlap import Floats, Ints

Number = TypeVar("Number", np.int64, np.float64)

THRESHOLDS = 101
"""IoU 0, 0.01 ... 1."""


class Sweep(NamedTuple):
    """One-to-one matching at every threshold k/100: matches (101,) int64 and their summed IoU (101,) float64."""

    matches: Ints
    iou: Floats


def sweep(rows: Ints, columns: Ints, iou: Floats, level: Ints) -> Sweep:
    """Match at all 101 thresholds.

    The pairs that pass change only at the levels that occur, and two pairs of IoU above 1/2 never share an object:
    so above level 50 counting is enough, and below it each occurring level is matched once.

    Args:
        rows: (M,) position of the pair's truth object.
        columns: (M,) position of its predicted object.
        iou: (M,) IoU.
        level: (M,) the highest k at which the pair passes, 0 ... 100.
    """
    matches = at_least(level)
    total = _from_the_top(np.bincount(level, iou, THRESHOLDS).astype(np.float64))
    low = np.unique(level[level <= 50])
    for below, k in zip(np.append(-1, low), low, strict=False):
        passing = np.flatnonzero(level >= k)
        chosen = passing[one_to_one(rows[passing], columns[passing], iou[passing])]
        matches[below + 1 : k + 1] = len(chosen)
        total[below + 1 : k + 1] = iou[chosen].sum()
    return Sweep(matches, total)


def at_least(level: Ints) -> Ints:
    """How many levels (0 ... 100) reach each threshold: (101,) int64."""
    return _from_the_top(np.bincount(level, minlength=THRESHOLDS))


def _from_the_top(counts: NDArray[Number]) -> NDArray[Number]:
    return np.cumsum(counts[::-1], dtype=counts.dtype)[::-1].copy()


def one_to_one(rows: Ints, columns: Ints, iou: Floats) -> Ints:
    """Positions of the pairs that are matched, rising.

    Pairs that share no object with another pair need no choice; only the rest goes through the Hungarian method.
    """
    crowded = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1) if len(rows) else np.zeros(0, bool)
    if not crowded.any():
        return np.arange(len(rows))
    clash = np.flatnonzero(crowded)
    chosen = clash[_hungarian(rows[clash], columns[clash], iou[clash])]
    return np.sort(np.concatenate([np.flatnonzero(~crowded), chosen]))


def _hungarian(rows: Ints, columns: Ints, iou: Floats) -> Ints:
    from scipy.optimize import linear_sum_assignment

    height, i = np.unique(rows, return_inverse=True)
    width, j = np.unique(columns, return_inverse=True)
    shape = (len(height), len(width))
    gain, pair = np.zeros(shape), np.full(shape, -1)
    # one match more outweighs any sum of IoU, which is at most min(shape)
    gain[i, j] = iou + min(shape) + 1
    pair[i, j] = np.arange(len(rows))
    chosen: Ints = pair[linear_sum_assignment(gain, maximize=True)]
    return chosen[chosen >= 0]
