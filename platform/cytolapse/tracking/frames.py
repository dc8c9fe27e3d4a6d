"""The tables that every back end of the run store answers with, whatever it has read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cytolapse.tracking.handlers import HEARTBEAT

if TYPE_CHECKING:
    import pandas as pd

RUN_COLUMNS = ["run_id", "name", "status", "started", "finished", "experiment", "dataset", "recipe", "head"]
SERIES_COLUMNS = ["run_id", "key", "step", "value", "time_ms"]
VERSION_COLUMNS = ["name", "version", "aliases", "run_id", "created", "source", "description"]
STALE_MS = 5 * 60 * 1000


@dataclass
class RunRow:
    """One run as the store has it; times in ms since 1970."""

    run_id: str
    name: str
    status: str
    started: int | None
    finished: int | None
    experiment: str
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def row(self, now_ms: int) -> dict[str, Any]:
        """Column -> value; curves are left out, since the last point of a curve says nothing."""
        alive = int(self.tags.get(HEARTBEAT) or self.started or 0)
        stale = self.status == "RUNNING" and now_ms - alive > STALE_MS
        return {
            "run_id": self.run_id,
            "name": self.name,
            "status": "stale" if stale else self.status,
            "started": self.started,
            "finished": self.finished,
            "experiment": self.experiment,
            **{name: self.tags.get(f"cytolapse.{name}", "") for name in ("dataset", "recipe", "head")},
            **{f"metrics.{key}": value for key, value in self.metrics.items() if not key.startswith("curve/")},
            **{f"params.{key}": value for key, value in self.params.items()},
            **{f"tags.{key}": value for key, value in self.tags.items()},
        }


@dataclass
class VersionRow:
    """One version of a registered model."""

    name: str
    version: int
    run_id: str
    created: int
    source: str
    description: str
    aliases: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


def runs_frame(rows: list[RunRow]) -> pd.DataFrame:
    """One row per run, newest first; metrics as float, params and tags as text, times in UTC."""
    import pandas as pd

    now_ms = int(time.time() * 1000)
    records = [run.row(now_ms) for run in sorted(rows, key=lambda run: (-(run.started or 0), run.run_id))]
    keys = sorted({key for record in records for key in record} - set(RUN_COLUMNS), key=_by_group)
    frame = pd.DataFrame(records, columns=RUN_COLUMNS + keys)
    for column in ("started", "finished"):
        frame[column] = _utc(frame[column])
    metrics = [key for key in keys if key.startswith("metrics.")]
    return frame.astype(dict.fromkeys(metrics, "float64")).copy()  # in one piece, whatever a page adds to it


def series_frame(rows: list[tuple[str, str, int, float, int]]) -> pd.DataFrame:
    """One row per logged point: run_id, key, step, value, and when it was logged in ms since 1970."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=SERIES_COLUMNS)
    frame = frame.sort_values(["run_id", "key", "step"], kind="stable", ignore_index=True)
    return frame.astype({"step": "int64", "value": "float64", "time_ms": "int64"})


def versions_frame(rows: list[VersionRow]) -> pd.DataFrame:
    """One row per version, by name and newest first; `aliases` is a sorted list, tags are columns `tags.<key>`."""
    import pandas as pd

    rows = sorted(rows, key=lambda row: (row.name, -row.version))
    records = [
        {
            **{column: getattr(row, column) for column in VERSION_COLUMNS},
            "aliases": sorted(row.aliases),
            **{f"tags.{key}": value for key, value in row.tags.items()},
        }
        for row in rows
    ]
    keys = sorted({key for record in records for key in record} - set(VERSION_COLUMNS))
    frame = pd.DataFrame(records, columns=VERSION_COLUMNS + keys)
    frame["created"] = _utc(frame["created"])
    return frame.astype({"version": "int64"})


def _utc(times_ms: Any) -> Any:
    import pandas as pd

    return pd.to_datetime(pd.to_numeric(times_ms), unit="ms", utc=True)


def _by_group(key: str) -> tuple[int, str]:
    return ("metrics", "params", "tags").index(key.split(".")[0]), key
