"""RunStore: everything that was logged, read back as tables. It never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd


class RunStore(Protocol):
    """What the dashboard and the command line read; an empty store gives empty tables with the right columns."""

    uri: str

    def written(self) -> str:
        """A mark of the store's state that is cheap to ask for: the same while nothing is written; "" = unknown."""
        ...

    def runs(self, known: pd.DataFrame | None = None) -> pd.DataFrame:
        """One row per run that isn't deleted, newest first.

        Args:
            known: an earlier answer. Metrics and parameters of runs that had ended, and were not taken up since, are
                taken from there: reading 10,000 runs again costs a tenth. (What others than cytolapse log to an ended
                run is missed so; over HTTP also its tags and that it was deleted.)

        Columns: run_id, name, status (MLflow's, or `stale` where a running run has been silent for five minutes),
        started, finished (UTC), experiment, dataset, recipe, head, then `metrics.<key>` (latest value; curves are
        left out), `params.<key>` and `tags.<key>`.
        """
        ...

    def series(self, run_ids: Sequence[str], prefix: str) -> pd.DataFrame:
        """The points of all metrics whose key begins with `prefix`: run_id, key, step, value, time_ms; in order."""
        ...

    def versions(self) -> pd.DataFrame:
        """One row per registered version, by name and newest first.

        Columns: name, version, aliases (list), run_id, created, source, description (its model card), `tags.<key>`.
        """
        ...

    def inputs(self) -> pd.DataFrame:
        """One row per run and data set that it read: run_id, name, digest (of the content), path ("" = no folder).

        Of one content, MLflow keeps the folder that an experiment's first run read it from.
        """
        ...

    def decisions(self) -> pd.DataFrame:
        """One row per decision about a registered model's aliases, newest first: `decisions.COLUMNS`."""
        ...

    def artifacts(self, run_id: str, folder: str = "") -> list[str]:
        """Paths of the run's files below a folder, sorted."""
        ...

    def artifact(self, run_id: str, path: str) -> Path:
        """A local copy of one file of a run.

        Raises:
            CytolapseError: the run or the file does not exist.
        """
        ...


def open_store(uri: str = "") -> RunStore:
    """The store to read: direct SQL where it is a database whose schema we know, else MLflow's own client.

    Args:
        uri: as `start_run`'s tracking: "" is MLFLOW_TRACKING_URI, or mlflow.db in the current folder.

    Raises:
        CytolapseError: the address names no store.
    """
    from cytolapse.tracking.client_store import ClientStore
    from cytolapse.tracking.sql_store import SqlStore, known_schema

    uri = store_uri(uri)
    return SqlStore(uri) if known_schema(uri) else ClientStore(uri)
