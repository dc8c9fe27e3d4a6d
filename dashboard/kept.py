"""The table of runs, kept for all who look at the same store, and read again as seldom as nobody would notice."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

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
        self.whole = 0.0
        self.next = 0.0
        self.written = ""

    def now(self, opened: Callable[[str], RunStore]) -> pd.DataFrame:
        """The table, read again where it is old and something was written."""
        began = time.monotonic()
        if self.table is None or began >= self.next:
            self._read(opened(self.uri), began)
            took = time.monotonic() - began
            self.next = began + max(LIVE_SECONDS, took / SHARE)
        assert self.table is not None
        return self.table

    def _read(self, store: RunStore, began: float) -> None:
        written = store.written()
        # Whether a run that still runs fell silent is told by the clock, not by the store.
        going = self.table is not None and (self.table["status"] == "RUNNING").any()
        if self.table is not None and not going and written and written == self.written:
            return
        if self.table is None or began - self.whole > WHOLE_SECONDS:
            with st.spinner("Reading the runs ..."):
                self.table, self.whole = store.runs(), began
        else:
            self.table = store.runs(self.table)
        self.written = written
