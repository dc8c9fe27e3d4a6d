"""Two folders of label images, paired by frame number and compared."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from cytolapse.data.ctc import MARKER, numbered, read_facts
from cytolapse.data.tiff import SUFFIXES, Array, as_labels, read_image
from cytolapse.errors import CytolapseError
from cytolapse.metrics.matching import Matching, is_full, match
from cytolapse.metrics.result import Result, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LABELS = re.compile(r"(?!\.).*?(\d+)\D*\.tiff?", re.IGNORECASE)
TRUTH = re.compile(r"(\d\d)_(GT|ST)")


@dataclass(frozen=True)
class TruthFolder:
    """A folder of truth masks, and what its place in a data set tells.

    Args:
        files: frame number -> mask.
        markers: frame number -> TRA marker image, for gold truth only.
        sequence: "01" for `01_GT/SEG`; "" for a plain folder.
        root: folder of the data set; None for a plain folder.
    """

    files: Mapping[int, Path]
    markers: Mapping[int, Path] = field(default_factory=dict)
    sequence: str = ""
    root: Path | None = None

    @property
    def border(self) -> int:
        """The data set's field of interest in px: `dataset.toml`, else by the folder's name; 0 for a plain folder."""
        return read_facts(self.root).border if self.root else 0


def open_truth(folder: Path) -> TruthFolder:
    """Find the masks of a plain folder, of `NN_GT`, `NN_ST`, or of the SEG folder in either.

    Raises:
        CytolapseError: the folder is absent, empty, or holds files that can't be paired.
    """
    if folder.is_dir() and TRUTH.fullmatch(folder.resolve().name):
        folder = folder / "SEG"
    files, home = label_files(folder), folder.resolve().parent
    place = TRUTH.fullmatch(home.name)
    if not place:
        return TruthFolder(files)
    markers = numbered(home / "TRA", MARKER) if place[2] == "GT" else {}
    return TruthFolder(files, markers, place[1], home.parent)


def label_files(folder: Path) -> dict[int, Path]:
    """Frame number -> TIFF; the number is the last one in the name, of any number of digits.

    Raises:
        CytolapseError: the folder is absent or has no TIFF, a name has no number, or two names have the same.
    """
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise CytolapseError(f"{folder} {state}: give a folder of label images, one TIFF per frame")
    tiffs = {path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")}
    if not tiffs:
        raise CytolapseError(f"{folder} holds no TIFF (.tif, .tiff): give a folder of label images, one per frame")
    files = numbered(folder, LABELS)
    unnumbered = sorted(tiffs - set(files.values()))
    if unnumbered:
        raise CytolapseError(
            f"{unnumbered[0]} has no frame number in its name: name it like mask0000.tif, or remove it"
        )
    return files


def score_folders(truth: Path, prediction: Path, border: int | None = None) -> Result:
    """Compare a folder of predictions with a folder of truth masks.

    On gold truth with TRA markers, frames with a marker outside all truth cells are not full. `det` is defined where
    every marker image has a prediction.

    Args:
        truth: folder of masks (`open_truth`).
        prediction: folder of masks; those without truth are ignored and counted.
        border: width in px of the band whose objects are dropped; None takes the data set's own.

    Raises:
        CytolapseError: what can't be read, paired or compared, naming the file.
    """
    known, predicted = open_truth(truth), label_files(prediction)
    border = known.border if border is None else border
    missing = sorted(set(known.files) - set(predicted))
    if missing:
        more = f" ({len(missing)} such frames)" if len(missing) > 1 else ""
        name = known.files[missing[0]]
        raise CytolapseError(
            f"{name} has no prediction of frame {missing[0]} in {prediction}{more}: segment that frame too"
        )
    marked = known.markers if set(known.markers) <= set(predicted) else {}
    pair = _Pair(known.sequence, border)
    masks, markers = [], []
    for number in tqdm(sorted({*known.files, *marked}), desc="scoring", unit="frame", delay=2, leave=False):
        if number in known.files:
            masks.append(pair.match(number, known.files[number], predicted[number], _is_full(known, number)))
        if number in marked:
            markers.append(pair.match(number, marked[number], predicted[number]))
    return summarise(masks, markers, ignored=len(set(predicted) - set(known.files)))


def read_labels(path: Path) -> Array:
    """The labels in a TIFF file: (Y, X) uint16 or int32, 0 = background.

    Raises:
        CytolapseError: the file can't be read or is no label image.
    """
    return as_labels(path, read_image(path))


class _Pair(NamedTuple):
    """What the matchings of all frames share."""

    sequence: str
    border: int

    def match(self, number: int, truth: Path, prediction: Path, full: bool = True) -> Matching:
        labels, predicted = read_labels(truth), read_labels(prediction)
        with _naming(truth, prediction):
            return match(labels, predicted, self.border, self.sequence, number, full)


def _is_full(known: TruthFolder, number: int) -> bool:
    if not known.markers or number not in known.markers:
        return not known.markers
    mask, marker = known.files[number], known.markers[number]
    with _naming(marker, mask):
        return is_full(read_labels(mask), read_labels(marker))


@contextmanager
def _naming(truth: Path, prediction: Path) -> Iterator[None]:
    try:
        yield
    except CytolapseError as error:
        raise CytolapseError(f"{truth} against {prediction}: {error}") from error
