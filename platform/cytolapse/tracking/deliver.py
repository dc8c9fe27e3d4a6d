"""Delivery: the events of a spool, put into an MLflow store in order, each once."""

from __future__ import annotations

import logging
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from cytolapse.errors import CytolapseError
from cytolapse.tracking.batch import Batch
from cytolapse.tracking.client import brief, connect, refused
from cytolapse.tracking.handlers import HANDLERS, HEARTBEAT, Job, find_model, run_is_there
from cytolapse.tracking.marks import STOP
from cytolapse.tracking.spool import header, read_events
from cytolapse.tracking.state import State, load_state, save_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOG = logging.getLogger("cytolapse.tracking")


class Delivery:
    """One spool on its way into one store; one process at a time.

    Whatever the store took is written down in `delivered.json` after each step, and each step may be repeated
    harmlessly: a delivery that was killed is simply started again.

    Raises:
        CytolapseError: the folder is no spool, or another process delivers it.
    """

    def __init__(self, folder: Path, uri: str, patience_s: float = 0) -> None:
        self.folder = folder
        self.uri = uri
        header(folder)
        self._lock = FileLock(folder / "deliver.lock", timeout=patience_s, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise CytolapseError(f"spool {folder} is being delivered by another process: let it finish") from None
        self.state = load_state(folder, uri)

    def close(self) -> None:
        """Let other processes deliver."""
        self._lock.release()

    @cached_property
    def _job(self) -> Job:
        job = Job(connect(self.uri), self.uri, self.folder, self.state)
        if not run_is_there(job):  # the store was made anew: so is the delivery
            self.state = job.state = State()
        return job

    def deliver(self, progress: Callable[[int], object] | None = None) -> None:
        """Put into the store what was spooled since the last call; `progress` gets bytes as they are done.

        Raises:
            CytolapseError: the store holds what this can't be added to (a deleted run, an old schema).
            mlflow.exceptions.MlflowException: the store can't be reached.
        """
        job = self._job
        batch = Batch()
        for event, offset in read_events(self.folder, self.state.offset):
            if batch.add(event, self._link):
                batch.offset = offset
                if batch.full:
                    batch = self._flush(batch, progress)
                continue
            batch = self._flush(batch, progress)
            handle = HANDLERS.get(event["event"])
            if handle is None:
                raise CytolapseError(f"spool {self.folder} has events {event['event']!r}: a newer version wrote it")
            self._take(partial(handle, job, event), event["event"])
            self._advance(offset, progress)
        self._flush(batch, progress)

    def beat(self, when_ms: int) -> None:
        """Say in the store that the run was alive at that time."""
        if self.state.run_id and not self.state.ended:
            self._job.client.set_tag(self.state.run_id, HEARTBEAT, str(when_ms))

    def asked_to_stop(self) -> str:
        """Who asked in the store that the run stops; empty = nobody."""
        if not self.state.run_id or self.state.ended:
            return ""
        return str(self._job.client.get_run(self.state.run_id).data.tags.get(STOP, ""))

    def _flush(self, batch: Batch, progress: Callable[[int], object] | None) -> Batch:
        if batch.offset:
            try:
                batch.send(self._job.client, self.state.run_id)
            except Exception as error:
                if not refused(error):
                    raise
                for part in batch.parts():
                    self._take(partial(part.send, self._job.client, self.state.run_id), part.name)
            self._advance(batch.offset, progress)
        return Batch()

    def _take(self, step: Callable[[], None], name: str) -> None:
        """Do one step; what the store will never take is noted and left out, so that it doesn't stop the rest."""
        try:
            step()
        except Exception as error:
            if not refused(error):
                raise
            reason = f"{name}: {brief(error)}"
            self.state.refused.append(reason)
            _LOG.warning("the tracking store refused %s", reason)

    def _advance(self, offset: int, progress: Callable[[int], object] | None) -> None:
        if progress is not None:
            progress(offset - self.state.offset)
        self.state.offset = offset
        save_state(self.folder, self.uri, self.state)

    def _link(self, event: dict[str, Any], context: str) -> dict[str, str]:
        """What ties a metric to a logged model of the run and to the part of the data set it was measured on."""
        name = event.get("model")
        if not name:
            return {}
        if name not in self.state.models:  # logged by an earlier spool of the run, or never
            self.state.models[name] = find_model(self._job, name)
        if not self.state.models[name]:
            return {}
        link = {"model_id": self.state.models[name], "run_id": self.state.run_id}
        if context in self.state.inputs:
            link["dataset_name"], link["dataset_digest"] = self.state.inputs[context]
        return link
