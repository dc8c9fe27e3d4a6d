"""Candidate: what promotion knows of a run: its segmenter and its score on validation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

FOREIGN = "cytolapse.masks"
"""Tag of a run whose masks another tool made: where they came from."""
_VERSION = re.compile(r"(?:models:/)?(?:(?P<name>[^/]+)/)?(?P<number>\d{1,9})")


@dataclass(frozen=True)
class Candidate:
    """A run that may be promoted, or the champion that it is measured against."""

    run_id: str
    run_name: str
    model_id: str
    dataset: str
    digest: str
    schema: str
    metric: str
    score: float | None

    @property
    def name(self) -> str:
        """Name of the registered model: the data set's, as mlflow and its URIs allow it."""
        return re.sub(r"[^\w.-]+", "-", self.dataset)

    def __str__(self) -> str:
        """Name, id and score, for a message."""
        score = "no score" if self.score is None else f"{self.metric} {self.score:.4f}"
        return f"run {self.run_name or self.run_id} ({self.run_id[:8]}, {score})"

    def evidence(self) -> dict[str, Any]:
        """What the decision rests on."""
        return {
            "run_id": self.run_id,
            "model_id": self.model_id,
            "metric": self.metric,
            "score": self.score,
            "digest": self.digest,
            "metric_schema_version": self.schema,
        }


def candidate(client: MlflowClient, reference: str) -> Candidate:
    """What a run id or a version (`3`, `name/3`) means.

    Raises:
        CytolapseError: it has no segmenter or no data set.
    """
    match = _VERSION.fullmatch(reference)
    found = _of_run(client, reference) if match is None else of_version(client, match["name"], match["number"])
    if not found.model_id:
        raise CytolapseError(
            f"run {found.run_id} has no segmenter with its weights: only a finished training can be promoted"
        )
    if not found.dataset:
        raise CytolapseError(f"run {found.run_id} has no tag cytolapse.dataset: which model is it a version of?")
    return found


def best(candidates: list[Candidate]) -> tuple[Candidate, dict[str, float | None]]:
    """The one with the best score, and the scores of the others by run id.

    Raises:
        CytolapseError: of several one has no score, or they were scored on different data or by different rules.
    """
    first = candidates[0]
    for each in candidates if len(candidates) > 1 else []:
        if each.score is None:
            raise CytolapseError(
                f"run {each.run_id} has no {each.metric}: it can't be compared on validation; evaluate it first"
            )
        if (each.digest, each.schema, each.metric) != (first.digest, first.schema, first.metric):
            raise CytolapseError(f"{first} and {each} were scored on different data or by different rules: promote one")
    chosen = max(candidates, key=lambda each: each.score or 0.0)
    return chosen, {each.run_id: each.score for each in candidates if each.run_id != chosen.run_id}


def of_version(client: MlflowClient, name: str | None, number: str) -> Candidate:
    """The candidate behind a registered version.

    Raises:
        CytolapseError: there is no such version, or several models have one.
    """
    found = [
        each
        for each in client.search_model_versions(f"name = '{name}'" if name else None)
        if str(each.version) == number
    ]
    if len(found) != 1:
        names = ", ".join(sorted(f"{each.name}/{number}" for each in found)) or "none exists"
        raise CytolapseError(f"version {name + '/' if name else ''}{number} is not one version: {names}")
    return _of_run(client, str(found[0].run_id), str(found[0].source).removeprefix("models:/"))


def _of_run(client: MlflowClient, run_id: str, model_id: str = "") -> Candidate:
    from mlflow.exceptions import MlflowException

    from cytolapse.tracking.models import WEIGHTS, logged_models

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if not model_id or error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return Candidate(run_id, "", model_id, "", "", "", _metric({}), None)  # a champion whose run is gone for good
    if run.info.lifecycle_stage == "deleted" and not model_id:
        raise CytolapseError(f"run {run_id} was deleted: bring it back with `mlflow runs restore --run-id {run_id}`")
    if not model_id and FOREIGN in run.data.tags:
        tool = run.data.tags.get("cytolapse.recipe", "another tool")
        raise CytolapseError(
            f"run {run.info.run_name} holds masks of {tool} and no model: compare with it, but promote a trained run"
        )
    if not model_id:
        models = [each for each in logged_models(client, run_id) if each.name == "segmenter" and each.status == "READY"]
        model_id = next((each.model_id for each in models if each.tags.get(WEIGHTS) != "absent"), "")
    tags, metric = run.data.tags, _metric(run.data.params)
    return Candidate(
        run_id=run_id,
        run_name=run.info.run_name or "",
        model_id=model_id,
        dataset=tags.get("cytolapse.dataset", ""),
        digest="+".join(filter(None, (tags.get("cytolapse.digest"), tags.get("cytolapse.ignore.val")))),
        schema=tags.get("metric_schema_version", ""),
        metric=metric,
        score=run.data.metrics.get(metric),
    )


def _metric(params: Mapping[str, str]) -> str:
    """The selection score on validation, against the truth that the run was trained and chosen on."""
    from cytolapse.metrics import SELECTION

    return f"val/{params.get('cfg.train_on', 'silver')}/{SELECTION}"
