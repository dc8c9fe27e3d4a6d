"""Masks that another tool left in files, as an evaluation takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.data.accept import Seen, as_mask
from cytolapse.data.findings import count, ranges
from cytolapse.data.masks import TRACKS
from cytolapse.data.pictures import need_there, open_pictures
from cytolapse.errors import CytolapseError
from cytolapse.tiles import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.data import DataSet, Movie
    from cytolapse.data.pictures import Pictures

RESULT = re.compile(r"(\d\d)(_RES)?")


@dataclass(frozen=True)
class ToolMasks:
    """Masks that lie in files, as an evaluation takes them.

    Attributes:
        name: the tool's.
        path: where they lie.
        dataset: what they are masks of.
        pictures: sequence -> its masks.
        ignored: how many of them are of frames that are not scored.
    """

    name: str
    path: Path
    dataset: DataSet
    pictures: Mapping[str, Pictures]
    ignored: int = 0

    @classmethod
    def open(cls, name: str, path: Path, dataset: DataSet, sequence: str = "") -> ToolMasks:
        """The masks in a folder or a stack, or in a folder with NN_RES or NN for several sequences.

        Args:
            name: the tool's.
            path: where they lie.
            dataset: what they are masks of.
            sequence: which sequence they are of; "" where that is plain.

        Raises:
            CytolapseError: it can't be told which sequence they are of, or the data set does not have it.
        """
        need_there(path)
        places, has = _places(path, dataset, sequence), ", ".join(dataset.movies)
        if "" in places:
            raise CytolapseError(f"{dataset.path} has the sequences {has}: say with --sequence which {path} is of")
        if strange := sorted(set(places) - set(dataset.movies)):
            raise CytolapseError(
                f"{path} has masks of sequence {', '.join(strange)}, but {dataset.path} has the sequences {has}"
            )
        opened = {number: open_pictures(place, masks=True) for number, place in sorted(places.items())}
        return cls(name, path, dataset, opened)

    @property
    def origin(self) -> str:
        """See `MaskSource.origin`."""
        rest = f" {count(self.ignored, 'mask')} of other frames {'was' if self.ignored == 1 else 'were'} ignored."
        alone = [each for each in self.pictures if self._tracks(each) is None]
        said = f"Masks of {self.name}, from {self.path}.{rest if self.ignored else ''}"
        if not alone:
            return f"{said} The tracks are the tool's own."
        return f"{said} Sequence {' and '.join(alone)} came without {TRACKS}: ids, TRA and LNK are of our linking."

    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """See `MaskSource.tiling`: what a tool cut is not known."""
        return Tiling(shape)

    def numbers(self, sequence: str) -> list[int]:
        """The frames of a sequence that have a mask.

        Raises:
            CytolapseError: a mask is of a frame that does not exist, or a stack has more or fewer than the sequence.
        """
        pictures, frames = self.pictures[sequence], self.dataset.movies[sequence].numbers.tolist()
        if pictures.positional and len(pictures.numbers) != len(frames):
            raise CytolapseError(
                f"{pictures.path} holds {count(len(pictures.numbers), 'mask')}, but sequence {sequence} of "
                f"{self.dataset.path} has {count(len(frames), 'frame')}: a stack must hold one for each"
            )
        found = frames if pictures.positional else list(pictures.numbers)
        if strange := set(found) - set(frames):
            raise CytolapseError(
                f"{pictures.path} has masks of frames {ranges(strange)}, but sequence {sequence} of "
                f"{self.dataset.path} has the frames {ranges(frames)}: number the masks as the frames are"
            )
        return found

    def missing(self, movies: Sequence[Movie]) -> str:
        """Which frames of a part have no mask, in words; "" where all have."""
        absent = {
            movie.sequence: set(movie.numbers.tolist())
            - set(self.numbers(movie.sequence) if movie.sequence in self.pictures else [])
            for movie in movies
        }
        return " and ".join(f"{ranges(each)} of sequence {sequence}" for sequence, each in absent.items() if each)

    def of(self, movie: Movie) -> Iterator[NDArray[Any]]:
        """See `MaskSource.of`.

        Raises:
            CytolapseError: a file is no label image of that size, or all cells of a frame share one id.
        """
        pictures, every = self.pictures[movie.sequence], self.numbers(movie.sequence)
        places = dict(zip(every, pictures.numbers, strict=True))
        numbers, seen = movie.numbers.tolist(), Seen()
        images = pictures.read([places[number] for number in numbers])
        for number, (path, image) in zip(numbers, images, strict=True):
            labels = as_mask(path, image, movie.frames.shape[1:])
            seen.add(number, path, labels)
            yield labels
        seen.need_instances()

    def tracks(self, movie: Movie) -> Path | None:
        """See `MaskSource.tracks`: the tool's own ones, where its masks have them beside them."""
        return self._tracks(movie.sequence)

    def _tracks(self, sequence: str) -> Path | None:
        path = self.pictures[sequence].path / TRACKS
        return path if path.is_file() else None


def _places(path: Path, dataset: DataSet, sequence: str) -> dict[str, Path]:
    """Sequence -> where its masks lie; the sequence is "" where nothing says it."""
    folders = [each for each in path.iterdir() if each.is_dir()] if path.is_dir() else []
    named = {each: match for each in folders if (match := RESULT.fullmatch(each.name))}
    results = {each: match for each, match in named.items() if match[2]} or named
    if results:
        found = {match[1]: each for each, match in results.items()}
        if sequence and sequence not in found:
            raise CytolapseError(f"{path} has masks of the sequences {', '.join(sorted(found))}, not of {sequence}")
        return {sequence: found[sequence]} if sequence else found
    match = RESULT.fullmatch(path.resolve().name)
    only = next(iter(dataset.movies)) if len(dataset.movies) == 1 else ""
    return {sequence or (match[1] if match else only): path}
