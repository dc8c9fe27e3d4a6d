"""Scored instances: a box and a soft mask for every cell that was found, and the labels they are pasted into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torchvision.ops import masks_to_boxes, roi_align

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads import Point

SIDE = 28
"""Rows and columns of a soft mask, as in the paper."""


class Instances(NamedTuple):
    """What was found in one frame, the highest score first; every pixel's centre lies at its index.

    Attributes:
        scores: (N,) float32, from 0 to 1.
        boxes: (N, 4) float32, left, top, right and bottom in px.
        masks: (N, 28, 28) float16, how likely the cell covers that part of its box.
        shape: height and width of the frame in px.
    """

    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    masks: NDArray[np.float16]
    shape: tuple[int, int]


def outlined(labels: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes (N, 4) float32 and masks (N, Y, X) float32 of the cells in labels (Y, X) integer, 0 = background.

    A box runs along the outer edges of its pixels, so that even a single pixel has height and width.
    """
    ids = torch.unique(labels)
    masks = labels == ids[ids > 0].view(-1, 1, 1)
    half = torch.tensor([-0.5, -0.5, 0.5, 0.5], device=labels.device)
    return masks_to_boxes(masks).float() + half, masks.float()


def perfect(labels: NDArray[np.integer]) -> Instances:
    """The instances that a model without mistakes finds in labels (Y, X)."""
    boxes, masks = outlined(torch.from_numpy(labels.astype(np.int64)))
    index = torch.arange(len(boxes), dtype=torch.float32)[:, None]
    soft = roi_align(masks[:, None], torch.cat([index, boxes], dim=1), SIDE)[:, 0]  # as the mask loss has it
    y, x = labels.shape
    return Instances(np.ones(len(boxes), np.float32), boxes.numpy(), soft.numpy().astype(np.float16), (y, x))


def paste(found: Instances, point: Point) -> NDArray[np.int32]:
    """Labels (Y, X) int32 of instances: the soft masks at full resolution, cut at a threshold.

    The point: `score`, instances below it are left out; `mask`, the least soft value of a pixel of the cell;
    `overlap`, the largest share of an instance that others with a higher score may hold: above it the instance is a
    second finding of the same cell. What two cells claim goes to the higher soft value.
    """
    labels, best = np.zeros(found.shape, np.int32), np.zeros(found.shape, np.float32)
    for number in np.flatnonzero(found.scores >= point["score"]):
        window, soft = _enlarged(found.masks[number], found.boxes[number], found.shape)
        cell = soft >= point["mask"]
        if np.count_nonzero(labels[window][cell]) <= point["overlap"] * np.count_nonzero(cell):
            mine = cell & (soft > best[window])
            labels[window][mine], best[window][mine] = number + 1, soft[mine]
    return labels


def _enlarged(
    mask: NDArray[np.float16], box: NDArray[np.float32], shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[Any]]:
    """The window of the frame that a box covers, and the soft mask there, between its values linearly."""
    sides = list(zip((box[1], box[0]), (box[3], box[2]), shape, strict=True))
    pixels = [np.arange(max(int(np.ceil(low)), 0), min(int(high), size - 1) + 1) for low, high, size in sides]
    places = [(pixel - low) * (SIDE / (high - low)) - 0.5 for pixel, (low, high, _) in zip(pixels, sides, strict=True)]
    soft = map_coordinates(mask.astype(np.float32), np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    y, x = (slice(pixel[0], pixel[-1] + 1) if len(pixel) else slice(0) for pixel in pixels)
    return (y, x), soft
