"""Steps: each alone, and the text that names them."""

import numpy as np
import pytest

from cytolapse.errors import CytolapseError
from cytolapse.postprocess import STEPS, apply_steps, parse_steps

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


@pytest.mark.parametrize("name", list(STEPS))
def test_steps_leave_empty_frames_and_their_input_alone(name):
    step = parse_steps(f"{name}=5" if name == "drop_small" else name)
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
        ("sharpen", "unknown post-processing step 'sharpen': choose one of drop_small, fill_holes"),
        ("drop_small", "is written as drop_small=NUMBER"),
        ("fill_holes=3", "is written as fill_holes, in --postprocess"),
        ("drop_small=x", "'x' is not a number"),
    ],
)
def test_a_bad_step_says_what_is_allowed(text, message):
    with pytest.raises(CytolapseError, match=message):
        parse_steps(text)
