"""Heads: every one in the registry, on the shapes that matter."""

import numpy as np
import pytest
import torch
from conftest import toy_labels
from scipy import ndimage

from cytolapse.config import Config
from cytolapse.heads import HEADS, ceiling
from cytolapse.metrics import match, summarise
from cytolapse.models import MapModel

heads = pytest.mark.parametrize("name", list(HEADS))


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
    assert ceiling(redraw(name), [spread(seed, length, width) for seed in range(2)]) >= 0.95


def test_boundary_and_distance_keep_touching_cells_apart_and_semantic_does_not():
    touching = toy_labels(15)
    assert ceiling(redraw("boundary"), [touching]) >= 0.95
    assert ceiling(redraw("distance"), [touching]) >= 0.95
    assert ceiling(redraw("semantic"), [touching]) < 0.85


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
