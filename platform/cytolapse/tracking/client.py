"""The one place where mlflow is imported and set up, at call time."""

from __future__ import annotations

import logging
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock

from cytolapse.errors import CytolapseError
from cytolapse.tracking.uri import shown, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient

# By default mlflow blocks four minutes on a dead server, unpickles what it loads and reports its use.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS", "MALFORMED_REQUEST"}


def settle() -> None:
    """Set up mlflow's environment, where the user hasn't; before its first import."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    retries = logging.getLogger("urllib3.connectionpool")  # one line per retry: ours says it once
    if retries.level == logging.NOTSET:
        retries.setLevel(logging.ERROR)


def connect(uri: str) -> MlflowClient:
    """A client of the store; a sqlite file is made first, by one process at a time.

    Raises:
        CytolapseError: it is no database, or its schema is another one than the installed mlflow's.
    """
    settle()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    file = sqlite_file(uri)
    try:
        if file is None:
            return MlflowClient(uri, registry_uri=uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):  # concurrent first writers corrupt the schema
            client = MlflowClient(uri, registry_uri=uri)
            client.search_experiments(max_results=1)
            return client
    except (OSError, SQLAlchemyError) as error:
        raise CytolapseError(f"{shown(uri)} can't be opened: {brief(error)}") from error
    except MlflowException as error:
        if "out-of-date database schema" not in str(error):
            raise
        raise CytolapseError(
            f"{shown(uri)} was written by another mlflow version: back it up, then run `mlflow db upgrade {shown(uri)}`"
        ) from error


def reach(uri: str) -> MlflowClient:
    """A client of a store that exists: what only reads makes no empty one.

    Raises:
        CytolapseError: there is none, or as `connect`.
    """
    file = sqlite_file(uri)
    if file is not None and not file.is_file():
        raise CytolapseError(
            f"there is no store at {shown(uri)}: run this in the folder where you trained, or set MLFLOW_TRACKING_URI"
        )
    return connect(uri)


def brief(error: Exception) -> str:
    """The first line of what an error says, without passwords."""
    line = (str(error).splitlines() or [""])[0]
    if type(error).__name__ != "MlflowException":
        line = f"{type(error).__name__}: {line}"
    return re.sub(r"//[^/@\s]+@", "//", line)[:300]


@contextmanager
def explained(uri: str, what: str) -> Iterator[None]:
    """Turn what mlflow raises into a message that says which store, what was asked and what to do.

    Raises:
        CytolapseError: the store does not have it, or can't be reached.
    """
    settle()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = brief(error)
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise CytolapseError(
                f"{what}: not in {shown(uri)} ({first}); `cytolapse runs` lists what is there"
            ) from error
        if refused(error):
            raise CytolapseError(f"{what}: {shown(uri)} refuses it ({first})") from error
        running = "; is it running?" if uri.startswith("http") else ""
        raise CytolapseError(f"{what}: {shown(uri)} does not answer ({_reason(error)}){running}") from error


def _reason(error: Exception) -> str:
    """Why a request failed: what the system said (`Connection refused`), or else what mlflow says."""
    said, under = brief(error), error.__cause__ or error.__context__
    while under is not None:
        said = under.strerror if isinstance(under, OSError) and under.strerror else said
        under = under.__cause__ or (None if under.__suppress_context__ else under.__context__)
    return said


@contextmanager
def as_global(uri: str) -> Iterator[None]:
    """Make the store mlflow's global one for a moment; the environment is as before afterwards."""
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def refused(error: Exception) -> bool:
    """The store was reached and will never take this: there is no point in sending it again."""
    deleted_run = "must be in the 'active' state" in str(error)
    return getattr(error, "error_code", "") in REFUSALS and not deleted_run


def artifact_root(uri: str) -> Path | None:
    """Where artifacts of new experiments go: beside a sqlite file; None leaves it to the server."""
    file = sqlite_file(uri)
    return None if file is None else file.parent / "mlruns"


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """Id of the experiment of that name, made where there is none.

    Raises:
        CytolapseError: it was deleted.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(uri)
        location = None if root is None else str(root / re.sub(r"[^\w.-]+", "-", name))
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException as error:  # another run made it in the meantime
            found = client.get_experiment_by_name(name)
            if found is None:
                raise error
    if found.lifecycle_stage == "deleted":
        raise CytolapseError(
            f"experiment {name!r} was deleted in {shown(uri)}: "
            f"bring it back with `mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)
