"""Flow head: which way a pixel's cell has its middle; pixels that flow to the same place are one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from scipy import ndimage, sparse
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import spsolve
from scipy.special import logit
from skimage.graph import pixel_graph
from skimage.measure import label as components

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space

SPREAD = 2.0
COLDEST = 1e-300
STEPS = 6
DOUBLINGS = 7
WAYS = ((1, 1), (1, 0), (0, 1))
"""Straight on; where that leads outside, only along y, or only along x."""
WEIGHT = 2.5


class Flow:
    """Cell or background (one logit), and a unit vector (y, x) towards the cell's middle along the way inside the cell.

    The vectors climb the logarithm of the heat that a source in the middle spreads within the cell, which follows the
    shortest way inside it: round bends and through thin processes. The middle is the pixel next to the median of the
    cell's coordinates; a cell in several pieces has one in each.

    Source: Stringer et al. 2021 (doi 10.1038/s41592-020-01018-x) for flows and loss, Crane et al. 2013 (doi
    10.1145/2516971.2516977) for distances by heat; here the flow is followed by composing steps rather than one by one.
    """

    channels = 3
    space: ClassVar[Space] = {"threshold": (0.5, 0.3, 0.4, 0.6, 0.7), "gather": (1, 0, 3)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Cell (0 or 1) and flow (y, x) of labels (T, Y, X): (T, 3, Y, X), 0 in the background."""
        return np.stack([_flows(frame) for frame in labels])

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Cross entropy of the cell and squared error of the flow inside cells; 0 where no frame has truth."""
        if not known.any():
            return maps.sum() * 0
        found, truth = maps[known].float(), targets[known]
        cell = F.binary_cross_entropy_with_logits(found[:, 0], truth[:, 0])
        astray = ((found[:, 1:] - truth[:, 1:]) ** 2).sum(dim=1) * truth[:, 0]
        return cell + WEIGHT * astray.mean()

    def perfect(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Logits of +-20, and the flow itself."""
        maps = targets.astype(np.float32)
        maps[:, 0] = np.where(targets[:, 0] > 0, 20, -20)
        return maps

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Cells are the pixels above `threshold` whose flows end together: within `2 gather + 1` px of one another."""
        inside = maps[0] > logit(point["threshold"])
        ends = _ends(maps[1:], inside)
        sinks = np.zeros(inside.shape, dtype=bool)
        sinks[ends] = True
        if point["gather"]:
            sinks = ndimage.binary_dilation(sinks, np.ones((3, 3)), iterations=int(point["gather"]))
        labels = np.zeros(inside.shape, dtype=np.int32)
        labels[inside] = components(sinks, connectivity=2)[ends]
        return labels

    def foreground(self, maps: NDArray[np.float32]) -> NDArray[np.bool_]:
        """All that can be above the threshold; sinks gather over less than REACH."""
        return np.asarray(maps[0] > logit(min(self.space["threshold"])))


def _ends(flow: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[NDArray[np.intp], ...]:
    """Where each pixel inside comes to lie: y and x, each (N,).

    A pixel's target after some steps of 1 px is itself a pixel inside, so the targets of targets are those of twice as
    many steps: a few doublings follow the longest cell to its end. What would step outside moves along the edge.
    """
    places = np.argwhere(inside)
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(len(places))
    at, target = places.astype(np.float64), np.arange(len(places))
    for _ in range(STEPS):
        step, left = flow[:, *places[target].T].T, np.arange(len(places))
        for way in WAYS:
            tried = at[left] + step[left] * way
            there = number[tuple(np.clip(np.rint(tried), 0, np.array(inside.shape) - 1).astype(int).T)]
            free = there >= 0
            at[left[free]], target[left[free]] = tried[free], there[free]
            left = left[~free]
    for _ in range(DOUBLINGS):
        target = target[target]
    return tuple(places[target].T)


def _flows(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """The targets (3, Y, X) of one frame (Y, X)."""
    maps = np.zeros((3, *labels.shape), dtype=np.float32)
    maps[0] = labels > 0
    pieces = components(labels, connectivity=2, background=0)
    for piece, box in enumerate(ndimage.find_objects(pieces), start=1):
        cell = pieces[box] == piece
        slope = _slope(_heat(cell), cell)
        maps[1:, *box] += slope / np.maximum(np.linalg.norm(slope, axis=0), COLDEST)
    return maps


def _heat(cell: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logarithm of the heat in a cell (Y, X) of one piece whose middle is heated, while all of it cools."""
    graph, _ = pixel_graph(cell, connectivity=2)
    graph.data **= -2.0  # neighbours across a corner are further away
    lost = sparse.eye(graph.shape[0]) + SPREAD * laplacian(graph)
    places = np.argwhere(cell)
    middle = ((places - np.median(places, axis=0)) ** 2).sum(axis=1).argmin()
    source = (np.arange(len(places)) == middle).astype(np.float64)
    warmth = spsolve(lost.tocsc(), source, permc_spec="MMD_AT_PLUS_A")
    heat = np.zeros(cell.shape)
    heat[cell] = np.log(np.maximum(warmth, COLDEST))
    return heat


def _slope(values: NDArray[np.float64], cell: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The gradient (2, Y, X) of values (Y, X), from the neighbours that lie in the cell; 0 outside."""
    padded = np.pad(np.where(cell, values, np.nan), 1, constant_values=np.nan)
    down, right = np.diff(padded[:, 1:-1], axis=0), np.diff(padded[1:-1], axis=1)
    sides = np.array([[down[:-1], down[1:]], [right[:, :-1], right[:, 1:]]])
    slope: NDArray[np.float64] = np.nan_to_num(sides).sum(axis=1) / np.maximum(np.isfinite(sides).sum(axis=1), 1)
    return slope
