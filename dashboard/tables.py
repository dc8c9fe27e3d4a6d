"""Tables: what the store gives in, what a page shows out; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cytolapse.metrics.kinds import UNJUDGED
from dashboard.scores import LEADERBOARD, READINGS, SOURCES, TRUTH, Score, prefix
from dashboard.words import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SELECTION = ("metrics.val/silver/op_csb_masks", "metrics.val/gold/op_csb_masks")
STATUS = {
    "FINISHED": "✓ finished",
    "RUNNING": "▸ running",
    "FAILED": "✕ failed",
    "KILLED": "■ killed",
    "STALE": "? stale",
    "SCHEDULED": "… scheduled",
}
STOP = "tags.cytolapse.stop_requested"
STOPPING = "▸ stopping"
UNKNOWN = "—"
DEFINITION = "Definition"
NOT_JUDGED = "not judged"
AUDIT = "tags.cytolapse.audit"
FOREIGN = "tags.cytolapse.masks"
SPREAD = ("_mean", "_sd", "_min", "_max", "/seeds")
"""Ends of metrics that a parent of several seeds has: it holds no masks of its own."""
HELPERS = ("simulate", "segment", "evaluate", "promote")
"""Entry points of MLproject that train nothing; `mlflow run` makes a run for each call all the same."""


def helpers(runs: pd.DataFrame) -> pd.Series:
    """Which runs are no experiments, but what `mlflow run` made for a command that logs elsewhere or not at all.

    A training entry point that finished without a recipe of its own went on with another run (`-P resume=`).
    """
    entry = text(runs, "tags.mlflow.project.entryPoint")
    over = (entry != UNKNOWN) & (text(runs, "status").str.upper() == "FINISHED")
    audits = text(runs, AUDIT) != UNKNOWN
    return audits | (entry.isin(HELPERS) | over) & (text(runs, "recipe") == UNKNOWN)


def by_selection(runs: pd.DataFrame) -> Any:
    """Positions of the runs, the best on validation first, those without a score last."""
    return np.argsort(-pd.to_numeric(column(runs, *SELECTION)).to_numpy(float), kind="stable")


def sources(runs: pd.DataFrame) -> list[str]:
    """The splits and references for which some run has scores: `test-gold`, `val-silver`, ..."""
    return [
        source
        for source in SOURCES
        if any(column.startswith("metrics." + prefix(source)) and runs[column].notna().any() for column in runs)
    ]


def column(runs: pd.DataFrame, *names: str) -> pd.Series:
    """The first of some columns that a run has a value in; empty where no column exists."""
    found = [runs[name] for name in names if name in runs]
    if not found:
        return pd.Series(float("nan"), index=runs.index, dtype=object)
    values = found[0]
    for other in found[1:]:
        values = values.where(values.notna(), other)
    return values


def text(runs: pd.DataFrame, *names: str) -> pd.Series:
    """Like `column`, as text; a dash where nothing is known."""
    values = column(runs, *names)
    said = [
        UNKNOWN if empty else str(value) or UNKNOWN
        for value, empty in zip(values.tolist(), values.isna().tolist(), strict=True)
    ]
    return pd.Series(said, index=values.index, dtype=str)


def score_of(runs: pd.DataFrame, *names: str) -> pd.Series:
    """A score of each run as numbers; of the parent of several seeds their mean, since it has no model of its own."""
    return pd.to_numeric(column(runs, *names, *(f"{name}_mean" for name in names)))


def leaderboard(runs: pd.DataFrame, source: str, mlflow: str = "") -> pd.DataFrame:
    """One row per run, in their order: what the Runs page shows.

    Args:
        runs: `RunStore.runs()`, with a column `readings` where these are known.
        source: whose scores, as `test-gold`.
        mlflow: address of MLflow's own pages; empty = there are none.
    """
    table = pd.DataFrame(index=runs["run_id"].astype(str))
    runs = runs.set_axis(table.index)
    for name in ("name", "recipe", "head", "dataset"):
        table[name] = text(runs, name)
    table["seed"] = pd.to_numeric(column(runs, "params.cfg.seed"), errors="coerce")
    table["status"] = status_words(runs)
    table["selection"] = score_of(runs, *SELECTION)
    for score in (*LEADERBOARD, TRUTH):
        table[score.key] = score_of(runs, "metrics." + prefix(source) + score.key)
    table[READINGS.key] = pd.to_numeric(column(runs, READINGS.key))
    table["started"] = utc(runs["started"])
    table["minutes"] = minutes(runs)
    table["curves"] = [f"compare?run={run_id}" for run_id in table.index]
    table["movie"] = [f"movie?run={run_id}" for run_id in table.index]
    if mlflow:
        table["mlflow"] = [f"{mlflow}/#/runs/{run_id}" for run_id in table.index]
    return table


def minutes(runs: pd.DataFrame) -> pd.Series:
    """How long each training took; where nobody noted it, from the run's start to its last end."""
    whole = (utc(runs["finished"]) - utc(runs["started"])).dt.total_seconds() / 60
    own = text(runs, FOREIGN) == UNKNOWN  # of another tool's masks, only the scoring took place here
    return pd.to_numeric(column(runs, "metrics.train/minutes")).astype(float).fillna(whole.where(own))


