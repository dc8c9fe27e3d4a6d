"""Linked worlds drawn at random: what moves, divides, is swapped, merged, missed and imagined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 40
Labels = list[np.ndarray]


def random_truth(seed: int, frames: int = 9, cells: int = 5) -> Labels:
    """Squares that walk, come, go and cover each other: (40, 40) uint16 each, ids that last."""
    rng = np.random.default_rng(seed)
    at = rng.integers(0, SIDE - 8, (cells, 2))
    found = []
    for t in range(frames):
        image = np.zeros((SIDE, SIDE), np.uint16)
        at = np.clip(at + rng.integers(-2, 3, at.shape), 0, SIDE - 8)
        for label, (y, x) in enumerate(at, start=1):
            if rng.random() < 0.9 or t == 0:
                image[y : y + 7, x : x + 7] = label
        found.append(image)
    return found


def random_prediction(seed: int, truth: Labels) -> Labels:
    """The truth, shifted, with objects that are missed, merged, split, imagined or have changed their ids."""
    rng = np.random.default_rng(seed + 1000)
    found = []
    for image in truth:
        labels = np.roll(image, rng.integers(-1, 2, 2), (0, 1)).copy()
        first, second = rng.choice(np.arange(1, 7), 2, replace=False)
        kind = rng.integers(6)
        if kind == 0:
            labels[labels == first] = 0
        elif kind == 1:
            labels[labels == first] = second
        elif kind == 2:
            swapped = labels.copy()
            swapped[labels == first], swapped[labels == second] = second, first
            labels = swapped
        elif kind == 3:
            labels[:, SIDE // 2 :][labels[:, SIDE // 2 :] == first] = 9
        elif kind == 4:
            labels[2:6, 2:6] = 8
        found.append(labels)
    return found


def as_tracks(seed: int, images: Labels) -> tuple[Labels, np.ndarray]:
    """Every unbroken run of an id as a track of its own, some with parents: new labels and rows (N, 4)."""
    rng = np.random.default_rng(seed + 2000)
    new: Labels = [np.zeros_like(image) for image in images]
    rows: list[list[int]] = []
    running: dict[int, int] = {}
    for t, image in enumerate(images):
        ids = [int(each) for each in np.unique(image) if each]
        running = {each: label for each, label in running.items() if each in ids}
        for each in ids:
            if each not in running:
                ended = [row[0] for row in rows if t - 3 <= row[2] < t and row[0] not in running.values()]
                rows.append([len(rows) + 1, t, t, int(rng.choice(ended)) if ended and rng.random() < 0.7 else 0])
                running[each] = len(rows)
            rows[running[each] - 1][2] = t
            new[t][image == each] = running[each]
    return new, np.array(rows, np.int64).reshape(-1, 4)


def write_linked(folder: Path, name: str, images: Labels, tracks: np.ndarray, file: str) -> Path:
    """Label images and their track file."""
    folder.mkdir(parents=True)
    for t, image in enumerate(images):
        tifffile.imwrite(folder / name.format(t), image, compression="lzw")
    (folder / file).write_text("".join(" ".join(map(str, row)) + "\n" for row in tracks.tolist()))
    return folder


def write_random(root: Path, seed: int) -> tuple[Path, Path]:
    """A data set's `01_GT` (masks and markers are the same) and a valid `01_RES` with many errors."""
    truth, tracks = as_tracks(seed, random_truth(seed))
    found, linked = as_tracks(seed + 1, random_prediction(seed, truth))
    write_linked(root / "01_GT/TRA", "man_track{:03d}.tif", truth, tracks, "man_track.txt")
    (root / "01_GT/SEG").mkdir()
    for t in (0, 3, 5):
        tifffile.imwrite(root / f"01_GT/SEG/man_seg{t:03d}.tif", truth[t])
    return root / "01_GT", write_linked(root / "01_RES", "mask{:03d}.tif", found, linked, "res_track.txt")
