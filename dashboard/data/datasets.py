"""Data sets that a store's runs read: which there are, and what lies in their folders; no image is decoded."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cytolapse.data import ctc
from cytolapse.data.check import FOLDER
from cytolapse.data.tiff import in_words, opened, read_um
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Files = dict[str, dict[int, Path]]


@dataclass(frozen=True)
class Known:
    """A data set as the runs know it.

    Attributes:
        name: its name.
        runs: ids of the runs that read it, newest first.
        folders: where they read it, the newest run's first; "" is never among them.
        digests: of the content that they read, the newest run's first.
    """

    name: str
    runs: tuple[str, ...]
    folders: tuple[str, ...]
    digests: tuple[str, ...]

    def compared(self, digest: str) -> str:
        """Whether content is what the runs read, in words for a page; "" where it can't be told."""
        if not digest or not self.digests:
            return ""
        if digest == self.digests[0]:
            return ":green[as the newest run read it]"
        if digest in self.digests:
            return ":orange[as older runs read it, not the newest]"
        return ":orange[changed since the runs read it]"


def known(runs: pd.DataFrame, inputs: pd.DataFrame) -> dict[str, Known]:
    """Name -> data set, that of the newest run first.

    Args:
        runs: `RunStore.runs()`.
        inputs: `RunStore.inputs()`.
    """
    order = {str(run_id): place for place, run_id in enumerate(runs["run_id"])}
    rows = [(order[run], name, path, digest) for run, name, digest, path in inputs.values.tolist() if run in order]
    read = {place for place, *_ in rows}
    tagged = enumerate(runs["dataset"].fillna("").astype(str))
    rows += [(place, name, "", "") for place, name in tagged if name and place not in read]
    ids, found = list(order), {}
    for place, name, path, digest in sorted(rows):
        lists = found.setdefault(name, ({}, {}, {}))
        for kept, value in zip(lists, (ids[place], path, digest), strict=True):
            if value:
                kept[value] = None
    return {name: Known(name, *map(tuple, lists)) for name, lists in found.items()}


def folder_key(folder: str) -> str:
    """What the address of the page calls a folder: it names one that the store knows, and is no path."""
    return hashlib.sha256(folder.encode()).hexdigest()[:8]


class Look(NamedTuple):
    """How the frames of a sequence are stored: (Y, X) in px, and their dtype."""

    shape: tuple[int, int]
    dtype: str

    def __str__(self) -> str:
        return f"{in_words(self.shape)} px, {self.dtype}"


@dataclass(frozen=True)
class Sequence:
    """One sequence.

    Attributes:
        name: as "01".
        frames: the numbers of its frames, ascending.
        truth: "gold", "silver", "TRA" -> the numbers of annotated frames, ascending; without kinds that are absent.
        files: "frames", "gold", "silver", "TRA" -> number -> file; empty where the folder isn't here.
        look: of its first frame; None where that can't be read.
    """

    name: str
    frames: tuple[int, ...]
    truth: Mapping[str, tuple[int, ...]]
    files: Files
    look: Look | None = None


@dataclass(frozen=True)
class Listed:
    """A folder as it is now.

    Attributes:
        root: the folder.
        facts: um per pixel, minutes per frame, border.
        sequences: name -> sequence.
        size: of all files, in bytes.
        stamp: changes when a file does.
    """

    root: Path
    facts: ctc.Facts
    sequences: Mapping[str, Sequence]
    size: int
    stamp: str


def listed(folder: str) -> Listed | None:
    """What lies in a folder; None where there is no such folder on this machine, or it can't be looked into."""
    if not folder or "://" in folder:
        return None
    root = Path(folder)
    try:
        if not root.is_dir():
            return None
        names = sorted({match[1] for each in root.iterdir() if (match := FOLDER.fullmatch(each.name))})
        found = {name: _sequence(root, name) for name in names}
        files = [file for each in found.values() for kind in each.files.values() for file in kind.values()]
        stats = [file.stat() for file in [*files, *root.glob("dataset.toml"), *root.glob("??_GT/TRA/man_track.txt")]]
    except OSError:
        return None
    marks = repr([(each.st_size, each.st_mtime_ns) for each in stats])
    stamp = hashlib.sha256("\n".join([marks, *map(str, files)]).encode()).hexdigest()
    return Listed(root, _facts(root, found), found, sum(each.st_size for each in stats), stamp)


def _sequence(root: Path, name: str) -> Sequence:
    try:
        sources = ctc.sources(root, name)
    except CytolapseError:  # a number that stands twice: the findings say so
        sources = ctc.Sources(name, {})
    kinds = {"gold": sources.gold, "silver": sources.silver, "TRA": sources.markers}
    files = {kind: dict(each) for kind, each in {"frames": sources.frames, **kinds}.items() if each}
    truth = {kind: tuple(each) for kind, each in kinds.items() if each}
    return Sequence(name, tuple(sources.frames), truth, files, _look(sources.frames))


def _look(frames: Mapping[int, Path]) -> Look | None:
    for path in list(frames.values())[:1]:
        with suppress(CytolapseError), opened(path) as file:
            page = file.pages[0].aspage()
            return Look((int(page.imagelength), int(page.imagewidth)), str(page.dtype))
    return None


def _facts(root: Path, sequences: Mapping[str, Sequence]) -> ctc.Facts:
    """What the folder says, and, of the pixel size, what its first frame does."""
    try:
        facts = ctc.read_facts(root)
    except CytolapseError:
        facts = ctc.Facts(root.name)
    for each in sequences.values():
        for path in list(each.files.get("frames", {}).values())[:1]:
            with suppress(CytolapseError):
                facts = facts if facts.um else facts._replace(um=read_um(path))
    return facts
