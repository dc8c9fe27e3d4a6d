"""What is wrong with a data set, file by file, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from cytolapse.data import ctc
from cytolapse.data.check_tracks import check_tracks
from cytolapse.data.findings import Finding, count, problem, ranges, remark
from cytolapse.data.tiff import SUFFIXES, Array, as_frame, as_labels, in_words, read_image
from cytolapse.errors import CytolapseError

FOLDER = re.compile(r"(\d\d)(_GT|_ST)?")
Shape = tuple[int, ...]
Files = Mapping[int, Path]
Ids = dict[int, set[int]]
Images = Iterator[tuple[int, Array]]
See = Callable[[Path, Array | None], None]


class Layer(NamedTuple):
    """The masks of one kind."""

    folder: Path
    files: Files
    names: re.Pattern[str]
    example: str
    sparse: bool = False


def check_dataset(root: Path, see: See | None = None) -> list[Finding]:
    """Everything that is wrong with a data set, and what deserves a note; reads every file.

    Args:
        root: the folder.
        see: is called with each image's file and the image, None where it can't be used; no bar is shown then.

    Raises:
        CytolapseError: the folder is absent.
    """
    ctc.need_folder(root)
    found: list[Finding] = []
    border = 0
    with _telling(found):
        border = ctc.read_facts(root).border
    names = sorted({match[1] for each in root.iterdir() if each.is_dir() and (match := FOLDER.fullmatch(each.name))})
    if not names:
        found.append(problem(root, "holds no sequence", "put the frames into a folder 01 (or 02 ...)"))
    every = []
    for name in names:
        with _telling(found):
            every.append(ctc.sources(root, name))
    total = sum(len(each.images) for each in every)
    with tqdm(total=total, desc="checking", unit="image", leave=False, disable=see is not None) as bar:

        def step(path: Path, image: Array | None) -> None:
            bar.update()

        for sources in every:
            _Check(root, found, see or step, border).sequence(sources)
    return found


@dataclass
class _Check:
    root: Path
    found: list[Finding]
    see: See
    border: int

    def sequence(self, sources: ctc.Sources) -> None:
        """All files of one sequence."""
        frames = sources.frames
        folder, truth, silver = (self.root / f"{sources.sequence}{suffix}" for suffix in ("", "_GT", "_ST"))
        self.names(folder, ctc.FRAME, "t0000.tif")
        if not frames:
            mend = f"add t0000.tif ..., or remove {folder.name} and its truth"
            self.found.append(problem(folder, "holds no frames", mend))
        elif missing := set(range(min(frames), max(frames))) - frames.keys():
            self.found.append(remark(folder, f"there are no frames {ranges(missing)}"))
        shape = None
        for _, image in self.images(frames, as_frame, None):
            shape = image.shape
        if shape is not None:
            with _telling(self.found):
                ctc.need_inside(self.root, self.border, shape)
        if not (sources.masks or sources.markers):
            self.found.append(remark(folder, "there is no truth"))
        self.masks(Layer(silver / "SEG", sources.silver, ctc.MASK, "man_seg0000.tif"), frames, shape)
        self.masks(Layer(truth / "SEG", sources.gold, ctc.MASK, "man_seg0000.tif", sparse=True), frames, shape)
        ids = self.masks(Layer(truth / "TRA", sources.markers, ctc.MARKER, "man_track0000.tif"), frames, shape)
        self.tracks(truth / "TRA" / "man_track.txt", sources, ids)

    def masks(self, layer: Layer, frames: Files, shape: Shape | None) -> Ids:
        """The masks of one kind; returns the labels of those that can be read."""
        folder, files = layer.folder, layer.files
        if not folder.is_dir():
            return {}
        self.names(folder, layer.names, layer.example)
        missing = frames.keys() - files.keys()
        if missing and not (layer.sparse and files):
            what = f"{count(len(missing), 'frame')} without a mask ({ranges(missing)})"
            self.found.append(problem(folder, what, "add the masks, or remove the folder"))
        if extra := files.keys() - frames.keys():
            what = f"{count(len(extra), 'mask')} of frames that do not exist ({ranges(extra)})"
            self.found.append(problem(folder, what, "add the frames, or remove the masks"))
        ids, blobs = {}, {}
        for number, image in self.images(files, as_labels, shape):
            ids[number] = present(image)
            if len(ids[number]) == 1:
                blobs[number] = components(image)
        self.binary(files, ids, blobs)
        return ids

    def binary(self, files: Files, ids: Ids, blobs: Mapping[int, int]) -> None:
        """Masks that tell cell from background but not cell from cell."""
        several = look_binary(ids, blobs)
        if several:
            first = files[min(several)]
            what = f"looks binary: one value ({max(ids[min(several)])}) on {blobs[min(several)]} separate objects"
            more = f" (and {len(several) - 1} more masks)" if len(several) > 1 else ""
            self.found.append(problem(first, what + more, "give each cell an id of its own"))

    def tracks(self, path: Path, sources: ctc.Sources, ids: Ids) -> None:
        """The track file against the tracking masks."""
        if sources.tracks and not sources.markers:
            self.found.append(problem(path, "has no masks beside it", "add man_track0000.tif ..., or remove it"))
        elif sources.markers and not sources.tracks:
            self.found.append(problem(path, "is missing", "add it (a line a track: label, first, last, parent)"))
        elif sources.tracks:
            with _telling(self.found):
                self.found += check_tracks(path, ctc.read_tracks(path), ids)

    def names(self, folder: Path, pattern: re.Pattern[str], like: str) -> None:
        """TIFF files that are not read because of their names."""
        files = folder.iterdir() if folder.is_dir() else []
        odd = sorted(f.name for f in files if f.suffix.lower() in SUFFIXES and not pattern.fullmatch(f.name))
        if odd:
            said = f"{odd[0]} and {len(odd) - 1} more are" if len(odd) > 1 else f"{odd[0]} is"
            self.found.append(problem(folder, f"{said} not read", f"rename to names like {like}, or remove"))

    def images(self, files: Files, accept: Callable[[Path, Array], Array], shape: Shape | None) -> Images:
        """Number and image of each file that can be used; what is wrong with the others is told."""
        dtype: np.dtype[np.generic] | None = None
        for number, path in files.items():
            image = None
            with _telling(self.found):
                image = accept(path, read_image(path))
            if image is not None:
                shape, dtype = shape or image.shape, dtype or image.dtype
                image = image if self.fits(path, image, shape, dtype) else None
            self.see(path, image)
            if image is not None:
                yield number, image

    def fits(self, path: Path, image: Array, shape: Shape, dtype: np.dtype[np.generic]) -> bool:
        """Whether an image has the size and type of the others."""
        if image.shape != shape:
            what = f"is {in_words(image.shape)}, where {in_words(shape)} is expected"
            self.found.append(problem(path, what, "frames and masks of a sequence have one size; export it again"))
        elif image.dtype != dtype:
            what = f"is {image.dtype}, but the files before it are {dtype}"
            self.found.append(problem(path, what, "save all as one type"))
        return image.shape == shape and image.dtype == dtype


@contextmanager
def _telling(found: list[Finding]) -> Iterator[None]:
    """An error becomes a finding."""
    try:
        yield
    except CytolapseError as error:
        found.append(Finding(str(error)))


def look_binary(ids: Ids, blobs: Mapping[int, int]) -> set[int]:
    """Which masks tell cell from background but not cell from cell.

    Args:
        ids: frame number -> the ids of its mask.
        blobs: frame number -> separate objects, of the masks with one id.
    """
    several = {number for number, parts in blobs.items() if parts > 1}
    filled = [labels for labels in ids.values() if labels]
    if len(set().union(*filled)) > 1 or 2 * len(several) < len(filled):
        # One id on several blobs can be one cell in pieces, but 255 is what programs write for "yes".
        several = {number for number in several if ids[number] == {255}}
    return several


def present(labels: Array) -> set[int]:
    """The ids in a label image, without the background."""
    flat = labels.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1])  # of runs of one label: few, where np.unique would sort every pixel
    return {*np.unique(flat[ends]).tolist(), *flat[-1:].tolist()} - {0}


def components(labels: Array) -> int:
    """How many separate objects the foreground has (pixels that touch at corners are one)."""
    from scipy import ndimage

    rows = np.flatnonzero(labels.any(axis=1))
    cells = labels[rows[0] : rows[-1] + 1] > 0 if len(rows) else labels[:0] > 0
    return int(ndimage.label(cells, structure=np.ones((3, 3)))[1])
