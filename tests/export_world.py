"""What is exported in tests: masks of the toy world in frames 12 to 17, in a folder and on a run."""

from __future__ import annotations

import weakref
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tifffile
from conftest import toy_labels, write_toy

from cytolapse.tracking import start_run

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

NUMBERS = range(12, 18)
CELLS = 27
TRACKS = "1 12 17 0\n2 12 14 0\n3 15 17 2\n4 15 17 2\n5 12 17 0\n6 12 17 0\n"
"""Of `toy_labels` in these frames: 2 divides into 3 and 4."""
OUTS = {
    "ctc": ("results",),
    "rois": ("cells.zip",),
    "ome-tiff": ("cells.ome.tif", "cells.OME.TIFF"),
    "measurements": ("cells.csv", "cells.parquet"),
}
"""Each format with what its place may be called."""
PLACES = [(name, out) for name, outs in OUTS.items() for out in outs]


def write_masks(folder: Path, tracks: str = TRACKS) -> Path:
    """A folder as `cytolapse segment` writes it."""
    folder.mkdir(parents=True)
    for number in NUMBERS:
        tifffile.imwrite(folder / f"mask{number:04d}.tif", toy_labels(number), compression="lzw")
    if tracks:
        (folder / "res_track.txt").write_text(tracks)
    return folder


def write_data(folder: Path) -> Path:
    """The data set that was segmented: 18 frames of one sequence, 0.5 um a pixel, one every 5 minutes."""
    write_toy(folder, frames=18)
    (folder / "dataset.toml").write_text("um = 0.5\nminutes = 5\n")
    return folder


def write_run(tmp_path: Path, tracking: str, sequences: tuple[str, ...] = ("01",)) -> str:
    """A run whose test part holds masks as an evaluation stores them; its id."""
    folder = write_masks(tmp_path / "found")
    (tmp_path / "stored").mkdir()
    for name in sequences:
        with zipfile.ZipFile(tmp_path / f"stored/{name}.zip", "w") as archive:
            for file in folder.iterdir():
                archive.write(file, file.name)
    with start_run(tracking, "toy", tags={"cytolapse.dataset": "toy"}) as run:
        for file in (tmp_path / "stored").iterdir():
            run.artifact(file, "test/masks")
    return run.closing_line().split(": ", 1)[1]


class Watched(Mapping):
    """Masks that know how many of them were held at once."""

    def __init__(self) -> None:
        self.held: list[weakref.ref] = []
        self.most = 0

    def __getitem__(self, number: int) -> np.ndarray:
        labels = toy_labels(number)
        self.held = [each for each in self.held if each() is not None] + [weakref.ref(labels)]
        self.most = max(self.most, len(self.held))
        return labels

    def __iter__(self):
        return iter(range(40))

    def __len__(self) -> int:
        return 40
