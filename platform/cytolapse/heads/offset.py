"""Offset head: how far away a pixel's cell has its middle; pixels that point to the same place are one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space

UNIT = 16.0
LEAST = 4
LEAST_WIDTH = 2.0


class Offset:
    """Five maps: cell (logit), offset to the cell's medoid (y, x) in units of 16 px, log bandwidth, seediness (logit).

    The bandwidth is the cell's largest half width in units of 16 px; seediness falls with the length of the offset as
    a Gaussian of that bandwidth. Cells are taken greedily: the pixel of most seediness among those left, and all whose
    offsets point to within its bandwidth, times `bandwidth`, of where its own points.

    Source: Neven et al. 2019 (arXiv 1906.11109) and Lalit et al. 2022 (EmbedSeg, doi 10.1016/j.media.2022.102523), with
    regression in place of the Lovasz hinge.
    """

    channels = 5
    space: ClassVar[Space] = {"threshold": (0.5, 0.3, 0.4, 0.6, 0.7), "bandwidth": (1, 0.7, 1.5, 2, 3)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Cell, offset, log bandwidth and seediness of labels (T, Y, X): (T, 5, Y, X), 0 in the background."""
        return np.stack([_offsets(frame) for frame in labels])

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Cross entropy of cell and seediness, smooth L1 of the rest within cells; 0 where there is no truth."""
        if not known.any():
            return maps.sum() * 0
        found, truth = maps[known].float(), targets[known]
        cell = F.binary_cross_entropy_with_logits(found[:, 0], truth[:, 0])
        seed = F.mse_loss(found[:, 4].sigmoid(), truth[:, 4])
        off = F.smooth_l1_loss(found[:, 1:4], truth[:, 1:4], reduction="none").sum(1)
        return cell + seed + (off * truth[:, 0]).mean()

    def perfect(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Logits of +-20 in the first map, finite logits in the last, the targets themselves between."""
        maps = targets.astype(np.float32)
        maps[:, 0] = np.where(targets[:, 0] > 0.5, 20, -20)
        maps[:, 4] = logit(np.clip(targets[:, 4], 1e-6, 1 - 1e-6))
        return maps

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Greedy grouping of the pixels above `threshold` by where they point."""
        inside = maps[0] > logit(point["threshold"])
        labels = np.zeros(inside.shape, dtype=np.int32)
        places = np.argwhere(inside)
        aim = places + UNIT * maps[1:3, inside].T
        width = point["bandwidth"] * np.maximum(UNIT * np.exp(np.clip(maps[3, inside], -5, 5)), LEAST_WIDTH)
        order = np.argsort(-expit(maps[4, inside]), kind="stable")
        number = np.zeros(len(places), dtype=np.int32)
        count = 0
        while len(order):
            near = ((aim[order] - aim[order[0]]) ** 2).sum(1) <= width[order[0]] ** 2
            near[0] = True
            if np.count_nonzero(near) >= LEAST:
                count += 1
                number[order[near]] = count
            order = order[~near]
        labels[inside] = number
        return labels


def _offsets(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    maps = np.zeros((5, *labels.shape), dtype=np.float32)
    maps[0] = labels > 0
    _, index = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    numbered = index[:-1].reshape(labels.shape).astype(np.int32)
    for label, box in enumerate(ndimage.find_objects(numbered), start=1):
        cell = numbered[box] == label
        places = np.argwhere(cell)
        middle = places[np.argmin(((places - np.median(places, axis=0)) ** 2).sum(1))]
        away = (middle - places) / UNIT
        width = max(float(ndimage.distance_transform_edt(np.pad(cell, 1)).max()), LEAST_WIDTH) / UNIT
        near = np.exp(-(away**2).sum(1) / (2 * width**2))
        maps[1:, *box][:, cell] = np.stack([*away.T, np.full(len(places), np.log(width)), near])
    return maps
