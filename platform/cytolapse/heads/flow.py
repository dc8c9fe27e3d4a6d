"""Flow head: in which direction a pixel's cell lies; pixels that flow to the same place are one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch.nn.functional as F
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from scipy.special import logit
from skimage.measure import label as components

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space

REACH = 2.0
STEPS = 6
DOUBLINGS = 7
WEIGHT = 5.0
MODE = "heat"


class Flow:
    channels = 3
    space: ClassVar[Space] = {"threshold": (0.5, 0.3, 0.4, 0.6, 0.7), "gather": (1, 0, 2)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        return np.stack([_flows(frame) for frame in labels])

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        if not known.any():
            return maps.sum() * 0
        found, truth = maps[known].float(), targets[known]
        inside = truth[:, 0]
        cell = F.binary_cross_entropy_with_logits(found[:, 0], inside)
        off = F.mse_loss(found[:, 1:], truth[:, 1:], reduction="none").sum(1)
        return cell + WEIGHT * 0.5 * (off * inside).mean()

    def perfect(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        maps = targets.astype(np.float32)
        maps[:, 0] = np.where(targets[:, 0] > 0.5, 20, -20)
        return maps

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        inside = maps[0] > logit(point["threshold"])
        labels = np.zeros(inside.shape, dtype=np.int32)
        places = np.argwhere(inside)
        if not len(places):
            return labels
        number = np.full(inside.shape, -1)
        number[inside] = np.arange(len(places))
        at = places.astype(np.float64)
        top = np.array(inside.shape) - 1
        target = np.arange(len(places))
        for _ in range(STEPS):
            whole = np.rint(at).astype(int)
            at = np.clip(at + maps[1:, whole[:, 0], whole[:, 1]].T, 0, top)
            whole = np.rint(at).astype(int)
            there = number[whole[:, 0], whole[:, 1]]
            stay = there < 0
            there = np.where(stay, target, there)
            at[stay] = places[target[stay]]
            target = there
        for _ in range(DOUBLINGS):
            target = target[target]
        ends = np.zeros(inside.shape, bool)
        ends[tuple(places[target].T)] = True
        g = int(point["gather"])
        if g:
            ends = ndimage.binary_dilation(ends, np.ones((3, 3)), iterations=g) & inside
        basins = components(ends, connectivity=2)
        labels[inside] = basins[tuple(places[target].T)]
        return labels


def _flows(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    maps = np.zeros((3, *labels.shape), dtype=np.float32)
    maps[0] = labels > 0
    pieces = components(labels, connectivity=2, background=0)
    for label, box in enumerate(ndimage.find_objects(pieces), start=1):
        cell = pieces[box] == label
        maps[1:, *box][:, cell] = (_heat if MODE == "heat" else _ridge)(cell)
    return maps


def _heat(cell):
    """Unit vectors towards the cell's middle along the shortest way inside it."""
    depth = ndimage.distance_transform_edt(np.pad(cell, 1))[1:-1, 1:-1]
    count = np.count_nonzero(cell)
    number = np.full(cell.shape, -1)
    number[cell] = np.arange(count)
    pairs = [
        np.stack([number[:-1].ravel(), number[1:].ravel()]),
        np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
        np.stack([number[:-1, :-1].ravel(), number[1:, 1:].ravel()]),
        np.stack([number[:-1, 1:].ravel(), number[1:, :-1].ravel()]),
    ]
    rows, cols, w = [], [], []
    for k, pair in enumerate(pairs):
        pair = pair[:, (pair >= 0).all(0)]
        rows.append(pair[0]); cols.append(pair[1]); w.append(np.full(pair.shape[1], 1 if k < 2 else 0.5))
    rows, cols, w = map(np.concatenate, (rows, cols, w))
    graph = sparse.coo_matrix((w, (rows, cols)), (count, count)).tocsr()
    graph = graph + graph.T
    degree = np.asarray(graph.sum(1)).ravel()
    matrix = sparse.diags(1 + REACH * degree) - REACH * graph
    ys, xs = np.nonzero(cell)
    middle = np.argmin((ys - np.median(ys)) ** 2 + (xs - np.median(xs)) ** 2)
    source = np.zeros(count)
    source[middle] = 1
    heat = np.zeros(cell.shape)
    heat[cell] = np.log(np.maximum(spsolve(matrix.tocsc(), source, permc_spec="MMD_AT_PLUS_A"), 1e-300))
    flow = _slope(heat, cell)
    return flow / (np.linalg.norm(flow, axis=0) + 1e-6)


def _ridge(cell):
    depth = ndimage.distance_transform_edt(np.pad(cell, 1))[1:-1, 1:-1]
    flow = _slope(ndimage.gaussian_filter(depth, 1.0), cell)
    return flow / np.maximum(np.linalg.norm(flow, axis=0), 1)


def _slope(values, cell):
    flow = []
    for axis in (0, 1):
        total = np.zeros(cell.shape); n = np.zeros(cell.shape)
        lo = [slice(None)] * 2; hi = [slice(None)] * 2
        lo[axis] = slice(None, -1); hi[axis] = slice(1, None)
        lo, hi = tuple(lo), tuple(hi)
        both = cell[lo] & cell[hi]
        d = np.where(both, values[hi] - values[lo], 0)
        total[lo] += d; total[hi] += d
        n[lo] += both; n[hi] += both
        flow.append((total / np.maximum(n, 1))[cell])
    return np.stack(flow)
