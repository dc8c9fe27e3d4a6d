"""Displacement: how objects move from frame to frame, all of them together and each on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.metrics.overlap import Floats, Objects, overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Labels = NDArray[np.integer]

SHAPE, GROWTH = 4.0, 0.5
"""Weights of differences of shape and of area beside displacement."""
FEWEST = 3
"""Objects that must move together for a shared jitter."""


class Seen(NamedTuple):
    """The objects of a frame, their centres without the shared jitter, and their overlap with the frame before.

    overlaps: (objects of the frame before, objects) float64: pixels shared / area of the smaller one, 0 ... 1.
    """

    objects: Objects
    overlaps: Floats


def see(frames: Iterable[Labels]) -> Iterator[Seen]:
    """The objects of label images (Y, X) in order of time; no more than two images are held.

    Raises:
        CytolapseError: no label images, or of different sizes.
    """
    before, labels_before, moved = None, None, np.zeros(2)
    for labels in frames:
        own = overlap(labels, labels).truth
        overlaps = np.zeros((0, len(own.ids)))
        if before is not None and labels_before is not None:
            step = jitter(before.centres, own.centres)
            moved = moved + step
            overlaps = _covered(shifted(labels_before, step), labels, before, own)
        yield Seen(own._replace(centres=own.centres - moved), overlaps)
        before, labels_before = own, labels


def jitter(before: Floats, after: Floats) -> Floats:
    """How far all objects moved together, (2,) y and x in px: the median step of mutually nearest centres (N, 2).

    Fewer than three such pairs say nothing about what is shared: (0, 0).
    """
    step = np.zeros(2)
    for _ in range(3 if len(before) and len(after) else 0):
        distance = np.linalg.norm(before[:, None] + step - after[None], axis=-1)
        nearest = distance.argmin(axis=1)
        mutual = distance[:, nearest].argmin(axis=0) == np.arange(len(before))
        if mutual.sum() < FEWEST:
            return np.zeros(2)
        step = np.median(after[nearest[mutual]] - before[mutual], axis=0)
    return step


def shifted(labels: Labels, step: Floats) -> Labels:
    """The image (Y, X) moved by a step (y, x) in px, rounded; what comes in is background."""
    moved, (dy, dx), (height, width) = np.zeros_like(labels), np.round(step).astype(int), labels.shape
    if abs(dy) < height and abs(dx) < width:
        there = labels[max(-dy, 0) : height - max(dy, 0), max(-dx, 0) : width - max(dx, 0)]
        moved[max(dy, 0) : height - max(-dy, 0), max(dx, 0) : width - max(-dx, 0)] = there
    return moved


def _covered(moved: Labels, labels: Labels, before: Objects, own: Objects) -> Floats:
    table = overlap(moved, labels)
    shared = np.zeros((len(before.ids), len(own.ids)))
    shared[np.searchsorted(before.ids, table.truth.ids)[table.rows], table.columns] = table.shared
    shares: Floats = shared / np.minimum(before.areas[:, None], own.areas[None])
    return shares


def costs(one: Objects, other: Objects, diameter: float) -> Floats:
    """How unlike objects are: (N, M) float64, in diameters.

    The root of (squared distance of centres + SHAPE x squared distance of shapes), and GROWTH x |log ratio of areas|.
    The distance of shapes is that between normal distributions with the objects' second moments.
    Source: Dowson and Landau 1982, The Frechet distance between multivariate normal distributions.
    """
    (a, b, c), (x, y, z) = one.spreads.T[:, :, None], other.spreads.T[:, None, :]
    product = np.sqrt(((a * b - c * c) * (x * y - z * z)).clip(min=0))
    shape = (a + b + x + y - 2 * np.sqrt((a * x + b * y + 2 * c * z + 2 * product).clip(min=0))).clip(min=0)
    apart = ((one.centres[:, None] - other.centres[None]) ** 2).sum(axis=-1)
    growth = np.abs(np.log(one.areas[:, None] / other.areas[None]))
    total: Floats = np.sqrt(apart + SHAPE * shape) / diameter + GROWTH * growth
    return total
