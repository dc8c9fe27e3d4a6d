"""Which runs a person asks for: words, `field=value`, days; pure."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.tables import text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HELP = (
    "Words that stand in a run's name, recipe, head, tags or parameters, and conditions on any field: "
    "`batch=4`, `learning_rate<0.001`, `tag=paper`, `seg>0.9`. All must hold; put what has spaces into quotes."
)
ARCHIVED = "tags.cytolapse.archived"
TAG = "tags.cytolapse.tag."
_CONDITION = re.compile(r"^([\w.\-/ ]+?)(!=|>=|<=|=|<|>)(.*)$")
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_PLACES = ("", "params.cfg.", "params.tool.", "params.", "tags.cytolapse.", "tags.", "metrics.")
_OWN = ("name", "recipe", "head", "dataset", "run_id", "status")
_NOISE = ("tags.mlflow.", "tags.cytolapse.split", "tags.cytolapse.versions", "tags.cytolapse.heartbeat")


def words(query: str) -> list[str]:
    """What was typed, in pieces; quotes keep spaces together, a quote that is still open closes at the end."""
    found = re.findall(r'((?:[^\s"]|"[^"]*(?:"|$))+)', query)
    return [piece.replace('"', "") for piece in found if piece.replace('"', "")]


def matching(runs: pd.DataFrame, query: str, score: str = "test/gold/") -> pd.Series:
    """Which runs fit every piece of a query.

    Args:
        runs: `RunStore.runs()`.
        query: see `HELP`.
        score: where a bare score such as `seg` is looked up.
    """
    fits = pd.Series(True, index=runs.index)
    pieces = {piece: _CONDITION.match(piece) for piece in words(query)}
    said = _said(runs) if None in pieces.values() else None
    for piece, condition in pieces.items():
        if condition:
            fits &= _holds(runs, *condition.groups(), score)
        elif said is not None:
            fits &= said.str.contains(piece.casefold(), regex=False).astype(bool)
    return fits


def unknown_fields(runs: pd.DataFrame, query: str, score: str = "test/gold/") -> list[str]:
    """Fields of a query's conditions that no run has."""
    asked = [found[1] for piece in words(query) if (found := _CONDITION.match(piece))]
    return [name for name in asked if name != "tag" and not _columns(runs, name, score)]


def tags_of(runs: pd.DataFrame) -> list[str]:
    """The tags that people gave, sorted."""
    return sorted(name.removeprefix(TAG) for name in runs if name.startswith(TAG) and runs[name].notna().any())


def tag_lists(runs: pd.DataFrame) -> list[list[str]]:
    """The tags of each run."""
    given = [name for name in runs if name.startswith(TAG)]
    rows = runs[given].notna().to_numpy()
    return [[name.removeprefix(TAG) for name, has in zip(given, row, strict=True) if has] for row in rows]


def archived(runs: pd.DataFrame) -> pd.Series:
    """Which runs someone archived."""
    return runs[ARCHIVED].notna() if ARCHIVED in runs else pd.Series(False, index=runs.index)


def parameters(runs: pd.DataFrame) -> dict[str, str]:
    """Column -> short name of the parameters in which the runs differ: our own, then other tools'."""
    ours = [name for name in runs if name.startswith(("params.cfg.", "params.tool."))]
    return {name: name.removeprefix("params.").removeprefix("cfg.") for name in ours if runs[name].nunique() > 1}


def between(runs: pd.DataFrame, since: str, until: str) -> pd.Series:
    """Which runs started on those days (UTC, both included); an empty or odd day is no limit."""
    fits = pd.Series(True, index=runs.index)
    first, last = (pd.to_datetime(day, utc=True, errors="coerce", format="%Y-%m-%d") for day in (since, until))
    if not pd.isna(first):
        fits &= runs["started"] >= first
    if not pd.isna(last):
        fits &= runs["started"] < last + pd.Timedelta(days=1)
    return fits


def _said(runs: pd.DataFrame) -> pd.Series:
    """All words of each run in one text, for searching."""
    names = [
        name
        for name in runs
        if name in _OWN or (name.startswith(("params.", "tags.")) and not name.startswith((*_NOISE, TAG, ARCHIVED)))
    ]
    cells = runs[names].astype(object)
    rows = cells.where(cells.notna(), "").to_numpy()
    tags = tag_lists(runs)
    lines = ["\n".join([*map(str, row), *given]).casefold() for row, given in zip(rows, tags, strict=True)]
    return pd.Series(lines, index=runs.index, dtype=object)


def _holds(runs: pd.DataFrame, field: str, sign: str, value: str, score: str) -> pd.Series:
    if field == "tag":
        given = runs[TAG + value].notna() if TAG + value in runs else pd.Series(False, index=runs.index)
        return given if sign == "=" else ~given
    names = _columns(runs, field, score)
    if not names:
        return pd.Series(False, index=runs.index)
    here = runs[names[0]]
    numbers, number = pd.to_numeric(here, errors="coerce"), pd.to_numeric(value, errors="coerce")
    if sign in _COMPARED:
        return pd.Series(_COMPARED[sign](numbers, number), index=runs.index)
    same = text(runs, names[0]).str.casefold() == value.casefold()
    if not pd.isna(number):
        same |= numbers == number
    return same if sign == "=" else here.notna() & ~same


def _columns(runs: pd.DataFrame, field: str, score: str) -> Sequence[str]:
    places = (*_PLACES, "metrics." + score)
    return [place + field for place in places if place + field in runs]
