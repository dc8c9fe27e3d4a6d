"""The truth in its three qualities: exact masks, markers, and silver masks with the faults of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cytolapse.data.simulate.draws import Even

if TYPE_CHECKING:
    from cytolapse.data.simulate.presets import Faults
    from cytolapse.data.simulate.shapes import Window

Labels = NDArray[np.uint16]
SPECK = 40  # pieces of a cell smaller than this are dropped where another cell cuts it, px2
MARKER = 5  # radius of a marker, px


@dataclass(frozen=True)
class Seen:
    """One cell of one frame as the truth needs it."""

    id: int
    place: tuple[float, float]  # (y, x) px, shift of the stage included
    window: Window
    fade: float


def compose(cells: list[Seen], size: tuple[int, int]) -> Labels:
    """Exact masks (Y, X) uint16: large cells below, small ones on top, every cell in one piece."""
    labels = np.zeros(size, np.uint16)
    cut = set()
    for cell in sorted(cells, key=lambda cell: -int(cell.window.mask.sum())):
        frame, own = cell.window.inside(size)
        mask, below = cell.window.mask[own], labels[frame]
        cut |= set(np.unique(below[mask]).tolist())
        below[mask] = cell.id
    for cell in cells:
        if cell.id in cut:
            part = labels[cell.window.inside(size)[0]]
            part[(part == cell.id) & ~largest(part == cell.id)] = 0
    return labels


def largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece of a mask (Y, X) bool; the mask itself where it is empty."""
    pieces, count = ndimage.label(mask, np.ones((3, 3), int))
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    biggest: NDArray[np.bool_] = pieces == sizes.argmax()
    return biggest


def markers(cells: list[Seen], labels: Labels) -> Labels:
    """Tracking markers (Y, X) uint16: a disc inside each cell, around the body's centre where that can be seen."""
    marks = np.zeros_like(labels)
    for cell in cells:
        frame, _ = cell.window.inside(labels.shape)
        own = labels[frame] == cell.id
        rows, columns = np.indices(own.shape)
        rows, columns = rows + frame[0].start - cell.place[0], columns + frame[1].start - cell.place[1]
        near = np.hypot(rows, columns)
        disc = own & (near <= MARKER)
        if disc.sum() < 20 and own.any():
            deep = ndimage.distance_transform_edt(own)
            y, x = np.unravel_index(int(deep.argmax()), own.shape)
            disc = own & (np.hypot(*np.ogrid[-y : own.shape[0] - y, -x : own.shape[1] - x]) <= MARKER)
        if not own.any():
            disc = near <= max(2.0, float(near.min()) + 0.5)
        marks[frame][disc] = cell.id
    return marks


def number(labels: Labels) -> Labels:
    """Gold masks carry their own ids, 1 ... n in each frame, that say nothing about tracks."""
    names, flat = np.unique(labels, return_inverse=True)
    order = np.concatenate([[0], (names[1:].astype(np.int64) * 2654435761 % 2**32).argsort().argsort() + 1])
    return order[flat].reshape(labels.shape).astype(np.uint16)


def jaccard(cells: list[Seen], labels: Labels, other: Labels) -> list[float]:
    """CTC SEG's number for each cell: the Jaccard index with what covers more than half of it in `other`, else 0."""
    sizes, scores = np.bincount(other.ravel(), minlength=1), []
    for cell in cells:
        frame, _ = cell.window.inside(labels.shape)
        own = labels[frame] == cell.id
        shared = np.bincount(other[frame][own], minlength=1)
        shared[0] = 0
        most, area = int(shared.argmax()), int(own.sum())
        covered = 2 * shared[most] > area
        scores.append(float(shared[most] / (area + sizes[most] - shared[most])) if covered else 0.0)
    return scores


class Silver:
    """Makes silver masks of exact ones.

    How far the score is above what `faults` ask for decides how likely the next faults are, so that every seed and
    every length of movie gets about that quality, in the gold frames as in all others.
    """

    def __init__(self, faults: Faults, rng: np.random.Generator) -> None:
        self._faults, self._rng = faults, rng
        # Gold frames draw from a sequence of their own, so that the score on them is close to that on all frames.
        self._draws = {gold: Even(rng, 4) for gold in (False, True)}
        self._excess = {False: 0.0, True: 0.0}
        noise = ndimage.gaussian_filter(rng.standard_normal((512, 512)), 4.0, mode="wrap")
        self._field = noise / noise.std()

    def spoil(self, cells: list[Seen], labels: Labels, suspects: list[tuple[float, float]], gold: bool) -> Labels:
        """Silver masks (Y, X) uint16; `suspects`: places (y, x) of debris that may be taken for cells."""
        silver = np.zeros_like(labels)
        kept, guess, worse = [], self._excess[gold], 1.0
        for cell in cells:
            frame, _ = cell.window.inside(labels.shape)
            own, draw = labels[frame] == cell.id, self._draws[gold].next()
            worse = float(2 ** np.clip(1.5 * guess, -3, 2))
            seen = draw[0] >= (self._faults.miss if cell.fade == 1 else 0.3) * worse
            mask = self._mask(own, draw, worse) & (silver[frame] == 0) & seen
            if mask.any():
                silver[frame][mask] = cell.id
                kept.append(cell)
            guess += (own & mask).sum() / max(int((own | mask).sum()), 1) - self._faults.quality
        self._merge(kept, silver, worse)
        self._excess[gold] += sum(jaccard(cells, labels, silver)) - self._faults.quality * len(cells)
        top = max((cell.id for cell in cells), default=0)
        self._invent(silver, suspects, top)
        return silver

    def _mask(self, mask: NDArray[np.bool_], draw: NDArray[np.float64], worse: float) -> NDArray[np.bool_]:
        faults = self._faults
        sigma = max(faults.thin * (0.6 + 0.8 * draw[1]), 0.5)
        if draw[2] < faults.lost * worse:
            sigma = 3.5
        soft = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="constant")
        y, x = (int(each) for each in self._rng.integers(0, 512, 2))
        field = self._field.take(range(y, y + mask.shape[0]), 0, mode="wrap")
        field = field.take(range(x, x + mask.shape[1]), 1, mode="wrap")
        # Grown a little more often than shrunk, as thresholded silver masks are.
        grown = min(worse, 1.5) * (faults.edge * 2.2 * (draw[3] - 0.4) + faults.rough * field)
        level = np.clip(0.5 - grown / (2.5 * sigma), 0.06, 0.94)
        return largest(soft > level)

    def _merge(self, cells: list[Seen], silver: Labels, worse: float) -> None:
        for index, cell in enumerate(cells):
            for other in cells[:index]:
                near = np.hypot(cell.place[0] - other.place[0], cell.place[1] - other.place[1]) < 32
                if near and self._rng.random() < self._faults.merge * worse:
                    frame, _ = cell.window.inside(silver.shape)
                    part = silver[frame]
                    touch = ndimage.binary_dilation(part == cell.id, iterations=2) & (part == other.id)
                    if touch.any():
                        part[part == cell.id] = other.id

    def _invent(self, silver: Labels, suspects: list[tuple[float, float]], top: int) -> None:
        count = int(self._rng.poisson(self._faults.false)) if suspects else 0
        for index in range(count):
            y, x = suspects[int(self._rng.integers(len(suspects)))]
            disc = np.hypot(*np.ogrid[-round(y) : silver.shape[0] - round(y), -round(x) : silver.shape[1] - round(x)])
            silver[(disc <= self._rng.uniform(6, 12)) & (silver == 0)] = top + 1 + index
