"""One simulated sequence, frame by frame: population, truth and picture brought together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.data.simulate.debris import Debris, Piece
from cytolapse.data.simulate.optics import MARGIN, TILE, Look, Picture, expose, granules, shine
from cytolapse.data.simulate.population import Cell, Population, Track, Well
from cytolapse.data.simulate.scene import Scene, Stage
from cytolapse.data.simulate.shapes import Window, outlines, rasterise
from cytolapse.data.simulate.truth import Labels, Seen, Silver, compose, markers, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cytolapse.data.simulate.presets import Preset


class Frame(NamedTuple):
    """A frame and what is true of it; all (Y, X), labels with 0 = background."""

    number: int
    image: NDArray[np.uint8] | None
    labels: Labels  # exact, the ids of the tracks
    markers: Labels
    silver: Labels
    gold: Labels | None


class Sequence:
    """One sequence of a preset. Iterate once over it, then ask for its tracks.

    Population, picture and silver truth draw from random streams of their own, so that `picture=False` (masks alone,
    several times faster) gives the same masks.
    """

    def __init__(
        self, preset: Preset, index: int, frames: int, size: tuple[int, int], seed: int, *, picture: bool = True
    ) -> None:
        self._style, self._size, self._frames = preset.styles[index % len(preset.styles)], size, frames
        lives, silver, self._camera, stage, things, gold = (
            np.random.default_rng([seed, index, stream]) for stream in range(6)
        )
        well = Well.scaled(self._style, preset, size)
        self._population = Population(self._style, well, frames / preset.frames, lives)
        self._silver = Silver(self._style.faults, silver)
        self._stage = Stage(self._style.light, self._style.motion, preset, frames, stage)
        self._gold = _gold(preset.gold, frames, gold)
        self._tile = granules(things)
        self._debris = Debris(self._style, well, self._tile, things)
        self._scene = Scene(self._style.light, well, size, things) if picture else None

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order."""
        for at in range(self._frames):
            yield self._next(at)

    def tracks(self) -> list[Track]:
        """All tracks up to the last frame made."""
        return self._population.finish()

    def _next(self, at: int) -> Frame:
        mean, focus, shift = self._stage.step(at)
        cells = self._population.step()
        pieces = self._debris.step(self._population.dead, at in self._stage.changes)
        seen = [self._see(cell, at, shift) for cell in cells]
        labels = compose(seen, self._size)
        suspects = [(p.place[0] + shift[0], p.place[1] + shift[1]) for p in pieces if p.radius > 4]
        silver = self._silver.spoil(seen, labels, suspects, at in self._gold)
        gold = number(labels) if at in self._gold else None
        image = None
        if self._scene is not None:
            picture = self._scene.picture(mean, focus, shift)
            self._light(picture, pieces, shift)
            for cell, each in zip(cells, seen, strict=True):
                light = shine(each.window, self._style.light, focus, self._tile, self._look(cell, at))
                _add(picture, each.window, light)
            image = expose(picture, self._style.light.noise, self._camera)
        return Frame(at, image, labels, markers(seen, labels), silver, gold)

    def _see(self, cell: Cell, at: int, shift: tuple[int, int]) -> Seen:
        place = (float(cell.place[0]) + shift[0], float(cell.place[1]) + shift[1])
        window = rasterise(outlines(cell.shape(at, self._style), cell.axis), place, MARGIN)
        return Seen(cell.id, place, window, cell.fade)

    def _look(self, cell: Cell, at: int) -> Look:
        offset = (cell.id * 137 % TILE + at, cell.id * 211 % TILE + at)
        return Look(cell.fade * (0.8 + 0.4 * (cell.id * 0.618 % 1)), cell.roundness(at), offset=offset)

    def _light(self, picture: Picture, pieces: list[Piece], shift: tuple[int, int]) -> None:
        for piece in pieces:
            _add(picture, piece.window(shift), piece.light)


def _add(picture: Picture, window: Window, light: Picture) -> None:
    frame, own = window.inside(picture.shape)
    picture[frame] += light[own]


def _gold(count: int, frames: int, rng: np.random.Generator) -> set[int]:
    """One frame of each of `count` equal stretches of the movie: spread, but not regular."""
    edges = np.linspace(0, frames, min(count, max(frames // 4, 8), frames) + 1).astype(int)
    return {int(rng.integers(low, high)) for low, high in pairwise(edges.tolist())}
