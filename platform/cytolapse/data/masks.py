"""Label images on disk, as the CTC expects results."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tifffile

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

HIGHEST = 65535
DIGITS = 4
TRACKS = "res_track.txt"
"""The file beside linked masks: a line a track, with label, first frame, last frame and parent (0 = none)."""


def mask_name(number: int, digits: int = DIGITS) -> str:
    """The file name of a frame number: `maskTTTT.tif`."""
    return f"mask{number:0{digits}d}.tif"


def digits_of(frames: Iterable[Path]) -> int:
    """How many digits the challenge's tools expect in the names of masks: as many as in those of the frames, 3 or 4.

    >>> from pathlib import Path
    >>> digits_of([Path("t000.tif"), Path("t001.tif")]), digits_of([Path("t0000.tif")]), digits_of([Path("a7.tif")])
    (3, 4, 4)
    """
    widths = {len(re.findall(r"\d+", frame.stem)[-1]) for frame in frames}
    return 3 if widths == {3} else DIGITS


def write_mask(path: Path, labels: NDArray[Any]) -> None:
    """Write labels (Y, X) as a uint16 TIFF with LZW; the file is there whole or not at all.

    Raises:
        CytolapseError: a label exceeds 65535, or the disk is full.
    """
    highest = int(labels.max(initial=0))
    if highest > HIGHEST:
        raise CytolapseError(f"{path.name}: label {highest} exceeds {HIGHEST}, the most that a CTC mask can hold")
    partial = path.with_suffix(".partial")
    try:
        tifffile.imwrite(partial, labels.astype("uint16"), compression="lzw")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CytolapseError(f"{path} could not be written ({error}): free some disk space and run it again") from error


def need_new(out: Path) -> None:
    """Refuse a place that holds something, before any work is done for it.

    Raises:
        CytolapseError: it exists and is not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CytolapseError(f"{out} exists already: name a folder that does not, or empty it")


@contextmanager
def new_mask_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which takes the name `out` when the block ends well and vanishes when it does not.

    Raises:
        CytolapseError: `out` exists and is not empty, or can't be made.
    """
    need_new(out)
    out = out.absolute()
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        with writing(out):
            partial.mkdir(parents=True)
        yield partial
        with writing(out):
            if out.exists():
                out.rmdir()
            partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """What the file system refuses inside the block becomes a message that names `out`.

    Raises:
        CytolapseError: it refused something.
    """
    try:
        yield
    except OSError as error:
        raise CytolapseError(f"{out} could not be written: {error}") from error


def write_masks(folder: Path, numbers: Iterable[int], frames: Iterable[NDArray[Any]], digits: int = DIGITS) -> None:
    """Write one mask a frame; numbers are those of the frames' file names.

    Raises:
        CytolapseError: as `write_mask`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, labels in zip(numbers, frames, strict=True):
        write_mask(folder / mask_name(number, digits), labels)


def write_tracks(folder: Path, tracks: NDArray[Any]) -> None:
    """Write `res_track.txt`: rows (N, 4) of label, first frame, last frame, parent; it is there whole or not at all.

    Raises:
        CytolapseError: the disk is full.
    """
    path = folder / TRACKS
    partial = path.with_suffix(".partial")
    try:
        partial.write_text("".join(" ".join(map(str, row)) + "\n" for row in tracks.tolist()))
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CytolapseError(f"{path} could not be written ({error}): free some disk space and run it again") from error
