"""Stand-ins for models: runs with stored masks that were made of known labels, and a world with known silver errors."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from scipy import ndimage

from cytolapse.data.masks import mask_name, write_mask
from cytolapse.tracking import start_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cytolapse.data import DataSet

SIDE, FRAMES = 80, 7
CELLS = {1: (15, 12), 2: (15, 40), 3: (45, 12), 4: (45, 26), 5: (45, 60)}
"""Label -> where the cell is in frame 0; 3 and 4 touch."""
DEBRIS = (70, 70)
FAULTY = 3
"""The frame in which silver is wrong."""


def cells(t: int) -> np.ndarray:
    """The exact cells of a frame: (80, 80) uint16 discs of radius 7 that move down by 1 px a frame."""
    labels = np.zeros((SIDE, SIDE), np.uint16)
    y, x = np.mgrid[:SIDE, :SIDE]
    for label, (row, column) in CELLS.items():
        labels[((y - row - t) ** 2 + (x - column) ** 2 <= 49) & (labels == 0)] = label
    return labels


def silver(t: int) -> np.ndarray:
    """Silver is exact but in frame 3: 1 is absent, 3 and 4 are one, 5 is half, 2 is two, and 9 is no cell."""
    labels = cells(t)
    if t == FAULTY:
        rows = np.arange(SIDE)[:, None]
        labels[labels == 1] = 0
        labels[labels == 4] = 3
        labels[(labels == 5) & (rows > 45 + t)] = 0
        labels[(labels == 2) & (rows > 15 + t)] = 8
        labels[2:10, 60:70] = 9
    return labels


def seen(t: int, model: int) -> np.ndarray:
    """What a model makes of a frame: the exact cells, a bit off, and debris that never moves, as one more cell."""
    labels = np.roll(cells(t), (0, model - 1), (0, 1))
    y, x = np.mgrid[:SIDE, :SIDE]
    labels[(y - DEBRIS[0]) ** 2 + (x - DEBRIS[1]) ** 2 <= 36] = 20
    return labels * np.uint16(model + 1)


def write_world(folder: Path, frames: int = FRAMES) -> Path:
    """The world as a CTC data set of one sequence."""
    for part in ("01", "01_ST/SEG"):
        (folder / part).mkdir(parents=True)
    for t in range(frames):
        picture = (100 + 60 * (cells(t) > 0)).astype(np.uint8)
        tifffile.imwrite(folder / f"01/t{t:03d}.tif", picture)
        tifffile.imwrite(folder / f"01_ST/SEG/man_seg{t:03d}.tif", silver(t))
    return folder


def store_masks(
    dataset: DataSet, spool: Path, masks: Mapping[str, Mapping[int, np.ndarray]], part: str = "test", **tags: str
) -> Path:
    """A spooled run that holds these masks, as an evaluation on the data set would leave it."""
    place = spool.parent / f"made-{spool.name}-{part}"
    (place / part / "masks").mkdir(parents=True)
    for sequence, frames in masks.items():
        with zipfile.ZipFile(place / part / "masks" / f"{sequence}.zip", "w") as archive:
            for number, labels in frames.items():
                path = place / mask_name(number)
                write_mask(path, labels)
                archive.write(path, path.name)
    with start_run(f"spool:{spool}", dataset.name, spool.name) as run:
        run.tags({"cytolapse.dataset": dataset.name, "cytolapse.digest": dataset.digest, **tags})
        run.artifact(place / part)
    return spool


def blurred(labels: np.ndarray, rng: np.random.Generator, lose: float = 0.05) -> np.ndarray:
    """Exact labels (Y, X) as a model might see them: outlines off by about a pixel, some cells lost, one debris."""
    out = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None or rng.random() < lose:
            continue
        window = tuple(slice(max(0, each.start - 6), each.stop + 6) for each in box)
        mask = labels[window] == label
        far = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
        wave = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 4) * 12
        place = out[window]
        place[(far + wave < rng.uniform(-1, 1)) & (place == 0)] = label
    out[6:20, 6:20] = labels.max(initial=0) + 1  # what all models take for a cell, in every frame
    return out
