"""Two folders of label images, paired by frame number and compared."""

from __future__ import annotations

import logging
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdm import tqdm

from cytolapse.data.accept import PICTURE, Seen, like_a_picture
from cytolapse.data.check import present
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.ctc import Sources, numbered, read_facts, read_tracks, sources
from cytolapse.data.masks import TRACKS
from cytolapse.data.tiff import SUFFIXES, Array, as_labels, read_image
from cytolapse.errors import CytolapseError
from cytolapse.metrics.matching import Matching, is_full, match
from cytolapse.metrics.result import Result, summarise
from cytolapse.metrics.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)
LABELS = re.compile(r"(?!\.).*?(\d+)\D*\.tiff?", re.IGNORECASE)
TRUTH = re.compile(r"(\d\d)_(GT|ST)")
TWICE = "rename them, the last number in a name being the frame's, or remove one"


@dataclass(frozen=True)
class TruthFolder:
    """A folder of truth masks, and what its place in a data set tells.

    Args:
        files: frame number -> mask.
        markers: frame number -> TRA marker image, for gold truth only.
        tracks: the file of the markers' tracks, where there is one.
        sequence: "01" for `01_GT/SEG`; "" for a plain folder.
        root: folder of the data set; None for a plain folder.
    """

    files: Mapping[int, Path]
    markers: Mapping[int, Path] = field(default_factory=dict)
    tracks: Path | None = None
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
    known = sources(home.parent, place[1]) if place[2] == "GT" else Sources(place[1], {})
    return TruthFolder(files, known.markers, known.tracks, place[1], home.parent)


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
        inside = {str(path.parent.relative_to(folder)) for way in ("*", "*/*") for path in folder.glob(f"{way}/*.tif*")}
        but = f", but folders in it do ({', '.join(sorted(inside)[:6])})" if inside else ""
        raise CytolapseError(f"{folder} holds no TIFF (.tif, .tiff){but}: give a folder of label images, one per frame")
    files = numbered(folder, LABELS, TWICE)
    unnumbered = sorted(tiffs - set(files.values()))
    if unnumbered:
        raise CytolapseError(
            f"{unnumbered[0]} has no frame number in its name: name it like mask0000.tif, or remove it"
        )
    return files


def score_folders(truth: Path, prediction: Path, border: int | None = None) -> Result:
    """Compare a folder of predictions with a folder of truth masks.

    On gold truth with TRA markers, frames with a marker outside all truth cells are not full. `det` is defined where
    every marker image has a prediction, `tra` where both sides have tracks too (`man_track.txt`, `res_track.txt`).

    Args:
        truth: folder of masks (`open_truth`).
        prediction: folder of masks; those without truth are ignored and counted.
        border: width in px of the band whose objects are dropped; None takes the data set's own.

    Raises:
        CytolapseError: what can't be read, paired or compared, naming the file.
    """
    known, predicted = open_truth(truth), label_files(prediction)
    missing = sorted(set(known.files) - set(predicted))
    if missing:
        more = f" ({len(missing)} such frames)" if len(missing) > 1 else ""
        name = known.files[missing[0]]
        raise CytolapseError(
            f"{name} has no prediction of frame {missing[0]} in {prediction}{more}: segment that frame too"
        )
    marked = known.markers if set(known.markers) <= set(predicted) else {}
    linked = prediction / TRACKS
    scoring = _Scoring(known, predicted, marked, known.border if border is None else border)
    numbers = sorted(predicted if linked.is_file() else {*known.files, *marked})
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and comparing let other threads run
        done = pool.map(scoring.frame, numbers)
        for _ in tqdm(done, desc="scoring", unit="frame", total=len(numbers), delay=2, leave=False):
            pass
    scoring.doubt()
    tracks = scoring.tracks(linked) if linked.is_file() else {}
    masks, markers = ([found[number] for number in sorted(found)] for found in (scoring.masks, scoring.markers))
    return summarise(masks, markers, len(set(predicted) - set(known.files)), tracks=tracks)


def read_labels(path: Path) -> Array:
    """The labels in a TIFF file: (Y, X) uint16 or int32, 0 = background.

    Raises:
        CytolapseError: the file can't be read or is no label image.
    """
    return as_labels(path, read_image(path, exact=True))


@dataclass
class _Scoring:
    """What is found in each frame, by its number."""

    known: TruthFolder
    predicted: Mapping[int, Path]
    marked: Mapping[int, Path]
    border: int
    masks: dict[int, Matching] = field(default_factory=dict)
    markers: dict[int, Matching] = field(default_factory=dict)
    marker_ids: dict[int, set[int]] = field(default_factory=dict)
    of_truth: Seen = field(default_factory=Seen)
    of_prediction: Seen = field(default_factory=Seen)

    def frame(self, number: int) -> None:
        """Compare one prediction with the mask and the markers of its frame, where there are any."""
        predicted = read_labels(self.predicted[number])
        self._note(self.of_prediction, number, self.predicted[number], predicted)
        files = self.known.files.get(number), self.known.markers.get(number)
        truth, markers = (None if file is None else read_labels(file) for file in files)
        if files[0] and truth is not None:
            self._note(self.of_truth, number, files[0], truth)
            self.masks[number] = self._match(number, files[0], truth, predicted, self._is_full(number, truth, markers))
        if number in self.marked and markers is not None:
            self.marker_ids[number] = present(markers)
            self.markers[number] = self._match(number, self.marked[number], markers, predicted)

    def _note(self, seen: Seen, number: int, path: Path, labels: Array) -> None:
        seen.note(number, path, labels)
        if number == min(self.known.files) and like_a_picture(labels):
            log.warning(f"{path} {PICTURE}")

    def doubt(self) -> None:
        """Say what is odd about the masks."""
        for doubt in filter(None, (self.of_truth.binary, self.of_prediction.binary)):
            log.warning(doubt)

    def _is_full(self, number: int, truth: Array, markers: Array | None) -> bool:
        if markers is None:
            return not self.known.markers
        with _naming(self.known.markers[number], self.known.files[number]):
            return is_full(truth, markers)

    def _match(self, number: int, file: Path, truth: Array, predicted: Array, full: bool = True) -> Matching:
        with _naming(file, self.predicted[number]):
            return match(truth, predicted, self.border, self.known.sequence, number, full)

    def tracks(self, linked: Path) -> dict[str, Tracks]:
        """Sequence -> its tracks, where the truth has some too.

        Raises:
            CytolapseError: a track file can't be read or disagrees with its masks.
        """
        found = read_tracks(linked)
        need_valid(linked, found, self.of_prediction.ids)
        if self.known.tracks is None or not self.marked:
            return {}
        truth = read_tracks(self.known.tracks)
        need_valid(self.known.tracks, truth, self.marker_ids, gaps=True)
        return {self.known.sequence: Tracks(truth, found)}


@contextmanager
def _naming(truth: Path, prediction: Path) -> Iterator[None]:
    try:
        yield
    except CytolapseError as error:
        raise CytolapseError(f"{truth} against {prediction}: {error}") from error
