"""The parts of the simulator: light, outlines, populations, debris, truth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cytolapse.data.simulate import PRESETS
from cytolapse.data.simulate.draws import Even, quantile
from cytolapse.data.simulate.movie import Sequence
from cytolapse.data.simulate.optics import MARGIN, Look, granules, shine
from cytolapse.data.simulate.population import Well
from cytolapse.data.simulate.shapes import draw_shape, outlines, rasterise, round_shape
from cytolapse.data.simulate.truth import Seen, compose, jaccard, largest, markers
from cytolapse.metrics import match, summarise


def movie(name="demo", index=0, frames=40, seed=0):
    preset = PRESETS[name]
    return Sequence(preset, index, frames, preset.size, seed, picture=False)


def test_cells_stand_out_against_their_surroundings():
    preset = PRESETS["demo"]
    for frame in Sequence(preset, 0, 12, preset.size, 1):
        inside = frame.image[frame.labels > 0].std()
        assert inside > 1.5 * np.median(np.abs(frame.image - np.median(frame.image)))


def test_media_changes_are_steps_of_the_background():
    preset = PRESETS["demo"]
    means = [float(np.median(frame.image)) for frame in Sequence(preset, 0, 40, preset.size, 0)]
    steps = np.abs([after - before for before, after in pairwise(means)])
    assert sorted(np.argsort(steps)[-2:] + 1) == [12, 28]


def test_a_small_frame_whose_floor_has_no_wrinkles_is_drawn():
    frame = next(iter(Sequence(PRESETS["demo"], 0, 2, (128, 128), 0)))  # 0 / 0 once made this movie black
    assert 100 < np.median(frame.image) < 150


def test_a_cell_has_a_dark_rim_and_a_bright_core():
    window = rasterise(outlines(round_shape(450), 0.0), (0.0, 0.0), MARGIN)
    tile = granules(np.random.default_rng(0))
    light = shine(window, PRESETS["musc"].styles[0].light, 1.0, tile, Look(round=1.0, grain=0.0))
    middle = light.shape[0] // 2
    row = light[middle]
    assert row[middle] > 20
    assert row.min() < -20
    assert abs(row[0]) < 3


def test_a_cell_that_is_cut_keeps_its_largest_piece_and_its_marker():
    small = rasterise([np.array([[-6.0, -6], [-6, 6], [6, 6], [6, -6]])], (20.0, 12.0), 0)
    long = rasterise([np.array([[-3.0, -25], [-3, 25], [3, 25], [3, -25]])], (20.0, 30.0), 0)
    cells = [Seen(1, (20.0, 30.0), long, 1.0), Seen(2, (20.0, 12.0), small, 1.0)]
    labels = compose(cells, (40, 60))
    assert largest(labels == 1).sum() == (labels == 1).sum()
    marks = markers(cells, labels)
    assert set(np.unique(marks)) == {0, 1, 2}
    assert not (marks[labels == 1] == 2).any()


def test_even_draws_have_their_median_early():
    even = Even(np.random.default_rng(0))
    values = [quantile(float(even.next()[0]), (0, 1, 10, 20, 30, 40)) for _ in range(25)]
    assert np.median(values) == pytest.approx(10, abs=1.5)


def test_the_well_fits_frames_of_any_size():
    preset = PRESETS["musc"]
    for size in ((96, 96), (300, 1000), (1036, 1070)):
        well = Well.scaled(preset.styles[0], preset, size)
        assert well.radius + 5 <= well.y <= size[0] - well.radius - 5 + 1e-9
        assert well.radius + 5 <= well.x <= size[1] - well.radius - 5 + 1e-9


def test_the_score_that_steers_the_silver_masks_is_seg():
    frame = list(movie(frames=30))[-1]
    ids = np.unique(frame.labels)[1:]
    whole = rasterise([np.array([[0.0, 0], [0, 256], [256, 256], [256, 0]])], (0.0, 0.0), 0)
    scores = jaccard([Seen(int(each), (0.0, 0.0), whole, 1.0) for each in ids], frame.labels, frame.silver)
    assert np.mean(scores) == pytest.approx(summarise([match(frame.labels, frame.silver)]).scores["seg"])


def test_cells_round_up_before_they_divide_and_daughters_touch():
    preset = PRESETS["musc"]
    whole, born = Sequence(preset, 1, preset.frames, preset.size, 0, picture=False), {}
    for _ in range(700):
        now = whole.skip()
        for cell in now.cells:
            if cell.divides == now.number + 1:
                assert cell.roundness(now.number) == 1
                assert cell.shape(now.number, whole.style).reach.max() == 0
            if cell.parent and cell.born == now.number:
                born.setdefault(cell.parent, []).append(cell.place)
    assert len(born) == 3
    for first, second in born.values():
        assert 15 <= np.hypot(*(first - second)) <= 33


def test_living_bodies_stay_apart_and_in_the_well():
    whole = movie("hsc", 1, frames=300)
    for _ in range(300):
        now, well = whole.skip(), whole.population.well
        places = np.array([cell.place for cell in now.cells])
        assert np.hypot(*(places - (well.y, well.x)).T).max() <= well.radius
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(places))
    assert np.percentile(apart.min(1), 10) > 9


def test_some_cells_fade_for_a_few_frames_only():
    whole, faded = movie("musc", 0, frames=1376), []
    for _ in range(900):
        (cell,) = whole.skip().cells
        faded.append(cell.fade < 1)
    runs = "".join("x" if each else " " for each in faded).split()
    assert runs
    assert all(3 <= len(run) <= 14 for run in runs)


def test_dead_cells_stay_where_they_died_and_are_in_no_mask():
    whole = movie("demo", 0, frames=48)
    frames = [whole.draw() for _ in range(47)]
    now = whole.skip()
    still = [piece for piece in now.pieces if piece.kind == "dead"]
    assert len(still) == whole.style.dead + len(whole.population.dead)
    assert all(not piece.speed.any() for piece in still)
    marked = set(np.unique([frame.labels for frame in frames]).tolist()) - {0}
    assert marked <= {track.id for track in whole.tracks()}


def test_floating_pieces_cross_the_field_and_leave():
    whole, seen = movie("musc", 0, frames=1376), set()
    for _ in range(600):
        pieces = whole.skip().pieces
        seen |= {id(piece) for piece in pieces if piece.kind == "float"}
    assert len(seen) >= 2
    assert sum(piece.kind == "float" for piece in pieces) < len(seen)


@pytest.mark.parametrize("spread", [0.05, 0.95])
def test_spread_cells_have_thin_processes_and_round_ones_have_none(spread):
    class Fixed:
        def next(self):
            return np.array([spread, 0.5])

    shape = draw_shape(PRESETS["musc"].styles[1].shapes, Fixed(), np.random.default_rng(0))
    window = rasterise(outlines(shape, 0.3), (0.0, 0.0), 2)
    height, width = window.mask.shape
    if spread < 0.5:
        assert max(height, width) < 40
    else:
        assert np.hypot(height, width) > 150
        assert window.mask.sum() < 0.5 * height * width
    assert largest(window.mask).sum() == window.mask.sum()
