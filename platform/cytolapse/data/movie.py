"""Movie: frames over time with what is known about them, and DataSet: the movies of a folder."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cytolapse.data import cache, ctc, decode
from cytolapse.data.tiff import SUFFIXES, Array
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cytolapse.data.ignore import Ignored, IgnoreList

REFERENCES = ("silver", "gold")


@dataclass(frozen=True, eq=False)
class Reference:
    """One truth of a movie.

    Attributes:
        labels: (T, Y, X) uint16 or int32, 0 = background, and 0 throughout where nothing is known.
        known: (T,) bool, the frames that have a mask.
        full: (T,) bool, the known frames in which no cell is missing, so that false positives can be counted.
        ignored: frame position -> what of it counts for nothing, where there is such.
    """

    labels: Array
    known: Array
    full: Array
    ignored: Mapping[int, Ignored] = field(default_factory=dict)

    def __getitem__(self, frames: slice) -> Reference:
        kept = range(len(self.known))[frames]
        ignored = {new: self.ignored[old] for new, old in enumerate(kept) if old in self.ignored}
        return Reference(self.labels[frames], self.known[frames], self.full[frames], ignored)


@dataclass(frozen=True, eq=False)
class Movie:
    """The frames of one sequence and what is known about them; all arrays are read from disk where they are used.

    Attributes:
        sequence: its name, as "01".
        frames: (T, Y, X) uint8 or uint16.
        numbers: (T,) int64, the frame numbers of the file names, ascending.
        references: the truths that exist, by name: "silver", "gold".
        markers: (T, Y, X) uint16 or int32 tracking markers, or None.
        tracks: (N, 4) int64 rows of label, first frame, last frame, parent (0 = none), or None. They speak of frame
            NUMBERS and stay whole in a slice.

    `movie[10:20]` is the movie of these frame positions.
    """

    sequence: str
    frames: Array
    numbers: Array
    references: Mapping[str, Reference] = field(default_factory=dict)
    markers: Array | None = None
    tracks: Array | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, frames: slice) -> Movie:
        return replace(
            self,
            frames=self.frames[frames],
            numbers=self.numbers[frames],
            references={name: reference[frames] for name, reference in self.references.items()},
            markers=None if self.markers is None else self.markers[frames],
        )


@dataclass(frozen=True, eq=False)
class DataSet:
    """The movies of a folder in the Cell Tracking Challenge's layout.

    Attributes:
        name: what `dataset.toml` says, else the folder's name.
        path: the folder.
        movies: sequence -> movie, sorted.
        um: um per pixel, or None.
        minutes: minutes per frame, or None.
        border: cells that lie wholly within this many px of the edge are not scored.
        digest: 16 hex digits over the names and content of all frames and truth files.
        ignore: what of the silver truth counts for nothing; None where no list was given.
    """

    name: str
    path: Path
    movies: Mapping[str, Movie]
    um: float | None
    minutes: float | None
    border: int
    digest: str
    ignore: IgnoreList | None = None

    def need_truth(self, name: str) -> None:
        """Refuse a data set of which no frame has this truth.

        Raises:
            CytolapseError: no frame has it; the message says which truth there is.
        """
        if any(name in movie.references and movie.references[name].known.any() for movie in self.movies.values()):
            return
        has = sorted(
            {other for movie in self.movies.values() for other, each in movie.references.items() if each.known.any()}
        )
        folder = "NN_ST/SEG" if name == "silver" else "NN_GT/SEG"
        instead = f"; there is {' and '.join(has)} truth" if has else ""
        raise CytolapseError(
            f"{self.path} has no {name} truth: masks {folder}/man_segTTT.tif of its frames are expected{instead}"
        )


def open_dataset(path: Path | str, ignore: IgnoreList | None = None) -> DataSet:
    """Open a data set; its images are decoded into the cache the first time and when a file changed.

    Args:
        path: the folder.
        ignore: what of its silver truth counts for nothing.

    Raises:
        CytolapseError: the folder is no data set, a file is unreadable or does not fit, the cache can't be written, or
            the ignore list is not of these data.
    """
    path = Path(path)
    facts, movies, digests = ctc.read_facts(path), {}, []
    for name, sources in ctc.sequences(path).items():
        title = f"{facts.name}/{name}"
        arrays, digest = cache.entry(path / name, sources.files, decode.sequence(sources, title), title)
        movies[name] = _movie(name, arrays)
        digests.append(digest)
    dataset = DataSet(facts.name, path, movies, facts.um, facts.minutes, facts.border, _joined(digests))
    return dataset if ignore is None else ignore.applied(dataset)


def read_digest(path: Path) -> str:
    """`DataSet.digest` of what lies in a folder now; every file is read, none decoded.

    Raises:
        CytolapseError: the folder is no data set, or a file can't be read.
    """
    return _joined([cache.digest(path / name, sources.files) for name, sources in ctc.sequences(path).items()])


def _joined(digests: list[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def open_frames(path: Path | str) -> Movie:
    """Open a plain folder of TIFFs or one multi-page stack: frames without truth.

    In a folder the last number in each file's name is its frame number; a stack's frames count from 0.

    Raises:
        CytolapseError: there is nothing to read, files can't be told apart by number, or a file is unreadable.
    """
    path = Path(path)
    if not path.exists():
        raise CytolapseError(f"{path} does not exist: give a folder of TIFFs or one multi-page stack")
    if path.is_file():
        arrays, _ = cache.entry(path, [path], decode.stack(path), path.name)
    else:
        sources = ctc.Sources(path.name, _plain(path))
        arrays, _ = cache.entry(path, sources.files, decode.sequence(sources, path.name), path.name)
    return _movie(path.stem, arrays)


def _movie(name: str, arrays: cache.Entry) -> Movie:
    references = {
        each: Reference(arrays[each], arrays[f"{each}_known"], arrays[f"{each}_full"])
        for each in REFERENCES
        if each in arrays
    }
    return Movie(name, arrays["frames"], arrays["numbers"], references, arrays.get("markers"), arrays.get("tracks"))


def _plain(folder: Path) -> dict[int, Path]:
    ctc.need_folder(folder)
    if any(ctc.SEQUENCE.fullmatch(each.name) for each in folder.iterdir() if each.is_dir()):
        raise CytolapseError(f"{folder} is a data set: give the folder of one sequence, {folder}/01 or the like")
    pattern = re.compile(r"(?!\.).*?(\d+)\D*\.tiff?", re.IGNORECASE)
    found = ctc.numbered(folder, pattern)
    if not found:
        raise CytolapseError(
            f"{folder} holds no frames: TIFF files ({', '.join(SUFFIXES)}) with a number in their names are expected"
        )
    return found
