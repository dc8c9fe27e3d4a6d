"""The server's side of a trial: starts the process, knows how far it is, ends it and clears away."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from dashboard.commands import environment
from dashboard.trial.intake import LIMITS, MIB, UPLOAD, suffix_of
from dashboard.trial.job import LOG, NO_MEMORY, REQUEST, State, read_state

if TYPE_CHECKING:
    from dashboard.trial.job import Request

log = logging.getLogger("cytolapse.dashboard")
AT_ONCE, WAITING = 2, 8
SECONDS = 3600.0
PREFIX = "cytolapse-trial-"
OVER = "the trial was ended and its files removed: they are kept for an hour at most"


@dataclass(eq=False)
class Trial:
    """One upload and what becomes of it.

    Attributes:
        folder: of its own, with a name of ours; the results lie here when it is done.
        process: None while it waits for its turn.
        begun: seconds since the epoch.
    """

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    begun: float = field(default_factory=time.time)

    @property
    def running(self) -> bool:
        """Whether its process is at work."""
        return self.process is not None and self.process.poll() is None


class Desk:
    """All trials of one server: at most two are at work, the others wait for their turn.

    Args:
        seconds: how long a trial and its results are kept.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._trials: list[Trial] = []
        self._lock = threading.RLock()
        _sweep(2 * seconds)
        atexit.register(self.close_all)

    def start(self, upload: memoryview | bytes, request: Request) -> Trial:
        """Write the upload to a fresh folder; it is read in the process only.

        Raises:
            CytolapseError: it is too large or no picture, too many wait already, or the disk is full.
        """
        if len(upload) > LIMITS.upload:
            raise CytolapseError(f"the upload has {len(upload) / MIB:.0f} MB: {LIMITS.upload / MIB:.0f} are allowed")
        suffix_of(bytes(upload[:4]))
        with self._lock:
            if len(self._trials) - sum(_is_over(each) for each in self._trials) >= AT_ONCE + WAITING:
                raise CytolapseError("too many files wait for their turn on this server: try again in some minutes")
            trial = Trial(Path(tempfile.mkdtemp(prefix=PREFIX)))
            self._trials.append(trial)
        try:
            (trial.folder / UPLOAD).write_bytes(upload)
            (trial.folder / REQUEST).write_text(json.dumps(asdict(request)))
        except OSError as error:
            self.close(trial)
            raise CytolapseError(f"the upload could not be kept ({error.strerror}): free some disk space") from error
        timer = threading.Timer(self._seconds, self.close, [trial])
        timer.daemon = True
        timer.start()
        self._advance()
        return trial

    def state(self, trial: Trial) -> State:
        """How far a trial is; also gives those that wait their turn."""
        self._advance()
        if trial not in self._trials:
            return State("failed", error=OVER)
        if trial.process is None:
            before = [each for each in self._trials[: self._trials.index(trial)] if not _is_over(each)]
            return State(f"waiting for its turn, {len(before)} before it")
        code = trial.process.poll()  # before the state is read: its last word is then there
        state = read_state(trial.folder) or State("starting")
        if code is None or state.stage in ("done", "failed"):
            return state
        log.error("a trial ended with %s: %s", code, _last_words(trial))
        return replace(state, stage="failed", error=NO_MEMORY if code == -signal.SIGKILL else "it ended unexpectedly")

    def close(self, trial: Trial) -> None:
        """End the process with all that it started, and remove the folder."""
        with self._lock:
            if trial in self._trials:
                self._trials.remove(trial)
            if trial.process is not None and trial.process.stdin is not None:
                if trial.running:
                    with suppress(ProcessLookupError):
                        os.killpg(trial.process.pid, signal.SIGKILL)
                trial.process.stdin.close()
                trial.process.wait()
        shutil.rmtree(trial.folder, ignore_errors=True)

    def close_all(self) -> None:
        """Leave nothing behind."""
        for trial in list(self._trials):
            self.close(trial)

    def _advance(self) -> None:
        with self._lock:
            for trial in self._trials:
                if trial.process is None and sum(each.running for each in self._trials) < AT_ONCE:
                    trial.process = _process(trial.folder)


def _process(folder: Path) -> subprocess.Popen[bytes]:
    """The process, in a group of its own; the pipe to it ends when this server does."""
    with (folder / LOG).open("wb") as told:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.trial.job", str(folder)],
            env=environment(""),
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )


def _is_over(trial: Trial) -> bool:
    return trial.process is not None and not trial.running


def _last_words(trial: Trial) -> str:
    with suppress(OSError):
        return (trial.folder / LOG).read_text(errors="replace")[-2000:]
    return ""


def _sweep(seconds: float) -> None:
    """Remove what a server left that was killed."""
    for each in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if each.stat().st_uid == os.getuid() and each.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(each, ignore_errors=True)
