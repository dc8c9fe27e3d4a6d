"""Open a data set for a training; what can't work is refused before a run is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cytolapse.data import DataSet, Split, default_split, open_dataset
from cytolapse.data.ctc import need_inside
from cytolapse.errors import CytolapseError
from cytolapse.metrics.movies import known
from cytolapse.segmenter import pick_device

if TYPE_CHECKING:
    from pathlib import Path

    from cytolapse.config import Config
    from cytolapse.data import Movie


def open_for_training(config: Config, data: Path) -> tuple[DataSet, Split]:
    """The data set and its split.

    Raises:
        CytolapseError: nothing could be learned from it, or chosen on it.
    """
    pick_device(config.device)
    dataset = open_dataset(data)
    for movie in dataset.movies.values():
        need_inside(dataset.path, dataset.border, movie.frames.shape[1:])
    dataset.need_truth(config.train_on)
    split = default_split(dataset, config.test_sequence)
    for part in ("train", "validation"):
        if not any(_holds_cells(movie, config.train_on) for movie in split.movies(dataset, part)):
            raise CytolapseError(
                f"the {part} part of {dataset.path} has no cell in its {config.train_on} truth: there is nothing to "
                f"{'learn from' if part == 'train' else 'choose on'}; try the other --train-on"
            )
    truths = [movie.references.get(config.train_on) for movie in split.movies(dataset, "validation")]
    if not any(truth is not None and truth.full.any() for truth in truths):
        raise CytolapseError(
            f"no frame in the validation part of {dataset.path} has every cell in its {config.train_on} truth: false "
            "positives could not be counted, so nothing could be chosen; try the other --train-on"
        )
    return dataset, split


def _holds_cells(movie: Movie, reference: str) -> bool:
    return any(np.any(movie.references[reference].labels[t]) for t in np.flatnonzero(known(movie, reference)))
