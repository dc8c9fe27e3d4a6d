"""What is no cell but may look like one: specks, dead cells that stay, pieces that float through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.data.simulate.draws import Even
from cytolapse.data.simulate.optics import MARGIN, Look, Picture, shine
from cytolapse.data.simulate.shapes import Floats, Window, draw_shape, outlines, rasterise, round_shape

if TYPE_CHECKING:
    from cytolapse.data.simulate.population import Well
    from cytolapse.data.simulate.presets import Style


@dataclass
class Piece:
    """One piece: its light is computed once and moved about."""

    kind: str  # speck, dead or float
    place: Floats  # (y, x) px
    speed: Floats  # px a frame
    light: Picture
    radius: float

    def window(self, shift: tuple[int, int]) -> Window:
        """Where its light falls in a frame with that shift; the mask is not meaningful."""
        top, left = np.rint(self.place + shift - np.array(self.light.shape) / 2).astype(int).tolist()
        return Window(top, left, np.zeros(self.light.shape, bool))


class Debris:
    """All pieces of one sequence, one frame after another."""

    def __init__(self, style: Style, well: Well, tile: Picture, rng: np.random.Generator) -> None:
        self._style, self._well, self._tile, self._rng = style, well, tile, rng
        self._even = Even(rng, 2)
        self._buried = 0
        self.pieces: list[Piece] = [self._speck() for _ in range(style.specks)]
        self.pieces += [self._dead(self._spot(0.95)) for _ in range(style.dead)]

    def step(self, dead: list[tuple[int, Floats]], washed: bool) -> list[Piece]:
        """The pieces of the next frame; `dead`: all cells that died so far; `washed`: the medium was changed."""
        for _, place in dead[self._buried :]:
            self.pieces.append(self._dead(place))
        self._buried = len(dead)
        if washed:
            self.pieces = [piece for piece in self.pieces if piece.kind == "dead" or self._rng.random() < 0.6]
            self.pieces += [self._speck() for _ in range(self._rng.poisson(0.4 * self._style.specks))]
        if self._rng.random() < self._style.floats:
            self.pieces.append(self._float())
        for piece in self.pieces:
            piece.place = piece.place + piece.speed
        middle, far = np.array([self._well.y, self._well.x]), 1.5 * self._well.radius
        self.pieces = [piece for piece in self.pieces if np.hypot(*(piece.place - middle)) < far]
        return self.pieces

    def _spot(self, within: float) -> Floats:
        angle, far = self._rng.uniform(0, 2 * np.pi), within * self._well.radius * np.sqrt(self._rng.random())
        return np.array([self._well.y + far * np.sin(angle), self._well.x + far * np.cos(angle)])

    def _speck(self) -> Piece:
        area = float(self._rng.gamma(2.0, 9.0)) + 6
        look = Look(contrast=float(self._rng.choice([-0.9, 0.8, 1.2]) * self._rng.uniform(0.5, 1.2)), round=0.6)
        return self._piece("speck", self._spot(1.02), np.zeros(2), [area], look)

    def _dead(self, place: Floats) -> Piece:
        clumps = self._rng.uniform(25, 75, int(self._rng.integers(6, 11))).tolist()
        alike = self._rng.random() < 0.5
        areas = [float(self._rng.uniform(280, 430))] if alike else clumps
        look = Look(contrast=float(self._rng.uniform(0.7, 1.1)), round=0.7, grain=1.6 if alike else 2.5)
        return self._piece("dead", place, np.zeros(2), areas, look)

    def _float(self) -> Piece:
        angle = self._rng.uniform(0, 2 * np.pi)
        away = np.array([np.sin(angle), np.cos(angle)])
        start = np.array([self._well.y, self._well.x]) - away * 1.2 * self._well.radius
        start += away[::-1] * (1, -1) * self._rng.uniform(-0.6, 0.6) * self._well.radius
        speed = away * self._rng.uniform(0.015, 0.05) * self._well.radius
        look = Look(contrast=float(self._rng.uniform(0.4, 0.8)), round=0.5, blur=float(self._rng.uniform(0.5, 2.5)))
        return self._piece("float", start, speed, [float(self._rng.uniform(150, 500))], look)

    def _piece(self, kind: str, place: Floats, speed: Floats, areas: list[float], look: Look) -> Piece:
        parts, around = [], self._rng.uniform(0, 2 * np.pi)
        for index, area in enumerate(areas):
            shape = round_shape(area)
            if len(areas) == 1 and area > 100:
                drawn = draw_shape(self._style.shapes, self._even, self._rng)
                shape = shape.towards(drawn, 0.25)
            away = 0.0 if len(areas) == 1 else float(self._rng.uniform(2, 10))
            turn = around + index * 2.4
            for part in outlines(shape, float(self._rng.uniform(0, 6))):
                parts.append(part + away * np.array([np.sin(turn), np.cos(turn)]))
        window = rasterise(parts, (0.0, 0.0), MARGIN)
        offset = (int(self._rng.integers(512)), int(self._rng.integers(512)))
        look = Look(look.contrast, look.round, look.grain, offset, look.blur)
        light = shine(window, self._style.light, 1.0, self._tile, look)
        return Piece(kind, place, speed, light, float(np.sqrt(window.mask.sum() / np.pi)))
