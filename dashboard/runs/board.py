"""The leaderboard with the columns that a person chose, its groups, and what is exported; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dashboard.runs.champion import between
from dashboard.runs.filters import TAG, tag_lists
from dashboard.runs.progress import thin
from dashboard.scores import LEADERBOARD, OP_CSB, READINGS, SEG, TRUTH, Score, prefix
from dashboard.tables import SELECTION, UNKNOWN, column, leaderboard, minutes, score_of, text, times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPARK_POINTS = 30
PAGE = 100
"""Rows on show at once."""
INTERVAL = "_interval"
PARENT = "tags.mlflow.parentRunId"
STANDARD = {
    "name": "Run",
    "recipe": "Recipe",
    "head": "Head",
    "seed": "Seed",
    "status": "Status",
    "tags": "Tags",
    "spark": "Validation curve",
    "selection": "Validation",
    **{score.key: score.title for score in LEADERBOARD},
    **{score.key + INTERVAL: f"{score.title} 95 %" for score in LEADERBOARD},
    TRUTH.key: "n",
    READINGS.key: READINGS.title,
    "started": "Started (UTC)",
    "minutes": "Minutes",
    "curves": "Curves",
    "movie": "Movie",
    "mlflow": "MLflow",
}
SORTS = {
    "selection": "Validation, best first",
    "started": "Newest first",
    **{score.key: f"{score.title}, best first" for score in LEADERBOARD},
    "minutes": "Shortest training first",
    "name": "Name",
}
_USUAL = (
    *("recipe", "head", "status", "spark", "selection"),
    *(score.key for score in LEADERBOARD[:3]),
    *(TRUTH.key, READINGS.key, "started", "minutes", "curves", "movie"),
)


def defaults(runs: pd.DataFrame, source: str, sparks: bool, mlflow: str) -> list[str]:
    """The columns shown unasked: those with something in them.

    Args:
        runs: `RunStore.runs()`.
        source: whose scores.
        sparks: whether reading the validation curves of many runs is cheap.
        mlflow: address of MLflow's own pages; empty = there are none.
    """
    here = f"metrics.{prefix(source)}"
    out = set() if sparks else {"spark"}
    found = [name for name in _USUAL if name not in out]
    if {f"{here}{SEG.key}_low", f"{here}{SEG.key}_sd"} & set(runs):
        found.insert(found.index(SEG.key) + 1, SEG.key + INTERVAL)
    if any(name.startswith(TAG) for name in runs):
        found.insert(found.index("status") + 1, "tags")
    return found + (["mlflow"] if mlflow else [])


def choices(runs: pd.DataFrame) -> dict[str, str]:
    """Every column that can be chosen -> its title: the usual ones, then parameters, metrics and tags of the runs."""
    own = {name: title for name, title in STANDARD.items() if name != "name"}
    kinds = ("params.cfg.", "params.tool.", "metrics.", "tags.cytolapse.")
    others = [name for kind in kinds for name in runs if name.startswith(kind)]
    return own | {name: name.removeprefix("params.").removeprefix("tags.") for name in others}


def ordered(runs: pd.DataFrame, source: str, by: str = "selection") -> pd.DataFrame:
    """The runs in one of the orders of SORTS; those without a value last, of equal ones the newest first.

    Args:
        runs: `RunStore.runs()`.
        source: whose scores, as `test-gold`.
        by: selection, started, minutes, name, or the key of a score.
    """
    newest = -times(runs["started"])
    if by == "name":
        keys = text(runs, "name").str.casefold().rank(method="dense").to_numpy()
    elif by == "minutes":
        keys = minutes(runs).to_numpy(float)
    elif by == "started":
        keys = newest
    else:
        names = SELECTION if by == "selection" else (f"metrics.{prefix(source)}{by}",)
        keys = -score_of(runs, *names).to_numpy(float)
    return runs.iloc[np.lexsort((newest, keys))]


def board(
    runs: pd.DataFrame, source: str, chosen: Sequence[str], sparks: Mapping[str, list[float]], mlflow: str = ""
) -> pd.DataFrame:
    """One row per run, in their order, with the usual and the chosen columns.

    Args:
        runs: `RunStore.runs()`, with a column `readings` where these are known.
        source: whose scores, as `test-gold`.
        chosen: more columns, by their names in `runs`.
        sparks: run id -> validation scores in order.
        mlflow: address of MLflow's own pages; empty = there are none.
    """
    table = leaderboard(runs, source, mlflow)
    there = runs.set_axis(table.index)
    for score in LEADERBOARD:
        if score.key + INTERVAL in chosen:
            table[score.key + INTERVAL] = _intervals(there, prefix(source) + score.key)
    tags = tag_lists(there)
    if any(tags):
        table["tags"] = tags
    if any(sparks.get(str(run_id)) for run_id in table.index):
        table["spark"] = [thin(sparks.get(str(run_id), []), SPARK_POINTS) for run_id in table.index]
    for name in chosen:
        if name not in STANDARD and name in there:
            table[name] = there[name] if name.startswith("metrics.") else _numbers(there[name])
    return table


def _intervals(runs: pd.DataFrame, key: str) -> list[str]:
    """Of each run `0.812 to 0.871`, of the parent of several seeds `± 0.012 (3 seeds)`; empty where it has neither."""
    low, high, sd, seeds = (
        pd.to_numeric(column(runs, f"metrics.{name}"))
        for name in (f"{key}_low", f"{key}_high", f"{key}_sd", f"{key.rpartition('/')[0]}/seeds")
    )
    return [
        f"± {spread:.3f} ({count:.0f} seeds)" if spread == spread and count == count else between(first, last)
        for first, last, spread, count in zip(low, high, sd, seeds, strict=True)
    ]


def limits(runs: pd.DataFrame, source: str, score: Score) -> pd.DataFrame:
    """What the figure of intervals shows: name, score, low and high by run id, of the runs that have the score."""
    there = runs.set_axis(runs["run_id"].astype(str))
    names = SELECTION if score.key == "selection" else (f"metrics.{prefix(source)}{score.key}",)
    found = pd.DataFrame({"name": text(there, "name"), "score": pd.to_numeric(column(there, *names))})
    for side in ("low", "high"):
        found[side] = pd.to_numeric(column(there, *(f"{name}_{side}" for name in names)))
    return found.dropna(subset="score")


def groups(runs: pd.DataFrame, source: str, by: str) -> pd.DataFrame:
    """Runs of one parent, or with the same settings but the seed: how many, mean and spread of their scores.

    Args:
        runs: `RunStore.runs()`; parents are not counted among their children.
        source: whose scores.
        by: parent or settings.

    Returns:
        Group id as index; name, n, and per score `<key>` (mean), `<key>_sd` (sample standard deviation; NaN of one).
    """
    label, name = _parents(runs) if by == "parent" else _settings(runs)
    values = {"selection": pd.to_numeric(column(runs, *SELECTION))}
    values |= {each.key: pd.to_numeric(column(runs, "metrics." + prefix(source) + each.key)) for each in (SEG, OP_CSB)}
    table = pd.DataFrame(values).assign(group=label, run=runs["run_id"].astype(str))
    table = table[table["group"] != ""]
    grouped = table.groupby("group", sort=False)
    found = pd.DataFrame({"name": [name[group] for group in grouped.groups], "n": grouped.size().to_numpy()})
    found.index = pd.Index(list(grouped.groups), dtype=str, name="group")
    for key in values:
        found[key] = grouped[key].mean()
        found[f"{key}_sd"] = grouped[key].std()
    return found.sort_values("selection", ascending=False, na_position="last", kind="stable")


def members(runs: pd.DataFrame, by: str, group: str) -> pd.Series:
    """Which runs belong to one group."""
    return pd.Series(_parents(runs)[0] if by == "parent" else _settings(runs)[0], index=runs.index) == group


def csv(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """The table as CSV with run ids; no cell begins as a formula that a spreadsheet would run."""
    shown = table[[name for name in ("name", *columns) if name in table and name not in ("curves", "movie", "mlflow")]]
    safe = {name: [_harmless(value) for value in shown[name]] for name in shown}
    return pd.DataFrame(safe, index=table.index).to_csv(index_label="run_id")


def _parents(runs: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    parent = text(runs, PARENT)
    names = dict(zip(runs["run_id"].astype(str), text(runs, "name"), strict=True))
    label = ["" if key == UNKNOWN else key for key in parent]
    return label, {key: names.get(key, "a parent that is not here") for key in label}


def _settings(runs: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    fields = [name for name in runs if name.startswith("params.cfg.") and name != "params.cfg.seed"]
    same = ["tags.cytolapse.digest", "tags.cytolapse.init", *fields]
    there = [name for name in same if name in runs]
    keys = pd.util.hash_pandas_object(runs[there].fillna("").astype(str), index=False) if there else []
    known = runs[fields].notna().any(axis=1) if fields else pd.Series(False, index=runs.index)
    label = [f"{key:016x}" if has else "" for key, has in zip(keys, known, strict=bool(len(keys)))]
    label = label or [""] * len(runs)
    words = text(runs, "recipe") + " " + text(runs, "head")
    differing = [name for name in fields if runs.loc[known, name].nunique() > 1 and name not in _NAMED]
    first = ~pd.Series(label, index=runs.index).duplicated()
    parts = runs.loc[first, differing].fillna("").astype(str)
    names: dict[str, str] = {}
    for key, word, row in zip(pd.Series(label)[first.to_numpy()], words[first], parts.to_numpy(), strict=True):
        told = (f"{name.removeprefix('params.cfg.')}={value}" for name, value in zip(differing, row, strict=True))
        names.setdefault(key, ", ".join([word.replace(f" {UNKNOWN}", ""), *told][:5]))
    return label, names


_NAMED = ("params.cfg.recipe", "params.cfg.head", "params.cfg.network", "params.cfg.model")


def _numbers(values: pd.Series) -> pd.Series:
    """As numbers where all are; else as text."""
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers if bool((numbers.notna() | values.isna()).all()) else values.astype(object)


def _harmless(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        value = " ".join(f"{each:.4g}" if isinstance(each, float) else str(each) for each in value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
