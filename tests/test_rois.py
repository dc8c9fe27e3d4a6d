"""Outlines: filled again, each gives the mask that it was drawn from, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import roifile
from scipy import ndimage
from skimage.draw import polygon

from cytolapse.exports.rois import cells, colour, rings, roi_of


def picture(*rows: str) -> np.ndarray:
    return np.array([[each == "#" for each in row] for row in rows])


SHAPES = {
    "one pixel": picture("#"),
    "a rectangle": picture("###", "###"),
    "an L": picture("#..", "###"),
    "a diagonal": picture("#..", ".#.", "..#"),
    "the other diagonal": picture("..#", ".#.", "#.."),
    "two pieces": picture("##..", "....", "..##"),
    "a hole": picture("###", "#.#", "###"),
    "holes that touch at a corner": picture("####", "#.##", "##.#", "####"),
    "a hole open at a corner": picture("###", "#.#", "##."),
    "a hole between four arms": picture(".#.", "#.#", ".#."),
    "an island in a hole": picture("#####", "#...#", "#.#.#", "#...#", "#####"),
    "chequered": np.indices((5, 6)).sum(axis=0) % 2 == 0,
}
OUTLINES = {"one pixel": 1, "a diagonal": 1, "two pieces": 2, "a hole": 2, "an island in a hole": 3}


def blobs(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(40, 50))
    return ndimage.gaussian_filter(noise, seed % 4 / 2) > 0.1


def filled(outlines, shape) -> np.ndarray:
    """The even-odd rule at the pixels' centres, as ImageJ fills."""
    canvas = np.zeros(shape, bool)
    for ring in outlines:
        inside = np.zeros(shape, bool)
        x, y = np.asarray(ring, float).T - 0.5
        inside[polygon(y, x, shape)] = True
        canvas ^= inside
    return canvas


@pytest.mark.parametrize("mask", [*SHAPES.values(), *map(blobs, range(8))], ids=[*SHAPES, *map(str, range(8))])
def test_what_is_filled_is_the_mask_again(mask, tmp_path):
    canvas = np.zeros((60, 70), np.uint16)
    canvas[7 : 7 + mask.shape[0], 3 : 3 + mask.shape[1]] = mask * 65535
    ((label, corner, cut),) = cells(canvas)
    roi = roi_of([ring + corner for ring in rings(cut)])
    roifile.roiwrite(tmp_path / "one.zip", [roi])
    (read,) = roifile.roiread(tmp_path / "one.zip")
    outlines = read.coordinates(multi=True) if read.composite else [read.coordinates()]
    np.testing.assert_array_equal(filled(outlines, canvas.shape), canvas > 0)
    assert label == 65535
    y, x = np.nonzero(canvas)
    assert (read.top, read.left, read.bottom, read.right) == (y.min(), x.min(), y.max() + 1, x.max() + 1)


@pytest.mark.parametrize(("name", "count"), OUTLINES.items())
def test_pieces_and_holes_are_rings_of_their_own(name, count):
    assert len(rings(SHAPES[name])) == count


def test_holes_run_the_other_way():
    """So that the non-zero rule, which other programs fill by, keeps them open too."""
    areas = []
    for ring in rings(SHAPES["a hole"]):
        (x, y), (u, v) = ring.T, np.roll(ring, -1, axis=0).T
        areas.append(int((x * v - u * y).sum()) / 2)
    assert sorted(areas) == [-1, 9]


def test_a_rectangle_has_four_corners():
    (ring,) = rings(SHAPES["a rectangle"])
    assert sorted(map(tuple, ring.tolist())) == [(0, 0), (0, 2), (3, 0), (3, 2)]


def test_neighbouring_cells_do_not_share_pixels():
    labels = np.array([[1, 1, 9, 9]], np.int32)
    assert {label: (corner.tolist(), mask.tolist()) for label, corner, mask in cells(labels)} == {
        1: ([0, 0], [[True, True]]),
        9: ([2, 0], [[True, True]]),
    }


def test_the_largest_ids_cost_no_memory():
    labels = np.zeros((4, 4), np.int32)
    labels[1, 1], labels[2, 3] = 2**31 - 1, 5
    assert [label for label, _, _ in cells(labels)] == [5, 2**31 - 1]


def test_neighbouring_tracks_differ_in_colour():
    shades = [colour(track) for track in range(1, 30)]
    assert len(set(shades)) == 29 and all(shade[0] == 255 for shade in shades)
