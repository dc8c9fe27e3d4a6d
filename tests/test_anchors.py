"""Anchors: fitted to boxes, and read as they are written."""

import numpy as np

from cytolapse.mask_rcnn.anchors import USUAL, fit_anchors, parse_anchors


def test_they_span_the_sizes_and_the_shapes():
    rng = np.random.default_rng(0)
    long, wide = rng.uniform(20, 60, 400), rng.uniform(10, 20, 400)
    upright = rng.uniform(size=400) < 0.8
    sides = np.where(upright[:, None], np.stack([long, wide], 1), np.stack([wide, long], 1))
    sizes, ratios = parse_anchors(fit_anchors(sides))
    area = np.sqrt(sides.prod(axis=1))
    assert np.abs(np.array(sizes) - np.quantile(area, [0.05, 0.25, 0.5, 0.75, 0.95])).max() <= 0.5
    assert ratios[1] == 1
    assert abs(ratios[0] * ratios[2] - 1) < 0.05, "as elongated upright as lying: training turns the cells"
    assert 3 < ratios[2] < 5


def test_cells_of_one_pixel_and_round_cells_work():
    sizes, ratios = parse_anchors(fit_anchors(np.ones((3, 2))))
    assert min(sizes) == 2
    assert ratios == (0.83, 1.0, 1.2)


def test_where_nothing_is_given_there_are_usual_ones():
    assert parse_anchors("") == parse_anchors(USUAL)
