"""What each event of a spool does to the store; each may be repeated harmlessly."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import experiment_id
from cytolapse.tracking.marks import STOP
from cytolapse.tracking.run import NAME
from cytolapse.tracking.spool import header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow import MlflowClient

    from cytolapse.tracking.state import State

HEARTBEAT = "cytolapse.heartbeat"
LOCAL_ID = "cytolapse.local_run_id"
PARENT_KEY = "cytolapse.parent"
PARENT = "mlflow.parentRunId"
DIGEST_LENGTH = 36
_LOG = logging.getLogger("cytolapse.tracking")


@dataclass
class Job:
    """Where events go: the store, and what it has of this spool."""

    client: MlflowClient
    uri: str
    folder: Path
    state: State


def run_is_there(job: Job) -> bool:
    """Whether the store knows the run that it has taken events of.

    Raises:
        CytolapseError: the run was deleted in the store.
    """
    from mlflow.exceptions import MlflowException

    if not job.state.run_id:
        return True
    try:
        run = job.client.get_run(job.state.run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    if run.info.lifecycle_stage == "deleted":
        raise CytolapseError(
            f"run {job.state.run_id} of spool {job.folder} was deleted: "
            f"bring it back with `mlflow runs restore --run-id {job.state.run_id}`"
        )
    return True


def begin(job: Job, event: dict[str, Any]) -> None:
    """Make the run, or find the one that an earlier delivery or `mlflow run` made."""
    client, state = job.client, job.state
    if event.get("run_id"):
        _attach(job, event)
        return
    tags = {**event["origin"], **event["tags"], LOCAL_ID: event["id"]}
    state.experiment_id = event.get("experiment_id") or experiment_id(client, job.uri, event["experiment"])
    if event.get("parent"):
        tags |= {PARENT_KEY: event["parent"], **_parent(job, event["parent"])}
    found = client.search_runs([state.experiment_id], f"tags.`{LOCAL_ID}` = '{event['id']}'", max_results=1)
    run = found[0] if found else client.create_run(state.experiment_id, event["time"], tags, event["name"])
    state.run_id = run.info.run_id
    _adopt(job, event["id"])


def _parent(job: Job, key: str) -> dict[str, str]:
    """The tag that makes a run a child of another; {} while the parent is not in the store."""
    from mlflow.exceptions import MlflowException

    found = job.client.search_runs([job.state.experiment_id], f"tags.`{LOCAL_ID}` = '{key}'", max_results=1)
    if found:
        return {PARENT: found[0].info.run_id}
    try:
        return {PARENT: job.client.get_run(key).info.run_id}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def _adopt(job: Job, key: str) -> None:
    """Make children of this run those that were delivered before it."""
    for child in job.client.search_runs([job.state.experiment_id], f"tags.`{PARENT_KEY}` = '{key}'"):
        job.client.set_tag(child.info.run_id, PARENT, job.state.run_id)


def _attach(job: Job, event: dict[str, Any]) -> None:
    from mlflow.entities import RunTag

    run = job.client.get_run(event["run_id"])
    job.state.run_id, job.state.experiment_id = run.info.run_id, run.info.experiment_id
    tags = {LOCAL_ID: event["id"], **event["tags"]} if LOCAL_ID not in run.data.tags else dict(event["tags"])
    if event["name"]:
        tags[NAME] = event["name"]
    job.client.log_batch(run.info.run_id, tags=[RunTag(*tag) for tag in tags.items()], synchronous=True)
    resume(job, event)


def resume(job: Job, event: dict[str, Any]) -> None:
    """The run goes on; what stopped it is done with."""
    job.client.update_run(job.state.run_id, status="RUNNING")
    if STOP in job.client.get_run(job.state.run_id).data.tags:
        job.client.delete_tag(job.state.run_id, STOP)
    job.state.ended = False


def add_input(job: Job, event: dict[str, Any]) -> None:
    """The data set; mlflow keeps one input per digest, so a part that isn't for training has a digest of its own."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    context = event["context"]
    suffix = "" if context == "training" else f"-{context}"
    digest = event["digest"][: DIGEST_LENGTH - len(suffix)] + suffix
    source = json.dumps({"uri": event["source"]})
    dataset = Dataset(event["name"], digest, "local", source, profile=json.dumps({"digest": event["digest"]}))
    job.client.log_inputs(job.state.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])
    job.state.inputs[context] = [event["name"], digest]


def add_artifact(job: Job, event: dict[str, Any]) -> None:
    """A file or folder."""
    path = job.folder / event["file"]
    if not path.exists():
        _LOG.warning("%s is not in the spool: left out", path)
        return
    job.client.log_artifact(job.state.run_id, str(path), event["folder"] or None)


def end(job: Job, event: dict[str, Any]) -> None:
    """The run is over; its parent, where it was made at the same moment, is there by now."""
    key = header(job.folder).get("parent")
    for tag, value in (_parent(job, key) if key else {}).items():
        job.client.set_tag(job.state.run_id, tag, value)
    job.client.set_tag(job.state.run_id, HEARTBEAT, str(event["time"]))
    job.client.set_terminated(job.state.run_id, event["status"], event["time"])
    job.state.ended = True


def add_model(job: Job, event: dict[str, Any]) -> None:
    """A logged model."""
    from cytolapse.tracking.models import log_model

    log_model(job, event)


def find_model(job: Job, name: str) -> str:
    """Id of the run's logged model of that name; "" where there is none."""
    from cytolapse.tracking.models import logged_models

    found = [model for model in logged_models(job.client, job.state.run_id) if model.name == name]
    return str(found[0].model_id) if found else ""


HANDLERS: dict[str, Callable[[Job, dict[str, Any]], None]] = {
    "run": begin,
    "resume": resume,
    "input": add_input,
    "artifact": add_artifact,
    "model": add_model,
    "end": end,
}
