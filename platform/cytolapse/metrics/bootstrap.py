"""Uncertainty: 95 % intervals by bootstrap over blocks of time, since neighbouring frames are not independent.

A block is ten consecutive frame numbers of one sequence. Every score here is a ratio of sums over frames, so each frame
is reduced to its counts once, and a resample is a weighted sum of the blocks' counts.
Source: Kuensch 1989, The jackknife and the bootstrap for general stationary observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cytolapse.errors import CytolapseError
from cytolapse.metrics.scores import MISS_COST, SPLIT_COST, SPURIOUS_COST

if TYPE_CHECKING:
    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats

BLOCK = 10
RESAMPLES = 1000
FEWEST = 8
LIMITS = (2.5, 97.5)
PERCENTS = (25, 50, 75)
OF_ALL = ("frames", "truth", "seg", *(f"recalled_{percent}" for percent in PERCENTS))
OF_FULL = ("full", "shared", "areas", "full_truth", "full_pred", "splits", "missed", "spurious")
COUNTS = (*OF_ALL, *OF_FULL, *(f"matched_{percent}" for percent in PERCENTS))

Row = Mapping[str, Any]


class Interval(NamedTuple):
    """95 % of the resamples lie between low and high; both None, with the reason, where there is too little."""

    low: float | None = None
    high: float | None = None
    reason: str = ""


class Difference(NamedTuple):
    """By how much B beats A, its interval, and the share of resamples in which B is strictly better (0 ... 1)."""

    difference: float | None
    interval: Interval
    wins: float | None


def count(each: Matching) -> dict[str, Any]:
    """What the scores of one frame are made of, with `sequence` and `frame`; sums over frames give pooled scores.

    `seg` is the summed IoU of covered truth objects, `areas` px of both sides together, `recalled` and `matched` are
    one-to-one matches at IoU 0.25, 0.50 and 0.75. All from `full` on is 0 where the truth does not hold every cell.
    """
    matches = {percent: int(each.sweep.matches[percent]) for percent in PERCENTS}
    row = dict.fromkeys(COUNTS, 0.0) | {"frames": 1, "truth": each.n_truth, "seg": float(each.iou[each.covers].sum())}
    row |= {f"recalled_{percent}": matches[percent] for percent in PERCENTS}
    if each.full:
        table = each.table
        row |= {"full": 1, "full_truth": each.n_truth, "full_pred": each.n_pred}
        row |= {"shared": int(table.shared.sum())}
        row |= {"areas": int(table.truth.areas.sum() + table.prediction.areas.sum())}
        row |= {"splits": int((each.covered - 1).clip(min=0).sum())}
        row |= {"missed": each.n_truth - int(each.covered.sum()), "spurious": int((each.covered == 0).sum())}
        row |= {f"matched_{percent}": matches[percent] for percent in PERCENTS}
    return {"sequence": each.sequence, "frame": each.frame, **row}


@dataclass(frozen=True)
class Blocks:
    """The counts of a pool of frames, summed by block.

    Attributes:
        frames: sequence and number of every frame, sorted.
        sums: (B, counts) float64, blocks in order of sequence and time, columns as COUNTS.
    """

    frames: tuple[tuple[str, int], ...]
    sums: Floats

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Blocks:
        """Sum rows as `count` makes them."""
        sums: dict[tuple[str, int], Floats] = {}
        frames = []
        for row in sorted(rows, key=lambda row: (str(row["sequence"]), int(row["frame"]))):
            frames.append((str(row["sequence"]), int(row["frame"])))
            block = (frames[-1][0], frames[-1][1] // BLOCK)
            sums[block] = sums.get(block, 0) + np.array([row[name] for name in COUNTS], dtype=float)
        return cls(tuple(frames), np.array(list(sums.values())).reshape(-1, len(COUNTS)))

    @property
    def values(self) -> dict[str, float]:
        """Every score of the whole pool, NaN where it is undefined."""
        return {name: float(value[0]) for name, value in _scores(self.sums.sum(axis=0, keepdims=True)).items()}

    def resampled(self, seed: int = 0) -> dict[str, Floats]:
        """Every score in RESAMPLES draws of as many blocks with replacement, (RESAMPLES,) each; NaN = undefined."""
        size = len(self.sums)
        weights = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), RESAMPLES)
        return _scores(weights @ self.sums)

    def shortage(self, score: str) -> str:
        """Why there is no interval of a score; "" where there is one."""
        kind = "frames" if score == "seg" or score.startswith("recall") else "full"
        held = int((self.sums[:, COUNTS.index(kind)] > 0).sum())
        if held >= FEWEST:
            return ""
        which = "scored frames" if kind == "frames" else "fully annotated frames"
        return f"blocks of {BLOCK} frame numbers that hold {which}: {held}, where {FEWEST} are needed"


def intervals(rows: Iterable[Row], seed: int = 0) -> dict[str, Interval]:
    """Score -> its 95 % interval: `pixel_iou`, `seg`, `det_masks`, `op_csb_masks`, and `f1_iou_0.50` and its kin.

    Args:
        rows: one per frame, as `count` makes them.
        seed: of the resampling.
    """
    blocks = Blocks.of(rows)
    drawn = {} if len(blocks.sums) < FEWEST else blocks.resampled(seed)
    return {name: _interval(drawn.get(name), blocks.shortage(name)) for name in blocks.values}


def paired(a: Iterable[Row], b: Iterable[Row], seed: int = 0) -> dict[str, Difference]:
    """Score -> by how much B beats A on the same frames, with the same resamples.

    Args:
        a: one row per frame, as `count` makes them.
        b: likewise, of the same frames.
        seed: of the resampling.

    Raises:
        CytolapseError: the frames are not the same.
    """
    first, second = Blocks.of(a), Blocks.of(b)
    if first.frames != second.frames:
        alone = len(set(first.frames) ^ set(second.frames))
        raise CytolapseError(f"{alone} frames were scored in only one of the two: compare runs on the same frames")
    enough = len(first.sums) >= FEWEST
    of_a, of_b = (blocks.resampled(seed) if enough else {} for blocks in (first, second))
    found = {}
    for name, value in second.values.items():
        change = value - first.values[name]
        gains = of_b[name] - of_a[name] if enough else None
        interval = _interval(gains, first.shortage(name))
        wins = None if gains is None or interval.reason else float(np.mean(gains[np.isfinite(gains)] > 0))
        found[name] = Difference(change if np.isfinite(change) else None, interval, wins)
    return found


def _interval(drawn: Floats | None, shortage: str) -> Interval:
    if drawn is None or shortage:
        return Interval(reason=shortage)
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return Interval(reason="the score is not defined")
    low, high = np.percentile(defined, LIMITS)
    return Interval(float(low), float(high))


def _scores(totals: Floats) -> dict[str, Floats]:
    """Scores of summed counts (R, counts), as `metrics/scores.py` and the curve define them: (R,) each."""
    of = dict(zip(COUNTS, totals.T, strict=True))
    worst = MISS_COST * of["full_truth"]
    cost = SPLIT_COST * of["splits"] + MISS_COST * of["missed"] + SPURIOUS_COST * of["spurious"]
    seg, det_masks = _ratio(of["seg"], of["truth"]), _ratio(worst - np.minimum(cost, worst), worst)
    scores = {"pixel_iou": _ratio(of["shared"], of["areas"] - of["shared"]), "seg": seg, "det_masks": det_masks}
    scores["op_csb_masks"] = (seg + det_masks) / 2
    for percent in PERCENTS:
        matched, at = of[f"matched_{percent}"], f"iou_{percent / 100:.2f}"
        scores[f"precision_{at}"] = _ratio(matched, of["full_pred"])
        scores[f"recall_{at}"] = _ratio(of[f"recalled_{percent}"], of["truth"])
        scores[f"f1_{at}"] = _ratio(2 * matched, of["full_truth"] + of["full_pred"])
    return scores


def _ratio(part: Floats, whole: Floats) -> Floats:
    values: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return values
