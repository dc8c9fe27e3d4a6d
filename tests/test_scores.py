"""Scores, curve, error kinds and averages, against the slow twin and on worlds whose answer is plain."""

from __future__ import annotations

import json

import metric_twin as twin
import numpy as np
import pytest
from linked_world import as_tracks, random_prediction, random_truth
from metric_twin import boxes

from cytolapse.errors import CytolapseError
from cytolapse.metrics import SCORES, SELECTION, Tracks, match, summarise

MASK_SCORES = ("pixel_iou", "seg", "det_masks", "op_csb_masks")


def frames(seed, count=4):
    return [(boxes(seed * 40 + t, (seed + t) % 6), boxes(seed * 40 + 20 + t, (seed + 2 * t) % 6)) for t in range(count)]


def result_of(pairs, **more):
    return summarise([match(truth, pred, frame=t, **more) for t, (truth, pred) in enumerate(pairs)])


@pytest.mark.parametrize("seed", range(12))
def test_scores_agree_with_the_twin(seed):
    pairs = frames(seed)
    expected = twin.scores([(twin.cells(truth), twin.cells(pred)) for truth, pred in pairs])
    found = result_of(pairs).scores
    assert {name: found[name] for name in MASK_SCORES} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_curve_agrees_with_the_twin(seed):
    pairs = frames(seed)
    worlds = [(twin.cells(truth), twin.cells(pred)) for truth, pred in pairs]
    found = result_of(pairs).curve
    assert len(found) == 101
    for percent in range(0, 101, 3):
        assert found[percent] == pytest.approx(twin.row(worlds, percent), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_kinds_agree_with_the_twin(seed):
    # few matches at IoU 0.5 and many merges and splits: large boxes against small ones
    truth, pred = boxes(seed, 5, largest=5 + 6 * (seed % 2)), boxes(seed + 99, 6, largest=11 - 6 * (seed % 2))
    of_truth, of_pred = twin.kinds(twin.cells(truth), twin.cells(pred))
    rows = result_of([(truth, pred)]).objects
    assert {row["truth"]: row["kind"] for row in rows if row["side"] == "truth"} == of_truth
    assert {row["prediction"]: row["kind"] for row in rows if row["side"] == "prediction"} == of_pred


def test_each_error_kind_by_hand():
    truth = np.array([[1, 1, 0, 2, 2, 0, 3, 3, 3, 3, 3, 0, 4, 4, 0, 0, 5, 5]])
    pred_ = np.array([[7, 7, 7, 7, 7, 7, 8, 8, 0, 9, 9, 0, 0, 0, 6, 0, 5, 5]])
    result = result_of([(truth, pred_)])
    assert result.errors == {
        "matched": 1, "merged": 2, "split": 1, "missed": 1, "merging": 1, "fragment": 2, "spurious": 1,
    }  # fmt: skip
    by_id = {(row["side"], row[row["side"]]): row for row in result.objects}
    assert by_id["truth", 1] == {
        "sequence": "", "frame": 0, "side": "truth", "truth": 1, "prediction": 7, "iou": pytest.approx(1 / 3),
        "seg": pytest.approx(1 / 3), "kind": "merged", "area": 2, "major": 2.0, "minor": 0.0, "aspect": None,
        "y": 0.0, "x": 0.5, "nearest": 3.0,
        "track": None, "since_division": None, "until_division": None, "near_seam": None,
    }  # fmt: skip
    assert by_id["truth", 4]["prediction"] is None and by_id["truth", 4]["iou"] == 0.0
    assert by_id["prediction", 6]["truth"] is None and by_id["prediction", 6]["kind"] == "spurious"


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_none_where_nothing_can_be_measured(name):
    empty = np.zeros((5, 5), np.uint8)
    assert SCORES[name](result_of([]).pool) is None
    assert SCORES[name](result_of([(empty, empty)]).pool) is None


@pytest.mark.parametrize("name", SCORES)
def test_a_score_does_not_see_ids_or_the_order_of_frames(name):
    truth, rows = as_tracks(2, random_truth(2))
    found, linked = as_tracks(3, random_prediction(2, truth))
    same = [match(*pair, frame=t) for t, pair in enumerate(zip(truth, found, strict=True))]
    plain = SCORES[name](summarise(same, same, tracks={"": Tracks(rows, linked)}).pool)
    lut = np.concatenate([[0], np.random.default_rng(0).permutation(np.arange(1, 65536))])
    others = [match(lut[one], lut[other], frame=t) for t, (one, other) in enumerate(zip(truth, found, strict=True))]
    anew = Tracks(*(np.stack([lut[side[:, 0]], *side[:, 1:3].T, lut[side[:, 3]]], 1)[::-1] for side in (rows, linked)))
    assert plain is not None and 0 <= plain < 1
    assert SCORES[name](summarise(others[::-1], others[::-1], tracks={"": anew}).pool) == pytest.approx(
        plain, abs=1e-12
    )


@pytest.mark.parametrize("name", SCORES)
def test_a_perfect_prediction_scores_one(name):
    truth, rows = as_tracks(1, random_truth(1))
    same = [match(each, each, frame=t) for t, each in enumerate(truth)]
    assert SCORES[name](summarise(same, same, tracks={"": Tracks(rows, rows)}).pool) == 1


@pytest.mark.parametrize("seed", range(4))
def test_swapping_the_sides_swaps_precision_and_recall(seed):
    pairs = frames(seed)
    there, back = result_of(pairs).curve, result_of([(pred, truth) for truth, pred in pairs]).curve
    for one, other in zip(there, back, strict=True):
        assert (one["precision"], one["precision_any"]) == (other["recall"], other["recall_any"])
        assert (one["f1"], one["ap"]) == (other["f1"], other["ap"])
        assert one["pq"] == pytest.approx(other["pq"], abs=1e-12)


def test_the_selection_score_exists():
    assert SELECTION in SCORES


def test_false_positives_cost_nothing_in_seg_and_one_in_det():
    truth = np.array([[1, 1, 0, 0, 0, 0]])
    pred = np.array([[1, 1, 0, 2, 0, 3]])
    scores = result_of([(truth, pred)]).scores
    assert scores["seg"] == 1
    assert scores["det_masks"] == pytest.approx(0.8)


def test_frames_that_are_not_full_count_no_false_positives():
    full = match(np.array([[1, 1, 0, 0]]), np.array([[1, 1, 0, 0]]))
    sparse = match(np.array([[1, 0, 2, 0]]), np.array([[1, 0, 0, 9]]), frame=1, full=False)
    result = summarise([full, sparse])
    row = result.at(0.5)
    assert (result.frames, result.full_frames) == (2, 1)
    assert (row["tp"], row["fp"], row["fn"], row["precision"]) == (1, 0, 0, 1)
    assert row["recall"] == row["recall_any"] == result.scores["seg"] == pytest.approx(2 / 3)
    assert result.scores["det_masks"] == result.scores["pixel_iou"] == 1
    assert result.errors["missed"] == 1 and result.errors["spurious"] == 0
    assert result.by_frame[1]["fp"] is None and result.by_frame[1]["pixel_iou"] is None
    nothing_full = summarise([sparse])
    assert nothing_full.at(0.5)["precision"] is None
    assert nothing_full.scores["seg"] == 0.5


def test_det_reads_the_markers():
    pred = np.array([[1, 1, 0, 2, 0, 0]])
    markers = np.array([[0, 5, 0, 0, 0, 6]])
    result = summarise([match(np.array([[1, 1, 0, 0, 0, 0]]), pred)], markers=[match(markers, pred)])
    assert result.scores["det"] == pytest.approx(1 - 11 / 20)  # one missed, one spurious, of two
    assert result.scores["op_csb"] == pytest.approx((1 + 9 / 20) / 2)
    assert result.by_frame[0]["det"] == pytest.approx(9 / 20)


def test_sequences_are_scored_apart_and_pooled():
    whole, half = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 1, 0]])
    result = summarise([match(whole, whole, sequence="01"), match(whole, half, sequence="02")])
    assert {name: scores["seg"] for name, scores in result.by_sequence.items()} == {"01": 1, "02": 0.75}
    assert result.scores["seg"] == 0.875


