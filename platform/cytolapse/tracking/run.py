"""Run: what a training or an evaluation writes down. Every call only appends to the spool. Imports no mlflow."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.errors import CytolapseError
from cytolapse.tracking.spool import FILES
from cytolapse.tracking.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from cytolapse.tracking.live import Live
    from cytolapse.tracking.spool import Spool

_KEY = re.compile(r"^[\w.\-/ :]{1,250}$")
_MODEL = re.compile(r"^[\w-]{1,100}$")
MODEL_FILES = ("config.json", "weights.safetensors")
NAME = "mlflow.runName"
ROLE = "cytolapse.role"
"""Tag of a child run: which part of its parent it is."""


class Parent(NamedTuple):
    """Where a child run belongs: its parent (an id in the store or that of its spool), and which part of it it is."""

    key: str
    role: str


class Run:
    """One MLflow run, as a context manager: FINISHED, FAILED after an exception, KILLED after Ctrl-C or SIGTERM.

    Attributes:
        folder: the run's spool folder.
        name: name of the run in the store.
    """

    def __init__(
        self, spool: Spool, head: Mapping[str, Any], uri: str | None, known_id: str = "", resumed: bool = False
    ) -> None:
        self.folder = spool.folder
        self.name = str(head["name"])
        self._spool = spool
        self._uri = uri
        self._known_id = known_id
        self._local_id = str(head["id"])
        self._resumed = resumed
        self._settled = False
        self._live: Live | None = None
        self._old_handler: Any = None

    @property
    def run_id(self) -> str:
        """Id in the store; empty while it is not known."""
        return self._known_id if self._live is None else self._live.run_id or self._known_id

    def child(self, role: str) -> Parent:
        """What to open a child run with; `role` says which part of this run it is."""
        return Parent(self._known_id or self._local_id, role)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; a parameter never changes."""
        self._log("params", {key: str(value) for key, value in values.items()})

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; the last value of a tag wins."""
        self._log("tags", {key: str(value) for key, value in values.items()})

    def metrics(self, values: Mapping[str, float | None], step: int = 0, model: str | None = None) -> None:
        """Log metrics of a step; None and what is not finite is left out.

        Args:
            values: name -> value.
            step: the training step.
            model: name of a model logged on this run that the metrics belong to.
        """
        finite = {key: float(value) for key, value in values.items() if value is not None and math.isfinite(value)}
        self._log("metrics", finite, step=int(step), **({"model": model} if model else {}))

    def curve(self, key: str, values: Mapping[int, float | None]) -> None:
        """Log a series: step -> value; None and what is not finite is left out."""
        points = [[int(s), float(v)] for s, v in values.items() if v is not None and math.isfinite(v)]
        _check_keys([key])
        if points:
            self._spool.append("curve", key=key, points=points)

    def input(self, name: str, digest: str, context: str = "training", source: str = "") -> None:
        """Log the data set that was used, by its content digest; context: training, validation or test."""
        self._spool.append("input", name=name, digest=digest, context=context, source=str(source))

    def artifact(self, path: Path, folder: str = "") -> None:
        """Log a file or folder as it is now, below `folder` of the run's artifacts."""
        path = Path(path)
        kept = self._spool.keep(path, _join("artifacts", folder, path.name))
        self._spool.append("artifact", file=kept, folder=folder)

    def json(self, value: Any, path: str) -> None:
        """Log a JSON file at that artifact path."""
        self.text(json.dumps(value, indent=1, allow_nan=False), path)

    def text(self, text: str, path: str) -> None:
        """Log a text file at that artifact path."""
        kept = self._spool.write(text, _join("artifacts", path))
        self._spool.append("artifact", file=kept, folder=path.rpartition("/")[0])

    def model(self, folder: Path, name: str, step: int = 0, kind: str = "segmenter") -> None:
        """Log a model, replacing an earlier one of the same name.

        Args:
            folder: `config.json` and, where there are weights, `weights.safetensors`.
            name: how `runs:/<run id>/<name>` and `metrics(..., model=name)` find it.
            step: the training step it is from.
            kind: segmenter or checkpoint.

        Raises:
            CytolapseError: the folder holds no model, or the name is not allowed.
        """
        folder = Path(folder)
        if not _MODEL.match(name):
            raise CytolapseError(f"{name!r} can't name a model: use letters, digits, _ and -")
        files = [each for each in MODEL_FILES if (folder / each).is_file()]
        if "config.json" not in files:
            raise CytolapseError(f"{folder} holds no model: config.json is missing")
        place = f"models/{name}-{step}"
        for each in files:
            self._spool.keep(folder / each, f"{place}/{each}")
        self._spool.append("model", file=f"files/{place}", files=files, name=name, step=int(step), kind=kind)

    def closing_line(self) -> str:
        """`run_id: <id>` where the store has all of it, else `spool: <dir>`; after the with block."""
        complete = self._live is not None and self._live.complete
        return f"run_id: {self.run_id}" if complete else f"spool: {self.folder}"

    def _log(self, event: str, values: dict[str, Any], **fields: Any) -> None:
        _check_keys(values)
        if values:
            self._spool.append(event, values=values, **fields)

    def fetch(self, path: str) -> Path:
        """A file that the run has: of its folder (`checkpoints/last.pt`) or of its artifacts, here or in the store.

        Raises:
            CytolapseError: it is nowhere.
        """
        for place in (self.folder / path, self.folder / FILES / "artifacts" / path):
            if place.is_file():
                return place
        if self._uri is None or not self._known_id:
            raise CytolapseError(f"run {self.name or self.folder} has no file {path!r} in {self.folder}")
        return open_store(self._uri).artifact(self._known_id, path)

    def settled(self) -> Run:
        """The same run, which is over: whatever happens to what is added now, it stays FINISHED."""
        self._settled = True
        return self

    def stop_if_asked(self, keep: Callable[[], object]) -> None:
        """End as KILLED where someone asked for it in the store; the place for it is between two steps.

        What never calls this is ended by SIGTERM half a minute later.

        Args:
            keep: called before, to keep how far it came.
        """
        if self._live is not None and self._live.asked_by:
            self._live.heed()
            keep()
            _terminate(signal.SIGTERM, None)

    def close(self) -> None:
        """Let go of a run that is not entered after all; nothing is written."""
        self._spool.close()

    def __enter__(self) -> Run:
        if self._resumed:
            self._spool.append("resume")
        if self._uri is not None:
            from cytolapse.tracking.live import Live

            self._live = Live(self.folder, self._uri)
            self._live.start()
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self._old_handler = signal.signal(signal.SIGTERM, _terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._spool.append("end", status="FINISHED" if self._settled else _status(error))
        finally:
            self._spool.close()
            if self._live is not None:
                self._live.finish()
                if self._live.complete:  # the store has them now
                    shutil.rmtree(self.folder / FILES, ignore_errors=True)
            if self._old_handler is not None:
                signal.signal(signal.SIGTERM, self._old_handler)


def _status(error: BaseException | None) -> str:
    if error is None:
        return "FINISHED"
    if isinstance(error, SystemExit) and not error.code:
        return "FINISHED"
    killed = isinstance(error, KeyboardInterrupt) or getattr(error, "code", None) == 128 + signal.SIGTERM
    return "KILLED" if killed else "FAILED"


def _terminate(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _check_keys(keys: Any) -> None:
    for key in keys:
        if not _KEY.match(key):
            raise CytolapseError(f"{key!r} can't name a metric, param or tag: use letters, digits and _ - . : / space")


def _join(*parts: str) -> str:
    path = "/".join(part.strip("/") for part in parts if part)
    if ".." in path.split("/"):
        raise CytolapseError(f"artifact path {path!r} leads out of the run: leave out '..'")
    return path
