"""What the pages read from the store.

Kept for ten seconds, a loss for three, files for as long as the process runs. The table of runs is asked for anew after
three seconds; what it costs then is what was written since, and where the store can tell that nothing was, nothing.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.previews import FrameView, Previews
from cytolapse.tracking.uri import shown
from dashboard.kept import LIVE_SECONDS, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from cytolapse.tracking import RunStore

SECONDS = 10
READINGS = "test/readings"
SPARK = "val/op_csb_masks"


def address() -> str:
    """The store's URI as the person gave it; empty = the embedded default."""
    return os.environ.get("MLFLOW_TRACKING_URI", "")


def pages_of_mlflow() -> str:
    """Address of MLflow's own pages, without a password; empty where the store is no server."""
    return shown(address()).rstrip("/") if address().startswith("http") else ""


def runs() -> pd.DataFrame:
    """Every run, newest first; a copy, in which a page may change what it likes."""
    kept = _kept_runs(address())
    with st.spinner("Reading the runs ...") if kept.table is None else nullcontext():
        return kept.now(_store).copy(deep=False)


def read_ahead() -> None:
    """Have the table of runs before someone asks."""
    _kept_runs(address()).now(_store)


def series(run_ids: Sequence[str], prefix: str) -> pd.DataFrame:
    """Metric histories below a prefix: run_id, key (without the prefix), step, value."""
    table = _series(address(), tuple(run_ids), prefix)
    return table.assign(key=table["key"].str.removeprefix(prefix))


def readings(runs: pd.DataFrame) -> pd.Series:
    """How often the test part of each run was evaluated; NaN for a run with test scores that counted nothing."""
    counts = runs.filter(regex=r"^metrics\.test/").notna().any(axis=1).map({True: float("nan"), False: 0.0})
    if f"metrics.{READINGS}" in runs:
        counted = runs.loc[runs[f"metrics.{READINGS}"].notna(), ["run_id", "finished"]]
        known = _known_readings(address())
        keys = [(str(run_id), str(finished)) for run_id, finished in counted.itertuples(index=False)]
        new = [key for key in keys if key not in known]
        if new:
            points = _store(address()).series([run_id for run_id, _ in new], READINGS)["run_id"].value_counts()
            known.update({key: int(points.get(key[0], 0)) for key in new})
        counts[counted.index] = [known[key] for key in keys]
    return counts


def histories(run_ids: Sequence[str]) -> pd.DataFrame:
    """Training curves under their full names (train/..., val/...): run_id, key, step, value."""
    table = pd.concat([_series(address(), tuple(run_ids), prefix) for prefix in ("train/", "val/")], ignore_index=True)
    single = r"^(?:val/(?:gold|silver)/|val/readings$|train/(?:best_step|steps|minutes)$)"
    table = table[~table["key"].str.contains(single)]
    return table.reset_index(drop=True)


def losses(run_ids: Sequence[str]) -> pd.DataFrame:
    """The training loss of some runs as it is now: run_id, step, value."""
    return _losses(address(), tuple(run_ids)) if len(run_ids) else pd.DataFrame(columns=["run_id", "step", "value"])


def sparks(run_ids: Sequence[str]) -> dict[str, list[float]]:
    """Run id -> its selection score at each validation."""
    table = _series(address(), tuple(run_ids), SPARK) if len(run_ids) else pd.DataFrame(columns=["run_id", "value"])
    found: dict[str, list[float]] = {}
    for run_id, value in zip(table["run_id"].tolist(), table["value"].tolist(), strict=True):
        found.setdefault(str(run_id), []).append(value)
    return found


def picture(run_id: str, side: int = 480) -> Image | None:
    """A still of the run's overlay movie, of the test part or else of validation; None where it has none."""
    for part in ("test", "val"):
        path = f"{part}/overlay.webp"
        if path in files(run_id, part):
            return _still(address(), run_id, path, side)
    return None


def versions() -> pd.DataFrame:
    """Every registered model version, newest first."""
    return _versions(address())


def decisions() -> pd.DataFrame:
    """Every decision about a registered model, newest first."""
    return _decisions(address())


def files(run_id: str, folder: str) -> list[str]:
    """Paths of the artifacts in a folder of a run."""
    return _files(address(), run_id, folder)


def table(run_id: str, path: str) -> pd.DataFrame | None:
    """A parquet table of a run; None where the run has none."""
    folder = path.rpartition("/")[0]
    return _table(address(), run_id, path) if path in files(run_id, folder) else None


def file(run_id: str, path: str) -> Path:
    """A local copy of one file of a run."""
    return _file(address(), run_id, path)


def previews(run_id: str, path: str) -> Previews:
    """The previews of one sequence."""
    return Previews(_file(address(), run_id, path))


def frame(path: Path, number: int) -> FrameView:
    """One decoded frame of a previews file."""
    return _frame(path, path.stat().st_mtime_ns, number)


def forget_runs() -> None:
    """Read the runs anew, after one was changed."""
    _kept_runs.clear()


def forget() -> None:
    """Read everything anew."""
    st.cache_data.clear()
    forget_runs()
    _known_readings.clear()


def _store(uri: str) -> RunStore:
    from cytolapse.tracking import open_store

    return open_store(uri)


@st.cache_resource(show_spinner=False)
def _kept_runs(uri: str) -> Runs:
    return Runs(uri)


@st.cache_data(ttl=SECONDS, show_spinner="Reading the curves ...")
def _series(uri: str, run_ids: tuple[str, ...], prefix: str) -> pd.DataFrame:
    return _store(uri).series(list(run_ids), prefix)


# No time limit: a run that is evaluated once more gets another end.
@st.cache_resource(show_spinner=False)
def _known_readings(uri: str) -> dict[tuple[str, str], int]:
    return {}


@st.cache_data(ttl=SECONDS, show_spinner="Reading the registry ...")
def _versions(uri: str) -> pd.DataFrame:
    return _store(uri).versions()


@st.cache_data(ttl=SECONDS, show_spinner=False)
def _decisions(uri: str) -> pd.DataFrame:
    return _store(uri).decisions()


@st.cache_data(ttl=SECONDS, show_spinner=False)
def _files(uri: str, run_id: str, folder: str) -> list[str]:
    return _store(uri).artifacts(run_id, folder)


@st.cache_data(ttl=SECONDS, show_spinner="Fetching a file of the run ...")
def _file(uri: str, run_id: str, path: str) -> Path:
    return _store(uri).artifact(run_id, path)


@st.cache_data(ttl=LIVE_SECONDS, show_spinner=False)
def _losses(uri: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    table = _store(uri).series(list(run_ids), "train/loss")
    return table[table["key"] == "train/loss"].drop(columns="key")


@st.cache_data(max_entries=64, show_spinner=False)
def _still(uri: str, run_id: str, path: str, side: int) -> Image | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(_file(uri, run_id, path)) as movie:
            movie.seek(getattr(movie, "n_frames", 1) // 2)
            still = movie.convert("RGB")
    except (OSError, UnidentifiedImageError):  # a torn file: the page shows none
        return None
    still.thumbnail((side, side))
    return still


@st.cache_data(ttl=SECONDS, show_spinner=False)
def _table(uri: str, run_id: str, path: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(_file(uri, run_id, path))
    except (OSError, ValueError) as error:
        raise CytolapseError(f"{path} of run {run_id} can't be read ({error}): evaluate the run again") from error


@st.cache_data(max_entries=256, show_spinner=False)
def _frame(path: Path, written: int, number: int) -> FrameView:
    return Previews(path).frame(number)
