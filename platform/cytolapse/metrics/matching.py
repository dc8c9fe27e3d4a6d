"""Matching: the overlap table of one frame. It is computed once; every score reads it and no score sees pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.metrics.assignment import Sweep, at_least, one_to_one, sweep
from cytolapse.metrics.overlap import Floats, Ints, Overlap, overlap

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Matching:
    """Truth and prediction of one frame, compared.

    Args:
        table: both sides' objects and the pixels that each pair of them shares; a "pair" below is a row of it.
        border: width in px of the band whose objects were dropped.
        sequence: name of the sequence.
        frame: number of the frame.
        full: whether the truth holds every cell of the frame, so that a prediction without truth is a false positive.
        ignored_truth: truth objects that were left out since an ignore list says so.
        ignored_pred: predictions that were left out with them.
    """

    table: Overlap
    border: int = 0
    sequence: str = ""
    frame: int = 0
    full: bool = True
    ignored_truth: int = 0
    ignored_pred: int = 0

    @property
    def n_truth(self) -> int:
        """Truth objects."""
        return len(self.table.truth.ids)

    @property
    def n_pred(self) -> int:
        """Predicted objects."""
        return len(self.table.prediction.ids)

    @cached_property
    def union(self) -> Ints:
        """Pixels in either object of each pair: (M,) int64."""
        table = self.table
        return table.truth.areas[table.rows] + table.prediction.areas[table.columns] - table.shared

    @cached_property
    def iou(self) -> Floats:
        """IoU of each pair: (M,) float64."""
        return self.table.shared / self.union

    @cached_property
    def level(self) -> Ints:
        """The highest k of each pair at which 100 * intersection >= k * union: (M,) int64, 0 ... 100."""
        return 100 * self.table.shared // self.union

    @cached_property
    def covers(self) -> NDArray[np.bool_]:
        """Whether the prediction of each pair covers its truth, strictly more than half of it: (M,) bool."""
        return 2 * self.table.shared > self.table.truth.areas[self.table.rows]

    @cached_property
    def lies_in(self) -> NDArray[np.bool_]:
        """Whether the prediction of each pair lies in its truth, strictly more than half of it: (M,) bool."""
        return 2 * self.table.shared > self.table.prediction.areas[self.table.columns]

    @cached_property
    def covered(self) -> Ints:
        """How many truth objects each prediction covers: (n_pred,) int64."""
        return np.bincount(self.table.columns[self.covers], minlength=self.n_pred)

    @property
    def splits(self) -> int:
        """Truth objects that predictions cover beyond the first of each."""
        return int((self.covered - 1).clip(min=0).sum())

    @property
    def missed(self) -> int:
        """Truth objects that no prediction covers."""
        return self.n_truth - int(self.covered.sum())

    @property
    def spurious(self) -> int:
        """Predictions that cover no truth object."""
        return int((self.covered == 0).sum())

    @cached_property
    def sweep(self) -> Sweep:
        """One-to-one matching at all 101 thresholds."""
        return sweep(self.table.rows, self.table.columns, self.iou, self.level)

    def matched(self, percent: int) -> Ints:
        """Positions of the pairs matched one to one at IoU percent/100: (K,) int64."""
        passing = np.flatnonzero(self.level >= percent)
        return passing[one_to_one(self.table.rows[passing], self.table.columns[passing], self.iou[passing])]

    @cached_property
    def truth_found(self) -> Ints:
        """Truth objects that any prediction reaches at each threshold: (101,) int64."""
        return at_least(_best(self.table.rows, self.level))

    @cached_property
    def pred_found(self) -> Ints:
        """Predictions that any truth object reaches at each threshold: (101,) int64."""
        return at_least(_best(self.table.columns, self.level))

    def without(self, ignored: Collection[int], box: int = 0) -> Matching:
        """The same without some truth objects, and without the predictions that lie in them.

        A prediction is left out when more than half of it lies in ignored objects, unless it covers an object that
        counts.

        Args:
            ignored: ids of truth objects.
            box: the one of them that is no cell but a place; 0 where there is none.
        """
        table = self.table
        gone = np.isin(table.truth.ids, list(ignored))
        there = gone[table.rows]
        inside = np.bincount(table.columns[there], weights=table.shared[there], minlength=self.n_pred)
        dropped = 2 * inside > table.prediction.areas
        dropped[table.columns[self.covers & ~there]] = False
        cells = int(np.count_nonzero(gone & (table.truth.ids != box)))
        return replace(
            self, table=table.only(~gone, ~dropped), ignored_truth=cells, ignored_pred=int(np.count_nonzero(dropped))
        )


def _best(objects: Ints, level: Ints) -> Ints:
    best = np.full(objects.max(initial=-1) + 1, -1)
    np.maximum.at(best, objects, level)
    return best[best >= 0]


def match(
    truth: NDArray[np.integer],
    pred: NDArray[np.integer],
    border: int = 0,
    sequence: str = "",
    frame: int = 0,
    full: bool = True,
) -> Matching:
    """Compare the truth and the prediction of one frame.

    >>> import numpy as np
    >>> matching = match(np.array([[1, 1, 0, 7]]), np.array([[0, 4, 4, 9]]))
    >>> matching.iou.round(2).tolist(), matching.matched(50).tolist()
    ([0.33, 1.0], [1])

    Args:
        truth: (Y, X) labels of any integer dtype, 0 = background; ids may be sparse.
        pred: (Y, X) labels, likewise.
        border: objects entirely inside this many px along the edge are dropped on both sides.
        sequence: name of the sequence.
        frame: number of the frame.
        full: whether the truth holds every cell of the frame.

    Raises:
        CytolapseError: no label images, of different shapes, or a border that fills the frame.
    """
    return Matching(overlap(truth, pred, border), border, sequence, frame, full)


def is_full(truth: NDArray[np.integer], markers: NDArray[np.integer]) -> bool:
    """Whether every TRA marker of a frame lies in a truth cell with more than half of its pixels.

    Args:
        truth: (Y, X) labels of one frame.
        markers: (Y, X) labels of the same frame.
    """
    marked = match(markers, truth)
    return int(marked.covers.sum()) == marked.n_truth