def test_bins_average_over_frames():
    def world(count, found):
        truth = np.arange(1, 13).repeat(3)[None] * (np.arange(36) < 3 * count)
        return truth, truth * (truth <= found)

    bins = result_of([world(1, 1), world(2, 1), world(4, 4), world(9, 9), world(12, 6), world(0, 0)]).bins
    assert {name: row["frames"] for name, row in bins.items()} == {"0": 1, "1": 1, "2-4": 2, "5-9": 1, ">=10": 1}
    assert bins["2-4"]["seg"] == 0.75  # pooled it would be 5/6
    assert bins["2-4"]["n_truth"] == 6 and bins["2-4"]["n_pred"] == 5
    assert bins["0"]["seg"] is None and bins["0"]["f1"] is None


def test_at_wants_a_whole_percentage():
    result = result_of(frames(1))
    assert result.at(0.29)["threshold"] == 0.29
    with pytest.raises(CytolapseError, match=r"no row for IoU threshold 0\.333: the curve has 0, 0\.01"):
        result.at(0.333)


def test_borders_are_not_mixed():
    image = np.ones((9, 9), int)
    with pytest.raises(CytolapseError, match=r"borders of \[0, 2\] px"):
        summarise([match(image, image), match(image, image, border=2)])


def test_the_json_is_plain():
    result = result_of(frames(3))
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text) == result.to_json()
