"""Outlines of cells: a wavy body with up to four tapered processes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from cytolapse.data.simulate.draws import Even, quantile

if TYPE_CHECKING:
    from cytolapse.data.simulate.presets import Shapes

Floats = NDArray[np.float64]
WAVES = np.arange(2, 8)  # waves of the outline a turn
AROUND = np.linspace(0, 2 * np.pi, 56, endpoint=False)
ALONG = np.linspace(0, 1, 14)


@dataclass(frozen=True)
class Shape:
    """One outline, apart from place and direction. Slots 0 and 1 are the main processes, 2 and 3 side processes."""

    area: float  # of the body, px2
    aspect: float  # of the body
    waves: Floats  # (2, 6) cosine and sine amplitudes, relative to the radius
    reach: Floats  # (4,) length beyond the body, px
    angle: Floats  # (4,) against the cell's axis, radians
    bend: Floats  # (4,) sideways shift of the tip, share of the length
    width: Floats  # (4,) px
    foot: Floats  # (4,) extra width at the tip, px

    def towards(self, other: Shape, share: float) -> Shape:
        """The outline between two: share 0 is this one, 1 the other."""
        mixed = {
            each.name: getattr(self, each.name) * (1 - share) + getattr(other, each.name) * share
            for each in fields(self)
        }
        return Shape(**mixed)


def round_shape(area: float) -> Shape:
    """A cell rounded for mitosis, or one just born."""
    none = np.zeros(4)
    return Shape(area, 1.12, np.zeros((2, WAVES.size)), none, none, none, np.full(4, 5.0), none)


def draw_shape(style: Shapes, even: Even, rng: np.random.Generator) -> Shape:
    """The outline that a cell heads for; `even` has two dimensions: how spread it is, and its size for that."""
    spread, size = even.next()
    reach = quantile(spread, style.reach) * rng.uniform(0.8, 1.2)
    first = rng.beta(2.5, 2.5)
    side = rng.random(2) < style.branch * min(1.0, 0.15 + reach / 60)
    sides = side * rng.gamma(2.0, 0.06, 2) * reach + side * rng.uniform(4, 12, 2)
    rough = quantile(spread, style.rough) * rng.uniform(0.6, 1.4)
    waves = rng.normal(0, 1, (2, WAVES.size)) * rough / (WAVES - 1) ** 0.8
    turn = rng.uniform(0.5, 2.4, 2) * np.array([1, -1])
    return Shape(
        area=quantile(spread, style.body) * float(np.exp(style.varied * _bell(size))),
        aspect=quantile(spread, style.aspect),
        waves=waves,
        reach=np.concatenate([[reach * first, reach * (1 - first)], sides]),
        angle=np.concatenate([rng.normal([0, np.pi], 0.22), turn]),
        bend=rng.normal(0, 0.12, 4),
        width=rng.uniform(*style.width, 4),
        foot=np.maximum(rng.normal(0, 5.0, 4), 0),
    )


def _bell(u: float) -> float:
    """About normal quantiles, without tails beyond 2."""
    return float(np.clip(np.log((u + 0.02) / (1.02 - u)) / 1.7, -2, 2))


def outlines(shape: Shape, axis: float) -> list[Floats]:
    """Polygons (N, 2) of (y, x) around the cell's centre, px, whose union is the cell."""
    radius = np.sqrt(shape.area / np.pi)
    wave = 1 + shape.waves[0] @ np.cos(WAVES[:, None] * AROUND) + shape.waves[1] @ np.sin(WAVES[:, None] * AROUND)
    long, short = radius * np.sqrt(shape.aspect), radius / np.sqrt(shape.aspect)
    wave = np.maximum(wave, 0.5)
    body = _turn(np.stack([short * np.sin(AROUND) * wave, long * np.cos(AROUND) * wave], 1), axis)
    parts = [body]
    for slot in range(4):
        if shape.reach[slot] > 2:
            parts.append(_process(shape, slot, axis, long, short))
    return parts


def _process(shape: Shape, slot: int, axis: float, long: float, short: float) -> Floats:
    angle = shape.angle[slot]
    edge = long * short / np.hypot(short * np.cos(angle), long * np.sin(angle))
    length = edge + shape.reach[slot]
    sideways = ALONG**2 + 0.4 * np.sin(2 * np.pi * ALONG) * ALONG
    along = np.stack([shape.bend[slot] * length * sideways, length * ALONG], 1)
    slope = np.gradient(along, axis=0)
    normal = np.stack([slope[:, 1], -slope[:, 0]], 1) / np.hypot(*slope.T)[:, None]
    beyond = np.maximum(length * ALONG - 0.6 * edge, 0)
    base = 1.5 * short * np.exp(-beyond / (0.5 * edge + 0.2 * shape.reach[slot]))
    half = np.maximum(shape.width[slot] * (1 - 0.45 * ALONG), base) / 2
    half = half + shape.foot[slot] * np.exp(-(((1 - ALONG) * length / 8) ** 2)) / 2
    half[-1] *= 0.55
    sides = np.concatenate([along + normal * half[:, None], (along - normal * half[:, None])[::-1]])
    return _turn(sides, axis + angle)


def _turn(points: Floats, angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([points[:, 0] * cos + points[:, 1] * sin, points[:, 1] * cos - points[:, 0] * sin], 1)


@dataclass(frozen=True)
class Window:
    """A piece of a frame: `mask` (Y, X) bool with its upper left corner at (top, left), which may lie outside."""

    top: int
    left: int
    mask: NDArray[np.bool_]

    def inside(self, size: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The slices of the frame, and of the window, that they share."""
        height, width = self.mask.shape
        y0, x0 = max(self.top, 0), max(self.left, 0)
        y1, x1 = max(min(self.top + height, size[0]), y0), max(min(self.left + width, size[1]), x0)
        frame = (slice(y0, y1), slice(x0, x1))
        own = (slice(y0 - self.top, y1 - self.top), slice(x0 - self.left, x1 - self.left))
        return frame, own


def rasterise(parts: list[Floats], place: tuple[float, float], margin: int) -> Window:
    """Draw polygons given around a place (y, x) into a window with a margin on all sides."""
    points = np.concatenate(parts) + place
    top, left = (np.floor(points.min(0)).astype(int) - margin).tolist()
    bottom, right = (np.ceil(points.max(0)).astype(int) + margin + 1).tolist()
    mask = np.zeros((bottom - top, right - left), bool)
    for part in parts:
        rows, columns = polygon(part[:, 0] + place[0] - top, part[:, 1] + place[1] - left, mask.shape)
        mask[rows, columns] = True
    return Window(top, left, mask)
