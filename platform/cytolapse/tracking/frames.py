"""The tables that every back end of the run store answers with, whatever it has read."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.tracking.handlers import HEARTBEAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

_TAGGED = ("dataset", "recipe", "head")
RUN_COLUMNS = ["run_id", "name", "status", "started", "finished", "experiment", *_TAGGED]
SERIES_COLUMNS = ["run_id", "key", "step", "value", "time_ms"]
VERSION_COLUMNS = ["name", "version", "aliases", "run_id", "created", "source", "description"]
INPUT_COLUMNS = ["run_id", "name", "digest", "path"]
CURVE = "curve/"
STALE_MS = 5 * 60 * 1000


class RunRow(NamedTuple):
    """One run as the store has it; times in ms since 1970."""

    run_id: str
    name: str
    status: str
    started: int | None
    finished: int | None
    experiment: str


Cell = tuple[str, str, Any]
"""Run id, key, value: one metric, parameter or tag of a run."""


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


def runs_frame(
    rows: list[RunRow], metrics: Sequence[Cell], params: Sequence[Cell], tags: Sequence[Cell]
) -> pd.DataFrame:
    """One row per run, newest first; metrics as float, params and tags as text, times in UTC.

    Curves are left out, since the last point of a curve says nothing. Cells of runs that are no row are passed over.
    """
    import pandas as pd

    rows = sorted(rows, key=lambda run: (-(run.started or 0), run.run_id))
    frame = pd.DataFrame(rows, columns=list(RunRow._fields))
    place = {run.run_id: number for number, run in enumerate(rows)}
    wide = [_wide(cells, place, group) for cells, group in ((metrics, "metrics"), (params, "params"), (tags, "tags"))]
    beats, tagged = _tag(wide[2], HEARTBEAT), {name: _tag(wide[2], f"cytolapse.{name}") for name in _TAGGED}
    alive = pd.to_numeric(beats.replace("", None)).fillna(pd.to_numeric(frame["started"])).fillna(0)
    silent = (frame["status"] == "RUNNING") & (time.time() * 1000 - alive > STALE_MS)
    frame["status"] = frame["status"].mask(silent, "stale")
    for column in ("started", "finished"):
        frame[column] = _utc(frame[column])
    return pd.concat([frame.assign(**tagged), *wide], axis=1)


def _wide(cells: Sequence[Cell], place: dict[str, int], group: str) -> pd.DataFrame:
    """Run by key: one column `<group>.<key>` per key, in the order of the keys."""
    import numpy as np
    import pandas as pd

    runs, keys, values = zip(*cells, strict=True) if cells else ((), (), ())
    lines = [place.get(run, -1) for run in runs]
    found = {key for key, line in zip(keys, lines, strict=True) if line >= 0}
    number = {key: column for column, key in enumerate(sorted(found)) if not _curve(group, key)}
    # One more column and line than asked for, the last of each, take what is left out.
    table = np.full((len(found) + 1, len(place) + 1), np.nan, float if group == "metrics" else object)
    table[[number.get(key, -1) for key in keys], lines] = values
    named = {f"{group}.{key}": table[column, :-1] for key, column in number.items()}
    return pd.DataFrame(named, index=range(len(place)))


def _curve(group: str, key: str) -> bool:
    return group == "metrics" and key.startswith(CURVE)


def _tag(tags: pd.DataFrame, key: str) -> pd.Series[Any]:
    """A tag of each run; empty where it has none."""
    import pandas as pd

    name = f"tags.{key}"
    return tags[name].fillna("") if name in tags else pd.Series("", index=tags.index)


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


def inputs_frame(rows: Iterable[tuple[str, str, str, str | None, str | None]]) -> pd.DataFrame:
    """One row per run and data set, by run: run_id, name, digest, path; parts of one data set are one row.

    Args:
        rows: run id, name, digest, source and profile of each input, the latter two as JSON.
    """
    import pandas as pd

    found = {
        (run, name, _said(profile, "digest") or digest, _said(source, "uri"))
        for run, name, digest, source, profile in rows
    }
    return pd.DataFrame(sorted(found), columns=INPUT_COLUMNS, dtype=str)


@lru_cache(4096)
def _said(text: str | None, key: str) -> str:
    """A text in a JSON object that any program may have written; empty where there is none."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return ""
    return str(value.get(key) or "") if isinstance(value, dict) else ""


def _utc(times_ms: Any) -> Any:
    import pandas as pd

    return pd.to_datetime(pd.to_numeric(times_ms), unit="ms", utc=True)
