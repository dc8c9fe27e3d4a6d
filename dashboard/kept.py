"""The table of runs, kept for all who look at the same store, and read again as seldom as nobody would notice."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from cytolapse.tracking import RunStore

LIVE_SECONDS = 3
WHOLE_SECONDS = 600
"""After which the table of runs is read as a whole: others than cytolapse may log to runs that ended."""
SHARE = 0.1
"""Of the time, at most, goes into reading the table of runs again."""


class Runs:
    """The table of runs of one store, for all sessions."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.lock = threading.Lock()
        self.table: pd.DataFrame | None = None
        self.packed = pd.DataFrame()
        self.whole = 0.0
        self.next = 0.0
        self.written = ""

    def now(self, opened: Callable[[str], RunStore]) -> pd.DataFrame:
        """The table, read again where it is old and something was written."""
        with self.lock:  # who comes while another reads waits for the same table
            began = time.monotonic()
            if self.table is None or began >= self.next:
                self._read(opened(self.uri), began)
                took = time.monotonic() - began
                self.next = began + max(LIVE_SECONDS, took / SHARE)
            return self.packed

    def _read(self, store: RunStore, began: float) -> None:
        written = store.written()
        # Whether a run that still runs fell silent is told by the clock, not by the store.
        going = self.table is not None and (self.table["status"] == "RUNNING").any()
        if self.table is not None and not going and written and written == self.written:
            return
        if self.table is None or began - self.whole > WHOLE_SECONDS:
            self.table, self.whole = store.runs(), began
        else:
            self.table = store.runs(self.table)
        self.packed = packed(self.table)
        self.written = written


def packed(table: pd.DataFrame) -> pd.DataFrame:
    """With all text in one block, of which rows are taken several times as fast as of dozens of Arrow's columns."""
    texts = {name: object for name in table if isinstance(table[name].dtype, pd.StringDtype)}
    return table.astype(texts).copy()  # a copy has one block per type
