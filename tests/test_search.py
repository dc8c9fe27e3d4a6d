"""Search of the operating point: the same scores as the plain way, whatever is left out, shared or spread."""

import csv
import io
import os
import signal

import numpy as np
import pytest
from conftest import toy_frame, toy_labels
from scipy import ndimage

from cytolapse import postprocess
from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from cytolapse.metrics import SELECTION, Truth, summarise
from cytolapse.segmenter import Segmenter
from trainers import search as module
from trainers import spread as spreading
from trainers.search import Cached, Table, candidates, search
from trainers.squeeze import keep

CLASSICAL = Config(model="classical", network="", head="", postprocess="drop_small=60")
BORDER = 6


def wide(t):
    """The toy world in a frame with much empty space, once whole and once cut by the frame's edge: (240, 260) int32."""
    labels = np.zeros((240, 260), np.int32)
    labels[130:226, 150:246] = toy_labels(t)
    cut = toy_labels(t)[9:60, 20:70].astype(np.int32)
    labels[: cut.shape[0], : cut.shape[1]] = np.where(cut > 0, cut + 10, 0)
    return labels


def build(head, steps="drop_small=60"):
    return Segmenter.build(Config(widths="4,8", head=head, postprocess=steps))


def maps(head, labels, seed):
    clear = HEADS[head]().perfect(HEADS[head]().encode(labels[None]))[0]
    noise = np.random.default_rng(seed).normal(0, 0.02 * clear.max(), clear.shape)
    return (ndimage.gaussian_filter(clear, (0, 1, 1)) + noise).astype(np.float32)


def frames(head, times=(0, 16)):
    return [Cached(maps(head, wide(t), t), Truth(wide(t), "01", t, t > 0), BORDER) for t in times]


def plain(segmenter, frames, point):
    there = segmenter.at(point)
    found = [each.truth.match(there.decode(each.raw), each.border) for each in frames]
    return summarise(found).scores[SELECTION] or 0.0


@pytest.mark.parametrize("head", list(HEADS))
def test_the_scores_are_those_of_the_plain_way(head):
    segmenter, cached = build(head), frames(head)
    table = search(segmenter, cached)
    assert list(table.scores) == [plain(segmenter, cached, point) for point in table.points]
    assert len(set(table.scores)) > 1, "there is something to choose"


@pytest.mark.parametrize("steps", ["close=3,fill_holes,clear_border=4,drop_small=20", "open_area=9,split_watershed=7"])
def test_the_scores_are_those_of_the_plain_way_with_every_step(steps):
    segmenter, cached = build("boundary", steps), frames("boundary", (16,))
    table = search(segmenter, cached)
    shown = range(0, len(table.points), 5)
    assert [table.scores[i] for i in shown] == [plain(segmenter, cached, table.points[i]) for i in shown]


def test_the_classical_model_is_searched_too():
    segmenter, labels = Segmenter.build(CLASSICAL), toy_labels(0)
    cached = [Cached(next(segmenter.raw(toy_frame(labels, 0)[None])), Truth(labels))]
    table = search(segmenter, cached)
    assert len(table.points) == 96
    assert list(table.scores) == [plain(segmenter, cached, point) for point in table.points]


def test_a_step_of_which_nothing_is_known_sees_whole_frames(monkeypatch):
    seen = set()

    def flip(labels):
        seen.add(labels.shape)
        return labels[::-1].copy()

    monkeypatch.setattr(postprocess.STEPS, "_things", {"flip": flip})
    monkeypatch.setattr(spreading.sys, "platform", "elsewhere")
    segmenter, cached = build("semantic", "flip"), frames("semantic", (0,))
    table = search(segmenter, cached)
    assert list(table.scores) == [plain(segmenter, cached, point) for point in table.points]
    assert seen == {(240, 260)}


def test_what_is_kept_of_a_frame_decodes_to_the_same_labels():
    labels = wide(16)
    segmenter, raw = build("boundary"), maps("boundary", labels, 0)
    kept = keep(segmenter.model.foreground(raw), 8, BORDER)
    found = segmenter.decode(raw)
    assert (segmenter.decode(kept.of(raw)) == kept.of(found)).all()
    assert kept.of(found).size < 0.7 * found.size
    assert np.bincount(kept.of(found).ravel())[1:].tolist() == np.bincount(found.ravel())[1:].tolist()


def test_of_an_empty_frame_the_border_is_kept():
    assert keep(np.zeros((50, 70), bool), 8, 0).of(np.zeros((3, 50, 70))).shape == (3, 1, 1)
    assert keep(np.zeros((50, 70), bool), 8, 5).of(np.zeros((50, 70))).shape == (11, 11)


SPACE = {"a": (5, 1, 2), "b": (0.5, 0.1), "c": tuple(range(9, 19))}


def test_all_candidates_are_tried_where_they_fit():
    points = candidates(SPACE)
    assert points[0] == {"a": 5, "b": 0.5, "c": 9}
    assert len({tuple(point.values()) for point in points}) == len(points) == 60
    assert candidates({}) == [{}]


def test_too_many_candidates_are_drawn_the_same_way_each_time():
    points = candidates(SPACE, most=20)
    assert points == candidates(SPACE, most=20)
    assert points[0] == {"a": 5, "b": 0.5, "c": 9}
    assert len({tuple(point.values()) for point in points}) == len(points) == 20
    assert points != candidates(SPACE, most=20, seed=1)
    assert len(candidates({str(i): (0, 1, 2) for i in range(30)})) == module.CANDIDATES


def test_the_table_is_sorted_and_the_default_wins_a_tie():
    points = [{"grow": 2, "drop_small": each} for each in (60, 30, 120)]
    table = Table(points, (0.5, 0.75, 0.75), 7)
    assert [row[SELECTION] for row in table.rows] == [0.75, 0.75, 0.5]
    assert [row["chosen"] for row in table.rows] == [True, False, False]
    assert table.chosen == points[1]
    assert Table(points, (0.75, 0.75, 0.5), 7).chosen == points[0]
    rows = list(csv.DictReader(io.StringIO(table.csv)))
    assert rows[0] == {
        "grow": "2", "drop_small": "30", SELECTION: "0.75", "frames": "7", "default": "False", "chosen": "True"
    }  # fmt: skip
    line = "operating point: grow 2, drop_small 30: 0.750 (default 0.500), 3 candidates on 7 frames"
    assert str(table) == line


def test_a_worker_that_is_ended_says_what_to_do(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    with pytest.raises(CytolapseError, match="use fewer --validate-frames"):
        list(spreading.spread(lambda number: os.kill(os.getpid(), signal.SIGKILL), [1, 2]))
