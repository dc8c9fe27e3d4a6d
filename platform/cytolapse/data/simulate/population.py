"""Who lives, divides, dies and moves where: one frame after another, without a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.data.simulate.draws import Even, quantile
from cytolapse.data.simulate.shapes import Floats, Shape, draw_shape, round_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.data.simulate.presets import Preset, Style

EDGE = 5  # px between the well and the edge of the frame at least
ROUNDING, SPREADING = 7, 6  # frames before and after a division in which a cell is (more or less) round


class Well(NamedTuple):
    """The round floor on which cells live, px."""

    radius: float
    y: float
    x: float

    @classmethod
    def scaled(cls, style: Style, preset: Preset, size: tuple[int, int]) -> Well:
        """The style's well laid into a frame of another size, so that no cell's centre leaves the frame."""
        high, wide = size[0] / preset.size[0], size[1] / preset.size[1]
        radius = min(style.well[0] * min(high, wide), min(size) / 2 - EDGE)
        y, x = np.clip((style.well[1] * high, style.well[2] * wide), radius + EDGE, np.array(size) - radius - EDGE)
        return cls(radius, float(y), float(x))


@dataclass
class Cell:
    """One cell from birth to division; it changes from frame to frame."""

    id: int
    parent: int
    born: int
    divides: float  # frame; infinity = never
    dies: float
    place: Floats  # (y, x) px
    drift: Floats  # velocity without its scale, (2,)
    speed: float  # logarithm of the scale
    axis: float  # direction of the long axis, radians
    before: Shape
    after: Shape
    changed: float  # frame at which `before` held
    fade: float = 1.0  # contrast: below 1 it melts into the background
    fading: int = 0  # frames until the contrast comes back

    def roundness(self, frame: int) -> float:
        """1 while the cell is rounded for its division or just born, 0 in between."""
        span = min(ROUNDING, 0.3 * (self.divides - self.born))
        going = 1 - (self.divides - frame - 1) / max(span, 1)
        coming = 1 - (frame - self.born) / min(SPREADING, max(span, 1)) if self.parent else 0.0
        return float(np.clip(1.6 * max(going, coming, 0.0), 0, 1))

    def shape(self, frame: int, style: Style) -> Shape:
        """The outline in a frame."""
        share = min((frame - self.changed) / style.shapes.hold, 1.0)
        shape = self.before.towards(self.after, share * share * (3 - 2 * share))
        rounding = self.roundness(frame)
        if rounding:
            late = frame - self.born > SPREADING
            area = style.shapes.mitotic if late else style.shapes.newborn
            shape = shape.towards(round_shape(area), rounding)
        return shape


class Track(NamedTuple):
    """A line of man_track.txt."""

    id: int
    begin: int
    end: int
    parent: int


class Population:
    """The cells of one sequence. `step` goes to the next frame; the first call goes to frame 0."""

    def __init__(self, style: Style, well: Well, pace: float, rng: np.random.Generator) -> None:
        """`pace`: frames of this movie for one frame of the full one; it stretches the lineage, not the motion."""
        self.style, self.well, self.pace = style, well, pace
        self.frame = -1
        self.cells: list[Cell] = []
        self.tracks: list[Track] = []
        self.dead: list[tuple[int, Floats]] = []  # since when and where
        self._rng = rng
        self._cycles, self._fates, self._shapes = Even(rng), Even(rng), Even(rng, 2)
        self._early = list(style.lineage.early)
        self._ids = 0
        room = np.pi * well.radius**2 / (6 * quantile(0.5, style.shapes.body))
        self._most = min(style.lineage.most, max(int(room), style.lineage.founders, 3))

    def step(self) -> list[Cell]:
        """The cells of the next frame."""
        self.frame += 1
        if self.frame == 0:
            for index in range(self.style.lineage.founders):
                self._found(index)
        else:
            self._move()
            self._turn_over()
        for cell in self.cells:
            self._change(cell)
        return self.cells

    def finish(self) -> list[Track]:
        """All tracks, by id, those of the living ending with the current frame."""
        living = [Track(cell.id, cell.born, self.frame, cell.parent) for cell in self.cells]
        return sorted(self.tracks + living)

    def _found(self, index: int) -> None:
        angle, far = self._rng.uniform(0, 2 * np.pi), 0.55 * self.well.radius * np.sqrt(self._rng.random())
        place = np.array([self.well.y + far * np.sin(angle), self.well.x + far * np.cos(angle)])
        first = self.style.lineage.first * self.pace
        late = index / max(self.style.lineage.founders, 1) * quantile(0.5, self.style.lineage.cycle) * self.pace
        self._add(place, 0, max(round(first + late), 1), np.inf)

    def _add(self, place: Floats, parent: int, divides: float, dies: float) -> Cell:
        self._ids += 1
        shape = draw_shape(self.style.shapes, self._shapes, self._rng)
        changed = self.frame - float(self._rng.uniform(0, self.style.shapes.hold))
        after = draw_shape(self.style.shapes, self._shapes, self._rng)
        axis = float(self._rng.uniform(0, 2 * np.pi))
        drift, speed = self._rng.normal(0, 1, 2), float(self._rng.normal(0, self.style.motion.spread))
        cell = Cell(self._ids, parent, self.frame, divides, dies, place, drift, speed, axis, shape, after, changed)
        self.cells.append(cell)
        return cell

    def _turn_over(self) -> None:
        for cell in list(self.cells):
            if cell.divides <= self.frame:
                self._end(cell)
                self._divide(cell)
            elif cell.dies <= self.frame:
                self._end(cell)
                self.dead.append((self.frame, cell.place))

    def _end(self, cell: Cell) -> None:
        self.cells.remove(cell)
        self.tracks.append(Track(cell.id, cell.born, self.frame - 1, cell.parent))

    def _divide(self, mother: Cell) -> None:
        angle = self._rng.uniform(0, np.pi)
        apart = self.style.motion.daughters * float(np.clip(self._rng.normal(1.01, 0.17), 0.75, 1.5))
        half = np.array([np.sin(angle), np.cos(angle)]) * apart / 2
        first = self._born(mother, mother.place + half)
        second = self._born(mother, mother.place - half)
        first.axis = second.axis = float(angle) + np.pi / 2

    def _born(self, mother: Cell, place: Floats) -> Cell:
        lineage = self.style.lineage
        early = len(self._early) > 0
        cycle = self._early.pop(0) if early else quantile(float(self._cycles.next()[0]), lineage.cycle)
        life = max(round(cycle * self.pace), 4)
        fate = 1.0 if early else float(self._fates.next()[0])
        divides, dies = float(self.frame + life), np.inf
        full = len(self.cells) >= self._most
        if fate < lineage.death or full:
            dies = self.frame + max(round(life * self._rng.uniform(0.02 if full else 0.2, 0.1 if full else 0.9)), 1)
        if fate < lineage.death + lineage.rest or full:
            divides = np.inf
        cell = self._add(place, mother.id, divides, dies)
        cell.speed = mother.speed
        return cell

    def _move(self) -> None:
        motion, rng = self.style.motion, self._rng
        if not self.cells:
            return
        for cell in self.cells:
            cell.drift = motion.keep * cell.drift + np.sqrt(1 - motion.keep**2) * rng.normal(0, 1, 2)
            cell.speed = 0.93 * cell.speed + np.sqrt(1 - 0.93**2) * motion.spread * float(rng.normal())
            slow = 1 - 0.85 * cell.roundness(self.frame)
            cell.place = cell.place + cell.drift * motion.step * np.exp(cell.speed) * slow
        places = np.stack([cell.place for cell in self.cells])
        places += self._pull(places)
        for _ in range(3):
            places = self._keep_apart(places)
        for cell, place in zip(self.cells, places, strict=True):
            cell.place = self._keep_inside(cell, place)

    def _pull(self, places: Floats) -> Floats:
        if not self.style.motion.cohesion or len(places) < 2:
            return np.zeros_like(places)
        between = places[None] - places[:, None]
        far = np.hypot(between[..., 0], between[..., 1]) + np.eye(len(places)) * 1e9
        nearest = np.argsort(far, axis=1)[:, :3]
        goal = np.take_along_axis(between, nearest[..., None], 1).mean(1)
        pull: Floats = self.style.motion.cohesion * goal / np.maximum(np.hypot(*goal.T), 1.0)[:, None]
        return pull

    def _keep_apart(self, places: Floats) -> Floats:
        between: NDArray[np.float64] = places[:, None] - places[None]
        far = np.maximum(np.hypot(between[..., 0], between[..., 1]), 1e-3)
        push = np.maximum(self.style.motion.apart * 0.9 - far, 0) / far / 2
        np.fill_diagonal(push, 0)
        moved: Floats = places + (push[..., None] * between).sum(1)
        return moved

    def _keep_inside(self, cell: Cell, place: Floats) -> Floats:
        centre = np.array([self.well.y, self.well.x])
        out, limit = place - centre, self.well.radius - 12
        far = float(np.hypot(*out))
        if far <= limit:
            return place
        normal = out / far
        cell.drift = cell.drift - 2 * max(float(cell.drift @ normal), 0) * normal
        back: Floats = centre + normal * max(2 * limit - far, 0.5 * limit)
        return back

    def _change(self, cell: Cell) -> None:
        if self.frame - cell.changed >= self.style.shapes.hold:
            cell.before, cell.changed = cell.after, self.frame
            cell.after = draw_shape(self.style.shapes, self._shapes, self._rng)
        out = cell.place - np.array([self.well.y, self.well.x])
        walled = np.hypot(*out) > self.well.radius - 70
        heading = np.arctan2(out[1], -out[0]) if walled else np.arctan2(cell.drift[0], cell.drift[1])
        # The axis has no head: turn by the smaller angle modulo half a turn.
        turn = (heading - cell.axis + np.pi / 2) % np.pi - np.pi / 2
        cell.axis += (0.35 if walled else 0.12) * float(turn)
        if cell.fading:
            cell.fading -= 1
            cell.fade = 0.25 if cell.fading > 1 else 0.6
        else:
            cell.fade = 1.0
            if self._rng.random() < 0.004:
                cell.fading, cell.fade = int(self._rng.integers(3, 7)), 0.6
