"""Masks: where what is evaluated comes from, a segmenter or files that another program wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.data import Movie
    from cytolapse.segmenter import Segmenter
    from cytolapse.tiles import Tiling


class MaskSource(Protocol):
    """The labels of every frame of a movie, and what the report says of how they were made."""

    @property
    def name(self) -> str:
        """The recipe, or the tool."""
        ...

    @property
    def origin(self) -> str:
        """How they were made, in a sentence."""
        ...

    def of(self, movie: Movie) -> Iterator[NDArray[Any]]:
        """Labels (Y, X), 0 = background, frame by frame."""
        ...

    def tracks(self, movie: Movie) -> Path | None:
        """The file with the tracks of these labels, a `res_track.txt`; None where they are still to be linked."""
        ...

    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """How frames (Y, X) were cut into tiles."""
        ...


@dataclass(frozen=True)
class Segmented:
    """Masks that a segmenter makes."""

    segmenter: Segmenter

    @property
    def name(self) -> str:
        """The recipe."""
        return self.segmenter.config.recipe

    @property
    def origin(self) -> str:
        """The operating point."""
        return (
            "Operating point: " + ", ".join(f"{name} {value:g}" for name, value in self.segmenter.point.items()) + "."
        )

    def of(self, movie: Movie) -> Iterator[NDArray[Any]]:
        """See `MaskSource.of`."""
        return self.segmenter.segment(movie.frames)

    def tracks(self, movie: Movie) -> None:
        """See `MaskSource.tracks`."""

    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """See `MaskSource.tiling`."""
        return self.segmenter.tiling(shape)
