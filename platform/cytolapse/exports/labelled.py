"""Labelled: the labels of one sequence, frame by frame, and what is known beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from cytolapse.data.check import present
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.findings import ranges
from cytolapse.data.masks import DIGITS, TRACKS
from cytolapse.data.tiff import as_labels, in_words
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cytolapse.data import Movie
    from cytolapse.data.tiff import Array


@dataclass(frozen=True)
class Survey:
    """What all masks of a sequence have in common.

    Attributes:
        shape: (Y, X).
        highest: the largest label.
        cells: number of labels, summed over frames.
        ids: the labels of each frame, where they are linked.
    """

    shape: tuple[int, ...]
    highest: int
    cells: int
    ids: Mapping[int, set[int]]


@dataclass(frozen=True, eq=False)
class Labelled:
    """The labels of one sequence.

    Attributes:
        path: where they lie; for messages.
        sequence: its name, as "02"; "" where nothing tells it.
        masks: frame number -> labels (Y, X), 0 = background; read from disk where they are used.
        tracks: (N, 4) int64 rows of label, first frame, last frame, parent (0 = none); None where they are not linked.
        tracks_file: where the tracks lie; for messages.
        movie: the frames, or None.
        um: um per pixel, or None.
        minutes: minutes per frame, or None.
        digits: of the frame numbers in file names.
    """

    path: Path
    sequence: str
    masks: Mapping[int, Array]
    tracks: Array | None = None
    tracks_file: Path = Path(TRACKS)
    movie: Movie | None = None
    um: float | None = None
    minutes: float | None = None
    digits: int = DIGITS

    @property
    def numbers(self) -> list[int]:
        """The frame numbers, ascending."""
        return sorted(self.masks)

    @property
    def positions(self) -> dict[int, int]:
        """Frame number -> position, from 0, among the frames; among the masks where the frames are not known."""
        numbers = self.numbers if self.movie is None else self.movie.numbers.tolist()
        return {number: position for position, number in enumerate(numbers)}

    def __iter__(self) -> Iterator[tuple[int, Array]]:
        """Each frame's number and its labels, (Y, X) uint16 or int32."""
        return self._read("writing")

    @cached_property
    def survey(self) -> Survey:
        """Every mask is read once, so that what is wrong is told before anything is written.

        Raises:
            CytolapseError: a mask has no frame, its size is not that of the frames or of the masks before it, or the
                tracks tell another story than the masks.
        """
        _need_frames(self)
        shape = None if self.movie is None else self.movie.frames.shape[1:]
        beside = f"frame {self.numbers[0]} is" if self.movie is None else "the frames are"
        ids: dict[int, set[int]] = {}
        highest = cells = 0
        for number, labels in self._read("checking"):
            shape = shape or labels.shape
            if labels.shape != shape:
                said = f"the mask of frame {number} in {self.path} is {in_words(labels.shape)}"
                raise CytolapseError(f"{said}, but {beside} {in_words(shape)}: masks and frames are of one size")
            found = present(labels)
            highest, cells = max(highest, max(found, default=0)), cells + len(found)
            if self.tracks is not None:
                ids[number] = found
        if self.tracks is not None:
            need_valid(self.tracks_file, self.tracks, ids, gaps=True)
        assert shape is not None
        return Survey(shape, highest, cells, ids)

    def _read(self, doing: str) -> Iterator[tuple[int, Array]]:
        title = f"{doing} {self.sequence or self.path.name}"
        for number in tqdm(self.numbers, desc=title, unit="frame", dynamic_ncols=True):
            yield number, as_labels(self.path, self.masks[number])


def _need_frames(labelled: Labelled) -> None:
    if labelled.movie is None:
        return
    numbers = labelled.movie.numbers.tolist()
    missing = set(labelled.masks) - set(numbers)
    if missing:
        raise CytolapseError(
            f"{labelled.path} has masks of frames {ranges(missing)}, which are not among the frames "
            f"({ranges(numbers)}): give the frames that were segmented, numbered alike"
        )


def compacted(labels: Array) -> tuple[Array, Array]:
    """The ids of a frame's cells, sorted, and the labels numbered 1, 2, ... in this order: ids may be sparse and huge.

    >>> compacted(np.array([[0, 7], [900, 7]]))[1].tolist()
    [[0, 1], [2, 1]]
    """
    cells = labels > 0
    ids, which = np.unique(labels[cells], return_inverse=True)
    numbered = np.zeros(labels.shape, np.int32)
    numbered[cells] = which + 1
    return ids, numbered
