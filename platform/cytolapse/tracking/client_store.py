"""The run store through MLflow's own client, page by page: for servers, and databases of another mlflow version."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from cytolapse.tracking.client import connect, explained
from cytolapse.tracking.decisions import decisions_frame
from cytolapse.tracking.files import local_artifact, local_artifacts
from cytolapse.tracking.frames import RunRow, VersionRow, inputs_frame, runs_frame, series_frame, versions_frame
from cytolapse.tracking.known import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 500
DAY_S = 86_400


class ClientStore:
    """RunStore over the MLflow client; see `RunStore` for what each call answers.

    Raises:
        CytolapseError: from every call: the server can't be reached.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def _client(self) -> MlflowClient:
        return connect(self.uri)

    def written(self) -> str:
        """See `RunStore.written`: a server doesn't tell."""
        return ""

    def runs(self, known: pd.DataFrame | None = None) -> pd.DataFrame:
        """See `RunStore.runs`."""
        with explained(self.uri, "runs"):
            if known is None or known.empty:
                return _runs_frame(*self._found())
            names = self._experiments()
            fresh, gone = self._changed(known, list(names))
            return joined(_runs_frame(fresh, names), known[~known["run_id"].isin(gone)])

    def _found(self) -> tuple[list[Any], dict[str, str]]:
        """Every run, and the name of each experiment by its id."""
        names = self._experiments()
        return self._search(list(names)), names

    def _changed(self, known: pd.DataFrame, experiments: list[str]) -> tuple[list[Run], set[str]]:
        """Runs that run or ended lately, those that an earlier table has as running too; and ids of deleted ones."""
        # Ends are told by the clocks of those who trained, and a spool may have waited: a day is looked back.
        since = int((known["finished"].fillna(known["started"]).max().timestamp() - DAY_S) * 1000)
        recent = ("attributes.status = 'RUNNING'", f"attributes.end_time > {since}")
        found = {run.info.run_id: run for asked in recent for run in self._search(experiments, asked)}
        ran = set(known.loc[known["status"].isin(("RUNNING", "stale")), "run_id"]) - set(found)
        again = {run_id: self._run(run_id) for run_id in ran}
        there = {run_id: run for run_id, run in again.items() if run and run.info.lifecycle_stage == "active"}
        return [*found.values(), *there.values()], ran - set(there)

    def _experiments(self) -> dict[str, str]:
        found = _pages(lambda token: self._client.search_experiments(page_token=token))
        return {each.experiment_id: each.name for each in found}

    def _search(self, experiments: list[str], asked: str = "") -> list[Any]:
        """All runs of some experiments that fit a condition, page by page."""
        if not experiments:
            return []
        search = self._client.search_runs
        return list(_pages(lambda token: search(experiments, asked, max_results=PAGE, page_token=token)))

    def series(self, run_ids: Sequence[str], prefix: str) -> pd.DataFrame:
        """See `RunStore.series`."""
        rows = []
        with explained(self.uri, f"series {prefix!r}"):
            for run_id in run_ids:
                run = self._run(run_id)
                for key in [key for key in (run.data.metrics if run else ()) if key.startswith(prefix)]:
                    points = sorted(self._client.get_metric_history(run_id, key), key=lambda point: point.timestamp)
                    rows += [(run_id, key, point.step, point.value, point.timestamp) for point in points]
        return series_frame(rows)

    def versions(self) -> pd.DataFrame:
        """See `RunStore.versions`."""
        with explained(self.uri, "versions"):
            client = self._client
            models = _pages(lambda token: client.search_registered_models(page_token=token))
            aliases = {model.name: model.aliases for model in models}
            found = _pages(lambda token: client.search_model_versions(max_results=PAGE, page_token=token))
            return versions_frame([_version_row(version, aliases.get(version.name, {})) for version in found])

    def inputs(self) -> pd.DataFrame:
        """See `RunStore.inputs`."""
        with explained(self.uri, "inputs"):
            runs, _ = self._found()
            pairs = [(run.info.run_id, each.dataset) for run in runs for each in _datasets(run)]
            return inputs_frame((run, data.name, data.digest, data.source, data.profile) for run, data in pairs)

    def decisions(self) -> pd.DataFrame:
        """See `RunStore.decisions`."""
        with explained(self.uri, "decisions"):
            models = _pages(lambda token: self._client.search_registered_models(page_token=token))
            return decisions_frame([(each.name, key, value) for each in models for key, value in each.tags.items()])

    def artifacts(self, run_id: str, folder: str = "") -> list[str]:
        """See `RunStore.artifacts`."""
        with explained(self.uri, f"artifacts of run {run_id}"):
            return local_artifacts(self.uri, run_id, self._root(run_id), folder)

    def artifact(self, run_id: str, path: str) -> Path:
        """See `RunStore.artifact`."""
        with explained(self.uri, f"artifacts of run {run_id}"):
            return local_artifact(self.uri, run_id, self._root(run_id), path)

    def _root(self, run_id: str) -> str:
        run = self._run(run_id)
        return str(run.info.artifact_uri) if run else ""

    def _run(self, run_id: str) -> Run | None:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise


def _datasets(run: Run) -> list[Any]:
    return list(run.inputs.dataset_inputs) if run.inputs else []


def _pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def _runs_frame(runs: list[Run], experiments: dict[str, str]) -> pd.DataFrame:
    infos = [run.info for run in runs]
    rows = [
        RunRow(each.run_id, each.run_name, each.status, each.start_time, each.end_time, experiments[each.experiment_id])
        for each in infos
    ]
    groups = [
        [(run.info.run_id, key, value) for run in runs for key, value in getattr(run.data, group).items()]
        for group in ("metrics", "params", "tags")
    ]
    return runs_frame(rows, *groups)


def _version_row(version: Any, aliases: dict[str, str]) -> VersionRow:
    return VersionRow(
        name=version.name,
        version=int(version.version),
        run_id=version.run_id,
        created=version.creation_timestamp,
        source=version.source,
        description=version.description or "",
        aliases=[alias for alias, number in aliases.items() if int(number) == int(version.version)],
        tags=dict(version.tags),
    )
