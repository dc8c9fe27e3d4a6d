"""The overlap table and one-to-one matching, against the slow twin and by what a user sees."""

from __future__ import annotations

import metric_twin as twin
import numpy as np
import pytest
from metric_twin import boxes

from cytolapse.errors import CytolapseError
from cytolapse.metrics import is_full, match

WORLDS = [(boxes(seed, seed % 6), boxes(1000 + seed, (seed * 7) % 6)) for seed in range(25)]


@pytest.mark.parametrize(("truth", "pred"), WORLDS)
def test_table_counts_the_pixels(truth, pred):
    matching = match(truth, pred)
    left, right = twin.cells(truth), twin.cells(pred)
    table = matching.table
    assert dict(zip(table.truth.ids.tolist(), table.truth.areas.tolist(), strict=True)) == {
        t: len(pixels) for t, pixels in left.items()
    }
    pairs = zip(table.truth.ids[table.rows].tolist(), table.prediction.ids[table.columns].tolist(), strict=True)
    assert dict(zip(pairs, table.shared.tolist(), strict=True)) == {
        (t, p): len(left[t] & right[p]) for t in left for p in right if left[t] & right[p]
    }
    centres = {t: np.mean(list(pixels), axis=0) for t, pixels in left.items()}
    for label, centre in zip(table.truth.ids, table.truth.centres, strict=True):
        assert centre == pytest.approx(centres[label])


@pytest.mark.parametrize(("truth", "pred"), WORLDS)
def test_matching_is_the_best_of_all(truth, pred):
    matching = match(truth, pred)
    left, right = twin.cells(truth), twin.cells(pred)
    for percent in range(101):
        count, total, _ = twin.best(left, right, percent)
        chosen = matching.matched(percent)
        assert matching.sweep.matches[percent] == len(chosen) == count
        assert matching.sweep.iou[percent] == pytest.approx(float(total), abs=1e-12)
        assert len(set(matching.table.rows[chosen])) == len(set(matching.table.columns[chosen])) == count


def test_most_matches_come_before_the_largest_iou():
    # the best single pair (truth 1, prediction 2) would leave truth 2 and prediction 1 alone
    truth = np.array([[1, 1, 1, 1, 2, 2]])
    pred = np.array([[1, 2, 2, 2, 2, 0]])
    matching = match(truth, pred)
    assert matching.iou.tolist() == pytest.approx([1 / 4, 3 / 5, 1 / 5])
    assert matching.matched(0).tolist() == [0, 2]
    assert matching.matched(21).tolist() == [1]


def test_thresholds_compare_integers():
    # 29/100 in floating point is a hair above 0.29 * 100 / 100 computed the other way round
    truth, pred = np.zeros((1, 100), int), np.zeros((1, 100), int)
    truth[0, :], pred[0, :29] = 1, 1
    matches = match(truth, pred).sweep.matches
    assert matches[29] == 1 and matches[30] == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_any_integer_dtype(dtype):
    top = min(np.iinfo(dtype).max, 2**40)
    image = np.array([[0, top, top], [1, 0, top - 1]], dtype=dtype)
    matching = match(image, image.astype(np.int64))
    assert matching.table.truth.ids.tolist() == [1, top - 1, top]
    assert matching.sweep.matches[100] == 3


def test_views_are_read_as_they_look():
    image = boxes(3, 4)
    assert match(image.T[::-1], image.T[::-1]).sweep.matches[100] == len(twin.cells(image))


def test_objects_inside_the_border_band_are_dropped_on_both_sides():
    truth, pred = np.zeros((20, 20), int), np.zeros((20, 20), int)
    truth[0:5, 3:9] = 1  # inside the band of 5
    truth[0:6, 12:15] = 2  # reaches one row further
    truth[8:12, 4] = 6  # the last column of the band
    pred[19, 5:15] = 3
    pred[8:12, 15:20] = 4
    pred[8:12, 14] = 5  # the first column that is no longer band
    matching = match(truth, pred, border=5)
    assert matching.table.truth.ids.tolist() == [2]
    assert matching.table.prediction.ids.tolist() == [5]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("border", [0, 1, 3, 6])
def test_border_agrees_with_the_twin(seed, border):
    truth, pred = boxes(seed, 5), boxes(seed + 50, 5)
    matching = match(truth, pred, border=border)
    assert matching.table.truth.ids.tolist() == sorted(twin.cells(truth, border))
    assert matching.table.prediction.ids.tolist() == sorted(twin.cells(pred, border))


LABELS = np.ones((6, 8), np.uint16)


@pytest.mark.parametrize(
    ("truth", "pred", "border", "message"),
    [
        (LABELS, LABELS[:5], 0, "the truth is 6 x 8 and the prediction 5 x 8"),
        (LABELS, np.ones((6, 8, 3), np.uint8), 0, "the prediction is an RGB image of shape"),
        (np.ones((2, 6, 8), int), LABELS, 0, r"the truth has shape \(2, 6, 8\): give one label image"),
        (np.ones((0, 8), int), LABELS, 0, r"the truth has shape \(0, 8\)"),
        (LABELS, LABELS.astype(float), 0, "the prediction is float64: give label images of an integer dtype"),
        (LABELS > 0, LABELS, 0, "the truth is bool"),
        (LABELS, -LABELS.astype(int), 0, "label -1 is negative"),
        (LABELS, LABELS, 3, "border is 3 px: a frame of 6 x 8 px needs 0 <= border < half its side"),
        (LABELS, LABELS, -1, "border is -1 px"),
    ],
)
def test_what_is_no_pair_of_label_images_is_refused(truth, pred, border, message):
    with pytest.raises(CytolapseError, match=message):
        match(truth, pred, border=border)


def test_a_frame_is_full_when_each_marker_lies_in_a_cell():
    truth = np.array([[7, 7, 0, 0, 9, 9]])
    assert is_full(truth, np.array([[1, 0, 0, 0, 2, 2]]))
    assert is_full(truth, np.array([[0, 0, 0, 0, 0, 0]]))
    assert not is_full(truth, np.array([[1, 0, 2, 0, 0, 0]]))
    assert not is_full(truth, np.array([[0, 1, 1, 0, 0, 0]]))  # half of its pixels is not more than half
