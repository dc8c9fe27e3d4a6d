"""Uncertainty: 95 % intervals by bootstrap over blocks of time, since neighbouring frames are not independent.

A block is ten consecutive frame numbers of one sequence. Every score here is read from sums over frames
(`counts.py`), so a resample is a weighted sum of the blocks' counts.
Source: Kuensch 1989, The jackknife and the bootstrap for general stationary observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cytolapse.errors import CytolapseError
from cytolapse.metrics.counts import COUNTS, KINDS, LOWER, MARKED, OF_TRUTH, kinds_of, scores_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.metrics.overlap import Floats

BLOCK = 10
RESAMPLES = 1000
FEWEST = 8
LIMITS = (2.5, 97.5)
DIGITS = 12
"""Sums in another order differ beyond it: such a difference is none."""
UNDEFINED = "the score is not defined"

Row = Mapping[str, Any]


class Interval(NamedTuple):
    """95 % of the resamples lie between low and high; both None, with the reason, where there is too little."""

    low: float | None = None
    high: float | None = None
    reason: str = ""


class Difference(NamedTuple):
    """A score of A and of B, B - A with its interval, and the share of resamples in which B is better (0 ... 1)."""

    a: float | None
    b: float | None
    difference: float | None
    interval: Interval
    wins: float | None


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
            sums[block] = sums.get(block, 0) + np.array([row.get(name, 0) for name in COUNTS], dtype=float)
        return cls(tuple(frames), np.array(list(sums.values())).reshape(-1, len(COUNTS)))

    @property
    def values(self) -> dict[str, float]:
        """Every score of the whole pool, NaN where it is undefined."""
        return {name: float(value[0]) for name, value in scores_of(self.sums.sum(axis=0, keepdims=True)).items()}

    @property
    def of_truth(self) -> Floats:
        """What the predictions have no part in: (B, K)."""
        return self.sums[:, [COUNTS.index(name) for name in OF_TRUTH]]

    def resampled(self, seed: int = 0) -> dict[str, Floats]:
        """Every score in RESAMPLES draws with replacement, (RESAMPLES,) each; NaN = undefined.

        As many blocks are drawn as hold frames of the score: for scores on masks, markers in other blocks don't count.
        """
        drawn = self._drawn(("frames",), seed)
        return drawn | {name: values for name, values in self._drawn(tuple(KINDS), seed).items() if name in MARKED}

    def total(self, count: str) -> int:
        """The sum of one count over all blocks."""
        return int(self.sums[:, COUNTS.index(count)].sum())

    def _drawn(self, kinds: tuple[str, ...], seed: int) -> dict[str, Floats]:
        sums = self.sums[self._holds(*kinds)]
        if not len(sums):
            return scores_of(np.zeros((RESAMPLES, len(COUNTS))))
        return scores_of(draw(len(sums), seed) @ sums)

    def _holds(self, *kinds: str) -> NDArray[np.bool_]:
        """Which blocks hold a frame of one of these kinds: (B,)."""
        counts = self.sums[:, [COUNTS.index(kind) for kind in kinds]]
        return np.asarray((counts > 0).any(axis=1))

    def held(self, kind: str) -> int:
        """How many blocks hold a frame of that kind, a key of KINDS."""
        return int(self._holds(kind).sum())

    def shortage(self, score: str) -> str:
        """Why there is no interval of a score; "" where there is one."""
        for kind in kinds_of(score):
            if (held := self.held(kind)) < FEWEST:
                return f"blocks of {BLOCK} frame numbers that hold {KINDS[kind]}: {held}, where {FEWEST} are needed"
        return ""


def draw(size: int, seed: int = 0) -> NDArray[np.int64]:
    """How often each of `size` blocks is in each draw with replacement: (RESAMPLES, size)."""
    return np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), RESAMPLES)


def intervals(rows: Iterable[Row], seed: int = 0) -> dict[str, Interval]:
    """Score -> its 95 % interval: `pixel_iou`, `seg`, `det_masks`, `op_csb_masks`, and `f1_iou_0.50` and its kin.

    Args:
        rows: one per frame, as `count` makes them.
        seed: of the resampling.
    """
    blocks = Blocks.of(rows)
    drawn = blocks.resampled(seed)
    return {name: _interval(value, drawn[name], blocks.shortage(name)) for name, value in blocks.values.items()}


def paired(a: Iterable[Row], b: Iterable[Row], seed: int = 0) -> dict[str, Difference]:
    """Score -> by how much B beats A on the same frames, with the same resamples.

    Args:
        a: one row per frame, as `count` makes them.
        b: likewise, of the same frames.
        seed: of the resampling.

    Raises:
        CytolapseError: the frames are not the same, or not their truth.
    """
    first, second = Blocks.of(a), Blocks.of(b)
    if first.frames != second.frames:
        alone = len(set(first.frames) ^ set(second.frames))
        raise CytolapseError(f"{alone} frames were scored in only one of the two: compare runs on the same frames")
    if not np.array_equal(first.of_truth, second.of_truth):
        raise CytolapseError("the two were scored against different truth of the same frames: score both anew")
    of_a, of_b = first.resampled(seed), second.resampled(seed)
    found, values = {}, first.values
    for name, value in second.values.items():
        change, gains = value - values[name], np.round(of_b[name] - of_a[name], DIGITS)
        interval = _interval(change, gains, first.shortage(name))
        better = (gains < 0) if name in LOWER else (gains > 0)
        wins = None if interval.reason else float(np.mean(better[np.isfinite(gains)]))
        found[name] = Difference(_known(values[name]), _known(value), _known(change), interval, wins)
    return found


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _interval(value: float, drawn: Floats, shortage: str) -> Interval:
    """Limits of the drawn values, where the value itself is defined and there are blocks enough."""
    if not np.isfinite(value):
        return Interval(reason=UNDEFINED)
    if shortage:
        return Interval(reason=shortage)
    low, high = np.percentile(drawn[np.isfinite(drawn)], LIMITS)
    return Interval(float(low), float(high))
