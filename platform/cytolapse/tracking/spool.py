"""The spool: every event of a run is one JSON line on disk before anything else happens to it. Imports no mlflow."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 1
EVENTS = "spool.jsonl"
FILES = "files"
_LOG = logging.getLogger("cytolapse.tracking")


class SpoolBusy(CytolapseError):
    """Another process writes this spool."""


class Spool:
    """The folder of one run, opened to write: `spool.jsonl` and `files/`; one process writes at a time.

    Raises:
        SpoolBusy: another process writes it.
        CytolapseError: the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        try:
            (folder / FILES).mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / "writer.lock", timeout=0, thread_local=False)
            self._lock.acquire()
            self._file = open(folder / EVENTS, "ab", buffering=0)
        except Timeout:
            raise SpoolBusy(f"spool {folder} is being written by another process: wait until it has ended") from None
        except OSError as error:
            raise CytolapseError(
                f"can't spool to {folder}: {error.strerror or error}; choose another folder"
            ) from error
        self._mend()

    def _mend(self) -> None:
        """Cut a last line that a kill left torn."""
        content = (self.folder / EVENTS).read_bytes()
        if content and not content.endswith(b"\n"):
            self._file.truncate(content.rfind(b"\n") + 1)

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; it has reached the operating system when this returns.

        Raises:
            CytolapseError: the disk is full or gone; no half line is left behind.
        """
        line = json.dumps({"event": event, "time": time.time_ns() // 1_000_000, **fields}, allow_nan=False) + "\n"
        data = line.encode()
        with self._guard:
            start = os.fstat(self._file.fileno()).st_size
            try:
                if self._file.write(data) != len(data):
                    raise OSError("No space left on device")
            except OSError as error:
                with suppress(OSError):
                    self._file.truncate(start)
                raise CytolapseError(f"can't write {self.folder / EVENTS}: {error}; make room and resume") from error

    def keep(self, source: Path, name: str) -> str:
        """Put a file or folder under `files/<name>`, by hard link where possible; returns the path below the spool.

        Raises:
            CytolapseError: there is nothing at `source`, or the disk is full.
        """
        target = self.folder / FILES / name
        try:
            if source.is_dir():
                for each in sorted(path for path in source.rglob("*") if path.is_file()):
                    _place(each, target / each.relative_to(source))
                target.mkdir(parents=True, exist_ok=True)
            else:
                _place(source, target)
        except OSError as error:
            raise CytolapseError(f"can't keep {source} in {target}: {error.strerror or error}") from error
        return f"{FILES}/{name}"

    def write(self, text: str, name: str) -> str:
        """Put a text under `files/<name>`; returns the path below the spool."""
        target = self.folder / FILES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_text(target, text)
        return f"{FILES}/{name}"

    def close(self) -> None:
        """Bring the events to the disk and let others write."""
        with suppress(OSError):
            os.fsync(self._file.fileno())
        self._file.close()
        self._lock.release()


def read_events(folder: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Events from a byte offset on, each with the offset behind it; a torn last line is left for later."""
    with open(folder / EVENTS, "rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            event = _event(line)
            if event is None:
                _LOG.warning("%s: the line that ends at byte %d is damaged: left out", folder / EVENTS, offset)
                continue
            yield event, offset


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(event, dict) and isinstance(event.get("event"), str) and isinstance(event.get("time"), int)
    return event if whole else None


def header(folder: Path) -> dict[str, Any]:
    """The first event of a spool: which run it is.

    Raises:
        CytolapseError: the folder is no spool.
    """
    if (folder / EVENTS).is_file():
        for event, _ in read_events(folder):
            if event.get("event") == "run":
                return event
            break
    raise CytolapseError(
        f"{folder} is no spool of a run (no {EVENTS} that begins with a run): see `cytolapse sync --help`"
    )


def last_time(folder: Path) -> int:
    """When the last event was written, in ms since 1970."""
    return max((int(event["time"]) for event, _ in read_events(folder)), default=0)


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        os.link(source, part)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, part)
    os.replace(part, target)
    with suppress(FileNotFoundError):  # replacing a link by a link to the same file leaves both names
        part.unlink()
