"""Clips for training: drawn by cells rather than by frames, each from its own seed; chains of them carry a state."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import Dataset

from cytolapse.errors import CytolapseError
from cytolapse.learner import normalise
from cytolapse.models import resized
from trainers.augment import MARGIN, Augment, dense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from cytolapse.config import Config
    from cytolapse.data import Movie, Reference

HUGE = 2**16
"""From here on, a list with a place for every id takes too much memory."""
STRUCK = np.iinfo(np.int32).max
"""What an ignore list strikes out; above all other ids."""
AWAY = 0.3
"""Share of the crops that lie anywhere: with fewer, walls and debris far from every cell are taken for cells."""


class Cell(NamedTuple):
    """Where a cell is: movie, frame position, centre (y, x) in px; without a centre, a frame that holds none."""

    movie: int
    frame: int
    centre: tuple[float, float] | None


def find_cells(movies: Sequence[Movie], reference: str) -> list[Cell]:
    """Every cell of every known frame, and every known frame without one; none that is to be ignored.

    Raises:
        CytolapseError: there is no cell.
    """
    cells = []
    for index, movie in enumerate(movies):
        if reference not in movie.references:
            continue
        truth = movie.references[reference]
        for t in np.flatnonzero(truth.known):
            labels, ignored = np.asarray(truth.labels[t], dtype=np.int32), truth.ignored.get(int(t))
            if ignored is not None:
                labels = np.where(ignored.where(labels), 0, labels)
            boxes = ndimage.find_objects(labels if labels.max(initial=0) < HUGE else dense(labels))
            centres = [((y.start + y.stop) / 2, (x.start + x.stop) / 2) for y, x in filter(None, boxes)]
            empty = [] if ignored is not None else [Cell(index, int(t), None)]
            cells += [Cell(index, int(t), centre) for centre in centres] or empty
    if not any(cell.centre for cell in cells):
        raise CytolapseError(f"no cell in the {reference} truth of the training part: nothing to learn from")
    return cells


def _pools(found: list[Cell], sample: str) -> list[list[Cell]]:
    """A clip's cell is drawn from one of these pools, and all pools are as likely: all cells, or those of one frame."""
    if sample == "cells":
        return [[cell for cell in found if cell.centre]]
    return [list(cells) for _, cells in groupby(found, key=lambda cell: (cell.movie, cell.frame))]


@dataclass(frozen=True)
class Chain:
    """What consecutive clips have in common: the movie, the frames in order, the window's corner, the augmentation."""

    movie: int
    times: NDArray[np.int64]
    corner: tuple[int, int]
    seed: int


