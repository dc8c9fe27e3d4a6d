"""The masks of movies against every truth that is known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.data.movie import Reference
from cytolapse.data.tiff import Array
from cytolapse.metrics.context import Context
from cytolapse.metrics.result import Result, summarise
from cytolapse.metrics.tracks import Tracks
from cytolapse.metrics.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from cytolapse.data import Movie
    from cytolapse.metrics.matching import Matching

Masks = Callable[[str, int], Array]
"""Sequence and frame number -> the predicted labels of that frame, (Y, X)."""
Frame = tuple[str, int]
"""Sequence and frame number."""


def known(movie: Movie, reference: str) -> NDArray[np.bool_]:
    """Which frames have a mask of that truth: (T,); none where the movie has no such truth."""
    truth = movie.references.get(reference)
    return np.zeros(len(movie.numbers), dtype=bool) if truth is None else np.asarray(truth.known)


def references(movies: Sequence[Movie]) -> list[str]:
    """The truths that know at least one frame, sorted."""
    names = sorted({name for movie in movies for name in movie.references})
    return [name for name in names if any(known(movie, name).any() for movie in movies)]


def score_movies(
    movies: Sequence[Movie],
    masks: Masks,
    border: int,
    only: Container[Frame] | None = None,
    near: Mapping[str, NDArray[np.bool_]] | None = None,
    tracks: Mapping[str, Array] | None = None,
) -> dict[str, Result]:
    """Reference -> result, over the frames it knows; DET and TRA, on the markers of all frames, stand with gold.

    Args:
        movies: frames with their truth, one movie a sequence.
        masks: what was predicted; asked for frames with truth or markers.
        border: width in px of the band that is ignored.
        only: the frames to score; all where it is None.
        near: sequence -> pixels near the seams of tiles (Y, X), where frames were cut into tiles.
        tracks: sequence -> tracks of the masks, (N, 4), where they are linked.
    """
    marked = [(movie, _of_markers(movie)) for movie in movies if movie.markers is not None]
    markers = {"gold": [each for pair in marked for each in _matchings(*pair, masks, border, only)]}
    linked = {
        movie.sequence: Tracks(np.asarray(movie.tracks), tracks[movie.sequence])
        for movie, _ in marked
        if tracks and movie.sequence in tracks and movie.tracks is not None
    }
    results = {}
    for name in references(movies):
        truths = [(movie, movie.references[name]) for movie in movies if name in movie.references]
        found = [each for pair in truths for each in _matchings(*pair, masks, border, only)]
        context, of_tracks = Context(movies, name, near or {}), linked if name in markers else {}
        results[name] = summarise(found, markers.get(name, ()), context=context, tracks=of_tracks)
    return results


def _of_markers(movie: Movie) -> Reference:
    """The tracking markers as a truth that knows every frame."""
    assert movie.markers is not None
    every = np.ones(len(movie.numbers), dtype=bool)
    return Reference(movie.markers, every, every)


def _matchings(
    movie: Movie, truth: Reference, masks: Masks, border: int, only: Container[Frame] | None
) -> Iterator[Matching]:
    for t in np.flatnonzero(truth.known):
        number = int(movie.numbers[t])
        if only is None or (movie.sequence, number) in only:
            yield Truth.of(movie, truth, int(t)).match(masks(movie.sequence, number), border)
