"""The run store on a database that can be reached: plain read-only SQL, an order of magnitude faster than paging."""

from __future__ import annotations

import sqlite3
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import brief
from cytolapse.tracking.decisions import PREFIX, decisions_frame
from cytolapse.tracking.files import local_artifact, local_artifacts
from cytolapse.tracking.frames import CURVE, RunRow, VersionRow, inputs_frame, runs_frame, series_frame, versions_frame
from cytolapse.tracking.known import completed, unchanged
from cytolapse.tracking.uri import shown, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from sqlalchemy import Engine

SCHEMAS = {"dc11669786a5"}  # of mlflow 3.17
MOST_CHANGED = 200
"""Runs that are read one by one; of more, the whole table is."""
DATABASES = ("sqlite:", "postgresql")
_RUNS = """
SELECT r.run_uuid, r.name, r.status, r.start_time, r.end_time, e.name
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active'
"""
_METRICS = f"""
SELECT run_uuid, key, CASE WHEN is_nan THEN NULL ELSE value END FROM latest_metrics
WHERE substr(key, 1, {len(CURVE)}) != '{CURVE}'
"""
_PARAMS = "SELECT run_uuid, key, value FROM params"
_SERIES = """
SELECT run_uuid, key, step, value, timestamp, is_nan FROM metrics
WHERE run_uuid IN :runs AND substr(key, 1, :length) = :prefix
"""
_VERSIONS = """
SELECT name, version, run_id, creation_time, source, coalesce(description, '') FROM model_versions
WHERE current_stage != 'Deleted_Internal'
AND name NOT IN (SELECT name FROM registered_model_tags WHERE key = 'mlflow.prompt.is_prompt')
"""
_INPUTS = """
SELECT r.run_uuid, d.name, d.digest, d.dataset_source, d.dataset_profile
FROM datasets d JOIN inputs i ON i.source_id = d.dataset_uuid AND i.source_type = 'DATASET'
JOIN runs r ON r.run_uuid = i.destination_id AND i.destination_type = 'RUN'
WHERE r.lifecycle_stage = 'active'
"""


def known_schema(uri: str) -> bool:
    """Whether it is a database of the mlflow version whose tables we read, or a file that is still to be filled."""
    if not uri.startswith(DATABASES):
        return False
    store = SqlStore(uri)
    try:
        return store.absent or {row[0] for row in store.read("SELECT version_num FROM alembic_version")} == SCHEMAS
    except CytolapseError:  # no such table, or no database at all: the client says what is wrong
        return False


@cache
def _engine(uri: str) -> Engine:
    """One for all stores at an address: it keeps what it compiled, and of a server the connections."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    file = sqlite_file(uri)
    if file is None:
        return create_engine(uri, pool_pre_ping=True)
    opened = f"{file.as_uri()}?mode=ro"
    connect = partial(sqlite3.connect, opened, uri=True, timeout=20, check_same_thread=False)
    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


class SqlStore:
    """RunStore over SQL; see `RunStore` for what each call answers."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._file = sqlite_file(uri)

    @property
    def absent(self) -> bool:
        """It is a file that nothing was logged to yet."""
        return self._file is not None and not (self._file.is_file() and self._file.stat().st_size)

    def read(self, query: str, **values: Any) -> list[Any]:
        """Rows of one query; a list as value stands for an IN list; no rows where nothing was logged yet.

        Raises:
            CytolapseError: the database can't be read.
        """
        if self.absent:
            return []
        from sqlalchemy import bindparam, text
        from sqlalchemy.exc import SQLAlchemyError

        lists: list[Any] = [
            bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)
        ]
        try:
            with _engine(self.uri).connect() as connection:
                return list(connection.execute(text(query).bindparams(*lists), values).fetchall())
        except SQLAlchemyError as error:
            raise CytolapseError(f"{shown(self.uri)} can't be read: {brief(error)}") from error

    def written(self) -> str:
        """See `RunStore.written`: when the file was last written, and its log of what is still to be put into it."""
        if self._file is None:
            return ""
        found = [path.stat() for path in (self._file, self._file.with_name(f"{self._file.name}-wal")) if path.is_file()]
        return ";".join(f"{each.st_mtime_ns},{each.st_size}" for each in found)

    def runs(self, known: pd.DataFrame | None = None) -> pd.DataFrame:
        """See `RunStore.runs`."""
        rows = [RunRow(*row) for row in self.read(_RUNS)]
        tags = self.read("SELECT run_uuid, key, value FROM tags")
        same = set() if known is None else unchanged(rows, known)
        changed = [row.run_id for row in rows if row.run_id not in same]
        if known is None or len(changed) > MOST_CHANGED:
            return runs_frame(rows, self.read(_METRICS), self.read(_PARAMS), tags)
        metrics = self.read(f"{_METRICS} AND run_uuid IN :changed", changed=changed)
        params = self.read(f"{_PARAMS} WHERE run_uuid IN :changed", changed=changed)
        return completed(runs_frame(rows, metrics, params, tags), known, same)

    def series(self, run_ids: Sequence[str], prefix: str) -> pd.DataFrame:
        """See `RunStore.series`."""
        asked = {"runs": list(run_ids), "prefix": prefix, "length": len(prefix)}
        near = ""
        if self._file is not None:  # SQLite orders keys by their bytes, so that its index finds them
            near, asked["beyond"] = " AND key BETWEEN :prefix AND :beyond", prefix + "\U0010ffff"
        rows = self.read(f"{_SERIES}{near} ORDER BY timestamp", **asked) if len(run_ids) else []
        return series_frame([(*row[:3], float("nan") if row[5] else row[3], row[4]) for row in rows])

    def versions(self) -> pd.DataFrame:
        """See `RunStore.versions`."""
        rows = {(row[0], row[1]): VersionRow(*row) for row in self.read(_VERSIONS)}
        for name, alias, version in self.read("SELECT name, alias, version FROM registered_model_aliases"):
            if (name, version) in rows:
                rows[name, version].aliases.append(alias)
        for name, version, key, value in self.read("SELECT name, version, key, value FROM model_version_tags"):
            if (name, version) in rows:
                rows[name, version].tags[key] = value
        return versions_frame(list(rows.values()))

    def inputs(self) -> pd.DataFrame:
        """See `RunStore.inputs`."""
        return inputs_frame(tuple(row) for row in self.read(_INPUTS))

    def decisions(self) -> pd.DataFrame:
        """See `RunStore.decisions`."""
        rows = self.read("SELECT name, key, value FROM registered_model_tags WHERE key LIKE :like", like=f"{PREFIX}%")
        return decisions_frame([(row[0], row[1], row[2]) for row in rows])

    def artifacts(self, run_id: str, folder: str = "") -> list[str]:
        """See `RunStore.artifacts`."""
        return local_artifacts(self.uri, run_id, self._root(run_id), folder)

    def artifact(self, run_id: str, path: str) -> Path:
        """See `RunStore.artifact`."""
        return local_artifact(self.uri, run_id, self._root(run_id), path)

    def _root(self, run_id: str) -> str:
        found = self.read("SELECT artifact_uri FROM runs WHERE run_uuid = :run", run=run_id)
        return str(found[0][0]) if found else ""
