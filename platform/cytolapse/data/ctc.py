"""The Cell Tracking Challenge's layout: which files a data set has, and what its folder says about it."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping
    from pathlib import Path

    from cytolapse.data.tiff import Array

SEQUENCE = re.compile(r"\d\d")
FRAME = re.compile(r"t(\d+)\.tiff?", re.IGNORECASE)
MASK = re.compile(r"man_seg(\d+)\.tiff?", re.IGNORECASE)
MARKER = re.compile(r"man_track(\d+)\.tiff?", re.IGNORECASE)


class Facts(NamedTuple):
    """What is known of a data set beside its images: um per pixel, minutes per frame, border in px."""

    name: str
    um: float | None = None
    minutes: float | None = None
    border: int = 0


# Source: the data set pages of the Cell Tracking Challenge. None where the two sequences differ.
OFFICIAL = {
    facts.name: facts
    for facts in (
        Facts("BF-C2DL-HSC", 0.645, 5, 25),
        Facts("BF-C2DL-MuSC", 0.645, 5, 25),
        Facts("DIC-C2DH-HeLa", 0.19, 10, 50),
        Facts("Fluo-C2DL-Huh7", 0.65, 15, 50),
        Facts("Fluo-C2DL-MSC", None, None, 50),
        Facts("Fluo-N2DH-GOWT1", 0.24, 5, 50),
        Facts("Fluo-N2DH-SIM+", 0.125, 29, 0),
        Facts("Fluo-N2DL-HeLa", 0.645, 30, 25),
        Facts("PhC-C2DH-U373", 0.65, 15, 50),
        Facts("PhC-C2DL-PSC", 1.6, 10, 25),
    )
}


@dataclass(frozen=True)
class Sources:
    """The files of one sequence, each kind as frame number -> file."""

    sequence: str
    frames: Mapping[int, Path]
    silver: Mapping[int, Path] = field(default_factory=dict)
    gold: Mapping[int, Path] = field(default_factory=dict)
    markers: Mapping[int, Path] = field(default_factory=dict)
    tracks: Path | None = None

    @property
    def images(self) -> list[Path]:
        """Every TIFF, in a fixed order."""
        return [file for kind in (self.frames, self.silver, self.gold, self.markers) for file in kind.values()]

    @property
    def files(self) -> list[Path]:
        """Every file, in a fixed order."""
        return [*self.images, *([self.tracks] if self.tracks else [])]

    @property
    def masks(self) -> dict[str, Mapping[int, Path]]:
        """The references that exist, by name."""
        return {name: files for name, files in (("silver", self.silver), ("gold", self.gold)) if files}


def sequences(root: Path) -> dict[str, Sources]:
    """The sequences of a data set, sorted by name.

    Raises:
        CytolapseError: the folder is absent or holds no sequence, a sequence no frames, or a number stands twice.
    """
    need_folder(root)
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and SEQUENCE.fullmatch(entry.name))
    if not names:
        inside = numbered(root, FRAME)
        mend = (
            f"give {root.resolve().parent}" if inside else "a folder 01 (or 02 ...) with t000.tif ... is expected in it"
        )
        raise CytolapseError(f"{root} is {'a sequence' if inside else 'no data set'}: {mend}")
    found = {name: sources(root, name) for name in names}
    for name, each in found.items():
        if not each.frames:
            raise CytolapseError(
                f"{root / name} holds no frames: add t000.tif ... or t0000.tif ..., or remove the folder"
            )
    return found


def sources(root: Path, sequence: str) -> Sources:
    """The files of one sequence; kinds that are absent are empty.

    Raises:
        CytolapseError: a frame number stands twice.
    """
    truth = root / f"{sequence}_GT"
    tracks = truth / "TRA" / "man_track.txt"
    return Sources(
        sequence,
        frames=numbered(root / sequence, FRAME),
        silver=numbered(root / f"{sequence}_ST" / "SEG", MASK),
        gold=numbered(truth / "SEG", MASK),
        markers=numbered(truth / "TRA", MARKER),
        tracks=tracks if tracks.is_file() else None,
    )


def numbered(folder: Path, pattern: re.Pattern[str], mend: str = "remove one") -> dict[int, Path]:
    """Frame number -> file for the files whose whole name fits, sorted by number; empty where there is no folder.

    Raises:
        CytolapseError: two files have one number (t001.tif beside t0001.tif).
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = pattern.fullmatch(path.name)
        if not match:
            continue
        number = int(match[1])
        if number in found:
            raise CytolapseError(f"{folder}: {found[number].name} and {path.name} are both number {number}: {mend}")
        found[number] = path
    return dict(sorted(found.items()))


