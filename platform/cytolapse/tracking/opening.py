"""Opening a run: a new one, the one that `mlflow run` made, or one that goes on. Imports no mlflow for a new one."""

from __future__ import annotations

import getpass
import os
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.run import ROLE, Parent, Run
from cytolapse.tracking.spool import EVENTS, FORMAT, Spool, SpoolBusy, header
from cytolapse.tracking.state import STATE, load_state
from cytolapse.tracking.uri import SPOOL, store_uri

if TYPE_CHECKING:
    from collections.abc import Mapping


def start_run(
    tracking: str = "",
    experiment: str = "Default",
    name: str = "run",
    tags: Mapping[str, Any] | None = None,
    parent: Parent | None = None,
) -> Run:
    """A new run, or the one that `mlflow run` has made for us (MLFLOW_RUN_ID).

    Args:
        tracking: address of the store, or `spool:DIR` to only spool; "" is MLFLOW_TRACKING_URI or mlflow.db here.
        experiment: name of the experiment; MLFLOW_EXPERIMENT_ID wins.
        name: name of the run; a short id is added.
        tags: set from the start.
        parent: the run that this one is a part of; then MLFLOW_RUN_ID is the parent's.

    Raises:
        CytolapseError: the store's address is none, or the spool can't be written.
    """
    folder, uri = _places(tracking)
    given = {"experiment_id": os.environ.get("MLFLOW_EXPERIMENT_ID")}
    if parent is None:
        given["run_id"] = os.environ.get("MLFLOW_RUN_ID")
    else:
        given["parent"] = parent.key
        tags = {**(tags or {}), ROLE: parent.role}
    local_id = uuid.uuid4().hex
    head = {
        "id": local_id,
        "name": f"{name}-{local_id[:6]}",
        "experiment": experiment,
        "tags": {key: str(value) for key, value in (tags or {}).items()},
        **{key: value for key, value in given.items() if value},
    }
    return _new(folder, uri, head)


def resume_run(reference: str, tracking: str = "") -> Run:
    """A run that goes on: it appends to what was logged.

    Args:
        reference: the run's id in the store (its first digits or its name will do), or its spool (`spool:DIR` goes on
            only spooling, DIR delivers too).
        tracking: as for `start_run`.

    Raises:
        CytolapseError: there is no such run, it was deleted, or another process writes it.
    """
    place = Path(reference.removeprefix(SPOOL)).absolute()
    if reference.startswith(SPOOL) or (place / EVENTS).is_file():
        only_spool = reference.startswith(SPOOL) or tracking.startswith(SPOOL)
        return _go_on(place, None if only_spool else store_uri(tracking))
    folder, uri = _places(tracking)
    if uri is not None:
        reference = run_id_of(reference, uri)
        name = _name_in_store(uri, reference)
        for earlier in sorted(spool_root().glob(f"*/{STATE}")):
            if load_state(earlier.parent, uri).run_id == reference:
                with suppress(SpoolBusy):  # an evaluation beside the training: it gets a spool of its own
                    return _go_on(earlier.parent, uri)
    local_id = uuid.uuid4().hex
    head = {"id": local_id, "name": "", "experiment": "", "tags": {}, "run_id": reference}
    run = _new(folder, uri, head)
    run.name = name if uri is not None else reference
    return run


def spool_root() -> Path:
    """Where the spools of runs with a store are kept."""
    from cytolapse.data.cache import home

    return home() / "spool"


def _places(tracking: str) -> tuple[Path, str | None]:
    if not tracking.startswith(SPOOL):
        return spool_root() / uuid.uuid4().hex, store_uri(tracking)
    if tracking == SPOOL:
        raise CytolapseError("--tracking spool: names no folder: give spool:DIR")
    folder = Path(tracking.removeprefix(SPOOL)).absolute()
    if (folder / EVENTS).exists():
        raise CytolapseError(f"{folder} already holds a run: spool to another folder, or resume that run")
    return folder, None


def _new(folder: Path, uri: str | None, head: dict[str, Any]) -> Run:
    spool = Spool(folder)
    origin = {"mlflow.user": _user(), "mlflow.source.type": "LOCAL", "mlflow.source.name": Path(sys.argv[0]).name}
    spool.append("run", format=FORMAT, origin=origin, **head)
    return Run(spool, head, uri, head.get("run_id", ""))


def _go_on(folder: Path, uri: str | None) -> Run:
    head = header(folder)
    spool = Spool(folder)
    known = "" if uri is None else load_state(folder, uri).run_id
    return Run(spool, head, uri, known or head.get("run_id", ""), resumed=True)


def _name_in_store(uri: str, run_id: str) -> str:
    from cytolapse.tracking.client import explained, reach

    with explained(uri, f"run {run_id}"):
        info = reach(uri).get_run(run_id).info
    if info.lifecycle_stage == "deleted":
        raise CytolapseError(f"run {run_id} was deleted: bring it back with `mlflow runs restore --run-id {run_id}`")
    return str(info.run_name)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
