"""Splits: which blocks of time are trained on, chosen on and tested on. Never random frames: neighbours look alike."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cytolapse.data.movie import DataSet, Movie

GAP = 5
"""Frames left out between two blocks of one sequence."""
SHARES = (0.60, 0.15, 0.25)
VALIDATION = 0.15


class Part(NamedTuple):
    """A block of time: frame positions (not numbers) of one sequence, `stop` exclusive."""

    sequence: str
    start: int
    stop: int


@dataclass(frozen=True)
class Split:
    """The blocks of a data set by what they are for."""

    train: tuple[Part, ...]
    validation: tuple[Part, ...]
    test: tuple[Part, ...]

    def as_dict(self) -> dict[str, list[list[Any]]]:
        """Name -> [sequence, start, stop] of each part: what is written into the run."""
        return {name: [list(part) for part in parts] for name, parts in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Split:
        """The inverse of `as_dict`."""
        return cls(*(tuple(Part(*part) for part in values[each.name]) for each in fields(cls)))

    def movies(self, dataset: DataSet, name: str) -> list[Movie]:
        """The movies of "train", "validation" or "test".

        Raises:
            CytolapseError: there is no such name, or the data set has not these frames.
        """
        names = [each.name for each in fields(self)]
        if name not in names:
            raise CytolapseError(f"unknown part of the split {name!r}: choose one of {', '.join(names)}")
        return [_cut(dataset, part) for part in getattr(self, name)]


def default_split(dataset: DataSet, test: str = "") -> Split:
    """The default blocks of a data set.

    One sequence: 60 % train, 15 % validation, 25 % test, in this order. Several: `test` is test, the last one where
    none is named; of every other one the last 15 % are validation and what comes before is train. 5 frames are left out
    between two blocks.

    Raises:
        CytolapseError: a sequence is too short, and the message says how many frames it takes; or there is none of that
            name, or no other one to learn from.
    """
    last = test or list(dataset.movies)[-1]
    learned = [name for name in dataset.movies if name != last]
    if last not in dataset.movies or (test and not learned):
        has = ", ".join(dataset.movies)
        raise CytolapseError(
            f"--test-sequence is {test!r}: {dataset.path} has {has}, and one must be left to learn from"
        )
    if not learned:
        return _one(dataset, last)
    train, validation = [], []
    for name in learned:
        length = len(dataset.movies[name])
        size = max(1, round(VALIDATION * length))
        _need(dataset, name, size + GAP + 1 <= length, 2 + GAP)
        train.append(Part(name, 0, length - size - GAP))
        validation.append(Part(name, length - size, length))
    return Split(tuple(train), tuple(validation), (Part(last, 0, len(dataset.movies[last])),))


def _one(dataset: DataSet, name: str) -> Split:
    length = len(dataset.movies[name])
    shared = length - 2 * GAP
    _need(dataset, name, shared >= 4, 4 + 2 * GAP)
    train, validation = round(SHARES[0] * shared), round(SHARES[1] * shared)
    second = train + GAP
    third = second + validation + GAP
    return Split((Part(name, 0, train),), (Part(name, second, second + validation),), (Part(name, third, length),))


def _need(dataset: DataSet, name: str, good: bool, least: int) -> None:
    if not good:
        count = len(dataset.movies[name])
        raise CytolapseError(
            f"sequence {name} of {dataset.path} has {count} frames, too few to split: at least {least} are needed"
        )


def _cut(dataset: DataSet, part: Part) -> Movie:
    movie = dataset.movies.get(part.sequence)
    if movie is None or part.stop > len(movie):
        has = ", ".join(f"{name} with {len(each)} frames" for name, each in dataset.movies.items())
        raise CytolapseError(
            f"{dataset.path} has no frames {part.start} to {part.stop - 1} of sequence {part.sequence}: it has {has}"
        )
    return movie[part.start : part.stop]
