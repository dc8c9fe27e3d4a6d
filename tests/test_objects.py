"""What is said of each object and of each frame: shape, neighbours, tracks, divisions, seams, ranks."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import toy_labels
from metric_twin import boxes
from skimage.measure import regionprops

from cytolapse.data.movie import Movie, Reference
from cytolapse.metrics import match, summarise
from cytolapse.metrics.context import Context, Life, lives, tracks_of

EMPTY = np.zeros((4, 6), int)


def rows_of(truth, pred=None, side="truth", **more):
    result = summarise([match(truth, np.zeros_like(truth) if pred is None else pred, **more)])
    return {row[side]: row for row in result.objects if row["side"] == side}


def ellipse(angle, size=(90, 110), centre=(44.3, 51.8), half=(31, 9)):
    y, x = np.mgrid[: size[0], : size[1]] - np.array(centre)[:, None, None]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return ((u / half[0]) ** 2 + (v / half[1]) ** 2 <= 1).astype(np.uint16)


@pytest.mark.parametrize("labels", [boxes(seed, 6) for seed in range(12)] + [ellipse(angle) for angle in (0, 0.4, 2)])
def test_axes_are_those_of_regionprops(labels):
    found = rows_of(labels)
    expected = regionprops(labels)
    assert len(found) == len(expected) > 0
    for each in expected:
        row = found[each.label]
        assert row["major"] == pytest.approx(each.axis_major_length, abs=1e-6)
        # regionprops takes a difference of nearly equal numbers: it is off by the root of what rounds away
        assert row["minor"] == pytest.approx(each.axis_minor_length, abs=1e-6 if each.axis_minor_length else 1e-5)
        assert (row["aspect"] is None) == (row["minor"] == 0)


def test_an_ellipse_has_the_axes_it_was_drawn_with():
    row = rows_of(ellipse(0.7))[1]
    assert (row["major"], row["minor"]) == (pytest.approx(62, rel=0.01), pytest.approx(18, rel=0.01))
    assert row["aspect"] == row["major"] / row["minor"]


def test_axes_are_as_exact_far_from_the_corner_of_a_wide_frame():
    near, far = np.zeros((7, 60000), int), np.zeros((7, 60000), int)
    for row, (start, stop) in enumerate([(2, 9), (3, 8), (3, 12)], 1):
        near[row, start:stop] = far[row, start + 59000 : stop + 59000] = 1
    one, other = rows_of(near)[1], rows_of(far)[1]
    assert [one[name] for name in ("major", "minor")] == pytest.approx([other["major"], other["minor"]], rel=1e-12)


def test_one_pixel_thin_objects_have_no_aspect():
    labels = np.array([[1, 0, 2, 2, 2], [0, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 3, 0, 0]])
    found = rows_of(labels)
    assert [(row["major"], row["minor"], row["aspect"]) for row in found.values()] == [
        (0, 0, None),
        (pytest.approx(4 * np.sqrt(2 / 3)), 0, None),
        (pytest.approx(4 * np.sqrt(0.5)), 0, None),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_is_of_the_same_side(seed):
    truth, pred = boxes(seed, 5), boxes(seed + 60, 4)
    for side in ("truth", "prediction"):
        found = rows_of(truth, pred, side)
        for label, row in found.items():
            others = [other for key, other in found.items() if key != label]
            distances = [np.hypot(row["y"] - other["y"], row["x"] - other["x"]) for other in others]
            assert row["nearest"] == (pytest.approx(min(distances)) if distances else None)


def test_who_is_alone_has_no_nearest():
    truth = np.array([[1, 1, 0, 0]])
    assert rows_of(truth)[1]["nearest"] is None
    assert rows_of(truth, truth, "prediction")[1]["nearest"] is None


def test_seg_of_the_objects_averages_to_seg():
    pairs = [(boxes(seed, 5), boxes(seed + 30, 5, largest=6 + seed)) for seed in range(10)]
    result = summarise([match(truth, pred, frame=t) for t, (truth, pred) in enumerate(pairs)])
    truth = [row["seg"] for row in result.objects if row["side"] == "truth"]
    assert result.scores["seg"] == pytest.approx(np.mean(truth), abs=1e-12) and 0 < np.mean(truth) < 1
    assert all(row["seg"] is None for row in result.objects if row["side"] == "prediction")


def test_seg_is_0_where_half_of_a_cell_is_covered_though_its_iou_is_not():
    truth, pred = np.array([[1, 1, 1, 1]]), np.array([[5, 5, 0, 0]])
    row = rows_of(truth, pred)[1]
    assert (row["iou"], row["seg"], row["kind"]) == (0.5, 0, "matched")


TRACKS = np.array([[2, 0, 14, 0], [3, 15, 39, 2], [4, 15, 39, 2], [1, 0, 39, 0], [5, 0, 30, 0], [7, 33, 39, 5]])
SHIFT = 40


def toy_movie(frames=range(40), tracks=TRACKS):
    """The toy world, with ids of its masks that say nothing of its tracks: mask = track + 40."""
    markers = np.array([toy_labels(t) for t in frames])
    truth = np.where(markers > 0, markers + SHIFT, 0).astype(np.uint16)
    every = np.ones(len(markers), bool)
    numbers = np.array(frames) + 100
    shifted = None if tracks is None else tracks + np.array([0, 100, 100, 0])
    return Movie("01", np.zeros_like(markers), numbers, {"gold": Reference(truth, every, every)}, markers, shifted)


def notes(movie, frame, **more):
    labels = np.asarray(movie.references["gold"].labels[list(movie.numbers).index(frame)])
    context = Context([movie], "gold", **more)
    matching = match(labels, labels, sequence="01", frame=frame)
    rows = summarise([matching], context=context).objects
    assert all(row["track"] is None for row in rows if row["side"] == "prediction")
    return {row["truth"] - SHIFT: row for row in rows if row["side"] == "truth"}


@pytest.mark.parametrize("first", [0, 12])
def test_frames_since_and_until_a_division_are_read_from_the_tracks(first):
    movie = toy_movie()[first:]
    before, after = notes(movie, 112), notes(movie, 118)
    assert [before[2][name] for name in ("track", "since_division", "until_division")] == [2, None, 2]
    assert [after[3][name] for name in ("track", "since_division", "until_division")] == [3, 3, None]
    assert notes(movie, 115)[4]["since_division"] == notes(movie, 114)[2]["until_division"] == 0
    assert [after[1][name] for name in ("track", "since_division", "until_division")] == [1, None, None]


def test_a_track_with_one_daughter_did_not_divide():
    assert lives(TRACKS)[5] == lives(TRACKS)[7] == Life(None, None)
    assert lives(TRACKS)[2] == Life(None, 14)


@pytest.mark.parametrize("missing", ["tracks", "markers", "row"])
def test_without_tracks_or_markers_nothing_is_known(missing):
    movie = toy_movie(tracks=None if missing == "tracks" else TRACKS[3:])
    if missing == "markers":
        movie = Movie("01", movie.frames, movie.numbers, movie.references, None, movie.tracks)
    row = notes(movie, 118)[3]
    assert [row[name] for name in ("track", "since_division", "until_division", "near_seam")] == [None] * 4


def test_a_marker_belongs_to_what_holds_more_than_half_of_it():
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 3, 3, 4, 4]])
    marks = np.array([[0, 9, 9, 9, 9, 9, 0, 8, 8, 0, 6, 7]])
    # 9: three of five pixels in 1; 8: one of two in 2 and in 3, so in neither; 6 and 7: both in 4
    assert tracks_of(truth, marks) == {1: 9}
    assert tracks_of(truth, np.zeros_like(truth)) == tracks_of(np.zeros_like(truth), marks) == {}


def test_near_a_seam_is_known_where_there_are_tiles():
    near = np.zeros((96, 96), bool)
    near[:, 40:44] = True
    found = notes(toy_movie(), 100, near={"01": near})
    assert {label for label, row in found.items() if row["near_seam"]} == {2}
    assert {row["near_seam"] for row in found.values()} == {True, False}
    assert {row["near_seam"] for row in notes(toy_movie(), 100).values()} == {None}


def frames_by_hand():
    """Frame 0 is perfect, 1 misses one and invents one, 2 merges two, 3 misses one and is not full, 4 is empty."""
    truth = np.array([[1, 1, 0, 2, 2, 0]])
    return [
        match(truth, truth, frame=0),
        match(truth, np.array([[1, 1, 7, 0, 0, 0]]), frame=1),
        match(truth, np.array([[5, 5, 5, 5, 5, 0]]), frame=2),
        match(truth, np.array([[1, 0, 9, 0, 0, 0]]), frame=3, full=False),
        match(EMPTY, EMPTY, frame=4),
    ]


def test_frames_tell_their_kinds_and_ranks_by_hand():
    names = ("missed", "merged", "split", "spurious", "merging", "fragment", "errors", "rank")
    found = {row["frame"]: tuple(row[name] for name in names) for row in summarise(frames_by_hand()).by_frame}
    assert found == {
        0: (0, 0, 0, 0, 0, 0, 0, 4),
        1: (1, 0, 0, 1, 0, 0, 2, 2),
        2: (0, 2, 0, 0, 1, 0, 3, 1),
        3: (1, 0, 0, None, None, None, 1, 3),
        4: (0, 0, 0, 0, 0, 0, 0, 5),
    }


def test_of_equally_many_errors_the_lower_seg_is_worse():
    truth = np.array([[1, 1, 1, 1, 0, 2, 2]])
    frames = [np.array([[1, 1, 1, 1, 0, 0, 0]]), np.array([[1, 1, 1, 0, 0, 0, 0]])]
    rows = summarise([match(truth, pred, frame=t) for t, pred in enumerate(frames)]).by_frame
    assert [row["rank"] for row in rows] == [2, 1]
