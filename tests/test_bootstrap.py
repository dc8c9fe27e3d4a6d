"""Intervals: against a twin that pools the drawn frames anew, and on worlds whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest
from linked_world import as_tracks, random_prediction, random_truth
from metric_twin import boxes

from cytolapse.errors import CytolapseError
from cytolapse.metrics import SCORES, Pool, Result, match, paired, summarise
from cytolapse.metrics.bootstrap import BLOCK, RESAMPLES, Blocks, intervals
from cytolapse.metrics.counts import count
from cytolapse.metrics.scores import detection_cost
from cytolapse.metrics.tracks import Tracks


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


def marked_world(seed=50, frames=120, sequences=("02", "01")):
    """Markers in every frame, masks in every seventh from frame 20 on: two blocks of a sequence hold markers alone."""
    markers = [
        match(boxes(seed + t, 3), boxes(seed + t, 3 - (t // 40) % 2), sequence=name, frame=t)
        for name in sequences
        for t in range(frames)
    ]
    return [each for each in world(frames=frames, sequences=sequences, sparse=7) if each.frame >= 20], markers


def read(result):
    """The same numbers from the slow, pooled result."""
    found = dict(result.scores)
    for threshold in (0.25, 0.5, 0.75):
        row = result.at(threshold)
        found |= {f"{key}_iou_{threshold:.2f}": row[key] for key in ("precision", "recall", "f1")}
    found["false_per_frame"] = result.at(0.5)["fp"] / result.full_frames if result.full_frames else None
    return {name: np.nan if value is None else value for name, value in found.items()}


def twin_draws(masks, markers=(), of=None, draws=6, seed=0):
    """Blocks that hold a frame of `of` drawn one by one, their frames repeated and pooled."""
    keys = sorted({(each.sequence, each.frame // BLOCK) for each in (masks if of is None else of)})
    weights = np.random.default_rng(seed).multinomial(len(keys), np.full(len(keys), 1 / len(keys)), RESAMPLES)

    def repeated(matchings, row):
        for key, times in zip(keys, row, strict=True):
            yield from [each for each in matchings if (each.sequence, each.frame // BLOCK) == key] * int(times)

    for row in weights[:draws]:
        yield read(summarise(list(repeated(masks, row)), list(repeated(markers, row))))


def test_resamples_agree_with_the_twin():
    matchings = world(frames=120, sequences=("02", "01"))
    drawn = Blocks.of(map(count, matchings)).resampled()
    for index, expected in enumerate(twin_draws(matchings)):
        assert {name: values[index] for name, values in drawn.items()} == pytest.approx(
            expected, abs=1e-12, nan_ok=True
        )


def test_resamples_with_markers_agree_with_the_twin():
    """`det` and `op_csb` are drawn over all blocks, scores on masks over those that hold masks."""
    masks, markers = marked_world()
    drawn = Blocks.of(summarise(masks, markers).counts).resampled()
    twins = zip(twin_draws(masks, markers), twin_draws(masks, markers, of=markers), strict=True)
    for index, (of_masks, of_all) in enumerate(twins):
        expected = of_masks | {name: of_all[name] for name in ("det", "op_csb")}
        found = {name: values[index] for name, values in drawn.items()}
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_markers_do_not_change_the_intervals_of_scores_on_masks():
    masks, markers = marked_world()
    alone, beside = summarise(masks).intervals, summarise(masks, markers).intervals
    assert {name for name in alone if alone[name] != beside[name]} == {"det", "op_csb"}
    assert alone["tra"] == beside["tra"] == (None, None, "the score is not defined")
    assert alone["det"] == alone["op_csb"] == (None, None, "the score is not defined")


def linked_world(frames=90, name="01"):
    """Random tracks and what was found of them, markers in every frame and masks in every third."""
    truth, rows = as_tracks(1, random_truth(1, frames))
    found, linked = as_tracks(2, random_prediction(1, truth))
    markers = [match(*pair, sequence=name, frame=t) for t, pair in enumerate(zip(truth, found, strict=True))]
    return markers[::3], markers, {name: Tracks(rows, linked)}


def test_costs_of_links_belong_to_the_frame_in_which_they_end():
    """The movie up to a frame, less the movie up to the one before it."""
    masks, markers, tracks = linked_world(frames=30)
    whole = Result(Pool(masks, markers, tracks)).pool
    for frame in range(30):
        upto, before = (Pool([], markers[:n], tracks).links for n in (frame + 1, frame))
        assert whole.links_by_frame["01", frame] == tuple(a - b for a, b in zip(upto, before, strict=True))


def test_resamples_of_tracks_agree_with_the_twin():
    """Costs of the drawn frames, added one by one; the whole world has the scores of the result."""
    result = Result(Pool(*linked_world()))
    blocks = Blocks.of(result.counts)
    assert blocks.values == pytest.approx(read(result), abs=1e-12, nan_ok=True)
    weights = np.random.default_rng(0).multinomial(9, np.full(9, 1 / 9), RESAMPLES)
    drawn = blocks.resampled()
    for index in range(5):
        links, objects, worst_links, worst_objects, covered, cells = 0, 0, 0, 0, 0, 0
        for marker in result.pool.markers:
            times = weights[index][marker.frame // BLOCK]
            of_frame, (cost, worst) = result.pool.links_by_frame["01", marker.frame], detection_cost([marker])
            links, worst_links = links + times * of_frame.cost, worst_links + times * of_frame.worst
            objects, worst_objects = objects + times * cost, worst_objects + times * worst
            if marker.frame % 3 == 0:
                covered, cells = covered + times * marker.iou[marker.covers].sum(), cells + times * marker.n_truth
        tra = 1 - (links + objects) / (worst_links + worst_objects)
        assert drawn["lnk"][index] == pytest.approx(1 - min(1, links / worst_links))
        assert drawn["tra"][index] == pytest.approx(tra)
        assert drawn["op_ctb"][index] == pytest.approx((tra + covered / cells) / 2)


@pytest.mark.parametrize("name", list(SCORES))
def test_every_score_has_an_interval_or_a_reason(name):
    masks, markers, tracks = linked_world()
    result = Result(Pool(masks, markers, tracks))
    low, high, _ = result.intervals[name]
    assert low <= result.scores[name] <= high
    few = summarise(masks[:3], markers[:70], tracks=tracks).intervals
    assert few[name].low is None and few[name].reason != ""


def test_a_score_of_another_kind_says_why_it_has_none(monkeypatch):
    monkeypatch.setitem(SCORES._things, "cells", lambda pool: 1.0)
    assert summarise(world()).intervals["cells"].reason.startswith("the score is not read from sums over frames")


def test_op_csb_needs_blocks_with_masks_and_blocks_with_markers():
    masks, markers = marked_world(sequences=("01",))
    few = summarise(masks, [each for each in markers if each.frame < 70]).intervals
    for name in ("det", "op_csb"):
        assert few[name].reason.endswith("that hold frames with tracking markers: 7, where 8 are needed")
    sparse = summarise(masks[:3], markers).intervals
    assert sparse["op_csb"].reason.endswith("that hold scored frames: 2, where 8 are needed")
    assert sparse["det"].low is not None


def test_the_whole_pool_has_the_scores_of_the_result():
    masks, markers = marked_world()
    result = summarise(masks, markers)
    assert Blocks.of(result.counts).values == pytest.approx(read(result), abs=1e-12, nan_ok=True)


def test_an_interval_holds_95_percent_of_the_resamples_and_is_always_the_same():
    result = summarise(world())
    again = intervals(list(map(count, world()))[::-1])
    assert {name: result.intervals[name] for name in again} == again, "neither chance nor the order of frames"
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


def test_the_same_frames_against_other_truth_are_refused():
    rows = list(map(count, world(frames=90)))
    with pytest.raises(CytolapseError, match="different truth of the same frames: score both anew"):
        paired(rows, [{**rows[0], "truth": 77}, *rows[1:]])


def test_of_false_objects_fewer_are_better():
    empty = np.zeros((13, 17), np.uint16)
    noisy, clean = ([count(match(empty, found, frame=t)) for t in range(100)] for found in (boxes(1, 2), empty))
    found = paired(noisy, clean)["false_per_frame"]
    assert (found.a, found.b, found.difference, found.wins) == (2, 0, -2, 1.0)


@pytest.mark.slow
def test_intervals_of_independent_blocks_hold_the_truth_about_as_often_as_they_say():
    """300 data sets of 40 blocks whose ten frames are alike: 95 % intervals of their mean, which is 0.7."""
    held = 0
    for seed in range(300):
        levels = np.random.default_rng(seed).beta(7, 3, 40)
        rows = [count_row(t, seg=levels[t // BLOCK]) for t in range(400)]
        low, high, _ = intervals(rows)["seg"]
        held += low <= 0.7 <= high
    assert 0.90 <= held / 300 <= 0.98


def count_row(frame, seg):
    return {"sequence": "01", "frame": frame, "frames": 1, "truth": 1, "seg": seg}
