"""Clips for training: drawn by cells rather than by frames, each from its own seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import Dataset

from cytolapse.errors import CytolapseError
from cytolapse.models import normalise, resized
from trainers.augment import MARGIN, Augment, dense

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cytolapse.config import Config
    from cytolapse.data import Movie
    from cytolapse.heads import Head

HUGE = 2**16
"""From here on, a list with a place for every id takes too much memory."""
AWAY = 0.1
"""Share of the crops that lie anywhere, so that empty background is seen too."""


@dataclass(frozen=True)
class Cell:
    """Where a cell is: movie, frame position, centre (y, x) in px."""

    movie: int
    frame: int
    centre: tuple[float, float]


def find_cells(movies: Sequence[Movie], reference: str) -> list[Cell]:
    """Every cell of every known frame.

    Raises:
        CytolapseError: there is none.
    """
    cells = []
    for index, movie in enumerate(movies):
        if reference not in movie.references:
            continue
        truth = movie.references[reference]
        for t in np.flatnonzero(truth.known):
            labels = np.asarray(truth.labels[t], dtype=np.int32)
            boxes = ndimage.find_objects(labels if labels.max(initial=0) < HUGE else dense(labels))
            centres = [((y.start + y.stop) / 2, (x.start + x.stop) / 2) for y, x in filter(None, boxes)]
            cells += [Cell(index, int(t), centre) for centre in centres]
    if not cells:
        raise CytolapseError(f"no cell in the {reference} truth of the training part: nothing to learn from")
    return cells


class Clips(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Item n is drawn from the seed and n alone, so a resumed training sees what an unbroken one would have seen.

    Args:
        movies: the training part.
        head: encodes the labels.
        config: crop or frame_size, clip, augment, train_on, seed.
    """

    def __init__(self, movies: Sequence[Movie], head: Head, config: Config) -> None:
        self._movies = movies
        self._head = head
        self._config = config
        self._cells = find_cells(movies, config.train_on)
        self._side = config.frame_size or config.crop
        self._augment = Augment(config.augment, self._side)

    def __len__(self) -> int:
        return self._config.train_steps * self._config.batch

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Frames (T, 1, Y, X) float32, targets (T, ..., Y, X), known (T,) bool."""
        if index >= len(self):
            raise IndexError(index)
        rng = np.random.default_rng([self._config.seed, index])
        cell = self._cells[rng.integers(len(self._cells))]
        movie, start = self._movies[cell.movie], self._start(cell, rng)
        truth = movie.references[self._config.train_on]
        times = slice(start, start + self._config.clip)
        frames, labels = normalise(movie.frames[times]), np.asarray(truth.labels[times])
        cut = self._whole if self._config.frame_size else self._window
        frames, labels = cut(frames, labels, cell, rng)
        frames, labels = self._augment(frames, labels, int(rng.integers(2**31)))
        targets = self._head.encode(labels)
        known = torch.from_numpy(np.array(truth.known[times], dtype=bool))
        return torch.from_numpy(frames)[:, None], torch.from_numpy(targets), known

    def _start(self, cell: Cell, rng: np.random.Generator) -> int:
        length, clip = len(self._movies[cell.movie].frames), self._config.clip
        if length < clip:
            raise CytolapseError(f"--clip is {clip}: a training part has only {length} frames; use at most that")
        return int(np.clip(cell.frame - rng.integers(clip), 0, length - clip))

    def _window(
        self, frames: NDArray[np.float32], labels: NDArray[np.integer], cell: Cell, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """A window around the cell, off centre by up to a quarter of the crop; sometimes anywhere."""
        size = np.array(frames.shape[1:])
        centre = np.array(cell.centre) + rng.uniform(-0.25, 0.25, 2) * self._side
        centre = rng.uniform(0, 1, 2) * size if rng.uniform() < AWAY else centre
        side = int(np.ceil(MARGIN * self._side))
        y, x = (np.clip(centre, 0, size - 1) - side / 2).astype(int)
        return _cut(frames, y, x, side), _cut(labels, y, x, side)

    def _whole(
        self, frames: NDArray[np.float32], labels: NDArray[np.integer], cell: Cell, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """The whole frames, resized."""
        rows, columns = (((np.arange(self._side) + 0.5) * size / self._side).astype(int) for size in labels.shape[1:])
        return resized(torch.from_numpy(frames)[:, None], self._side)[:, 0].numpy(), labels[:, rows[:, None], columns]


def _cut(stack: NDArray[Any], y: int, x: int, side: int) -> NDArray[Any]:
    """A square of the frames (T, Y, X), mirrored where it reaches beyond them."""
    rows, columns = _mirror(np.arange(y, y + side), stack.shape[1]), _mirror(np.arange(x, x + side), stack.shape[2])
    return np.ascontiguousarray(stack[:, rows[:, None], columns])


def _mirror(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.abs((index + size - 1) % max(2 * size - 2, 1) - (size - 1))
