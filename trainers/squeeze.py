"""Squeeze: leave out the rows and columns of a frame in which there is nothing, and change nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Kept(NamedTuple):
    """Where each pixel of the squeezed frame comes from: rows (H, 1) and columns (H, W), int64."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def of(self, image: NDArray[Any]) -> NDArray[Any]:
        """The squeezed (..., H, W) of an image (..., Y, X)."""
        return np.ascontiguousarray(image[..., self.rows, self.columns])


def keep(mask: NDArray[np.bool_], margin: int, border: int) -> Kept:
    """Keep what is near the mask.

    Rows without mask are left out, and from every stretch of rows that stays, columns without mask; all stretches are
    padded with empty columns to one width. What stays is real, in its order, and within `margin` px of the mask nothing
    is missing: labels that depend on no more than that come out the same, numbers included, at the frame's edge too.

    Args:
        mask: (Y, X), True where something is.
        margin: in px.
        border: this many px along each edge are kept, so that a border band holds what it held.
    """
    rows = np.flatnonzero(_near(np.any(mask, axis=1), margin, border))
    stretches = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    needed = [_near(np.any(mask[each[0] : each[-1] + 1], axis=0), margin, border) for each in stretches]
    width = max(int(each.sum()) for each in needed)
    for each in needed:
        each[np.flatnonzero(~each)[: width - int(each.sum())]] = True
    columns = np.repeat([np.flatnonzero(each) for each in needed], [len(each) for each in stretches], axis=0)
    return Kept(rows[:, None], columns)


def _near(line: Any, margin: int, border: int) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = ndimage.binary_dilation(line, np.ones(2 * margin + 1))
    near[: border + 1] = near[len(line) - border :] = True  # one more, so that the band never fills the frame
    return near
