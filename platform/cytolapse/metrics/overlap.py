"""Two label images -> which objects they hold and how many pixels each pair shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cytolapse.errors import CytolapseError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Objects(NamedTuple):
    """The objects of one label image, by rising id.

    ids: (N,) int64; areas: (N,) int64 in pixels; centres: (N, 2) float64, mean y and x in pixels; spreads: (N, 3)
    float64, variances of y and of x and their covariance over an object's pixels, in square pixels.
    """

    ids: Ints
    areas: Ints
    centres: Floats
    spreads: Floats

    @property
    def axes(self) -> Floats:
        """Major and minor axis of the ellipse with the same second moments: (N, 2) float64 in pixels.

        The centres of pixels count, as in scikit-image's regionprops: an object that is one pixel thin has a minor
        axis of 0.
        """
        yy, xx, xy = self.spreads.T
        larger = (yy + xx) / 2 + np.hypot((yy - xx) / 2, xy)
        # by the determinant: the difference of nearly equal numbers would lose the width of thin objects
        smaller = np.divide((yy * xx - xy * xy).clip(min=0), larger, out=np.zeros_like(larger), where=larger > 0)
        axes: Floats = 4 * np.sqrt(np.stack([larger, smaller], axis=1))
        return axes

    def only(self, kept: NDArray[np.bool_]) -> Objects:
        """Those at which `kept` (N,) is True."""
        return Objects(self.ids[kept], self.areas[kept], self.centres[kept], self.spreads[kept])


class Overlap(NamedTuple):
    """Both sides' objects, and the pairs that share pixels.

    rows, columns: (M,) int64, positions in `truth` and `prediction`; shared: (M,) int64 in pixels, never 0.
    """

    truth: Objects
    prediction: Objects
    rows: Ints
    columns: Ints
    shared: Ints

    def only(self, truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> Overlap:
        """The same without the objects at which `truth` (n_truth,) and `prediction` (n_pred,) are False."""
        pairs = truth[self.rows] & prediction[self.columns]
        rows, columns = (np.cumsum(kept) - 1 for kept in (truth, prediction))
        return Overlap(
            self.truth.only(truth),
            self.prediction.only(prediction),
            rows[self.rows[pairs]],
            columns[self.columns[pairs]],
            self.shared[pairs],
        )


class _Runs(NamedTuple):
    """Stretches of one image row in which neither label changes: (R,) int64 each, x being the first column."""

    truth: Ints
    prediction: Ints
    y: Ints
    x: Ints
    length: Ints


def overlap(truth: NDArray[np.integer], prediction: NDArray[np.integer], border: int = 0) -> Overlap:
    """Count the pixels of every object and of every pair of objects.

    Args:
        truth: (Y, X) labels of any integer dtype, 0 = background.
        prediction: (Y, X) labels, likewise.
        border: objects that lie entirely inside a band of this many pixels along the edge count as background.

    Raises:
        CytolapseError: no label images, of different shapes, or a band that fills the frame.
    """
    _check(truth, prediction, border)
    runs = _runs(truth, prediction)
    if border:
        inside = _reach_inside(runs, truth.shape, border)
        runs = runs._replace(truth=_only(runs.truth, inside), prediction=_only(runs.prediction, inside))
    truth_objects, rows = _objects(runs, runs.truth)
    predicted_objects, columns = _objects(runs, runs.prediction)
    both = (rows >= 0) & (columns >= 0)
    width = max(len(predicted_objects.ids), 1)
    pairs, which = np.unique(rows[both] * width + columns[both], return_inverse=True)
    return Overlap(truth_objects, predicted_objects, pairs // width, pairs % width, _sums(which, runs.length[both]))


def _check(truth: NDArray[np.integer], prediction: NDArray[np.integer], border: int) -> None:
    for side, labels in (("truth", truth), ("prediction", prediction)):
        check_labels(labels, f"the {side}")
    if truth.shape != prediction.shape:
        shapes = f"the truth is {_size(truth)} and the prediction {_size(prediction)} (Y x X)"
        raise CytolapseError(f"{shapes}: bring both to one size, without interpolating labels")
    if not 0 <= 2 * border < min(truth.shape):
        raise CytolapseError(f"border is {border} px: a frame of {_size(truth)} px needs 0 <= border < half its side")


def check_labels(labels: NDArray[np.integer], what: str) -> None:
    """Refuse what is no label image; `what` opens the message.

    Raises:
        CytolapseError: not (Y, X), empty, or not of an integer dtype.
    """
    if labels.ndim == 3 and labels.shape[-1] in (3, 4):
        raise CytolapseError(f"{what} is an RGB image of shape {labels.shape}: give label images, one integer per cell")
    if labels.ndim != 2 or labels.size == 0:
        raise CytolapseError(f"{what} has shape {labels.shape}: give one label image (Y, X) per frame")
    if not np.issubdtype(labels.dtype, np.integer):
        raise CytolapseError(f"{what} is {labels.dtype}: give label images of an integer dtype, one id per cell")


def _size(labels: NDArray[np.integer]) -> str:
    return " x ".join(map(str, labels.shape))


def _runs(truth: NDArray[np.integer], prediction: NDArray[np.integer]) -> _Runs:
    """Cut the rows where a label changes: a few thousand runs stand for a million pixels."""
    flat, other = truth.ravel(), prediction.ravel()
    starts_here = np.ones(truth.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=starts_here[1:])
    starts_here[1:] |= other[1:] != other[:-1]
    starts_here[:: truth.shape[1]] = True  # each row anew; comparing it all as one row is 3 times as fast
    starts = np.flatnonzero(starts_here)
    length = np.diff(starts, append=truth.size)
    y, x = np.divmod(starts, truth.shape[1])
    left, right = flat[starts].astype(np.int64), other[starts].astype(np.int64)
    if min(left.min(), right.min()) < 0:
        raise CytolapseError(f"label {min(left.min(), right.min())} is negative: ids of cells start at 1")
    cells = (left | right) != 0
    return _Runs(left[cells], right[cells], y[cells], x[cells], length[cells])


def _reach_inside(runs: _Runs, shape: tuple[int, ...], border: int) -> NDArray[np.bool_]:
    height, width = shape
    rows = (runs.y >= border) & (runs.y < height - border)
    return rows & (runs.x + runs.length > border) & (runs.x < width - border)


def _only(labels: Ints, inside: NDArray[np.bool_]) -> Ints:
    return np.where(np.isin(labels, labels[inside]), labels, 0)


def _objects(runs: _Runs, labels: Ints) -> tuple[Objects, Ints]:
    """Also each run's position among the objects, -1 on background."""
    ids, which = np.unique(labels, return_inverse=True)
    areas = _sums(which, runs.length)
    y = _sums(which, runs.length * runs.y)
    twice_x = _sums(which, runs.length * (2 * runs.x + runs.length - 1))
    centres = np.stack([y / areas, twice_x / (2 * areas)], axis=1)
    spreads = _spreads(runs, which, centres) / areas[:, None]
    first = int(ids.size > 0 and ids[0] == 0)
    return Objects(ids[first:], areas[first:], centres[first:], spreads[first:]), which - first


def _spreads(runs: _Runs, which: Ints, centres: Floats) -> Floats:
    """Summed (dy dy, dx dx, dy dx) of each object's pixels, d being the distance from its centre: (N, 3).

    A run of n pixels whose middle lies dx from the centre has a sum of dx dx of n dx^2 + n (n^2 - 1) / 12.
    """
    n, (cy, cx) = runs.length, centres.T
    dy, dx = runs.y - cy[which], runs.x + (n - 1) / 2 - cx[which]
    sums = (n * dy * dy, n * (dx * dx + (n * n - 1) / 12), n * dy * dx)
    return np.stack([np.bincount(which, weights=each, minlength=len(centres)) for each in sums], axis=1)


def _sums(which: Ints, weights: Ints) -> Ints:
    # bincount adds in float64, which is exact for counts of pixels
    return np.bincount(which, weights=weights).astype(np.int64)
