"""The champion of a data set and the scores that it is shown with; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.scores import F1, OP_CSB, SEG, Score, prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIAS = "champion"
ORDER = ("test-gold", "test-silver", "val-gold", "val-silver")


def champion_of(versions: pd.DataFrame) -> Mapping[str, Any] | None:
    """The version that holds the alias; None where none does."""
    for version in versions.to_dict("records"):
        if ALIAS in version["aliases"]:
            return {str(name): value for name, value in version.items()}
    return None


def headline(run: Mapping[str, Any]) -> tuple[str, list[tuple[Score, float, str]]]:
    """SEG, OP_CSB and F1 with their intervals on the best truth that the run was scored on, and which that is."""
    for source in ORDER:
        told = [(score, number(run, prefix(source) + score.key)) for score in (SEG, OP_CSB, F1)]
        if told[0][1] == told[0][1]:
            place = prefix(source)
            return source, [(each, value, interval(run, place + each.key)) for each, value in told if value == value]
    return "", []


def interval(run: Mapping[str, Any], key: str) -> str:
    """`0.812 to 0.871` of a metric; empty where none was logged."""
    low, high = number(run, f"{key}_low"), number(run, f"{key}_high")
    return between(low, high)


def between(low: float, high: float) -> str:
    """The ends of an interval in words; empty where one is NaN."""
    return f"{low:.3f} to {high:.3f}" if low == low and high == high else ""


def number(run: Mapping[str, Any], key: str) -> float:
    """A metric of a run; NaN where it has none."""
    value = run.get(f"metrics.{key}")
    return float("nan") if value is None or pd.isna(value) else float(value)