def read_tracks(path: Path | zipfile.Path) -> Array:
    """The rows of a track file: (N, 4) int64, columns label, first frame, last frame, parent (0 = none).

    Raises:
        CytolapseError: a line is not four whole numbers.
    """
    rows = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        fields = line.split()
        if fields and not (len(fields) == 4 and all(each.isdecimal() and len(each) < 10 for each in fields)):
            raise CytolapseError(
                f"{path} line {number} is {line!r}: four whole numbers are expected (label, first, last, parent)"
            )
        if fields:
            rows.append([int(each) for each in fields])
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def cut_tracks(tracks: Array, first: int, last: int) -> Array:
    """What frames first to last hold of tracks (N, 4): those that live there, cut; a parent before them is none.

    >>> cut_tracks(np.array([[1, 0, 4, 0], [2, 5, 9, 1], [3, 9, 12, 2]]), 5, 9).tolist()
    [[2, 5, 9, 0], [3, 9, 9, 2]]
    """
    kept = tracks[(tracks[:, 1] <= last) & (tracks[:, 2] >= first)]
    parents = np.where(np.isin(kept[:, 3], kept[:, 0]), kept[:, 3], 0)
    return np.stack([kept[:, 0], kept[:, 1].clip(min=first), kept[:, 2].clip(max=last), parents], axis=1)


def read_facts(root: Path) -> Facts:
    """What `dataset.toml` in the folder says (name, um, minutes, border), else what is known of an official data set.

    Raises:
        CytolapseError: the file is no TOML, or a value is of the wrong kind.
    """
    name = root.resolve().name
    known = OFFICIAL.get(name, Facts(name))
    path = root / "dataset.toml"
    if not path.is_file():
        return known
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CytolapseError(f"{path} is not valid TOML: {error}") from error
    given = {key: value for key, value in found.items() if key in Facts._fields}
    for key, value in given.items():
        kinds, expected = _KINDS[key]
        if type(value) not in kinds or value == "" or (key != "name" and not 0 <= value < math.inf):
            raise CytolapseError(f"{path}: {key} is {value!r}, where {expected} is expected")
    return known._replace(**given)


def need_inside(root: Path, border: int, shape: tuple[int, ...]) -> None:
    """Refuse a border that leaves nothing of a frame (Y, X).

    Raises:
        CytolapseError: it is half a side or more.
    """
    if 2 * border >= min(shape):
        raise CytolapseError(
            f"the border of {root} is {border} px, but a frame is {shape[0]} x {shape[1]} px: write a smaller one into "
            f"{root / 'dataset.toml'}, as border = 0"
        )


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "a text"),
    "um": ((int, float), "um per pixel"),
    "minutes": ((int, float), "minutes per frame"),
    "border": ((int,), "a whole number of pixels"),
}


def need_folder(path: Path) -> None:
    """Refuse what is no folder.

    Raises:
        CytolapseError: it is absent, or a file.
    """
    if not path.exists():
        raise CytolapseError(f"{path} does not exist: give the folder of a data set")
    if not path.is_dir():
        raise CytolapseError(f"{path} is a file: give the folder of a data set")
