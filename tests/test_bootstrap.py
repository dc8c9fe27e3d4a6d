"""Intervals: against a twin that pools the drawn frames anew, and on worlds whose answer is plain."""

from __future__ import annotations

import time

import numpy as np
import pytest
from metric_twin import boxes

from cytolapse.errors import CytolapseError
from cytolapse.metrics import match, paired, summarise
from cytolapse.metrics.bootstrap import BLOCK, RESAMPLES, Blocks, count, intervals


def world(seed=0, frames=100, sequences=("01",), sparse=1, shift=0):
    """Matchings of random boxes; every third frame isn't full."""
    return [
        match(
            boxes(seed + t, 2 + t % 4),
            np.roll(boxes(seed + t, 2 + t % 4 - (t // 30) % 2), shift, axis=1),
            sequence=name,
            frame=t,
            full=t % 3 > 0,
        )
        for name in sequences
        for t in range(0, frames, sparse)
    ]


def read(result):
    """The same numbers from the slow, pooled result."""
    found = {name: result.scores[name] for name in ("pixel_iou", "seg", "det_masks", "op_csb_masks")}
    for threshold in (0.25, 0.5, 0.75):
        row = result.at(threshold)
        found |= {f"{key}_iou_{threshold:.2f}": row[key] for key in ("precision", "recall", "f1")}
    return found


def twin_draws(matchings, draws, seed=0):
    """Blocks drawn one by one and pooled from their frames."""
    keys = sorted({(each.sequence, each.frame // BLOCK) for each in matchings})
    weights = np.random.default_rng(seed).multinomial(len(keys), np.full(len(keys), 1 / len(keys)), RESAMPLES)
    for row in weights[:draws]:
        pooled = []
        for key, times in zip(keys, row, strict=True):
            pooled += [each for each in matchings if (each.sequence, each.frame // BLOCK) == key] * int(times)
        yield read(summarise(pooled))


def test_resamples_agree_with_the_twin():
    matchings = world(frames=120, sequences=("02", "01"))
    drawn = Blocks.of(map(count, matchings)).resampled()
    for index, expected in enumerate(twin_draws(matchings, draws=6)):
        assert {name: values[index] for name, values in drawn.items()} == pytest.approx(expected, abs=1e-12)


def test_the_whole_pool_has_the_scores_of_the_result():
    matchings = world()
    assert Blocks.of(map(count, matchings)).values == pytest.approx(read(summarise(matchings)), abs=1e-12)


def test_an_interval_holds_95_percent_of_the_resamples_and_is_always_the_same():
    result = summarise(world())
    again = intervals(list(map(count, world()))[::-1])
    assert result.intervals == again, "neither chance nor the order of frames changes it"
    seg = result.intervals["seg"]
    assert seg.low < result.scores["seg"] < seg.high and seg.reason == ""
    drawn = Blocks.of(result.counts).resampled()["seg"]
    assert np.mean((drawn >= seg.low) & (drawn <= seg.high)) == pytest.approx(0.95, abs=0.002)


def test_seven_blocks_are_too_few_and_eight_are_enough():
    few = summarise(world(frames=70)).intervals
    assert few["seg"] == (None, None, "blocks of 10 frame numbers that hold scored frames: 7, where 8 are needed")
    assert summarise(world(frames=71)).intervals["seg"].low is not None


def test_blocks_are_of_frame_numbers_of_one_sequence():
    matchings = world(frames=80, sequences=("01", "02"), sparse=5)
    assert len(Blocks.of(map(count, matchings)).sums) == 16
    sparse = summarise(world(frames=240, sparse=24)).intervals
    assert sparse["seg"].low is not None, "ten blocks hold a frame"
    assert sparse["seg"].reason == ""


def test_scores_over_full_frames_need_blocks_with_full_frames():
    matchings = [match(boxes(t, 3), boxes(t, 3), frame=t, full=t < 60) for t in range(0, 100, 5)]
    found = summarise(matchings).intervals
    assert found["seg"].low == found["seg"].high == 1
    for name in ("pixel_iou", "precision_iou_0.50", "op_csb_masks"):
        assert found[name].reason.endswith("that hold fully annotated frames: 6, where 8 are needed")


def test_a_score_without_anything_to_measure_has_no_interval():
    empty = np.zeros((5, 5), np.uint16)
    found = summarise([match(empty, empty, frame=t) for t in range(90)]).intervals
    assert found["seg"] == (None, None, "the score is not defined")
    assert summarise([]).intervals["seg"].low is None


def test_a_pair_is_compared_on_the_same_resamples():
    worse, better = (list(map(count, world(shift=shift))) for shift in (2, 0))
    found = paired(worse, better)["seg"]
    assert found.difference == pytest.approx(summarise(world()).scores["seg"] - summarise(world(shift=2)).scores["seg"])
    assert found.wins == 1.0 and 0 < found.interval.low < found.difference < found.interval.high
    back = paired(better, worse)["seg"]
    assert (back.difference, back.wins) == (pytest.approx(-found.difference), 0.0)
    same = paired(better, better)["seg"]
    assert (same.difference, same.interval[:2], same.wins) == (0.0, (0.0, 0.0), 0.0)


def test_a_paired_interval_is_narrower_than_one_of_independent_runs():
    a, b = (list(map(count, world(shift=shift))) for shift in (1, 0))
    found, alone = paired(a, b)["seg"], intervals(b)["seg"]
    assert found.interval.high - found.interval.low < alone.high - alone.low


def test_a_pair_of_different_frames_is_refused():
    rows = list(map(count, world(frames=90)))
    with pytest.raises(CytolapseError, match="2 frames were scored in only one of the two: compare runs on the same"):
        paired(rows, rows[2:])
    few = paired(rows[:20], rows[:20])["seg"]
    assert few.wins is None and ": 2, where 8" in few.interval.reason and few.difference == 0


def test_a_thousand_resamples_of_1376_frames_take_less_than_two_seconds():
    rows = [{**row, "frame": t} for t, row in enumerate(map(count, world(frames=16) * 86))]
    assert len(rows) == 1376
    start = time.perf_counter()
    intervals(rows)
    assert time.perf_counter() - start < 2
