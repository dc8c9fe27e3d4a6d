"""The runs whose masks are compared with silver truth."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.audit.scene import Scene
from cytolapse.errors import CytolapseError
from cytolapse.tracking import logged
from cytolapse.tracking.masks import PARTS, stored_masks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytolapse.data import DataSet, Movie
    from cytolapse.data.tiff import Array
    from cytolapse.tracking import Logged


class Known(Mapping[int, "Array"]):
    """Frame number -> silver labels (Y, X), of the frames that have them."""

    def __init__(self, movie: Movie) -> None:
        silver = movie.references["silver"]
        self._labels = silver.labels
        self._places = {int(movie.numbers[t]): int(t) for t in np.flatnonzero(silver.known)}

    def __getitem__(self, number: int) -> Array:
        return np.asarray(self._labels[self._places[number]])

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def scenes_of(dataset: DataSet, references: Sequence[str], split: str = "test", tracking: str = "") -> list[Scene]:
    """The sequences that at least two of the runs hold masks of.

    Args:
        dataset: what is audited.
        references: the runs, as `logged` takes them.
        split: "test", "val" or "all": which of the runs' parts.
        tracking: the store.

    Raises:
        CytolapseError: fewer than two runs, one twice, one without masks or of other data, or silver truth is absent.
    """
    if len(references) < 2:
        raise CytolapseError(
            f"{len(references)} run was given: an audit rests on the agreement of two runs or more; give --runs A B C"
        )
    dataset.need_truth("silver")
    runs = [logged(reference, tracking) for reference in references]
    _need_different(runs)
    held = [_masks(run, dataset, split) for run in runs]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [run.reference for run in runs]
    return [
        Scene(name, Known(movie), [masks.get(name, {}) for masks in held], names, dataset.border)
        for name, movie in dataset.movies.items()
        if "silver" in movie.references and sum(name in masks for masks in held) > 1
    ]


def _need_different(runs: Sequence[Logged]) -> None:
    seen: set[str] = set()
    for run in runs:
        if run.reference in seen:
            raise CytolapseError(f"run {run.name} is given twice: its agreement with itself says nothing; name others")
        seen.add(run.reference)


def _masks(run: Logged, dataset: DataSet, split: str) -> dict[str, Mapping[int, Array]]:
    if run.tags.get("cytolapse.dataset") != dataset.name:
        own = run.tags.get("cytolapse.dataset") or "no data set"
        raise CytolapseError(f"run {run.name} is of {own}, {dataset.path} is {dataset.name}: give runs of these data")
    if run.tags.get("cytolapse.digest") != dataset.digest:
        raise CytolapseError(
            f"{dataset.path} has changed since run {run.name} was made (digest {dataset.digest}, then "
            f"{run.tags.get('cytolapse.digest')}): its masks may be of other frames; train and evaluate a new run"
        )
    if split != "all":
        return dict(stored_masks(run, split))
    found: dict[str, Mapping[int, Array]] = {}
    for part in [part for part in PARTS if run.artifacts(f"{part}/masks")] or PARTS[:1]:
        for sequence, masks in stored_masks(run, part).items():
            found[sequence] = ChainMap(masks, found.get(sequence, {}))  # type: ignore[arg-type]  # only read
    return found
