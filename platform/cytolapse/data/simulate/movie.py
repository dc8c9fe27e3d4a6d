"""One simulated sequence, frame by frame: population, truth and picture brought together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.data.simulate.debris import Debris, Piece
from cytolapse.data.simulate.optics import MARGIN, Look, Picture, expose, granules, shine
from cytolapse.data.simulate.population import Cell, Population, Track, Well
from cytolapse.data.simulate.scene import Scene, Stage, State
from cytolapse.data.simulate.shapes import Window, outlines, rasterise
from cytolapse.data.simulate.truth import Labels, Seen, Silver, compose, markers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cytolapse.data.simulate.presets import Preset


class Act(NamedTuple):
    """What one cell does in one frame: a line of cells.csv."""

    frame: int
    label: int  # the id of its track
    y: float  # of the body's centre in the picture, px
    x: float
    fading: float  # contrast left: 1 = fully visible
    dividing: int  # 1 = rounded, shortly before its division or after its birth in one


class Frame(NamedTuple):
    """A frame and what is true of it; images are (Y, X), labels with 0 = background."""

    number: int
    image: NDArray[np.uint8] | None
    labels: Labels  # exact, the ids of the tracks
    markers: Labels
    silver: Labels
    acts: list[Act]


class Moment(NamedTuple):
    """Where everything is in one frame, before anything is drawn."""

    number: int
    state: State
    cells: list[Cell]
    pieces: list[Piece]


class Sequence:
    """One sequence of a preset: iterate once over its frames, then ask for its tracks.

    Population, picture and silver truth draw from random streams of their own, so that `picture=False` (masks alone,
    several times faster) gives the same masks.
    """

    def __init__(
        self, preset: Preset, index: int, frames: int, size: tuple[int, int], seed: int, *, picture: bool = True
    ) -> None:
        self.style, self._size, self._frames = preset.styles[index % len(preset.styles)], size, frames
        lives, silver, self._camera, stage, things, gold, floor = (
            np.random.default_rng([seed, index, stream]) for stream in range(7)
        )
        well = Well.scaled(self.style, preset, size)
        self.population = Population(self.style, well, frames / preset.frames, lives)
        self.stage = Stage(self.style.light, self.style.motion, preset, frames, stage)
        self.gold = _gold(preset.gold, frames, gold)
        self._silver = Silver(self.style.faults, silver)
        self._tile = granules(things)
        self._debris = Debris(self.style, well, self._tile, things)
        self._scene = Scene(self.style.light, well, size, floor) if picture else None

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order, from where the movie stands."""
        while self.population.frame + 1 < self._frames:
            yield self.draw()

    def tracks(self) -> list[Track]:
        """All tracks up to the last frame made."""
        return self.population.finish()

    def skip(self) -> Moment:
        """Go to the next frame without drawing it: cells and debris move on, silver truth and noise do not."""
        state, cells = self.stage.step(), self.population.step()
        washed = self.population.frame in self.stage.changes
        return Moment(self.population.frame, state, cells, self._debris.step(self.population.dead, washed))

    def draw(self) -> Frame:
        """Go to the next frame and draw it with all its truth."""
        now = self.skip()
        shift = now.state.shift
        seen = [self._see(cell, now) for cell in now.cells]
        labels = compose(seen, self._size)
        suspects = [(p.place[0] + shift[0], p.place[1] + shift[1]) for p in now.pieces if p.radius > 4]
        silver = self._silver.spoil(seen, labels, suspects, now.number in self.gold)
        image = None if self._scene is None else self._picture(self._scene, now, seen)
        acts = [_act(cell, each, now.number) for cell, each in zip(now.cells, seen, strict=True)]
        return Frame(now.number, image, labels, markers(seen, labels), silver, acts)

    def _see(self, cell: Cell, now: Moment) -> Seen:
        place = (float(cell.place[0]) + now.state.shift[0], float(cell.place[1]) + now.state.shift[1])
        window = rasterise(outlines(cell.shape(now.number, self.style), cell.axis), place, MARGIN)
        return Seen(cell.id, place, window, cell.fade)

    def _picture(self, scene: Scene, now: Moment, seen: list[Seen]) -> NDArray[np.uint8]:
        light, picture = self.style.light, scene.picture(now.state)
        for piece in now.pieces:
            _add(picture, piece.window(now.state.shift), piece.light)
        for cell, each in zip(now.cells, seen, strict=True):
            look = self._look(cell, each, now.number)
            _add(picture, each.window, shine(each.window, light, now.state.focus, self._tile, look))
        return expose(picture, light.noise, self._camera)

    def _look(self, cell: Cell, seen: Seen, at: int) -> Look:
        # Granules belong to the cell: they move with its centre, and slowly against it.
        down = cell.id * 137 + at // 3 + seen.window.top - round(seen.place[0])
        right = cell.id * 211 + at // 4 + seen.window.left - round(seen.place[1])
        return Look(cell.fade * (0.8 + 0.4 * (cell.id * 0.618 % 1)), cell.roundness(at), offset=(down, right))


def _act(cell: Cell, seen: Seen, at: int) -> Act:
    y, x = (round(each, 2) for each in seen.place)
    return Act(at, cell.id, y, x, cell.fade, int(cell.roundness(at) > 0))


def _add(picture: Picture, window: Window, light: Picture) -> None:
    frame, own = window.inside(picture.shape)
    picture[frame] += light[own]


def _gold(count: int, frames: int, rng: np.random.Generator) -> set[int]:
    """One frame of each of `count` equal stretches of the movie: spread, but not regular."""
    edges = np.linspace(0, frames, min(count, max(frames // 4, 8), frames) + 1).astype(int)
    return {int(rng.integers(low, high)) for low, high in pairwise(edges.tolist())}
