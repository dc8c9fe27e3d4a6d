"""Live delivery: a background thread that keeps the store up to date while the run goes on."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import brief
from cytolapse.tracking.deliver import Delivery
from cytolapse.tracking.uri import shown

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger("cytolapse.tracking")
POLL_S = 0.5
BEAT_S = 30.0
ASK_S = 5.0  # how often the store is asked whether the run shall stop
GRACE_S = 30.0  # for a training to end its step and keep where it is
REST_S = (5.0, 15.0, 60.0)  # after the first, second, each further failure
STALL_S = 60.0  # at the end: how long nothing may move before the rest is left to `cytolapse sync`
LAST_TRY_S = 15.0  # the same where the store was not there before


class Live(threading.Thread):
    """Delivers one spool until the run ends; a store that is not there costs one warning and nothing else."""

    def __init__(self, folder: Path, uri: str) -> None:
        super().__init__(name="cytolapse-delivery", daemon=True)
        self._delivery = Delivery(folder, uri, patience_s=10)
        self._stop_asked = threading.Event()
        self._failures = 0
        self._last_beat = -BEAT_S
        self._last_ask = -ASK_S
        self._asked_at = 0.0
        self._heeded = False
        self.asked_by = ""
        self._warned = False
        self.complete = False

    @property
    def run_id(self) -> str:
        """The run in the store; empty before it exists."""
        return self._delivery.state.run_id

    def run(self) -> None:
        """Deliver, rest, repeat."""
        try:
            while True:
                last = self._stop_asked.is_set()
                self.complete = self._attempt() and last
                if last:
                    return
                self._stop_asked.wait(POLL_S if not self._failures else REST_S[min(self._failures, len(REST_S)) - 1])
        finally:
            self._delivery.close()

    def _attempt(self) -> bool:
        """Whether all that is spooled has arrived."""
        try:
            self._delivery.deliver()
            if time.monotonic() - self._last_beat >= BEAT_S:
                self._delivery.beat(time.time_ns() // 1_000_000)
                self._last_beat = time.monotonic()
            self._look_for_stop()
            self._failures = 0
            return True
        except Exception as error:
            self._failures += 1
            self._warn(error)
            return False

    def _look_for_stop(self) -> None:
        now = time.monotonic()
        if not self.asked_by and now - self._last_ask >= ASK_S:
            self._last_ask = now
            self.asked_by = self._delivery.asked_to_stop()
            if self.asked_by:
                self._asked_at = now
                _LOG.warning("asked to stop by %s", self.asked_by)
        late = bool(self.asked_by) and now - self._asked_at >= GRACE_S
        if late and not self._heeded and not self._stop_asked.is_set():
            self._heeded = True
            _terminate()

    def heed(self) -> None:
        """The run stops by itself."""
        self._heeded = True

    def _warn(self, error: Exception) -> None:
        if self._warned:
            _LOG.debug("delivery failed again: %s", error)
            return
        self._warned = True
        where, folder = shown(self._delivery.uri), self._delivery.folder
        if isinstance(error, CytolapseError):
            _LOG.warning(
                "%s; the run is spooled in %s; deliver it later with: cytolapse sync %s", error, folder, folder
            )
            return
        _LOG.warning(
            "tracking server %s not reachable: the run is spooled in %s; deliver it later with: cytolapse sync %s (%s)",
            where,
            folder,
            folder,
            brief(error),
        )

    def finish(self) -> None:
        """Wait until all has arrived, or nothing has moved for a while, or the store is not there."""
        self._stop_asked.set()
        moved, offset = time.monotonic(), -1
        patience = LAST_TRY_S if self._failures else STALL_S
        while self.is_alive() and time.monotonic() - moved < patience:
            self.join(0.2)
            if self._delivery.state.offset != offset:
                moved, offset = time.monotonic(), self._delivery.state.offset


def _terminate() -> None:
    """SIGTERM for the main thread, where it ends a run in an orderly way."""
    if callable(signal.getsignal(signal.SIGTERM)):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
