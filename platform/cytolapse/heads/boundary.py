"""Boundary head: background, interior and contour; the contour keeps touching cells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from scipy.special import softmax
from skimage.segmentation import expand_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space

WEIGHTS = (0.15, 0.25, 0.6)


class Boundary:
    """Three classes a pixel, cross entropy weighted .15/.25/.6.

    Source: Arbelle & Riklin Raviv 2018 (arXiv 1805.11247) for the classes and weights; here the contour is the cell's
    own outermost pixel, so that growing the labels back over it restores the mask.
    """

    channels = 3
    space: ClassVar[Space] = {"interior": (0.5, 0.35, 0.65), "grow": (2, 1, 3, 4)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """0 background, 1 interior, 2 contour (the outermost pixel of every cell): (T, Y, X)."""
        return np.stack([_classes(frame) for frame in labels])

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Weighted cross entropy over the frames with truth; 0 where there is none."""
        if not known.any():
            return maps.sum() * 0
        weight = torch.tensor(WEIGHTS, device=maps.device)
        return F.cross_entropy(maps[known].float(), targets[known], weight=weight)

    def perfect(self, targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits of 20 in the right class."""
        return np.stack([np.where(targets == k, np.float32(20), np.float32(0)) for k in range(3)], axis=1)

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Components of the interior, grown over the contour around them by at most `grow` px."""
        chance = softmax(maps, axis=0)
        seeds, _ = ndimage.label(chance[1] > point["interior"], structure=np.ones((3, 3)))
        grown = expand_labels(seeds, distance=point["grow"])
        return np.where((seeds > 0) | (chance[0] < 0.5), grown, 0).astype(np.int32)

    def foreground(self, maps: NDArray[np.float32]) -> NDArray[np.bool_]:
        """All that can be interior; labels grow over it by less than REACH."""
        chance: NDArray[np.float32] = softmax(maps, axis=0)[1]
        return chance > min(self.space["interior"])


def _classes(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    lowest = ndimage.minimum_filter(labels, size=3)
    highest = ndimage.maximum_filter(labels, size=3)
    inside = labels > 0
    classes: NDArray[np.int64] = inside + (inside & (lowest != highest)).astype(np.int64)
    return classes
