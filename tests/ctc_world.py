"""A small data set in the Cell Tracking Challenge's layout: squares that walk to the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 24, 40
CELLS = {1: 2, 2: 14}
"""Label -> top row of its 6 px square."""


def labels(number: int, side: int = 6) -> np.ndarray:
    """The truth of a frame: (Y, X) uint16."""
    image = np.zeros((HEIGHT, WIDTH), np.uint16)
    for label, top in CELLS.items():
        left = 2 + number % 20
        image[top : top + side, left : left + side] = label
    return image


def frame(number: int, dtype: type = np.uint8) -> np.ndarray:
    """A picture of these cells with the frame number as grey value of the first pixel."""
    image = (100 + 20 * (labels(number) > 0)).astype(dtype)
    image[0, 0] = number % 256
    return image


def write(path: Path, image: np.ndarray, **options) -> Path:
    """One TIFF; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, image, **options)
    return path


def write_frames(root: Path, sequence: str, numbers, digits: int = 3, dtype: type = np.uint8) -> None:
    for number in numbers:
        write(root / sequence / f"t{number:0{digits}d}.tif", frame(number, dtype))


def write_world(root: Path, sequences=("01",), frames: int = 6, digits: int = 3, gold=(1, 4)) -> Path:
    """Frames, silver and TRA for all frames, gold for some; nothing is wrong with it."""
    for sequence in sequences:
        write_frames(root, sequence, range(frames), digits)
        for number in range(frames):
            name = f"{number:0{digits}d}.tif"
            write(root / f"{sequence}_ST/SEG/man_seg{name}", labels(number), compression="lzw")
            write(root / f"{sequence}_GT/TRA/man_track{name}", labels(number, side=3), compression="lzw")
            if number in gold:
                write(root / f"{sequence}_GT/SEG/man_seg{name}", labels(number), compression="zlib")
        tracks = "".join(f"{label} 0 {frames - 1} 0\n" for label in CELLS)
        (root / f"{sequence}_GT/TRA/man_track.txt").write_text(tracks)
    return root
