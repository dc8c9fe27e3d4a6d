"""How far a running run is, and what changed lately; pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dashboard.tables import SELECTION, STOPPING, column, status_words, text
from dashboard.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SILENT_S = 90
EARLY = 0.03
"""Share of the steps before which the estimate made at the start tells more than the time spent."""
POINTS = 60


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: optimiser steps done.
        steps: of how many at most; 0 = unknown.
        minutes_left: of training; None = unknown.
        silent_s: since the run was last heard of.
    """

    step: int = 0
    steps: int = 0
    minutes_left: float | None = None
    silent_s: float = 0.0

    def __str__(self) -> str:
        """In words, as short as they can be."""
        if self.silent_s > SILENT_S:
            return f"silent for {duration(self.silent_s / 60)}"
        if not self.step:
            return "starting"
        if self.steps and self.step >= self.steps:
            return "trained, being evaluated"
        place = f"step {self.step}" + (f"/{self.steps}" if self.steps else "")
        return place if self.minutes_left is None else f"{place}, {duration(self.minutes_left)} left"


def duration(minutes: float) -> str:
    """In the unit that a person would use."""
    if minutes < 1:
        return "under 1 min"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def progress(run: Mapping[str, Any], last_step: int, now: pd.Timestamp) -> Progress:
    """Where one running run stands.

    Args:
        run: its row of `RunStore.runs()`.
        last_step: of its newest point of train/loss; 0 = none yet.
        now: the time, in UTC.
    """
    steps = _number(run.get("params.cfg.train_steps"))
    beat = _number(run.get("tags.cytolapse.heartbeat"))
    silent = max(0.0, now.timestamp() - beat / 1000) if beat == beat else 0.0
    total = int(steps) if steps == steps else 0
    return Progress(last_step, total, _minutes_left(run, last_step, total, now), silent)


def _minutes_left(run: Mapping[str, Any], step: int, total: int, now: pd.Timestamp) -> float | None:
    if not total or step > total:
        return None
    estimate, share = _number(run.get("tags.cytolapse.estimate_minutes")), step / total
    went_on = not pd.isna(run.get("finished"))  # resumed: the time since its start says nothing
    if estimate == estimate and (share < EARLY or went_on):
        return estimate * (1 - share)
    if not step or went_on or pd.isna(run.get("started")):
        return None
    spent = (now - run["started"]).total_seconds() / 60
    return float(spent / share * (1 - share))


def lately(runs: pd.DataFrame, count: int = 5) -> pd.DataFrame:
    """The newest of some runs, those that run first.

    Args:
        runs: of one data set, newest first.
        count: how many at most.
    """
    return runs.iloc[np.argsort((runs["status"] != "RUNNING").to_numpy(), kind="stable")[:count]]


def newest(here: pd.DataFrame, losses: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Some runs and where they stand: run_id, name, state (in words), loss (list), selection.

    Args:
        here: the runs to show.
        losses: run_id, step, value of their train/loss.
        now: the time, in UTC.
    """
    curves = {str(run_id): points for run_id, points in losses.groupby("run_id")} if len(losses) else {}
    rows = []
    for run, status in zip(here.to_dict("records"), status_words(here), strict=True):
        points = curves.get(str(run["run_id"]))
        last = 0 if points is None else int(points["step"].max())
        if run["status"] == "RUNNING":
            state = f"{status[:1]} {progress(run, last, now)}" if status != STOPPING else status
        else:
            state = f"{status} {ago(run['finished'], run['started'], now)}"
        curve = [] if points is None else thin(points["value"].tolist())
        rows.append({"run_id": str(run["run_id"]), "state": state, "loss": curve})
    table = pd.DataFrame(rows, columns=["run_id", "state", "loss"])
    table["name"] = [short(name, 23) for name in text(here, "name")]
    table["selection"] = pd.to_numeric(column(here, *SELECTION)).to_numpy(float)
    return table


def thin(values: Sequence[float], most: int = POINTS) -> list[float]:
    """A curve in few points: means of equal pieces."""
    if len(values) <= most:
        return [float(value) for value in values]
    edges = [round(place * len(values) / most) for place in range(most + 1)]
    pieces = itertools.pairwise(edges)
    return [sum(values[first:last]) / (last - first) for first, last in pieces]


def ago(finished: Any, started: Any, now: pd.Timestamp) -> str:
    """How long ago something ended, or began where its end is not known."""
    when = started if pd.isna(finished) else finished
    if pd.isna(when):
        return ""
    minutes = max(0.0, (now - when).total_seconds() / 60)
    return f"{duration(minutes)} ago" if minutes < 36 * 60 else f"{minutes / 60 / 24:.0f} days ago"


def changes(runs: pd.DataFrame, versions: pd.DataFrame, now: pd.Timestamp) -> list[str]:
    """What happened to one data set in the last 24 hours, in plain sentences; names are as people gave them.

    Args:
        runs: its runs.
        versions: its registered versions.
        now: the time, in UTC.
    """
    since = now - pd.Timedelta(hours=24)
    young = runs[runs["started"] >= since]
    said = []
    if len(young):
        kinds = young["status"].str.upper().value_counts()
        parts = [f"{kinds[kind]} {word}" for kind, word in _ENDS.items() if kind in kinds]
        said.append(f"{len(young)} new run{'s' * (len(young) > 1)}" + (f" ({', '.join(parts)})" if parts else ""))
    said += _better(runs, since)
    for version in versions.to_dict("records"):
        when = pd.to_datetime(version.get("tags.promoted_at"), utc=True, errors="coerce")
        if "champion" in version["aliases"] and (version["created"] if pd.isna(when) else when) >= since:
            said.append(f"version {version['version']} became champion")
    return said


_ENDS = {"RUNNING": "running", "FAILED": "failed", "KILLED": "killed", "STALE": "stale"}


def _better(runs: pd.DataFrame, since: pd.Timestamp) -> list[str]:
    scores = pd.to_numeric(column(runs, *SELECTION))
    done = runs["finished"].fillna(runs["started"])
    before, after = scores[done < since], scores[done >= since]
    if after.notna().sum() == 0 or (before.notna().any() and after.max() <= before.max()):
        return []
    name = str(runs.loc[after.idxmax(), "name"])
    if before.notna().any():
        return [f"best on validation {before.max():.3f} → {after.max():.3f} by {name}"]
    return [f"best on validation {after.max():.3f} by {name}"]


def best_so_far(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with a validation score, oldest first: run_id, name, started, score, best."""
    table = pd.DataFrame({"run_id": runs["run_id"].astype(str), "name": text(runs, "name"), "started": runs["started"]})
    table["score"] = pd.to_numeric(column(runs, *SELECTION))
    table = table.dropna(subset=["score", "started"]).sort_values("started", kind="stable").reset_index(drop=True)
    return table.assign(best=table["score"].cummax())


def _number(value: Any) -> float:
    return float(pd.to_numeric(value, errors="coerce")) if value is not None else float("nan")
