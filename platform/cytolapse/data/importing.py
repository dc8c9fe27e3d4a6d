"""Import: frames and masks of another program become a sequence of a data set in the CTC's layout."""

from __future__ import annotations

import json
import logging
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cytolapse.data import ctc
from cytolapse.data.findings import count, ranges
from cytolapse.data.masks import writing
from cytolapse.data.pictures import Folder, Pictures, has_masks, open_pictures, stem
from cytolapse.data.sequence_writer import SequenceWriter
from cytolapse.data.tiff import in_words
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("cytolapse.import")
TRACKS = ("man_track.txt", "res_track.txt")


@dataclass(frozen=True)
class Material:
    """What is imported, and how it is to be read.

    Attributes:
        frames: a folder of images, a stack or an OME-Zarr.
        masks: likewise; None takes those of Cellpose or OME-Zarr that lie with the frames.
        tracks: the track file (label, first, last, parent) of the masks; None takes the one beside them.
        truth: "silver" or "gold": what the masks are.
        channel: which channel of the frames, from 0.
        limits: grey values that become 0 and 65535; None keeps uint8 and uint16 as they are.
    """

    frames: Path
    masks: Path | None = None
    tracks: Path | None = None
    truth: str = "silver"
    channel: int | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Target:
    """Where it goes, and what is said of it.

    Attributes:
        out: folder of the data set.
        sequence: as "01".
        facts: name, um, minutes, border, as far as they are given.
    """

    out: Path
    sequence: str
    facts: Mapping[str, str | int | float]


def import_sequence(material: Material, target: Target) -> str:
    """Write a sequence into a new or an existing data set, whole or not at all; says what was written.

    Raises:
        CytolapseError: something can't be read or does not fit, or the sequence exists.
    """
    _need_free(target)
    frames, masks, tracks = _opened(material)
    facts = _facts(target, frames)
    pairs = {} if masks is None else _paired(frames, masks)
    missing = sorted(set(frames.numbers) - set(pairs))
    if masks is not None and missing and material.truth == "silver":
        raise CytolapseError(
            f"{count(len(missing), 'frame')} without a mask ({ranges(missing)}) in {masks.path}: silver truth has one "
            "in every frame; give --truth gold for masks of some frames, or add the others"
        )
    if tracks is not None and missing:
        raise CytolapseError(f"{tracks} needs a mask of every frame, but there are none of {ranges(missing)}: add them")
    out = target.out.absolute()
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as room:
            whole = Path(room) / out.name
            writer = SequenceWriter(whole, target.sequence, len(str(max(*frames.numbers, 100))))
            shape, dtype = writer.frames(frames, material.channel, material.limits)
            ctc.need_inside(out, int(facts.get("border", 0)), shape)
            if masks is not None:
                writer.masks(masks, pairs, material.truth, shape, tracks)
            _move(whole, out, facts)
    told = [f"wrote {target.out / target.sequence}: {count(len(frames.numbers), 'frame')} {in_words(shape)} {dtype}"]
    told += [f"{count(len(pairs), 'mask')} ({material.truth} truth)"] if masks is not None else []
    return ", ".join([*told, *([f"tracks of {tracks.name}"] if tracks is not None else [])])


def _need_free(target: Target) -> None:
    out, sequence = target.out, target.sequence
    if not ctc.SEQUENCE.fullmatch(sequence):
        raise CytolapseError(f"--sequence is {sequence!r}: two digits are expected, as 01")
    if out.exists() and not out.is_dir():
        raise CytolapseError(f"{out} is a file: name the folder of a data set, new or existing")
    inside = [each.name for each in out.iterdir()] if out.is_dir() else []
    taken = sorted(each for each in inside if each.startswith(sequence))
    if taken:
        raise CytolapseError(f"{out} has {', '.join(taken)} already: give --sequence another number, or remove them")
    if inside and not any(map(ctc.SEQUENCE.fullmatch, inside)):
        raise CytolapseError(f"{out} exists and is no data set: name a new folder, or one with sequences 01, 02 ...")


