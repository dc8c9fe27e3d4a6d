"""Heads: every one in the registry, on the shapes that matter."""

from functools import cache

import numpy as np
import pytest
import torch
from conftest import toy_labels
from scipy import ndimage

from cytolapse.config import Config
from cytolapse.data.simulate import PRESETS
from cytolapse.data.simulate.movie import Sequence
from cytolapse.heads import HEADS, ceiling
from cytolapse.metrics import match, summarise
from cytolapse.models import MapModel

heads = pytest.mark.parametrize("name", list(HEADS))
apart = pytest.mark.parametrize("name", [name for name in HEADS if name != "semantic"])
"""Heads that keep touching cells apart."""


def redraw(name, frame_size=0):
    return MapModel.build(Config(head=name, widths="4,8", frame_size=frame_size)).redraw


def spread(seed, length, width, count=6, side=256):
    """Elongated cells in any direction, apart from each other: (Y, X) int32."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    for label in range(1, count + 1):
        for _ in range(200):
            cy, cx, angle = rng.uniform(30, side - 30), rng.uniform(30, side - 30), rng.uniform(0, np.pi)
            along = (y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)
            across = (x - cx) * np.sin(angle) - (y - cy) * np.cos(angle)
            cell = (2 * along / length) ** 2 + (2 * across / width) ** 2 <= 1
            if not (ndimage.binary_dilation(cell, iterations=3) & (labels > 0)).any():
                labels[cell] = label
                break
    return labels


@heads
@pytest.mark.parametrize(("length", "width"), [(28, 26), (80, 24), (136, 8)], ids=["round", "spread", "17:1"])
def test_ceiling_of_cells_that_do_not_touch(name, length, width):
    assert ceiling(redraw(name), [spread(seed, length, width) for seed in range(3)]) >= 0.95


def sheet(side=160, radius=14):
    """Round cells that cut one another: (Y, X) int32."""
    places = np.random.default_rng(0).normal(0, 2, (16, 2)) + np.indices((4, 4)).reshape(2, -1).T * 26 + 40
    away = np.hypot(*(np.mgrid[:side, :side][:, None] - places.T[:, :, None, None]))
    return np.where(away.min(0) <= radius, away.argmin(0) + 1, 0).astype(np.int32)


@cache
def spread_like_musc():
    """The last frames of two short simulated movies: spread cells with thin processes, some of which touch."""
    movies = [Sequence(PRESETS["musc"], index, 20, (360, 360), 3, picture=False) for index in (0, 1)]
    return [frame.labels.astype(np.int32) for movie in movies for frame in list(movie)[-3:]]


@apart
@pytest.mark.parametrize("labels", [toy_labels(15), sheet()], ids=["daughters", "sheet"])
def test_ceiling_of_touching_cells(name, labels):
    assert ceiling(redraw(name), [labels]) >= 0.95


@apart
def test_ceiling_of_simulated_muscle_stem_cells(name):
    least = {"distance": 0.93}  # a watershed can't follow a process that another cell cuts: docs/heads.md
    assert ceiling(redraw(name), spread_like_musc()) >= least.get(name, 0.95)


def test_the_semantic_head_joins_touching_cells():
    assert ceiling(redraw("semantic"), [toy_labels(15)]) < 0.85


@heads
def test_ceiling_is_undefined_without_cells(name):
    assert ceiling(redraw(name), [np.zeros((32, 32), np.int32)]) is None


@heads
def test_loss_is_lowest_for_the_perfect_maps_and_ignores_unknown_frames(name):
    head = HEADS[name]()
    targets = head.encode(np.stack([toy_labels(0), toy_labels(20)]))
    maps = torch.from_numpy(head.perfect(targets))[None]
    truth, known = torch.from_numpy(targets)[None], torch.tensor([[True, True]])
    perfect = head.loss(maps, truth, known)
    noisy = head.loss(maps * 0.1 + torch.randn(maps.shape, generator=torch.Generator().manual_seed(0)), truth, known)
    assert perfect < 1e-3 < noisy
    spoilt = maps.clone()
    spoilt[0, 1] = -maps[0, 1]
    assert head.loss(spoilt, truth, torch.tensor([[True, False]])) < 1e-3
    nothing = head.loss(spoilt.requires_grad_(), truth, torch.tensor([[False, False]]))
    nothing.backward()
    assert float(nothing.detach()) == 0


def test_boundary_classes_against_a_slow_twin():
    labels = np.random.default_rng(0).integers(0, 3, (1, 12, 9))
    classes = HEADS["boundary"]().encode(labels)[0]
    for y in range(12):
        for x in range(9):
            around = labels[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            expected = 0 if labels[0, y, x] == 0 else 2 if len(np.unique(around)) > 1 else 1
            assert classes[y, x] == expected


def test_growing_never_joins_cells():
    labels = toy_labels(15)
    head = HEADS["boundary"]()
    maps = head.perfect(head.encode(labels[None]))[0]
    found = head.decode(maps, {"interior": 0.5, "grow": 4})
    assert summarise([match(labels, found)]).errors["merged"] == 0


def test_the_ceiling_of_small_frames_is_lower():
    frames = [spread(seed, 80, 12) for seed in range(2)]
    full, small = (ceiling(redraw("semantic", size), frames) for size in (0, 64))
    assert full == 1
    assert 0.5 < small < 0.93


def test_distances_against_a_slow_twin():
    labels = np.zeros((14, 16), np.int32)
    labels[2:9, 2:7] = 70000
    labels[4:12, 8:13] = 5
    maps = HEADS["distance"]().encode(labels[None])[0]
    for label in (5, 70000):
        own, others = np.argwhere(labels == label), np.argwhere((labels > 0) & (labels != label))
        outside = np.argwhere(np.pad(labels, 1) != label) - 1
        deep = np.array([np.sqrt(((outside - p) ** 2).sum(1)).min() for p in own])
        away = np.array([np.sqrt(((others - p) ** 2).sum(1)).min() for p in own])
        assert np.allclose(maps[0][labels == label], deep / deep.max())
        rise = 1 / np.sqrt(0.65 + 0.5 * np.exp(-11 * (0.25 - away / away.max()))) - 0.19
        at_peak = rise.argmax()
        assert maps[1][tuple(own[at_peak])] >= np.clip(rise[at_peak], 0, 1) - 1e-6
        assert maps[1][tuple(own[rise.argmin()])] < 0.1
    assert maps[1].max() <= 1
    assert maps[1][6, 7] > 0.5, "the gap between the two is closed"
    assert not maps[0][labels == 0].any()


def test_a_cell_alone_has_no_neighbour_distance():
    labels = np.zeros((1, 40, 40), np.int32)
    labels[0, 10:20, 10:20] = 3
    assert not HEADS["distance"]().encode(labels)[0, 1].any()


def horseshoe(half=3):
    """A U of `2 half + 1` px, whose ends face one another: (Y, X) int32."""
    y, x = np.mgrid[:60, :50]
    ring = np.abs(np.hypot(y - 35, x - 25) - 16) <= half
    legs = (np.abs(np.abs(x - 25) - 16) <= half) & (y > 6) & (y <= 35)
    return ((ring & (y >= 35)) | legs).astype(np.int32)


def test_flow_against_a_slow_twin():
    labels = np.zeros((9, 11), np.int32)
    labels[1:3, 1:9] = labels[3:8, 6:9] = 70000
    places = [tuple(place) for place in np.argwhere(labels)]
    system = np.eye(len(places))
    for i, (y, x) in enumerate(places):
        for j, (v, u) in enumerate(places):
            if max(abs(y - v), abs(x - u)) == 1:
                flux = 2.0 / ((y - v) ** 2 + (x - u) ** 2)
                system[i, i] += flux
                system[i, j] -= flux
    middle = np.argmin(((np.array(places) - np.median(places, axis=0)) ** 2).sum(1))
    heat = dict(zip(places, np.log(np.linalg.solve(system, np.eye(len(places))[middle])), strict=True))
    maps = HEADS["flow"]().encode(labels[None])[0]
    for y, x in places:
        rise = []
        for dy, dx in ((1, 0), (0, 1)):
            back, forth = (y - dy, x - dx), (y + dy, x + dx)
            ways = ((back, (y, x)), ((y, x), forth))
            sides = [heat[high] - heat[low] for low, high in ways if low in heat and high in heat]
            rise.append(np.mean(sides) if sides else 0)
        assert np.allclose(maps[1:, y, x], rise / np.linalg.norm(rise), atol=1e-5)
    assert np.array_equal(maps[0], labels > 0)
    assert not maps[1:, labels == 0].any()


def test_flow_goes_round_bends_and_not_across_the_gap():
    labels = horseshoe()
    maps = HEADS["flow"]().encode(labels[None])[0]
    for side in (9, 41):
        assert maps[1, 12, side] > 0.9, "from the end of a leg down to the bottom"
    assert ceiling(redraw("flow"), [labels]) >= 0.98


def test_flow_that_is_wrong_by_a_third_still_ends_in_the_middle():
    labels = spread(0, 136, 8)
    head = HEADS["flow"]()
    maps = head.perfect(head.encode(labels[None]))[0]
    maps[1:] += np.random.default_rng(0).normal(0, 0.33, maps[1:].shape)
    assert summarise([match(labels, head.decode(maps, {"threshold": 0.5, "gather": 1}))]).scores["seg"] > 0.85


def test_flow_makes_two_cells_of_one_in_two_pieces():
    labels = np.zeros((40, 40), np.int32)
    labels[5:15, 10:20] = labels[25:35, 10:20] = 1
    assert redraw("flow")(labels).max() == 2


def test_gathering_joins_ends_that_lie_near_one_another():
    labels = np.zeros((30, 30), np.int32)
    labels[12:15, 10:13], labels[12:15, 14:17] = 1, 2
    head = HEADS["flow"]()
    maps = head.perfect(head.encode(labels[None]))[0]
    assert [head.decode(maps, {"threshold": 0.5, "gather": gather}).max() for gather in (0, 1, 3)] == [2, 2, 1]
