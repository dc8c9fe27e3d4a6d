"""Consensus: the objects of one frame on which several models agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from cytolapse.metrics import match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from cytolapse.metrics.overlap import Ints

PERCENT = 50
"""IoU in percent from which on two models' objects are the same cell."""

Group = dict[int, int]
"""Model -> its label of one cell."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the models agree on in one frame.

    Attributes:
        labels: (Y, X) int32, 0 = background, object n being `groups[n - 1]`.
        groups: the models that see each object, with their labels.
        agreement: of each object, 0 ... 1: the mean IoU of all pairs of models, 0 for a pair of which one does not see
            it; a pair weighs as much as the product of its models' weights.
        empty: (Y, X) float32, the share of the models' weight that sees background there.
    """

    labels: NDArray[np.int32]
    groups: Sequence[Group]
    agreement: Sequence[float]
    empty: NDArray[np.float32]


def consensus(masks: Mapping[int, NDArray[Any]], weights: Sequence[float], border: int = 0) -> Consensus:
    """Find the objects that at least two models, and models of more than half of the weight, have in common.

    An object's pixels are those that at least two, and more than half of the weight, of the models that see it share.

    Args:
        masks: model -> labels (Y, X), 0 = background; of two models or more.
        weights: of all models, by number.
        border: objects entirely inside this many px along the edge count as background.

    Raises:
        CytolapseError: the masks are of different sizes, or no label images.
    """
    total = sum(weights[model] for model in masks)
    groups = [
        group
        for group in _groups(masks, border)
        if len(group) > 1 and 2 * sum(weights[model] for model in group) > total
    ]
    boxes = {model: ndimage.find_objects(labels) for model, labels in masks.items()}
    cut = [_cut(masks, boxes, group) for group in groups]
    agreement = [
        _agreement(stack, list(group), weights, list(masks)) for group, (_, stack) in zip(groups, cut, strict=True)
    ]
    order = sorted(range(len(groups)), key=lambda n: -agreement[n])
    labels = np.zeros(next(iter(masks.values())).shape, np.int32)
    for number, n in enumerate(order, start=1):
        window, stack = cut[n]
        weight = np.array([weights[model] for model in groups[n]])
        shared = (np.tensordot(weight, stack, 1) * 2 > weight.sum()) & (stack.sum(0) > 1)
        place = labels[window]
        place[shared & (place == 0)] = number
    empty = sum(np.float32(weights[model] / total) * (labels == 0) for model, labels in masks.items())
    return Consensus(labels, [groups[n] for n in order], [agreement[n] for n in order], np.asarray(empty))


def _groups(masks: Mapping[int, NDArray[Any]], border: int) -> list[Group]:
    """Objects that are matched with each other; the best pairs first, and no model twice in a group."""
    pairs = sorted(_pairs(masks, border), key=lambda pair: -pair[0])
    home: dict[tuple[int, int], Group] = {}
    for _, one, other in pairs:
        left, right = (home.setdefault(each, dict([each])) for each in (one, other))
        if left is right or left.keys() & right.keys():
            continue
        left |= right
        home |= dict.fromkeys(right.items(), left)
    return list({id(group): group for group in home.values()}.values())


def _pairs(masks: Mapping[int, NDArray[Any]], border: int) -> Iterator[tuple[float, tuple[int, int], tuple[int, int]]]:
    for one, other in combinations(masks, 2):
        compared = match(masks[one], masks[other], border)
        table = compared.table
        for pair in compared.matched(PERCENT):
            left, right = table.truth.ids[table.rows[pair]], table.prediction.ids[table.columns[pair]]
            yield float(compared.iou[pair]), (one, int(left)), (other, int(right))


def _cut(
    masks: Mapping[int, NDArray[Any]], boxes: Mapping[int, Sequence[Any]], group: Group
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """The smallest window that holds all objects of a group, and each of them in it: (models, y, x)."""
    places = [boxes[model][label - 1] for model, label in group.items()]
    low = [min(place[axis].start for place in places) for axis in (0, 1)]
    high = [max(place[axis].stop for place in places) for axis in (0, 1)]
    window = slice(low[0], high[0]), slice(low[1], high[1])
    return window, np.stack([masks[model][window] == label for model, label in group.items()])


def _agreement(
    stack: NDArray[np.bool_], members: Sequence[int], weights: Sequence[float], present: Sequence[int]
) -> float:
    flat = stack.reshape(len(stack), -1).astype(np.int64)
    shared: Ints = flat @ flat.T
    areas = np.diag(shared)
    found = sum(
        weights[members[i]] * weights[members[j]] * shared[i, j] / (areas[i] + areas[j] - shared[i, j])
        for i, j in combinations(range(len(members)), 2)
    )
    return float(found / sum(weights[i] * weights[j] for i, j in combinations(present, 2)))
