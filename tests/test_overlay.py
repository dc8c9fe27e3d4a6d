from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cytolapse.errors import CytolapseError
from cytolapse.overlay import COLOURS, PREDICTION, SILVER, TRUTH, UNJUDGED, Pen, contact, draw, save_movie

GREY = np.full((30, 40), 100, np.uint8)
OBJECTS = [
    {"side": "truth", "truth": 1, "prediction": 4, "kind": "matched"},
    {"side": "truth", "truth": 2, "prediction": None, "kind": "missed"},
    {"side": "prediction", "truth": 1, "prediction": 4, "kind": "matched"},
    {"side": "prediction", "truth": None, "prediction": 9, "kind": "spurious"},
]


def labels(*squares: tuple[int, int, int]) -> np.ndarray:
    plane = np.zeros(GREY.shape, np.int32)
    for label, top, left in squares:
        plane[top : top + 8, left : left + 8] = label
    return plane


TRUE, PREDICTED = labels((1, 2, 2), (2, 16, 2)), labels((4, 2, 2), (9, 16, 25))


def colours(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(map(int, pixel)) for pixel in picture.reshape(-1, 3)}


def test_another_pen():
    picture = draw(GREY, None, PREDICTED, pen=Pen(TRUTH, SILVER, thick=3))
    assert colours(picture) == {(100, 100, 100), SILVER}
    assert [tuple(picture[6, column]) == SILVER for column in range(2, 7)] == [True] * 3 + [False] * 2


def test_each_side_has_its_colour_and_both_are_seen_where_they_coincide():
    picture = draw(GREY, TRUE, PREDICTED)
    assert picture.shape == (30, 40, 3)
    assert picture.dtype == np.uint8
    assert colours(picture) == {(100, 100, 100), TRUTH, PREDICTION}
    assert colours(picture[2, 2:10]) == {TRUTH, PREDICTION}
    assert tuple(picture[5, 5]) == (100, 100, 100), "the inside stays the image's"


def test_colours_of_matched_false_and_missed():
    picture = draw(GREY, TRUE, PREDICTED, OBJECTS)
    assert COLOURS["TP"] in colours(picture[2:10, 2:10])
    assert COLOURS["FN"] in colours(picture[16:24, 2:10])
    assert COLOURS["FP"] in colours(picture[16:24, 25:33])
    assert colours(picture[2:10, 2:10]) == {COLOURS["TP"], (100, 100, 100)}
    assert tuple(picture[20, 5]) != (100, 100, 100), "a missed object is tinted"


def test_what_the_table_does_not_list_is_grey():
    assert colours(draw(GREY, None, PREDICTED, OBJECTS[:3])[16:24, 25:33]) == {UNJUDGED, (100, 100, 100)}


def test_a_side_can_be_left_out_and_nan_ids_of_a_table_do_no_harm():
    rows = [{**row, "truth": float("nan")} if row["truth"] is None else row for row in OBJECTS]
    assert colours(draw(GREY, None, PREDICTED)) == {(100, 100, 100), PREDICTION}
    assert COLOURS["FP"] not in colours(draw(GREY, TRUE, None, rows))
    assert colours(draw(GREY, np.zeros_like(TRUE), None)) == {(100, 100, 100)}


def test_zoom_repeats_pixels_and_keeps_lines_thin():
    ramp = np.arange(1200, dtype=np.uint16).reshape(30, 40).astype(np.uint8)
    assert np.array_equal(draw(ramp, None, None, zoom=3)[::3, ::3, 0], ramp)
    picture = draw(GREY, None, PREDICTED, zoom=4)
    drawn = (picture == PREDICTION).all(axis=2)
    assert picture.shape == (120, 160, 3)
    assert drawn[8:40, 8:40].sum() == 32 * 32 - 28 * 28


def test_other_size_is_told():
    with pytest.raises(CytolapseError, match=r"truth is \(30, 41\), the frame is \(30, 40\)"):
        draw(GREY, np.zeros((30, 41), int), None)


def test_contact_sheet_and_movie(tmp_path):
    panel = draw(GREY, TRUE, PREDICTED)
    sheet = contact([panel, panel[:20], panel], columns=2)
    assert sheet.shape == (2 * 30 + 3 * 6, 2 * 40 + 3 * 6, 3)
    assert np.array_equal(sheet[6:36, 6:46], panel)
    assert (sheet[-6:] == 255).all()
    save_movie(tmp_path / "test" / "overlay.webp", [panel, 255 - panel, panel])
    with Image.open(tmp_path / "test" / "overlay.webp") as movie:
        assert (movie.n_frames, movie.size) == (3, (40, 30))
    with pytest.raises(CytolapseError, match=r"at least one panel"):
        contact([])
    with pytest.raises(CytolapseError, match=r"at least one frame"):
        save_movie(tmp_path / "none.webp", [])


def test_large_ids_look_like_small_ones():
    large = np.where(TRUE == 2, 2**31 - 1, TRUE * 70000)
    rows = [{**row, "truth": {1: 70000, 2: 2**31 - 1}.get(row["truth"])} for row in OBJECTS if row["side"] == "truth"]
    assert np.array_equal(draw(GREY, large, None, rows), draw(GREY, TRUE, None, OBJECTS))
    assert np.array_equal(draw(GREY, large, None), draw(GREY, TRUE, None))
    unlisted = [{**rows[0], "truth": 5}]
    assert COLOURS["TP"] not in colours(draw(GREY, large, None, unlisted))
