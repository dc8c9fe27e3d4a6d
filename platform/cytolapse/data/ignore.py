"""The ignore list: objects and places of the silver truth that are wrong, so that nothing counts them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.data.movie import DataSet, Movie

BOX = ("y0", "x0", "y1", "x1")
NEEDED = ("data", "sequence", "frame", "label", *BOX)
Box = tuple[int, int, int, int]
"""Top, left, bottom, right in px; the last two are not part of it."""


class Ignored(NamedTuple):
    """What of one silver frame counts for nothing: objects by label, and boxes in which models see something else."""

    labels: frozenset[int] = frozenset()
    boxes: tuple[Box, ...] = ()

    def where(self, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """The pixels of a frame (Y, X) that it speaks of: (Y, X)."""
        return np.isin(labels, list(self.labels)) | self._boxes(labels.shape)

    def drawn(self, labels: NDArray[np.integer]) -> tuple[NDArray[np.int32], int]:
        """The frame (Y, X) with the background of all boxes as one more object, and that object's id (0 = none)."""
        drawn = labels.astype(np.int32)
        if not self.boxes:
            return drawn, 0
        own = int(drawn.max(initial=0)) + 1
        drawn[self._boxes(labels.shape) & (drawn == 0)] = own
        return drawn, own

    def _boxes(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        inside = np.zeros(shape, bool)
        for y0, x0, y1, x1 in self.boxes:
            inside[y0:y1, x0:x1] = True
        return inside


NOTHING = Ignored()


class Entry(NamedTuple):
    """One row: silver objects of a frame, a box, or both; `line` is its place in the file."""

    sequence: str
    frame: int
    labels: tuple[int, ...]
    box: Box | None
    data: str
    line: int


@dataclass(frozen=True)
class IgnoreList:
    """What a file says is to be ignored.

    Attributes:
        text: the file's content.
        name: what to call it in messages.
        entries: its rows.
    """

    text: str
    name: str
    entries: tuple[Entry, ...]

    @property
    def digest(self) -> str:
        """16 hex digits over what is ignored, whatever the order and the other columns."""
        said = sorted({str(entry[:5]) for entry in self.entries})
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    def applied(self, dataset: DataSet) -> DataSet:
        """The data set of which the silver truth knows what is ignored in it.

        Raises:
            CytolapseError: the list is of other data, or names what these do not have.
        """
        found: dict[str, dict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry in self.entries:
            self._need_data(entry, dataset)
            movie = self._movie(entry, dataset)
            found[movie.sequence][self._position(entry, movie)].append(entry)
        movies = {name: self._marked(movie, found.get(name, {})) for name, movie in dataset.movies.items()}
        return replace(dataset, movies=movies, ignore=self)

    def _marked(self, movie: Movie, frames: Mapping[int, list[Entry]]) -> Movie:
        if not frames:
            return movie
        silver = movie.references["silver"]
        ignored = {t: self._ignored(np.asarray(silver.labels[t]), entries) for t, entries in frames.items()}
        return replace(movie, references={**movie.references, "silver": replace(silver, ignored=ignored)})

    def _ignored(self, labels: NDArray[Any], entries: Iterable[Entry]) -> Ignored:
        present, (height, width) = set(np.unique(labels).tolist()) - {0}, labels.shape
        for entry in entries:
            for label in set(entry.labels) - present:
                has = ", ".join(map(str, sorted(present)[:8])) or "none"
                raise self._error(entry, f"its frame has no silver object {label}: there are {has}")
            y0, x0, y1, x1 = entry.box or (0, 0, 1, 1)
            if not (y0 < y1 <= height and x0 < x1 <= width):
                raise self._error(entry, f"the box {entry.box} does not lie in the frame of {height} x {width} px")
        boxes = (entry.box for entry in entries if entry.box)
        return Ignored(frozenset(label for entry in entries for label in entry.labels), tuple(boxes))

    def _need_data(self, entry: Entry, dataset: DataSet) -> None:
        own = data_key(dataset)
        if entry.data == own:
            return
        if entry.data.rpartition(":")[0] == dataset.name:
            what = f"{dataset.path} has changed since that list was made (then {entry.data}, now {own})"
            raise self._error(entry, f"{what}: its labels may mean other cells; run `cytolapse audit` again")
        raise self._error(entry, f"it is of the data {entry.data!r}, and {dataset.path} is {own}")

    def _movie(self, entry: Entry, dataset: DataSet) -> Movie:
        if entry.sequence in dataset.movies:
            return dataset.movies[entry.sequence]
        raise self._error(entry, f"there is no sequence {entry.sequence!r}: there are {', '.join(dataset.movies)}")

    def _position(self, entry: Entry, movie: Movie) -> int:
        at = np.flatnonzero(np.asarray(movie.numbers) == entry.frame)
        if not len(at):
            has = f"its frames are {movie.numbers[0]} to {movie.numbers[-1]}"
            raise self._error(entry, f"sequence {movie.sequence} has no frame {entry.frame}: {has}")
        silver = movie.references.get("silver")
        if silver is None or not silver.known[at[0]]:
            raise self._error(entry, f"frame {entry.frame} of sequence {movie.sequence} has no silver mask to ignore")
        return int(at[0])

    def _error(self, entry: Entry, what: str) -> CytolapseError:
        return CytolapseError(f"{self.name} line {entry.line}: {what}")


def data_key(dataset: DataSet) -> str:
    """What the column `data` says: name and digest."""
    return f"{dataset.name}:{dataset.digest}"


def read_ignore(path: Path) -> IgnoreList:
    """The ignore list in a file: `audit.csv`, or a table with the columns of NEEDED.

    Raises:
        CytolapseError: it can't be read, has no rows, lacks a column, or a value is of the wrong kind.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CytolapseError(f"{path} can't be read ({reason}): give the audit.csv of `cytolapse audit`") from error
    return parse_ignore(text, str(path))


def parse_ignore(text: str, name: str) -> IgnoreList:
    """The ignore list in a text; arguments and errors as of `IgnoreList` and `read_ignore`."""
    header = text.partition("\n")[0]
    # Spreadsheets write semicolons where the comma is the decimal sign.
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",")
    missing = [column for column in NEEDED if column not in (table.fieldnames or ())]
    if missing:
        raise CytolapseError(
            f"{name} has no column {', '.join(missing)}: an ignore list is the audit.csv of `cytolapse audit`"
        )
    entries = tuple(_entry(row, table.line_num, name) for row in table)
    if not entries:
        raise CytolapseError(f"{name} has no rows, so it ignores nothing: leave out --ignore")
    return IgnoreList(text, name, entries)


def _entry(row: Mapping[str, str | None], line: int, name: str) -> Entry:
    given = {column: (row[column] or "").strip() for column in NEEDED}
    for column in ("data", "sequence", "frame"):
        if not given[column]:
            raise CytolapseError(f"{name} line {line}: {column} is empty")
    for column in ("frame", "label", *BOX):
        words = given[column].split() if column == "label" else [given[column] or "0"]  # "3 7" names two objects
        if not all(word.isdecimal() for word in words):
            raise CytolapseError(f"{name} line {line}: {column} is {given[column]!r}, where a whole number is expected")
    sides = [given[side] for side in BOX]
    if any(sides) and not all(sides):
        raise CytolapseError(f"{name} line {line}: a box takes all of {', '.join(BOX)}")
    box = tuple(map(int, sides)) if all(sides) else None
    labels = tuple(map(int, given["label"].split()))
    if not labels and box is None:
        raise CytolapseError(f"{name} line {line} names neither a label nor a box")
    sequence = given["sequence"].zfill(2)  # a spreadsheet makes 1 of 01
    return Entry(sequence, int(given["frame"]), labels, box, given["data"], line)  # type: ignore[arg-type]
