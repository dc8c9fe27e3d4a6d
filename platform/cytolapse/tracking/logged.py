"""What was logged on a run, read back from its spool or from the store. Reading a spool imports no mlflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.run import NAME, ROLE
from cytolapse.tracking.spool import EVENTS, FILES, header, read_events
from cytolapse.tracking.store import open_store
from cytolapse.tracking.uri import SPOOL, store_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

CHILDREN = "parts"
"""Folder of a spool in which those of its child runs lie."""


@dataclass(frozen=True)
class Logged:
    """A run as it was logged.

    Attributes:
        reference: how `resume_run` finds it: an id in the store, or a spool folder.
        status: MLflow's; "RUNNING" where it did not end.
        tags: the last value of each.
        metrics: the last value of each.
        uri: the store; None where the run is a spool.
    """

    reference: str
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    uri: str | None

    @property
    def role(self) -> str:
        """Which part of its parent it is; "" where it has none."""
        return self.tags.get(ROLE, "")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.tags.get(NAME) or Path(self.reference).name

    def artifacts(self, folder: str = "") -> list[str]:
        """Paths of its files below a folder, sorted; none where it is empty."""
        if self.uri is not None:
            return open_store(self.uri).artifacts(self.reference, folder)
        root = Path(self.reference) / FILES / "artifacts"
        found = [each for each in (root / folder).rglob("*") if each.is_file()]
        return sorted(each.relative_to(root).as_posix() for each in found)

    def artifact(self, path: str) -> Path:
        """A local copy of one of its files.

        Raises:
            CytolapseError: it has no such file.
        """
        if self.uri is not None:
            return open_store(self.uri).artifact(self.reference, path)
        place = Path(self.reference) / FILES / "artifacts" / path
        if not place.is_file():
            raise CytolapseError(f"{self.reference} has no file {path!r}: the run ended before it was written")
        return place

    def json(self, path: str) -> dict[str, Any]:
        """What one of its JSON files holds.

        Raises:
            CytolapseError: it has no such file, or a damaged one.
        """
        try:
            found = json.loads(self.artifact(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise CytolapseError(f"{path} of run {self.name} is damaged: evaluate the run again") from error
        if not isinstance(found, dict):
            raise CytolapseError(f"{path} of run {self.name} is damaged: evaluate the run again")
        return found


def logged(reference: str, tracking: str = "") -> Logged:
    """A run as it was logged.

    Args:
        reference: as for `resume_run`.
        tracking: as for `start_run`.

    Raises:
        CytolapseError: there is no such run.
    """
    place = Path(reference.removeprefix(SPOOL)).absolute()
    if reference.startswith(SPOOL) or (place / EVENTS).is_file():
        return _of_spool(place)
    from cytolapse.tracking.client import explained, reach

    uri = store_uri("" if tracking.startswith(SPOOL) else tracking)
    with explained(uri, f"run {reference}"):
        run = reach(uri).get_run(run_id_of(reference, uri))
        return Logged(run.info.run_id, run.info.status, dict(run.data.tags), dict(run.data.metrics), uri)


def logged_tags(reference: str, tracking: str = "") -> dict[str, str]:
    """The tags of a run, from its spool or the store; arguments and errors as of `logged`."""
    return dict(logged(reference, tracking).tags)


def children(parent: Logged) -> list[Logged]:
    """The child runs of a run, oldest first.

    Raises:
        CytolapseError: the store can't be reached.
    """
    if parent.uri is None:
        found = sorted(Path(parent.reference).glob(f"{CHILDREN}/*/{EVENTS}"), key=lambda file: file.stat().st_ctime)
        return [_of_spool(file.parent) for file in found]
    from cytolapse.tracking.client import explained
    from cytolapse.tracking.handlers import PARENT

    runs = open_store(parent.uri).runs()
    if f"tags.{PARENT}" not in runs:
        return []
    with explained(parent.uri, f"run {parent.reference}"):
        ids = runs[runs[f"tags.{PARENT}"] == parent.reference].sort_values("started")["run_id"]
        return [logged(str(run_id), parent.uri) for run_id in ids]


def _of_spool(folder: Path) -> Logged:
    head = header(folder)
    status, tags = "RUNNING", {NAME: head["name"], **head["tags"]}
    metrics: dict[str, float] = {}
    for event, _ in read_events(folder):
        kind = event["event"]
        if kind == "tags":
            tags |= event["values"]
        elif kind == "metrics":
            metrics |= event["values"]
        elif kind in ("end", "resume"):
            status = event.get("status", "RUNNING")
    return Logged(str(folder), status, tags, metrics, None)
