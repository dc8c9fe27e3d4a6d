"""Chosen runs beside each other: curves with their intervals, bins, training on one axis, what differs; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.scores import ALL, COUNTS
from dashboard.tables import DEFINITION, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 8
KEYS = ("precision", "recall", "f1")
GROUPS = {
    "cells": "Cells in the frame",
    "size": "Area / median area",
    "aspect": "Major / minor axis",
    "division": "Division",
    "seam": "Seam of tiles",
}
"""Kinds of bins: `cells` are averages over frames, all others are of single truth cells."""
OF_FRAMES = {
    "seg": "SEG, mean over frames",
    "f1": "F1 at IoU 0.5, mean over frames",
    "op_csb_masks": "OP_CSB, mean over frames",
}
OF_CELLS = {"seg": "SEG", "recall_iou_0.50": "Recall at IoU 0.5", "missed": "Share of cells missed"}
AXES = {"step": "step", "minutes": "minutes since the first point", "frames": "frames seen"}
ENVIRONMENT = ("git_commit", "machine", "versions", "digest", "split", "ignore", "init", "masks")
"""Tags `cytolapse.<name>`, and those below them."""


def curves(series: pd.DataFrame, results: Mapping[str, Mapping[str, Any]], suffix: str = "") -> pd.DataFrame:
    """One row per run and threshold: run_id, percent, threshold, precision, recall, f1, and `_low`, `_high` of each.

    Args:
        series: run_id, key (precision, recall, f1, precision_any, recall_any), step (threshold in percent), value.
        results: run id -> its result as JSON. Without `bands`, `intervals` give limits at three thresholds.
        suffix: "" = strict one-to-one matching, "_any" = source-compatible, of which no intervals are known.
    """
    found = [
        _with_limits(_curve(here, suffix), {} if suffix else results.get(str(run_id), {})).assign(run_id=run_id)
        for run_id, here in series.groupby("run_id", sort=False)
    ]
    columns = ["run_id", "percent", "threshold", *(f"{key}{end}" for key in KEYS for end in ("", "_low", "_high"))]
    table = pd.concat([each for each in found if len(each)] or [pd.DataFrame(columns=columns)], ignore_index=True)
    return table[columns]


def _curve(series: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Threshold in percent -> precision, recall, f1; what is undefined stays empty."""
    wide = series.drop_duplicates(["key", "step"], keep="last").pivot(index="step", columns="key", values="value")
    if f"precision{suffix}" not in wide or f"recall{suffix}" not in wide:
        return wide.iloc[:0]
    curve = wide[[f"precision{suffix}", f"recall{suffix}"]].set_axis(["precision", "recall"], axis=1)
    both = curve["precision"] + curve["recall"]
    harmonic = (2 * curve["precision"] * curve["recall"] / both.where(both > 0)).fillna(0 * both)
    return curve.assign(f1=wide["f1"] if not suffix and "f1" in wide else harmonic)


def _with_limits(curve: pd.DataFrame, result: Mapping[str, Any]) -> pd.DataFrame:
    columns: dict[str, Any] = {"percent": curve.index, "threshold": curve.index / 100}
    for key in KEYS:
        limits = _limits(result, key)
        for place, end in enumerate(("_low", "_high")):
            known = {percent: pair[place] for percent, pair in limits.items()}
            columns[key + end] = pd.to_numeric(pd.Series([known.get(percent) for percent in curve.index]).to_numpy())
    return curve.assign(**columns)


def _limits(result: Mapping[str, Any], key: str) -> dict[int, tuple[Any, Any]]:
    """Threshold in percent -> low, high."""
    band = result.get("bands", {}).get(key, {})
    if band.get("low"):
        return dict(enumerate(zip(band["low"], band["high"], strict=True)))
    named = {percent: result.get("intervals", {}).get(f"{key}_iou_{percent / 100:.2f}") for percent in (25, 50, 75)}
    return {percent: (each["low"], each["high"]) for percent, each in named.items() if each}


