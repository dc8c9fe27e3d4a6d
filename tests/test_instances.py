"""Instances: pasted as a slow twin pastes them, and nearly what they were drawn from."""

import numpy as np
import pytest
from conftest import toy_labels

from cytolapse.mask_rcnn.instances import SIDE, Instances, paste, perfect
from cytolapse.metrics import match, summarise

POINT = {"score": 0.5, "mask": 0.5, "overlap": 0.5}


def instances(*cells, shape=(40, 50)):
    """Instances of (score, box, soft values)."""
    scores, boxes, masks = zip(*cells, strict=True)
    soft = np.stack([np.broadcast_to(np.float16(mask), (SIDE, SIDE)) for mask in masks])
    return Instances(np.float32(scores), np.float32(boxes), soft, shape)


def value(mask, box, y, x):
    """A soft mask's value at a pixel, between the four around it; None outside of the box."""
    if not (box[0] <= x <= box[2] and box[1] <= y <= box[3]):
        return None
    v, u = (
        min(max((at - low) / (high - low) * SIDE - 0.5, 0), SIDE - 1)
        for at, low, high in ((y, box[1], box[3]), (x, box[0], box[2]))
    )
    i, j = min(int(v), SIDE - 2), min(int(u), SIDE - 2)
    corners = [(i, j, (1 - v + i) * (1 - u + j)), (i + 1, j, (v - i) * (1 - u + j))]
    corners += [(i, j + 1, (1 - v + i) * (u - j)), (i + 1, j + 1, (v - i) * (u - j))]
    return sum(float(mask[row, column]) * weight for row, column, weight in corners)


def slow_paste(found, point):
    """One pixel at a time."""
    labels, best = np.zeros(found.shape, int), np.zeros(found.shape)
    for number, (score, box, mask) in enumerate(zip(found.scores, found.boxes, found.masks, strict=True)):
        if score < point["score"]:
            continue
        soft = {(y, x): value(mask, box, y, x) for y, x in np.ndindex(found.shape)}
        cell = [at for at, here in soft.items() if here is not None and here >= point["mask"]]
        if sum(labels[at] > 0 for at in cell) <= point["overlap"] * len(cell):
            for at in cell:
                if soft[at] > best[at]:
                    labels[at], best[at] = number + 1, soft[at]
    return labels


def test_pasting_agrees_with_the_slow_twin():
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(-3, 40, (12, 2)), rng.uniform(0.5, 30, (12, 2))
    boxes = np.clip(np.hstack([corner, corner + size]), 0, [50, 40, 50, 40])
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)].astype(np.float32)
    scores = np.sort(rng.uniform(0.4, 1, len(boxes)))[::-1].astype(np.float32)
    rows = np.linspace(-1, 1, SIDE)
    discs = 1.4 - rows[:, None] ** 2 - rows**2 + rng.normal(0, 0.05, (len(boxes), SIDE, SIDE))
    found = Instances(scores, boxes, np.clip(discs, 0, 1).astype(np.float16), (40, 50))
    assert len(np.unique(paste(found, POINT))) > 4
    for point in (POINT, {"score": 0.7, "mask": 0.3, "overlap": 0.2}):
        np.testing.assert_array_equal(paste(found, point), slow_paste(found, point))


def test_a_second_finding_of_a_cell_is_left_out_and_a_neighbour_is_not():
    found = instances((0.9, [10, 10, 20, 20], 0.8), (0.8, [11, 10, 21, 20], 0.9), (0.7, [18, 10, 30, 20], 0.9))
    labels = paste(found, POINT)
    assert set(np.unique(labels)) == {0, 1, 3}
    assert labels[15, 19] == 3, "what two cells claim goes to the higher soft value"


@pytest.mark.parametrize(("point", "present"), [({}, {0, 1}), ({"score": 0.3}, {0, 1, 2}), ({"mask": 0.9}, {0})])
def test_thresholds_of_score_and_mask(point, present):
    found = instances((0.9, [5, 5, 9, 9], 0.8), (0.4, [25, 5, 29, 9], 0.7))
    assert set(np.unique(paste(found, {**POINT, **point}))) == present


def test_nothing_found_and_boxes_between_pixels_give_background():
    nothing = Instances(np.zeros(0, np.float32), np.zeros((0, 4), np.float32), np.zeros((0, SIDE, SIDE), "f2"), (4, 6))
    assert not paste(nothing, POINT).any()
    assert not paste(instances((0.9, [5.2, 5.1, 5.8, 9], 1)), POINT).any()


def test_perfect_instances_give_the_labels_back():
    labels = toy_labels(20).astype(np.int32)
    assert summarise([match(labels, paste(perfect(labels), POINT))]).scores["seg"] > 0.98
    small = np.zeros((9, 9), np.int32)
    small[0, 0], small[8, 4:9], small[3:6, 2] = 7, 3, 5
    assert ((paste(perfect(small), POINT) > 0) == (small > 0)).all(), "down to a pixel in the corner"
    assert not paste(perfect(np.zeros((5, 6), np.int32)), POINT).any()


def test_a_long_thin_cell_loses_the_most():
    y, x = np.mgrid[:200, :200]
    thin = (np.abs(y - x) < 5).astype(np.int32)
    score = summarise([match(thin, paste(perfect(thin), POINT))]).scores["seg"]
    assert 0.7 < score < 0.95