def status_words(runs: pd.DataFrame) -> list[str]:
    """The status of each run in words; of one that was asked to stop, that it is about to."""
    asked = text(runs, STOP) != UNKNOWN
    return [
        STOPPING if wish and status == "RUNNING" else STATUS.get(str(status).upper(), str(status).lower())
        for status, wish in zip(runs["status"], asked, strict=True)
    ]


def unique_names(runs: pd.DataFrame) -> dict[str, str]:
    """Run id -> name, shortened where it is long, with a piece of the id where several runs share one."""
    names = text(runs.set_axis(runs["run_id"].astype(str)), "name").map(short)
    twice = names.duplicated(keep=False)
    return {run_id: f"{name} ({run_id[:6]})" if twice[run_id] else name for run_id, name in names.items()}


def score_table(runs: pd.DataFrame, names: Mapping[str, str], source: str, scores: Iterable[Score]) -> pd.DataFrame:
    """Scores down, runs across; only scores that a run has, and below them how often the test part was read."""
    rows = {
        score.title: [_number(runs, run_id, "metrics." + prefix(source) + score.key) for run_id in names]
        for score in scores
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(names.values()), dtype=float)
    table = table.dropna(how="all")
    if len(table):
        table.loc[READINGS.title] = [_number(runs, run_id, READINGS.key) for run_id in names]
    return table.dropna(how="all")


def worst_frames(frames: pd.DataFrame, reference: str, sequence: str) -> pd.DataFrame:
    """Frames of a sequence with truth, the most errors first, then the lowest SEG.

    Args:
        frames: `<split>/frames.parquet`.
        reference: gold or silver.
        sequence: its name.
    """
    frames = frames[(frames["reference"] == reference) & (frames["sequence"].astype(str) == sequence)]
    table = frames[["frame", "n_truth", "n_pred", "fp", "fn", "seg"]].copy()
    table["errors"] = table["fp"].fillna(0).astype(int) + table["fn"].astype(int)
    return table.sort_values(["errors", "seg"], ascending=[False, True], kind="stable").reset_index(drop=True)


def frame_objects(objects: pd.DataFrame, reference: str, sequence: str, frame: int, full: bool = True) -> pd.DataFrame:
    """The rows of one frame against one reference: errors first, then what nobody can judge, then what is right.

    Args:
        objects: `<split>/objects.parquet`.
        reference: gold or silver.
        sequence: its name.
        frame: its number.
        full: whether every cell of the frame has truth; else no prediction can be called false.
    """
    here = (objects["reference"] == reference) & (objects["sequence"].astype(str) == sequence)
    table = objects[here & (objects["frame"] == frame)]
    open_to_doubt = (table["kind"] == UNJUDGED) | (
        (table["side"] == "prediction") & (table["kind"] != "matched") & (not full)
    )
    table = table.assign(kind=table["kind"].mask(open_to_doubt, NOT_JUDGED))
    order = {"matched": 2, NOT_JUDGED: 1}
    place = [order.get(kind, 0) for kind in table["kind"]]
    return table.assign(place=place).sort_values("place", kind="stable").drop(columns="place").reset_index(drop=True)


def _number(runs: pd.DataFrame, run_id: str, name: str) -> float:
    value: Any = runs.loc[runs["run_id"] == run_id, name].iloc[0] if name in runs else None
    return float("nan") if value is None else float(value)


def first_choice(runs: pd.DataFrame, count: int = 3) -> list[str]:
    """The best runs on validation of the data set that was worked on last."""
    same = runs[text(runs, "dataset") == text(runs, "dataset").iloc[0]]
    best = same.iloc[by_selection(same)]
    scored = best[column(best, *SELECTION).notna()]
    return [str(run_id) for run_id in (scored if len(scored) else best)["run_id"].head(count)]


def mixed(runs: pd.DataFrame, names: Mapping[str, str]) -> bool:
    """Whether the chosen runs are of more than one data set."""
    return bool(text(runs[runs["run_id"].isin(list(names))], "dataset").nunique() > 1)


def first_series(keys: Sequence[str]) -> list[str]:
    """The training curves shown unasked."""
    usual = ("train/loss", "val/loss", "val/op_csb_masks", "val/seg")
    return [key for key in usual if key in keys] or list(keys[:4])


def with_scores(runs: pd.DataFrame) -> str:
    """The newest run that has test scores, else the newest."""
    found = [name for name in runs if name.startswith("metrics.test/") and not name.endswith(SPREAD)]
    scored = runs[runs[found].notna().any(axis=1)] if found else runs
    return str((scored if len(scored) else runs)["run_id"].iloc[0])


def is_full(frames: pd.DataFrame | None, reference: str, sequence: str, frame: int) -> bool:
    """Whether every cell of the frame has truth, so that a prediction without truth is false."""
    if frames is None or "full" not in frames:
        return True
    here = (
        (frames["reference"] == reference) & (frames["sequence"].astype(str) == sequence) & (frames["frame"] == frame)
    )
    return bool(frames.loc[here, "full"].all())


def utc(times: pd.Series) -> pd.Series:
    """Without a zone, which the columns' heads name."""
    return pd.to_datetime(times, utc=True).dt.tz_localize(None)


def times(moments: pd.Series) -> Any:
    """Seconds since 1970, to sort by; NaN where there is none."""
    return (utc(moments) - pd.Timestamp(0)).dt.total_seconds().to_numpy(float)
