"""200 seeded worlds of truth and prediction: what segmenting gets wrong, and what tools trip over."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

SEEDS = range(200)
SIZE = (38, 46)
FATES = ("kept", "shifted", "rough", "halved", "cut", "joined", "missed")
TOP = 65535


class World(NamedTuple):
    """Frames of one sequence, (Y, X) uint16 each; no id stands in two frames of one side."""

    truth: list[np.ndarray]
    pred: list[np.ndarray]

    @property
    def frames(self):
        return list(zip(self.truth, self.pred, strict=True))


@cache
def world(seed: int) -> World:
    """Of ten worlds one has a single frame, one covers its frames with cells; a third have ids up to 65535."""
    rng = np.random.default_rng(seed)
    truth_ids, pred_ids = _ids(rng, seed % 3 == 0), _ids(rng, seed % 3 == 0)
    truth, pred = [], []
    for _ in range(1 if seed % 10 == 0 else rng.integers(2, 5)):
        left, right = _sheet(rng, truth_ids, pred_ids) if seed % 10 == 7 else _scattered(rng, truth_ids, pred_ids)
        empty = rng.random(2) < 0.15
        truth.append(left * (not empty[0] and seed % 25 not in (1, 3)))
        pred.append(right * (not empty[1] and seed % 25 not in (2, 3)))
    return World(truth, pred)


def _ids(rng, large):
    pool = np.arange(1, TOP if large else 1000)
    return iter([*([TOP] if large else []), *rng.choice(pool, 400, replace=False)])


def _scattered(rng, truth_ids, pred_ids):
    truth = np.zeros(SIZE, np.uint16)
    for _ in range(rng.integers(0, 10)):
        _draw(rng, truth, next(truth_ids))
    pred, last = np.zeros(SIZE, np.uint16), 0
    for label in np.unique(truth[truth > 0]):
        fate = rng.choice(FATES)
        cell = truth == label
        own = last if fate == "joined" and last else next(pred_ids)
        if fate == "shifted":
            cell = np.roll(cell, rng.integers(-4, 5, 2), (0, 1))
        if fate == "rough":
            cell = cell & (rng.random(SIZE) > 0.3) | (np.roll(cell, 1, 1) & (rng.random(SIZE) > 0.5))
        if fate != "missed":
            pred[cell], last = own, own
        if fate in ("halved", "cut"):
            pixels = np.flatnonzero(cell)
            pred.flat[pixels[: len(pixels) // 2 if fate == "halved" else rng.integers(0, len(pixels))]] = next(pred_ids)
    for _ in range(rng.integers(0, 3)):
        _draw(rng, pred, next(pred_ids))
    return truth, pred


def _draw(rng, image, label):
    """A disc or a rectangle over what is there, so that cells touch, and fall apart."""
    y, x = (rng.integers(0, side - 3) for side in SIZE)
    if rng.random() < 0.5:
        height, width = rng.integers(2, 14, 2)
        image[y : y + height, x : x + width] = label
    else:
        rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
        image[(rows - y) ** 2 + (columns - x) ** 2 <= rng.integers(2, 9) ** 2] = label


def _sheet(rng, truth_ids, pred_ids):
    """Cells without background between them; the prediction has some more or fewer."""
    centres = rng.uniform(0, SIZE, (rng.integers(3, 9), 2))
    moved = np.concatenate([centres[rng.random(len(centres)) < 0.8], rng.uniform(0, SIZE, (1, 2))])
    return _nearest(centres, truth_ids), _nearest(moved + rng.normal(0, 1.5, moved.shape), pred_ids)


def _nearest(centres, ids):
    pixels = np.moveaxis(np.indices(SIZE), 0, -1)[:, :, None]
    labels = np.array([next(ids) for _ in centres], np.uint16)
    return labels[((pixels - centres) ** 2).sum(-1).argmin(-1)]
