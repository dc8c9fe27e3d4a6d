"""Where a model lies: a URI in, a local folder with config.json and weights.safetensors out. Runs nothing."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import explained, reach
from cytolapse.tracking.files import local_path
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.run import MODEL_FILES
from cytolapse.tracking.spool import header, read_events
from cytolapse.tracking.uri import SPOOL, shown, store_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

FORMS = "a folder, models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or runs:/RUN_ID/segmenter"


def load_folder(uri: str, tracking: str = "") -> Path:
    """A local folder that holds the model's `config.json` and, where it has weights, `weights.safetensors`.

    Only these two files are fetched, and neither holds code: nothing of the artifact is ever run.

    Args:
        uri: a folder, models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID, runs:/RUN_ID/NAME or spool:DIR/NAME.
        tracking: the store, as for `start_run`.

    Raises:
        CytolapseError: there is no such model (the message lists what exists), or the store can't be reached.
    """
    if uri.startswith(SPOOL):
        return _of_spool(uri)
    if not uri.startswith(("models:/", "runs:/")):
        if not (Path(uri) / "config.json").is_file():
            what = "holds no config.json" if Path(uri).is_dir() else "is no folder"
            raise CytolapseError(f"{uri!r} names no model: it {what}; give {FORMS}")
        return Path(uri)
    store = store_uri(tracking)
    with explained(store, uri):
        client = reach(store)
        return _local_folder(client.get_logged_model(model_id(client, store, uri)), store)


def model_id(client: MlflowClient, store: str, uri: str) -> str:
    """Id of the logged model that a models:/ or runs:/ URI means.

    Raises:
        CytolapseError: there is none.
    """
    if match := re.fullmatch(r"models:/(m-[0-9a-f]{32})", uri):
        return match[1]
    if match := re.fullmatch(r"runs:/([^/]+)/([^/]+)", uri):
        return _of_run(client, run_id_of(match[1], store), match[2])
    if match := re.fullmatch(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))", uri):
        return _of_version(client, store, *match.groups())
    raise CytolapseError(f"{uri!r} names no model: give {FORMS}")


def _of_run(client: MlflowClient, run_id: str, name: str) -> str:
    from cytolapse.tracking.models import logged_models

    if client.get_run(run_id).info.lifecycle_stage == "deleted":
        raise CytolapseError(f"run {run_id} was deleted: bring it back with `mlflow runs restore --run-id {run_id}`")
    models = [model for model in logged_models(client, run_id) if model.status == "READY"]
    for model in models:
        if model.name == name:
            return str(model.model_id)
    names = ", ".join(sorted({model.name for model in models})) or "none"
    raise CytolapseError(f"run {run_id} has no model {name!r}: it has {names}")


def _of_version(client: MlflowClient, store: str, name: str, alias: str | None, number: str | None) -> str:
    models = {model.name: model for model in client.search_registered_models()}
    if name not in models:
        names = ", ".join(sorted(models)) or "none; `cytolapse promote RUN_ID` registers one"
        raise CytolapseError(f"{shown(store)} has no registered model {name!r}: it has {names}")
    if alias is not None and alias not in models[name].aliases:
        names = ", ".join(sorted(models[name].aliases)) or "none"
        raise CytolapseError(f"registered model {name!r} has no alias {alias!r}: it has {names}")
    wanted = number or str(models[name].aliases[alias])
    versions = {str(each.version): each for each in client.search_model_versions(f"name = '{name}'")}
    if wanted not in versions:
        numbers = ", ".join(sorted(versions, key=int)) or "none"
        raise CytolapseError(f"registered model {name!r} has no version {wanted}: it has {numbers}")
    source = str(versions[wanted].source)
    if not (match := re.fullmatch(r"models:/(m-[0-9a-f]{32})", source)):
        raise CytolapseError(
            f"version {wanted} of {name!r} is from {source}, which `cytolapse promote` did not register"
        )
    return match[1]


def _local_folder(model: LoggedModel, store: str) -> Path:
    from cytolapse.tracking.models import WEIGHTS

    if model.tags.get(WEIGHTS) == "absent":
        raise CytolapseError(f"the weights of model {model.model_id} were left out of the spool it came from")
    place = local_path(model.artifact_location)
    folder = place if place is not None else _fetched(model, store)
    if not (folder / "config.json").is_file():
        raise CytolapseError(f"model {model.model_id} has no config.json in {folder}: was it logged by cytolapse?")
    return folder


def _fetched(model: LoggedModel, store: str) -> Path:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    from cytolapse.data.cache import home

    target = home() / "models" / str(model.model_id)
    if target.is_dir():  # a model that is READY never changes
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(dir=target.parent, prefix=".part-"))
    try:
        files: Any = get_artifact_repository(model.artifact_location, tracking_uri=store)
        for each in sorted({info.path for info in files.list_artifacts()} & set(MODEL_FILES)):
            files.download_artifacts(each, str(part))
        os.replace(part, target)
    except OSError:
        if not target.is_dir():  # another process has put it there
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _of_spool(uri: str) -> Path:
    folder, _, name = uri.removeprefix(SPOOL).rpartition("/")
    header(Path(folder))
    models = {event["name"]: event for event, _ in read_events(Path(folder)) if event["event"] == "model"}
    if name not in models:
        raise CytolapseError(f"spool {folder} has no model {name!r}: it has {', '.join(sorted(models)) or 'none'}")
    return Path(folder) / str(models[name]["file"])