def _opened(material: Material) -> tuple[Pictures, Pictures | None, Path | None]:
    frames, place = open_pictures(material.frames), material.masks
    if place is None and has_masks(frames):
        place = frames.path
    if place is None:
        if material.tracks is not None:
            raise CytolapseError(f"--tracks {material.tracks} are given without masks: give --masks, too")
        return frames, None, None
    masks = open_pictures(place, masks=True)
    beside = [place / each for each in TRACKS if isinstance(masks, Folder) and (place / each).is_file()]
    tracks = material.tracks or (beside[0] if beside else None)
    if tracks is not None and not tracks.is_file():
        raise CytolapseError(f"--tracks {tracks} is no file: give one with a line a track: label, first, last, parent")
    return frames, masks, tracks


def _paired(frames: Pictures, masks: Pictures) -> dict[int, int]:
    """Frame number -> number of its mask: by name, by number, or by place where one of them is a stack.

    Raises:
        CytolapseError: there are masks of frames that do not exist.
    """
    if masks.positional and len(masks.numbers) != len(frames.numbers):
        raise CytolapseError(
            f"{masks.path} holds {count(len(masks.numbers), 'mask')}, but {frames.path} "
            f"{count(len(frames.numbers), 'frame')}: a stack of masks must hold one for each frame"
        )
    if masks.positional:
        return dict(zip(frames.numbers, masks.numbers, strict=True))
    if isinstance(frames, Folder) and isinstance(masks, Folder):
        named = {stem(file): number for number, file in frames.files.items()}
        if all(stem(file) in named for file in masks.files.values()):
            return {named[stem(file)]: number for number, file in masks.files.items()}
    strange = set(masks.numbers) - set(frames.numbers)
    if strange:
        counted = " (a stack's are counted from 0)" if frames.positional else ""
        raise CytolapseError(
            f"{masks.path} has masks of frames {ranges(strange)}, but {frames.path} has the frames "
            f"{ranges(frames.numbers)}{counted}: number the masks as the frames are"
        )
    return {number: number for number in masks.numbers}


def _facts(target: Target, frames: Pictures) -> dict[str, str | int | float]:
    """What `dataset.toml` shall say; of a data set that exists, what it says.

    Raises:
        CytolapseError: that is not what is given now, or what is given can't be.
    """
    given = dict(target.facts)
    for key, value in given.items():
        if value == "" or (isinstance(value, float) and not math.isfinite(value)):
            raise CytolapseError(f"--{key} is {value!r}: leave it out where it is not known")
    if target.out.is_dir() and any(target.out.iterdir()):
        known = ctc.read_facts(target.out)._asdict()
        for key, value in given.items():
            if value != known[key]:
                raise CytolapseError(
                    f"--{key} is {value}, but {target.out} has {known[key]} for all its sequences: leave it out, or "
                    f"correct {target.out / 'dataset.toml'}"
                )
        return {key: value for key, value in known.items() if value is not None}
    facts: dict[str, str | int | float] = {"name": target.out.resolve().name, "border": 0}
    told = (("um", frames.um), ("minutes", frames.minutes))
    facts |= {key: float(f"{value:.6g}") for key, value in told if value is not None}  # 1 / (1 / 0.65) is 0.6499999
    facts |= given
    if "um" not in facts:
        log.warning("the size of a pixel is not known: give --um, so that models of another scale are not misused")
    return {key: facts[key] for key in ctc.Facts._fields if key in facts}


def _move(whole: Path, out: Path, facts: Mapping[str, str | int | float]) -> None:
    if out.is_dir() and any(out.iterdir()):
        for each in sorted(whole.iterdir(), reverse=True):  # its truth first: with its frames a sequence is there
            each.rename(out / each.name)
        return
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in facts.items()]
    (whole / "dataset.toml").write_text("".join(lines), encoding="utf-8")
    if out.exists():
        out.rmdir()
    whole.rename(out)
