"""Open a data set for a training; what can't work is refused before a run is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.data import DataSet, Split, default_split, open_dataset
from cytolapse.data.ctc import need_inside
from cytolapse.data.ignore import parse_ignore
from cytolapse.errors import CytolapseError
from cytolapse.metrics.movies import known
from cytolapse.segmenter import pick_device

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cytolapse.config import Config
    from cytolapse.data import Movie
    from cytolapse.data.ignore import IgnoreList


def open_for_training(config: Config, data: Path, ignore: IgnoreList | None = None) -> tuple[DataSet, Split]:
    """The data set and its split.

    Raises:
        CytolapseError: nothing could be learned from it, or chosen on it.
    """
    pick_device(config.device)
    dataset = open_dataset(data, ignore)
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


def need_same_settings(config: Config, given: Mapping[str, Any]) -> None:
    """Refuse settings of a training that goes on which are not its own; None = not given.

    Raises:
        CytolapseError: one differs.
    """
    for name, value in given.items():
        if value is not None and value != getattr(config, name):
            own, flag = getattr(config, name), "RECIPE" if name == "recipe" else f"--{name.replace('_', '-')}"
            mend = f"give {own}" if name == "recipe" else f"leave out {flag} {value}"
            raise CytolapseError(
                f"{flag} is {own} in that run and can't be changed with --resume: {mend}, or train a new run"
            )


def own_list(text: str, given: IgnoreList | None) -> IgnoreList | None:
    """The ignore list of a training that goes on, by the text that its checkpoint holds.

    Raises:
        CytolapseError: the given one is another.
    """
    own = parse_ignore(text, "the ignore list of that run") if text else None
    if given is not None and (own is None or own.digest != given.digest):
        has = "no ignore list" if own is None else "another ignore list"
        raise CytolapseError(
            f"that run was trained with {has}, which can't be changed with --resume: leave out --ignore {given.name}, "
            "or train a new run"
        )
    return own
