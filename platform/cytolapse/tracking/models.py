"""Logged models: config.json and weights.safetensors as a pyfunc without a line of code or a pickle in it."""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from cytolapse.tracking.handlers import Job

EVENT = "cytolapse.event"
WEIGHTS = "cytolapse.weights"
NEEDS = ("mlflow", "numpy", "safetensors", "scikit-image", "scipy", "torch")
LOADER = "cytolapse.tracking.pyfunc_model"


def log_model(job: Job, event: dict[str, Any]) -> None:
    """Log a model of the spool and let go of an earlier one of that name, unless it is registered."""
    from mlflow.entities import LoggedModelOutput

    client, state, name = job.client, job.state, event["name"]
    source = job.folder / event["file"]
    missing = [each for each in event["files"] if not (source / each).is_file()]
    known = logged_models(client, state.run_id)
    mark = f"{event['time']:015d}-{event['step']:012d}"
    if any(each.name == name and each.tags.get(EVENT, "") > mark for each in known):
        state.models[name] = ""  # delivered earlier, and replaced since: so were its metrics
        return
    model = next((each for each in known if each.name == name and each.tags.get(EVENT) == mark), None)
    if model is None:
        tags = {EVENT: mark, "cytolapse.step": str(event["step"])} | ({WEIGHTS: "absent"} if missing else {})
        model = client.create_logged_model(state.experiment_id, name, state.run_id, tags, model_type=event["kind"])
    if model.status != "READY":
        with TemporaryDirectory(dir=job.folder) as folder:  # beside the weights, so that they are linked, not copied
            package(source, Path(folder), model.model_id, state.run_id)
            client.log_model_artifacts(model.model_id, folder)
        client.finalize_logged_model(model.model_id, "READY")
    outputs: Any = client.get_run(state.run_id).outputs
    if model.model_id not in [output.model_id for output in outputs.model_outputs]:
        client.log_outputs(state.run_id, [LoggedModelOutput(model.model_id, event["step"])])
    state.models[name] = model.model_id
    _let_go(client, [each for each in known if each.name == name and each.model_id != model.model_id])


def logged_models(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    """The logged models of a run, newest first."""
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    return sorted(found, key=lambda model: -int(model.creation_timestamp))


def package(source: Path, target: Path, model_id: str, run_id: str) -> None:
    """Write the files of a pyfunc: the model's own, and what tells mlflow to load them with our reader."""
    from mlflow.models import Model

    for each in source.glob("*"):
        try:
            os.link(each, target / each.name)
        except OSError:  # another file system
            shutil.copyfile(each, target / each.name)
    needs = [f"{name}=={version(name)}" for name in NEEDS]
    (target / "requirements.txt").write_text("\n".join(needs) + "\n")
    conda = {"name": "cytolapse", "dependencies": [f"python={python_version()}", "pip", {"pip": needs}]}
    (target / "conda.yaml").write_text(json.dumps(conda, indent=1) + "\n")  # JSON is YAML
    model = Model(model_id=model_id, run_id=run_id, signature=_signature())
    environment = {"conda": "conda.yaml"}
    model.add_flavor("python_function", loader_module=LOADER, python_version=python_version(), env=environment)
    model.save(str(target / "MLmodel"))


def _signature() -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shape = (-1, -1, -1)
    return ModelSignature(
        Schema([TensorSpec(np.dtype("uint16"), shape)]),
        Schema([TensorSpec(np.dtype("int32"), shape)]),
    )


def _let_go(client: MlflowClient, models: list[LoggedModel]) -> None:
    for model in models:
        versions = client.search_model_versions(f"run_id = '{model.source_run_id}'")
        if f"models:/{model.model_id}" not in [each.source for each in versions]:
            client.delete_logged_model(model.model_id)
