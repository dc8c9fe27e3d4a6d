"""The empty field: illumination, the well's wall, its neighbours, the floor's texture; and how the stage moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from cytolapse.data.simulate.population import Well

if TYPE_CHECKING:
    from cytolapse.data.simulate.optics import Picture
    from cytolapse.data.simulate.presets import Light, Motion, Preset

REACH = 16  # the stage never shifts the field by more, px
NEIGHBOURS = ((-1.66, -1.76), (-1.70, 1.70), (1.64, -1.74), (1.68, 1.74))  # centres in radii from the own centre


class State(NamedTuple):
    """What holds for a whole frame."""

    mean: float  # grey value of the background
    focus: float  # 1 = the usual
    shift: tuple[int, int]  # (y, x) px, of the stage


class Scene:
    """The background of one sequence."""

    def __init__(self, light: Light, well: Well, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._light, self._size = light, size
        self._streak = light.streak * size[0] // 1036
        rows = np.arange(-REACH, size[0] + REACH, dtype=np.float32)[:, None]
        columns = np.arange(-REACH, size[1] + REACH, dtype=np.float32)[None]
        self._still = self._illumination(rows, columns) + self._floor(rows.size, columns.size, rng)
        self._focused = np.zeros_like(self._still)
        for index, (down, right) in enumerate(((0.0, 0.0), *NEIGHBOURS)):
            turn = rng.normal(0, 0.03, 2) * (index > 0)
            centre = (well.y + (down + turn[0]) * well.radius, well.x + (right + turn[1]) * well.radius)
            self._wall(Well(well.radius, *centre), rows, columns, rng)

    def picture(self, state: State) -> Picture:
        """The background (Y, X) float32 of a frame; rows on top may be repeated as stabilised movies have it."""
        shift = state.shift
        part = (
            slice(REACH - shift[0], REACH - shift[0] + self._size[0]),
            slice(REACH - shift[1], REACH - shift[1] + self._size[1]),
        )
        picture = np.asarray(self._still[part] + np.float32(state.focus) * self._focused[part], np.float32)
        picture += np.float32(state.mean)
        picture[: self._streak] = picture[self._streak]
        return picture

    def _illumination(self, rows: Picture, columns: Picture) -> Picture:
        down, right = rows / self._size[0] - 0.5, columns / self._size[1] - 0.5
        slope = self._light.slope[0] * down + self._light.slope[1] * right
        return np.asarray(slope + self._light.curve * 2 * (down**2 + right**2 - 1 / 6), np.float32)

    def _floor(self, height: int, width: int, rng: np.random.Generator) -> Picture:
        ripples = rng.standard_normal((height, width), np.float32)
        waves = ndimage.gaussian_filter(ripples, (3.0, 5.0))
        level = ndimage.gaussian_filter(ripples, 2.2)
        # Crossings of a smooth field through zero are thin curved lines: the trails and wrinkles of a gel.
        lines = np.exp(-((waves / (0.10 * waves.std())) ** 2))
        where = np.clip(ndimage.gaussian_filter(rng.standard_normal((height, width), np.float32), 40), 0, None)
        floor: Picture = self._light.wrinkle * (level / level.std() * 0.35 + 2.2 * lines * where / (where.max() or 1))
        return floor.astype(np.float32)

    def _wall(self, well: Well, rows: Picture, columns: Picture, rng: np.random.Generator) -> None:
        down, right = rows - np.float32(well.y), columns - np.float32(well.x)
        far = np.hypot(down, right)
        near = np.abs(far - well.radius) < 70
        angle = np.arctan2(down, right)[near]
        turns = np.arange(1, 60)
        size = np.where(turns < 5, 1.6, 3.0 / turns) * (turns > 1)
        size = size * rng.normal(0, 1, turns.size)
        fine = np.linspace(-np.pi, np.pi, 2048)
        wobble = (size[:, None] * np.cos(turns[:, None] * fine + rng.uniform(0, 6.3, (turns.size, 1)))).sum(0)
        rough = ndimage.gaussian_filter1d(rng.normal(0, 1, fine.size), 1450 / well.radius, mode="wrap")
        out = far[near] - well.radius - np.interp(angle, fine, wobble + 3.0 * rough)
        lit = np.cos(angle - self._light.angle)
        wide = 2.5 + 1.2 * np.interp(angle, fine, np.roll(np.abs(wobble), 300)) / 2
        bump, pair = np.exp(-((out / wide) ** 2)), -out / wide * np.exp(-((out / wide) ** 2) / 1.4)
        step = np.exp(-((out / 26) ** 2)) * np.sign(out) * np.minimum(np.abs(out) / 6, 1)
        self._still[near] += (self._light.wall * (lit * bump * 0.95 - 0.09 * step)).astype(np.float32)
        self._focused[near] += (self._light.wall * 0.75 * (pair - 0.25 * bump)).astype(np.float32)


class Stage:
    """What changes for the whole frame: brightness, focus and shift, one frame after another."""

    def __init__(self, light: Light, motion: Motion, preset: Preset, frames: int, rng: np.random.Generator) -> None:
        self._light, self._motion, self._rng = light, motion, rng
        self.changes = [round(share * frames) for share in preset.media]
        self._frame, self._drift, self._blur = -1, 0.0, 0.0
        self._shift, self._goal = np.zeros(2), np.zeros(2)

    def step(self) -> State:
        """The state of the next frame."""
        self._frame += 1
        rng, motion = self._rng, self._motion
        since = sum(self._frame >= change for change in self.changes)
        mean = self._light.means[min(since, len(self._light.means) - 1)]
        self._drift = 0.97 * self._drift + 0.25 * float(rng.normal())
        self._blur = 0.96 * self._blur + 0.05 * float(rng.normal())
        moved = rng.random() < 0.03 or self._frame in self.changes
        self._goal = 0.9 * self._goal + moved * rng.normal(0, motion.jump, 2)
        self._shift = np.clip(self._goal + rng.normal(0, motion.jitter, 2), -REACH, REACH)
        down, right = np.rint(self._shift).astype(int).tolist()
        return State(mean + self._drift, float(np.clip(1 + self._blur, 0.5, 1.5)), (down, right))
