"""Bands: the curve's intervals, from the same blocks and draws as those of the scores (`bootstrap.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.metrics.bootstrap import BLOCK, LIMITS, Blocks, draw
from cytolapse.metrics.counts import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats

OF = ("precision", "recall", "f1")

Limits = list[float | None]


class Band(NamedTuple):
    """95 % of the resamples lie between low and high, by threshold 0, 0.01 ... 1: 101 limits each.

    A limit is None where no resample defines the value; both are empty, with the reason, where there is too little.
    """

    low: Limits
    high: Limits
    reason: str = ""


def bands(frames: Iterable[Matching], seed: int = 0) -> dict[str, Band]:
    """Precision, recall, f1 -> its 95 % interval at every threshold; at 0.25, 0.50 and 0.75 that of `intervals`.

    Args:
        frames: truth masks against predictions.
        seed: of the resampling.
    """
    ordered = sorted(frames, key=lambda each: (each.sequence, each.frame))
    blocks = Blocks.of(count(each) for each in ordered)
    reasons = {name: blocks.shortage(f"{name}_iou_0.50") for name in OF}
    if all(reasons.values()):
        return {name: Band([], [], reason) for name, reason in reasons.items()}
    sums = _sums(ordered)
    drawn = _curves(draw(len(sums), seed) @ sums)
    return {name: Band([], [], reason) if reason else _band(drawn[name]) for name, reason in reasons.items()}


def _sums(frames: Iterable[Matching]) -> Floats:
    """Counts by block (B, 205): truth objects of all frames, truth and predicted ones of full frames; matches of both.

    The matches are by threshold: 101 columns of those in all frames, then as many of those in full ones.
    """
    sums: dict[tuple[str, int], Floats] = {}
    for each in frames:
        block = (each.sequence, each.frame // BLOCK)
        totals, matches = [each.n_truth, each.n_truth * each.full, each.n_pred * each.full], each.sweep.matches
        row = np.concatenate([totals, matches, matches * each.full]).astype(float)
        sums[block] = sums.get(block, 0) + row
    return np.array(list(sums.values()))


def _curves(totals: Floats) -> dict[str, Floats]:
    """Counts of each draw, (R, 205) -> the curves of each, (R, 101); NaN = undefined."""
    truth, full_truth, full_pred = totals[:, :3].T[:, :, None]
    recalled, matched = np.split(totals[:, 3:], 2, axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is what NaN is for
        values = (matched / full_pred, recalled / truth, 2 * matched / (full_truth + full_pred))
    return dict(zip(OF, values, strict=True))


def _band(drawn: Floats) -> Band:
    known = np.isfinite(drawn).any(axis=0)
    limits = np.full((2, drawn.shape[1]), None, dtype=object)
    limits[:, known] = np.nanpercentile(drawn[:, known], LIMITS, axis=0)
    low, high = limits.tolist()
    return Band(low, high)
