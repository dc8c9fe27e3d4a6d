"""Context: what is known of the truth objects of movies beside their pixels: tracks, divisions, seams of tiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.metrics.seams import ids_near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cytolapse.data.movie import Movie


class Note(NamedTuple):
    """What is known of one truth object; None = unknown.

    Attributes:
        track: label of its track.
        since_division: frames since the first one of a track that a division began: 0 in that frame.
        until_division: frames until the last one of a track that ends in a division: 0 in that frame.
        near_seam: whether it comes near a seam between tiles; None where nothing was tiled.
    """

    track: int | None = None
    since_division: int | None = None
    until_division: int | None = None
    near_seam: bool | None = None


@dataclass(frozen=True, eq=False)
class Context:
    """The movies that were scored; they are looked into when notes are asked for.

    Attributes:
        movies: frames with truth, markers and tracks.
        reference: the truth whose objects are meant.
        near: sequence -> pixels near seams (Y, X) bool; without those of whole frames.
    """

    movies: Sequence[Movie]
    reference: str
    near: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @cached_property
    def _places(self) -> dict[tuple[str, int], tuple[Movie, int]]:
        return {(movie.sequence, int(n)): (movie, t) for movie in self.movies for t, n in enumerate(movie.numbers)}

    @cached_property
    def _lives(self) -> dict[str, dict[int, Life]]:
        return {movie.sequence: lives(movie.tracks) for movie in self.movies if movie.tracks is not None}

    def notes(self, sequence: str, frame: int, ids: Sequence[int]) -> list[Note]:
        """What is known of these truth objects of a frame."""
        movie, t = self._places[sequence, frame]
        truth = np.asarray(movie.references[self.reference].labels[t])
        known, near = self._lives.get(sequence, {}), self.near.get(sequence)
        track = {} if movie.markers is None else tracks_of(truth, np.asarray(movie.markers[t]))
        close = None if near is None else ids_near(truth, near)
        return [_note(track.get(each), known, frame, None if close is None else each in close) for each in ids]


class Life(NamedTuple):
    """Frame numbers of a track: its first one, if a division began it, and its last one, if it ends in one."""

    born: int | None
    divides: int | None


def lives(tracks: NDArray[np.integer]) -> dict[int, Life]:
    """Label -> life, of rows of label, first frame, last frame, parent (N, 4).

    A parent with one daughter did not divide: it was out of sight for a while.

    >>> lives(np.array([[1, 0, 4, 0], [2, 5, 9, 1], [3, 5, 7, 1], [4, 9, 9, 3]]))[2]
    Life(born=5, divides=None)
    """
    rows = np.asarray(tracks).tolist()
    daughters = Counter(parent for *_, parent in rows if parent)
    return {
        label: Life(first if daughters[parent] > 1 else None, last if daughters[label] > 1 else None)
        for label, first, last, parent in rows
    }


def tracks_of(truth: NDArray[np.integer], markers: NDArray[np.integer]) -> dict[int, int]:
    """Truth id -> label of the one marker that has more than half of its pixels in it; both (Y, X).

    An object that holds several markers belongs to no single track, and is left out.
    """
    at = np.flatnonzero(markers != 0)
    marker, object_ = markers.ravel()[at], truth.ravel()[at]
    area = dict(zip(*(each.tolist() for each in np.unique(marker, return_counts=True)), strict=True))
    pairs, shared = np.unique(np.stack([marker, object_]).astype(np.int64), axis=1, return_counts=True)
    held = [(t, m) for m, t, n in zip(*pairs.tolist(), shared.tolist(), strict=True) if t and 2 * n > area[m]]
    several = Counter(t for t, _ in held)
    return {t: m for t, m in held if several[t] == 1}


def _note(track: int | None, known: Mapping[int, Life], frame: int, near: bool | None) -> Note:
    if track is None or track not in known:
        return Note(near_seam=near)
    born, divides = known[track]
    return Note(track, None if born is None else frame - born, None if divides is None else divides - frame, near)
