"""The load check: the model is loaded as everyone loads it, and makes again the masks that its run has stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.load import load_folder
from cytolapse.tracking.masks import PARTS, stored_masks
from cytolapse.tracking.promotion.gate import FAILED, LOADS, PASSED, REPRODUCES, Rule

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from cytolapse.data import DataSet, Movie
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking.logged import Logged
    from cytolapse.tracking.masks import StoredMasks
    from cytolapse.tracking.promotion.policy import Policy

NAMES = {"test": "test", "val": "validation"}
"""Part of a run -> part of its split."""


def load_check(client: MlflowClient, run: Logged, model_id: str, data: str, policy: Policy) -> list[Rule]:
    """Rules LOADS and REPRODUCES for a run's model.

    Args:
        client: of the store.
        run: the run, with its stored masks.
        model_id: the logged model.
        data: folder of the data set; "" = where the run read it.
        policy: says how many frames, and how much must agree.
    """
    from cytolapse.segmenter import Segmenter

    try:
        segmenter = Segmenter.load(load_folder(f"models:/{model_id}", client.tracking_uri))
    except CytolapseError as error:
        return [Rule(LOADS, FAILED, str(error))]
    loads = Rule(LOADS, PASSED, f"{segmenter.config.recipe}, {model_id}")
    try:
        return [loads, _reproduces(segmenter, run, data or _recorded(client, run), policy)]
    except CytolapseError as error:
        return [loads, Rule(REPRODUCES, FAILED, str(error))]


def _reproduces(segmenter: Segmenter, run: Logged, data: str, policy: Policy) -> Rule:
    """Segment the first frames of a part, as its evaluation did, and compare."""
    part, masks = _stored(run)
    dataset = _opened(run, data)
    movie = _first(run, dataset, part)
    stored = masks.get(movie.sequence)
    numbers = [int(number) for number in movie.numbers[: policy.check_frames]]
    if stored is None or any(number not in stored for number in numbers):
        raise CytolapseError(f"run {run.name} stored no masks of frames {numbers} of sequence {movie.sequence}")
    agreement, least = _agreement(segmenter, movie, stored, numbers), policy.agreement
    passed = agreement >= least
    said = f"PQ {agreement:.4f} over {len(numbers)} frames of {part} ({movie.sequence}: {numbers[0]}-{numbers[-1]})"
    facts = {"agreement": agreement, "least": least, "frames": numbers, "sequence": movie.sequence, "part": part}
    limit = f"at least {least:g}" if passed else f"less than {least:g}"
    return Rule(REPRODUCES, PASSED if passed else FAILED, f"{said}, {limit}", facts)


def _stored(run: Logged) -> tuple[str, dict[str, StoredMasks]]:
    for part in PARTS:
        if run.artifacts(f"{part}/masks"):
            return part, stored_masks(run, part)
    raise CytolapseError(
        f"run {run.name} has no stored masks that its model could be checked with: `cytolapse evaluate "
        f"{run.reference[:12]} --data DATA` stores them"
    )


def _recorded(client: MlflowClient, run: Logged) -> str:
    """The folder that the run read its data from."""
    inputs: Any = client.get_run(run.reference).inputs
    for each in inputs.dataset_inputs:
        try:
            return str(json.loads(each.dataset.source)["uri"])
        except (ValueError, KeyError, TypeError):
            continue
    return ""


def _opened(run: Logged, data: str) -> DataSet:
    from cytolapse.data import open_dataset

    name = run.tags.get("cytolapse.dataset")
    if not data or not Path(data).is_dir():
        raise CytolapseError(f"the frames of {name} are not at {data or 'any known place'}: say where with --data DATA")
    dataset, digest = open_dataset(data), run.tags.get("cytolapse.digest")
    if (dataset.name, dataset.digest) != (name, digest):
        raise CytolapseError(
            f"{data} is {dataset.name} (digest {dataset.digest}), the run was trained on {name} ({digest}): give the "
            "same frames and truth with --data DATA"
        )
    return dataset


def _first(run: Logged, dataset: DataSet, part: str) -> Movie:
    """The first movie of a part of the run's split."""
    from cytolapse.data import Split

    if "cytolapse.split" not in run.tags:
        raise CytolapseError(f"run {run.name} has no tag cytolapse.split: it is none that `cytolapse train` made")
    return Split.from_dict(json.loads(run.tags["cytolapse.split"])).movies(dataset, NAMES[part])[0]


def _agreement(segmenter: Segmenter, movie: Movie, stored: StoredMasks, numbers: list[int]) -> float:
    """PQ at IoU 0.5 of what the model makes now against what is stored; 1 where both find nothing."""
    from tqdm import tqdm

    from cytolapse.metrics import match, summarise

    made = segmenter.segment(movie.frames[: len(numbers)])
    pairs = zip(numbers, tqdm(made, "check", len(numbers), unit="frame", delay=2, leave=False), strict=True)
    found = [match(stored[number], labels, sequence=movie.sequence, frame=number) for number, labels in pairs]
    agreement = summarise(found).at(0.5)["pq"]
    return 1.0 if agreement is None else float(agreement)
