"""What is exported: the masks of a run or of a folder, with their frames, pixel size and tracks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cytolapse.data import ctc, open_frames
from cytolapse.data.masks import TRACKS, digits_of
from cytolapse.data.um import frames_um
from cytolapse.errors import CytolapseError
from cytolapse.exports.ctc import RESULT
from cytolapse.exports.labelled import Labelled
from cytolapse.metrics.folders import label_files, open_truth, read_labels
from cytolapse.tracking import logged
from cytolapse.tracking.masks import stored_masks
from cytolapse.tracking.spool import EVENTS
from cytolapse.tracking.uri import SPOOL

if TYPE_CHECKING:
    from cytolapse.data.tiff import Array
    from cytolapse.tracking import Logged

log = logging.getLogger("cytolapse.exports")
MANUAL = "man_track.txt"


@dataclass(frozen=True)
class Source:
    """What a user names.

    Attributes:
        result: a run, or a folder of label images.
        split: part of the run, "test" or "val".
        sequence: the one that is meant, as "02"; "" for all of a run, or what the folder's name tells.
        data: data set whose frames were segmented.
        frames: the frames themselves, a folder or a stack.
        um: um per pixel; None takes what comes with the frames.
        minutes: minutes per frame; likewise.
        tracking: address of the store.
    """

    result: str
    split: str = "test"
    sequence: str = ""
    data: Path | None = None
    frames: Path | None = None
    um: float | None = None
    minutes: float | None = None
    tracking: str = ""


class MaskFolder(Mapping[int, "Array"]):
    """Frame number -> labels (Y, X) uint16 or int32, 0 = background, of a folder; decoded when they are read.

    Args:
        files: frame number -> TIFF.
    """

    def __init__(self, files: Mapping[int, Path]) -> None:
        self.files = files

    def __getitem__(self, number: int) -> Array:
        return read_labels(self.files[number])

    def __iter__(self) -> Iterator[int]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def open_result(source: Source) -> list[Labelled]:
    """The labelled sequences that are meant, with what is known beside them; the masks are not read yet.

    Raises:
        CytolapseError: there is no such run, folder, sequence or data set, or files can't be read or paired.
    """
    if source.sequence and not ctc.SEQUENCE.fullmatch(source.sequence):
        raise CytolapseError(f"--sequence is {source.sequence!r}: sequences have two digits, as 01")
    path = Path(source.result)
    if path.exists() and not (path / EVENTS).is_file():
        return [_folder(source, path)]
    if len(path.parts) > 1 and not source.result.startswith(SPOOL):
        raise CytolapseError(f"{path} does not exist: give a folder of label images, or a run")
    return [_in_place(source, each) for each in _run(source)]


def _folder(source: Source, path: Path) -> Labelled:
    truth = open_truth(path)
    folder = next(iter(truth.files.values())).parent
    result = RESULT.fullmatch(path.resolve().name)
    name = truth.sequence or (result[1] if result else "")
    digits = digits_of(truth.files.values())
    labelled = Labelled(folder, source.sequence or name, MaskFolder(truth.files), digits=digits)
    linked = next((folder / file for file in (TRACKS, MANUAL) if (folder / file).is_file()), None)
    if linked is not None:
        labelled = replace(labelled, tracks=ctc.read_tracks(linked), tracks_file=linked)
    root = truth.root or path.resolve().parent
    return _in_place(source, labelled, root / name if name == labelled.sequence != "" else None)


def _run(source: Source) -> Iterator[Labelled]:
    run = logged(source.result, source.tracking)
    masks = stored_masks(run, source.split)
    if source.sequence and source.sequence not in masks:
        raise CytolapseError(
            f"--sequence is {source.sequence}: the {source.split} part of run {run.name} has {', '.join(masks)}"
        )
    _need_own(source.data, run)
    for sequence, each in masks.items():
        if source.sequence in ("", sequence):
            yield Labelled(each.path, sequence, each, each.tracks, each.path / TRACKS)


def _need_own(data: Path | None, run: Logged) -> None:
    if data is None or "cytolapse.dataset" not in run.tags:
        return
    given, own = ctc.read_facts(data).name, run.tags["cytolapse.dataset"]
    if given != own:
        raise CytolapseError(f"--data {data} is {given}, but run {run.name} is of {own}: give the folder of that one")


def _in_place(source: Source, labelled: Labelled, beside: Path | None = None) -> Labelled:
    """The same with its frames, pixel size and minutes: as given, else of the sequence beside the masks."""
    path = source.frames
    if source.data is not None:
        labelled = replace(labelled, sequence=_sequence(source.data, labelled))
        path = path or source.data / labelled.sequence
    elif path is None and beside is not None and beside.is_dir():
        path = beside
    if path is None:
        return replace(labelled, um=source.um, minutes=source.minutes)
    home = source.data or (path.resolve().parent if ctc.SEQUENCE.fullmatch(path.resolve().name) else None)
    facts = ctc.read_facts(home) if home else ctc.Facts("")
    movie = open_frames(path)
    digits = digits_of(label_files(path).values()) if path.is_dir() else labelled.digits
    lacking = path is beside and not set(labelled.masks) <= set(movie.numbers.tolist())
    if lacking:
        log.warning("%s lacks frames of which there are masks: it is left out; give --frames", path)
    um, minutes = source.um or facts.um or frames_um(path), source.minutes or facts.minutes
    return replace(labelled, movie=None if lacking else movie, um=um, minutes=minutes, digits=digits)


def _sequence(root: Path, labelled: Labelled) -> str:
    names = list(ctc.sequences(root))
    if labelled.sequence in names:
        return labelled.sequence
    if len(names) == 1 and not labelled.sequence:
        return names[0]
    said = f"is of sequence {labelled.sequence}" if labelled.sequence else "does not tell its sequence"
    raise CytolapseError(f"{labelled.path} {said}, and {root} has {', '.join(names)}: give --sequence")
