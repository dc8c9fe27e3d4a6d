"""Files of a run, read where they lie if that is this machine, else fetched once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import connect, explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


def local_artifacts(uri: str, run_id: str, root: str, folder: str) -> list[str]:
    """Paths of a run's files below a folder, sorted; `root` is the run's artifact URI, "" where there is no run."""
    place = local_path(root)
    if place is None:
        return [] if not root else remote_artifacts(connect(uri), run_id, folder)
    return sorted(str(each.relative_to(place)) for each in (place / folder).rglob("*") if each.is_file())


def remote_artifacts(client: MlflowClient, run_id: str, folder: str) -> list[str]:
    """The same through the client, folder by folder."""
    paths = []
    for each in client.list_artifacts(run_id, folder or None):
        paths += remote_artifacts(client, run_id, each.path) if each.is_dir else [each.path]
    return sorted(paths)


def local_artifact(uri: str, run_id: str, root: str, path: str) -> Path:
    """A local file with the content of a run's file.

    Raises:
        CytolapseError: the run or the file does not exist, or the path leads out of the run.
    """
    if ".." in Path(path).parts or Path(path).is_absolute():
        raise CytolapseError(f"artifact path {path!r} leads out of the run: give a path as `artifacts` lists it")
    if not root:
        raise CytolapseError(f"the store has no run {run_id!r}")
    place = local_path(root)
    if place is None:
        return fetched(uri, run_id, path)
    if not (place / path).is_file():
        raise CytolapseError(f"run {run_id} has no file {path!r}: {_some(local_artifacts(uri, run_id, root, ''))}")
    return place / path


def fetched(uri: str, run_id: str, path: str) -> Path:
    """Download a run's file into the cache; a run that went on since is fetched anew.

    Raises:
        CytolapseError: the run or the file does not exist, or the server can't be reached.
    """
    from cytolapse.data.cache import home

    with explained(uri, f"file {path!r} of run {run_id}"):
        client = connect(uri)
        ended = client.get_run(run_id).info.end_time
        target = home() / "artifacts" / run_id / str(ended or "running") / path
        if ended and target.is_file():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(mkdtemp(dir=target.parent, prefix=".part-"))
        try:
            os.replace(client.download_artifacts(run_id, path, str(part)), target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


def local_path(root: str) -> Path | None:
    """The folder that an artifact URI means on this machine; None where it lies elsewhere."""
    parts = urlsplit(root)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(root) if root and not parts.scheme else None


def _some(paths: list[str]) -> str:
    return "it has none" if not paths else "it has " + ", ".join(paths[:8]) + (" ..." if len(paths) > 8 else "")
