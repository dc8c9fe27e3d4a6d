"""Distance head: how deep in its cell a pixel lies and how near the next cell is; seeds and watershed make labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space

SMOOTHING = 0.3
LEAST_BORDER = 0.05
LEAST_SEED = 4
LEAST_SEED_SHARE = 0.1


class Distance:
    """Two regressed maps, smooth L1.

    Channel 0 is the Euclidean distance to the outside of the cell, 1 in its deepest pixel. Channel 1 rises towards the
    nearest other cell: 1/sqrt(0.65 + 0.5 exp(-11 (d - 0.75))) - 0.19, d being 1 minus the distance to that cell in
    units of its largest value within the own cell; closed over 3x3 px and clipped to 0 ... 1.

    Source: Scherr et al. 2020 (doi 10.1371/journal.pone.0243219), with the transform of the CTC entry KIT-GE (3).
    """

    channels = 2
    space: ClassVar[Space] = {"cell": (0.03, 0.05, 0.08, 0.12), "seed": (0.2, 0.1, 0.3, 0.45, 0.55)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Cell and neighbour distance of labels (T, Y, X): (T, 2, Y, X), 0 in the background."""
        return np.stack([_distances(frame) for frame in labels])

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Smooth L1 over the frames with truth; 0 where there is none."""
        if not known.any():
            return maps.sum() * 0
        return F.smooth_l1_loss(maps[known].float(), targets[known])

    def perfect(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """The targets themselves."""
        return targets.astype(np.float32)

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Watershed of the cell distance within `> cell`, from seeds where it exceeds the border term by `seed`."""
        depth, inner = _depths(maps)
        seeds, count = ndimage.label(inner > point["seed"], structure=np.ones((3, 3)))
        areas = np.bincount(seeds.ravel(), minlength=count + 1)
        least = max(LEAST_SEED, LEAST_SEED_SHARE * areas[1:].mean()) if count else 0
        seeds[(areas < least)[seeds]] = 0
        return np.asarray(watershed(-depth, seeds, mask=depth > point["cell"]), dtype=np.int32)

    def foreground(self, maps: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The pieces of the largest mask that can hold a seed."""
        depth, inner = _depths(maps)
        pieces, count = ndimage.label(depth > min(self.space["cell"]), structure=np.ones((3, 3)))
        seeded = np.zeros(count + 1, dtype=bool)
        seeded[pieces[inner > min(self.space["seed"])]] = True
        seeded[0] = False
        return np.asarray(seeded[pieces])


def _depths(maps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The smoothed cell distance, and what is left of it beside the border term: (Y, X) each."""
    depth = ndimage.gaussian_filter(maps[0], SMOOTHING)
    border = np.tan(np.clip(maps[1], 0, 1) ** 2)
    border[border < LEAST_BORDER] = 0
    return depth, depth - border


def _distances(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Both maps (2, Y, X) of one frame (Y, X)."""
    maps = np.zeros((2, *labels.shape), dtype=np.float32)
    _, index = np.unique(np.append(labels.ravel(), 0), return_inverse=True)  # ids may be sparse and huge
    numbered = index[:-1].reshape(labels.shape).astype(np.int32)
    for label, box in enumerate(ndimage.find_objects(numbered), start=1):
        cell = numbered[box] == label
        depth = ndimage.distance_transform_edt(np.pad(cell, 1))[1:-1, 1:-1]
        maps[0][box][cell] = (depth / depth.max())[cell]
        window = tuple(slice(max(2 * s.start - s.stop, 0), 2 * s.stop - s.start) for s in box)
        mine = numbered[window] == label
        maps[1][window][mine] = _nearness(mine, (numbered[window] > 0) & ~mine)[mine]
    maps[1] = np.clip(ndimage.grey_closing(maps[1], size=3), 0, 1)
    return maps


def _nearness(cell: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How near the others are, in every pixel of a window as large as three cells; 0 where there are none."""
    if not others.any():
        return np.zeros(cell.shape)
    away = ndimage.distance_transform_edt(~others)
    near = 1 - away / away[cell].max()
    rise: NDArray[np.float64] = 1 / np.sqrt(0.65 + 0.5 * np.exp(-11 * (near - 0.75))) - 0.19
    return rise
