"""Steps: each alone, and the text that names them."""

from inspect import signature

import numpy as np
import pytest
from scipy import ndimage

from cytolapse.errors import CytolapseError
from cytolapse.postprocess import STEPS, TUNING, apply_steps, parse_steps

RING = np.zeros((12, 12), np.int32)
RING[2:9, 2:9] = 7
RING[4:6, 4:6] = 0
RING[7, 7] = 3


def test_fill_holes_fills_holes_and_leaves_other_cells():
    filled = STEPS["fill_holes"](RING)
    assert (filled[4:6, 4:6] == 7).all()
    assert filled[7, 7] == 3
    assert filled[0, 0] == 0


def test_drop_small_keeps_cells_of_exactly_the_area():
    assert set(np.unique(STEPS["drop_small"](RING, 2))) == {0, 7}
    assert set(np.unique(STEPS["drop_small"](RING, 1))) == {0, 3, 7}


def disc(side, *centres, radius=8):
    """Discs of one label: (side, side) int32."""
    y, x = np.mgrid[:side, :side]
    return np.max([(y - cy) ** 2 + (x - cx) ** 2 <= radius**2 for cy, cx in centres], axis=0).astype(np.int32)


def test_close_bridges_a_gap_but_takes_no_neighbours_pixel():
    labels = disc(40, (20, 10), (20, 28), radius=8)
    labels[20, 18:21] = 0
    labels[23, 19] = 2
    closed = STEPS["close"](labels, 3)
    assert closed[20, 19] == 1
    assert closed[23, 19] == 2
    assert (closed[labels > 0] == labels[labels > 0]).all()
    edge = np.zeros((10, 10), np.int32)
    edge[:4, :4] = 5
    assert (STEPS["close"](edge, 3) == edge).all(), "a cell at the frame's edge stays as it is"


def test_open_area_removes_loose_pieces_and_keeps_the_cell():
    labels = disc(40, (20, 12)) * 4
    labels[20, 30:33] = 4
    opened = STEPS["open_area"](labels, 4)
    assert not opened[20, 30:33].any()
    assert (opened == disc(40, (20, 12)) * 4).all()
    assert (STEPS["open_area"](labels, 3) == labels).all()


def test_split_watershed_cuts_at_the_neck_and_respects_borders_between_cells():
    pair = disc(60, (30, 20), (30, 34))
    parts = STEPS["split_watershed"](pair, 6)
    assert len(np.unique(parts)) == 3
    assert ((parts > 0) == (pair > 0)).all()
    assert parts[30, 15] != parts[30, 39]
    touching = disc(60, (30, 20)) + 2 * (disc(60, (30, 37)) > 0)
    kept = STEPS["split_watershed"](touching.astype(np.int32), 6)
    assert len(np.unique(kept)) == 3
    assert all(len(np.unique(kept[touching == label])) == 1 for label in (1, 2))


def test_clear_border_removes_what_reaches_into_the_band():
    labels = disc(40, (20, 20)) + 2 * disc(40, (8, 8), radius=4)
    assert set(np.unique(STEPS["clear_border"](labels, 0))) == {0, 1, 2}
    assert set(np.unique(STEPS["clear_border"](labels, 6))) == {0, 1}
    assert not STEPS["clear_border"](disc(40, (0, 20)), 0).any()
    assert not STEPS["clear_border"](labels, 25).any(), "nothing lies that far inside"


@pytest.mark.parametrize("name", list(STEPS))
def test_steps_leave_empty_frames_and_their_input_alone(name):
    takes_number = len(signature(STEPS[name]).parameters) > 1
    step = parse_steps(f"{name}=2" if takes_number else name)
    before = RING.copy()
    assert not apply_steps(np.zeros((4, 4), np.int32), step).any()
    apply_steps(RING, step)
    assert (before == RING).all()


def test_steps_run_in_order():
    steps = parse_steps("fill_holes, drop_small=46")
    assert (apply_steps(RING, steps)[4:6, 4:6] == 7).all()
    assert parse_steps("") == parse_steps("none") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharpen", "unknown post-processing step 'sharpen': choose one of clear_border, close, drop_small"),
        ("drop_small", "is written as drop_small=NUMBER"),
        ("fill_holes=3", "is written as fill_holes, in --postprocess"),
        ("drop_small=x", "'x' is not a number"),
        ("close=-3", "close=-3: it must be 0 or more"),
        ("split_watershed=0", "split_watershed=0: it must be 1 or more"),
        ("drop_small=nan", "'nan' is not a number"),
        ("drop_small=1e999", "'1e999' is not a number"),
    ],
)
def test_a_bad_step_says_what_is_allowed(text, message):
    with pytest.raises(CytolapseError, match=message):
        parse_steps(text)


def test_every_step_says_what_is_tried():
    assert set(TUNING) == set(STEPS)
    assert all(tuning.multiples[0] == 1 for tuning in TUNING.values())
    tried = {step.key: step.tried for step in parse_steps("clear_border=3,drop_small=60,fill_holes,drop_small=0")}
    assert tried == {"clear_border": (3,), "drop_small": (60, 30, 120, 240), "fill_holes": (), "drop_small_2": (0,)}


def test_a_step_takes_its_number_from_the_point():
    first, second = parse_steps("drop_small=2,drop_small=50")
    assert (first.at({"drop_small": 1}).number, second.at({"drop_small": 1}).number) == (1, 50)
    assert not second.at({"drop_small_2": 100})(RING).any()


@pytest.mark.parametrize("seed", range(3))
def test_holes_and_small_cells_against_the_plain_way(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.integers(1, 4, (30, 40)) * (ndimage.uniform_filter(rng.random((30, 40)), 3) > 0.45)).astype(np.int32)
    filled = labels.copy()
    for label in (1, 2, 3):
        filled[ndimage.binary_fill_holes(labels == label) & (labels == 0)] = label
    assert (STEPS["fill_holes"](labels) == filled).all()
    for area in (0, 5, 300):
        small = [label for label in (1, 2, 3) if (labels == label).sum() < area]
        assert (STEPS["drop_small"](labels, area) == np.where(np.isin(labels, small), 0, labels)).all()