class Clips(Dataset[tuple[torch.Tensor, ...]]):
    """Item n is drawn from the seed and n alone, so a resumed training sees what an unbroken one would have seen.

    A frame in whose crop anything lies that is to be ignored is unknown: nothing is learned from it.
    Items n, n + batch, n + 2 batch ... fill one place of the batch. In a place, `chain` clips play one after another in
    one window, with one augmentation; places begin their chains at different steps.

    Args:
        movies: the training part.
        encode: labels (T, Y, X) to targets.
        config: crop or frame_size, clip, chain, temporal_stride, sample, augment, train_on, seed.

    Raises:
        CytolapseError: there is no cell, or the clip is longer than a movie.
    """

    def __init__(
        self, movies: Sequence[Movie], encode: Callable[[NDArray[np.integer]], NDArray[Any]], config: Config
    ) -> None:
        self._movies = movies
        self._encode = encode
        self._config = config
        self._pools = _pools(find_cells(movies, config.train_on), config.sample)
        self._side = config.frame_size or config.crop
        self._augment = Augment(config.augment, self._side)
        lengths = [len(movie) for movie in movies if config.train_on in movie.references]
        longest, shortest = max(lengths), min(lengths)
        self._chain = config.chain or -(-longest // config.clip)
        if shortest < config.clip:
            raise CytolapseError(
                f"--clip is {config.clip}: a training part has only {shortest} frames; use at most those"
            )

    def __len__(self) -> int:
        return self._config.train_steps * self._config.batch

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        """The parts of one Clip, without the batch's axis."""
        if index >= len(self):
            raise IndexError(index)
        chain, link = self._place(index)
        movie, size = self._movies[chain.movie], self._config.clip
        times = chain.times[link * size : (link + 1) * size]
        truth = movie.references[self._config.train_on]
        frames, labels = normalise(movie.frames[times]), _struck(truth, times)
        frames, labels = self._whole(frames, labels) if self._config.frame_size else self._cut(frames, labels, chain)
        struck = _count(labels) if labels.max(initial=0) == STRUCK else -1  # the id that the next line gives it
        frames, labels = self._augment(frames, labels, chain.seed)
        known = np.array(truth.known[times], dtype=bool) & (labels != struck).all(axis=(1, 2))
        starts = torch.tensor(link == 0 or index < self._config.batch)
        targets = torch.from_numpy(self._encode(labels))
        return torch.from_numpy(frames)[:, None], targets, torch.from_numpy(known), starts

    def where(self, index: int) -> str:
        """Sequence and frame numbers of an item, for messages."""
        chain, link = self._place(index)
        movie, size = self._movies[chain.movie], self._config.clip
        numbers = movie.numbers[chain.times[link * size : (link + 1) * size]]
        return f"{movie.sequence}/{'-'.join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))}"

    def _place(self, index: int) -> tuple[Chain, int]:
        """The chain of an item and the item's place in it."""
        step, place = divmod(index, self._config.batch)
        number, link = divmod(step + place * self._chain // self._config.batch, self._chain)
        return self._draw(np.random.default_rng([self._config.seed, number * self._config.batch + place])), link

    def _draw(self, rng: np.random.Generator) -> Chain:
        cell = self._anchor(rng)
        times = self._times(cell, rng)
        size = np.array(self._movies[cell.movie].frames.shape[1:])
        centre = rng.uniform(0, 1, 2) * size
        if cell.centre is not None and rng.uniform() >= AWAY:  # off centre by up to a quarter
            centre = np.array(cell.centre) + rng.uniform(-0.25, 0.25, 2) * self._side
        y, x = (np.clip(centre, 0, size - 1) - self._window / 2).astype(int)
        return Chain(cell.movie, times, (int(y), int(x)), int(rng.integers(2**31)))

    def _anchor(self, rng: np.random.Generator) -> Cell:
        pool = self._pools[rng.integers(len(self._pools))]
        return pool[rng.integers(len(pool))]

    def _times(self, cell: Cell, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of a chain's frames: its cell's among them, turning round where the movie ends."""
        count, length = self._config.clip * self._chain, len(self._movies[cell.movie])
        stride, back = 1, False
        if self._config.temporal_stride:
            stride, back = int(rng.integers(1, self._config.temporal_stride + 1)), bool(rng.integers(2))
        # Where in the chain the cell's frame may stand so that the chain lies in the movie, or else starts with it.
        latest = min(count - 1, cell.frame // stride)
        earliest = min(latest, max(0, count - 1 - (length - 1 - cell.frame) // stride))
        place = rng.integers(earliest, latest + 1)
        times = _mirror(cell.frame + stride * (np.arange(count) - place), length)
        return times[::-1] if back else times

    @property
    def _window(self) -> int:
        return int(np.ceil(MARGIN * self._side))

    def _cut(
        self, frames: NDArray[np.float32], labels: NDArray[np.integer], chain: Chain
    ) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """A square of frames and labels (T, Y, X), mirrored where it reaches beyond them."""
        reach = np.arange(self._window)
        rows, columns = (_mirror(low + reach, size) for low, size in zip(chain.corner, frames.shape[1:], strict=True))
        cut = (np.ascontiguousarray(stack[:, rows[:, None], columns]) for stack in (frames, labels))
        return next(cut), next(cut)

    def _whole(
        self, frames: NDArray[np.float32], labels: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """The whole frames, resized."""
        rows, columns = (((np.arange(self._side) + 0.5) * size / self._side).astype(int) for size in labels.shape[1:])
        return resized(torch.from_numpy(frames)[:, None], self._side)[:, 0].numpy(), labels[:, rows[:, None], columns]


def _struck(truth: Reference, times: NDArray[np.int64]) -> NDArray[np.integer]:
    """The labels of these frames (T, Y, X), in which what is ignored has the id STRUCK."""
    labels = np.asarray(truth.labels[times])
    places = [(place, truth.ignored[int(t)]) for place, t in enumerate(times) if int(t) in truth.ignored]
    if places:
        labels = labels.astype(np.int32)
    for place, ignored in places:
        labels[place][ignored.where(labels[place])] = STRUCK
    return labels


def _count(labels: NDArray[np.integer]) -> int:
    return len(np.unique(labels[labels > 0]))


def _mirror(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.abs((index + size - 1) % max(2 * size - 2, 1) - (size - 1))