def why_no_limits(results: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Why F1 has no interval -> the runs' names."""
    found: dict[str, list[str]] = {}
    for run_id, result in results.items():
        reason = result.get("intervals", {}).get("f1_iou_0.50", {}).get("reason")
        if reason:
            found.setdefault(reason, []).append(names[run_id])
    return found


def limits(
    results: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Score's title, run's name -> 95 % interval, where there is one."""
    return {
        (score.title, names[run_id]): (interval["low"], interval["high"])
        for run_id, result in results.items()
        for score in ALL
        if (interval := result.get("intervals", {}).get(score.key)) and interval["low"] is not None
    }


def kinds(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Cells a frame, and the kinds of bins that tell cells apart: at least two of them hold some."""
    return [kind for kind in GROUPS if bins(results, kind)["bin"].nunique() > (kind != "cells")]


def bins(results: Mapping[str, Mapping[str, Any]], kind: str) -> pd.DataFrame:
    """One row per run and bin that holds cells: run_id, bin, n (truth cells), and scores.

    Args:
        results: run id -> its result as JSON.
        kind: of GROUPS.
    """
    scores = OF_FRAMES if kind == "cells" else OF_CELLS
    rows = []
    for run_id, result in results.items():
        found = result.get("bins", {}) if kind == "cells" else result.get("by_bin", {}).get(kind, {})
        for name, row in found.items():
            n = row.get("n_truth", row.get("n", 0))
            if n and name != "unknown":
                rows.append({"run_id": run_id, "bin": name, "n": n, **{key: row.get(key) for key in scores}})
    table = pd.DataFrame(rows, columns=["run_id", "bin", "n", *scores])
    return table.astype(dict.fromkeys(scores, float))


def on_axis(history: pd.DataFrame, runs: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Training curves with a column x; points whose place on the axis is not known are left out.

    Args:
        history: run_id, key, step, value, time_ms.
        runs: `RunStore.runs()`.
        axis: of AXES. A step sees `batch` clips of `clip` frames; minutes count from a run's first point on.
    """
    if axis == "step":
        return history.assign(x=history["step"])
    if axis == "minutes":
        first = history.groupby("run_id")["time_ms"].transform("min")
        return history.assign(x=(history["time_ms"] - first) / 60000)
    known = runs.set_axis(runs["run_id"].astype(str))
    sizes = [
        pd.to_numeric(known[f"params.cfg.{name}"], errors="coerce") if f"params.cfg.{name}" in known else float("nan")
        for name in ("batch", "clip")
    ]
    a_step = pd.Series(sizes[0] * sizes[1], index=known.index)
    return history.assign(x=history["step"] * history["run_id"].map(a_step)).dropna(subset=["x"])


def parameters(runs: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Parameters down, runs across: the resolved `cfg.`, another tool's `tool.`."""
    chosen = _chosen(runs, names)
    columns = [name for name in chosen if name.startswith(("params.cfg.", "params.tool."))]
    titles = [name.removeprefix("params.").removeprefix("cfg.") for name in columns]
    return _across(chosen[columns].set_axis(titles, axis=1), names)


def environment(runs: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """What the runs were made with and of, down, runs across: commit, machine, a row per package, data."""
    chosen = _chosen(runs, names)
    rows: dict[str, Any] = {}
    for name in chosen:
        title = name.removeprefix("tags.cytolapse.")
        if title == name or title.split(".")[0] not in ENVIRONMENT:
            continue
        values = [_mapping(value) for value in chosen[name]]
        if title in ("versions", "split"):
            for part in dict.fromkeys(key for value in values for key in value):
                rows[f"{title}: {part}"] = [_words(value.get(part)) for value in values]
        else:
            rows[title.replace("_", " ")] = list(chosen[name])
    return _across(pd.DataFrame(rows, index=chosen.index), names)


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """Only rows in which the runs are not all alike."""
    return table[table.nunique(axis=1) > 1]


def _chosen(runs: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    return runs.set_axis(runs["run_id"].astype(str)).loc[list(names)]


def _across(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Text, runs across; a dash where nothing is known; rows that no run has are left out."""
    turned = table.T.astype(object)
    turned = turned.where(turned.notna() & (turned != ""), UNKNOWN).astype(str).rename(columns=names)
    return turned[(turned != UNKNOWN).any(axis=1)]


def _mapping(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (TypeError, ValueError):  # no such tag, or one that somebody else set
        return {}
    return found if isinstance(found, dict) else {}


def _words(value: Any) -> str:
    """A version as it is; the parts of sequences, [sequence, first, last], as `02 0-63`."""
    if isinstance(value, list):
        return ", ".join(f"{part[0]} {part[1]}-{part[2]}" if len(part) == 3 else str(part) for part in value)
    return "" if value is None else str(value)


def highlight(
    table: pd.DataFrame, definitions: Mapping[str, str], limits: Mapping[tuple[str, str], tuple[float, float]]
) -> Any:
    """The best of each row marked, intervals beside the numbers, the definition at the end; counts have no best.

    Args:
        table: as `score_table` makes it.
        definitions: title -> definition.
        limits: title, run's name -> interval.
    """
    counts = [score.title for score in COUNTS]

    def marks(row: pd.Series) -> list[str]:
        best = row.max() if len(row) > 1 and row.name not in counts and row.nunique() > 1 else None
        return ["background-color: rgba(0, 114, 178, 0.2); font-weight: 600" if value == best else "" for value in row]

    marked = table.apply(lambda row: pd.Series(marks(row), row.index), axis=1)
    words = [
        [_cell(value, title in counts, limits.get((title, name))) for name, value in row.items()]
        for title, row in table.iterrows()
    ]
    shown = pd.DataFrame(words, index=table.index, columns=table.columns)
    shown = shown.assign(**{DEFINITION: [definitions[title] for title in table.index]})
    return shown.style.apply(lambda _: marked, axis=None, subset=list(table))


def _cell(value: float, count: bool, limits: tuple[float, float] | None) -> str:
    if value != value:
        return UNKNOWN
    interval = f"  [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else ""
    return f"{value:.0f}" if count else f"{value:.3f}{interval}"
