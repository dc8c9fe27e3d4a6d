"""Runs whose masks are known: a small data set of two sequences, and evaluations of drawn masks on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from cytolapse.data import default_split, open_dataset
from cytolapse.metrics import METRIC_SCHEMA_VERSION
from cytolapse.tiles import Tiling
from cytolapse.tracking import start_run
from trainers.evaluate import log_evaluation, segmented

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cytolapse.tracking import Run

SIDE = 48
LENGTHS = {"01": 40, "02": 90}


def discs(sequence: str, t: int) -> np.ndarray:
    """None to four discs of radius 5, another number every ten frames: (48, 48) uint16."""
    labels = np.zeros((SIDE, SIDE), np.uint16)
    y, x = np.mgrid[:SIDE, :SIDE]
    for label in range(1, (t // 10 + int(sequence)) % 5 + 1):
        centre = (12 + 22 * (label > 2), 10 + 25 * (label % 2) + t % 3)
        labels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= 25] = label
    return labels


def write_discs(folder: Path) -> Path:
    """01 to learn from, 02 to test on; silver and markers in every frame, gold in every third."""
    for sequence, length in LENGTHS.items():
        for part in ("", "_ST/SEG", "_GT/SEG", "_GT/TRA"):
            (folder / f"{sequence}{part}").mkdir(parents=True)
        for t in range(length):
            labels = discs(sequence, t)
            tifffile.imwrite(folder / f"{sequence}/t{t:03d}.tif", (100 + 50 * (labels > 0)).astype(np.uint8))
            files = [f"{sequence}_ST/SEG/man_seg", f"{sequence}_GT/TRA/man_track"]
            for name in files + [f"{sequence}_GT/SEG/man_seg"] * (t % 3 == 0):
                tifffile.imwrite(folder / f"{name}{t:03d}.tif", labels)
        lives = "\n".join(f"{label} 0 {length - 1} 0" for label in range(1, 5))
        (folder / f"{sequence}_GT/TRA/man_track.txt").write_text(lives + "\n")
    return folder


@dataclass(frozen=True)
class Drawn:
    """Masks that are made of the truth."""

    change: Callable[[np.ndarray, int], np.ndarray]
    name: str = "drawn"
    origin: str = "Drawn."

    def of(self, movie):
        for number in movie.numbers.tolist():
            yield self.change(discs(movie.sequence, number), number)

    def tracks(self, movie):
        return None

    def tiling(self, shape):
        return Tiling(shape)


def right(labels: np.ndarray, t: int) -> np.ndarray:
    return labels


def eroded(labels: np.ndarray, t: int) -> np.ndarray:
    """Objects lack their first one to three columns, another number in each block of ten frames."""
    return np.where(np.roll(labels, 1 + t // 10 % 3, axis=1) == labels, labels, 0)


def one_too_many(labels: np.ndarray, t: int) -> np.ndarray:
    """Something is found in the corner of every frame."""
    extra = labels.copy()
    extra[42:46, 42:46] = 9
    return extra


def evaluated(place: str, data: Path, change: Callable[[np.ndarray, int], np.ndarray]) -> Run:
    """A run at `place` (as --tracking) that was evaluated on test."""
    dataset = open_dataset(data)
    split = default_split(dataset)
    own: Mapping[str, str] = {
        "cytolapse.dataset": dataset.name,
        "cytolapse.digest": dataset.digest,
        "cytolapse.split": json.dumps(split.as_dict()),
        "metric_schema_version": str(METRIC_SCHEMA_VERSION),
    }
    with start_run(place, dataset.name, change.__name__, tags=own) as run:
        masks = Drawn(change)
        with segmented(masks, dataset, split, "test") as evaluation:
            log_evaluation(evaluation, masks, dataset, "test", run)
    return run
