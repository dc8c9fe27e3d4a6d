"""Runs against one of them on the same frames: differences with their intervals and the share of resamples won."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.metrics.comparison import Comparison, compare
from cytolapse.metrics.counts import LOWER
from cytolapse.tracking.logged import Logged
from cytolapse.tracking.pairs import logged_pair
from cytolapse.tracking.uri import store_uri
from dashboard import reads
from dashboard.scores import ALL
from dashboard.tables import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLES = {score.key: score.title for score in ALL if not score.key.startswith(("ap_", "pq_"))}
TITLES |= {"false_per_frame": "False objects a frame", "det": "DET, on markers", "tra": "TRA", "lnk": "LNK"}
COLUMNS = ["run_id", "score", "baseline", "value", "difference", "low", "high", "wins", "reason"]
BETTER, WORSE = "rgba(0, 114, 178, 0.2)", "rgba(213, 94, 0, 0.2)"


def pair(runs: pd.DataFrame, ids: tuple[str, str], source: str) -> Comparison:
    """The second run against the first.

    Args:
        runs: `RunStore.runs()`.
        ids: both runs.
        source: like test-gold.

    Raises:
        CytolapseError: they can't be compared.
    """
    here = runs.set_axis(runs["run_id"].astype(str)).loc[list(ids)]
    return _pair(reads.address(), ids, source, tuple(here["finished"].astype(str)), here)


# No time limit: a run that is evaluated once more gets another end.
@st.cache_data(max_entries=256, show_spinner=False)
def _pair(uri: str, ids: tuple[str, str], source: str, finished: tuple[str, ...], _runs: pd.DataFrame) -> Comparison:
    part, _, reference = source.partition("-")
    a, b = (_logged(_runs.loc[run_id], store_uri(uri)) for run_id in ids)
    scored = logged_pair((a, b), part).scored
    if reference not in scored[0]:
        raise CytolapseError(f"there are no counts of {reference} truth on {part}: choose another")
    return compare(scored[0][reference], scored[1][reference])


def _logged(run: pd.Series, uri: str) -> Logged:
    tags = {name.removeprefix("tags."): str(run[name]) for name in run.index if name.startswith("tags.")}
    tags = {name: value for name, value in tags.items() if value not in ("nan", "None")}
    return Logged(str(run["run_id"]), str(run["status"]), tags, {}, uri)


def rows(comparisons: Mapping[str, Comparison]) -> pd.DataFrame:
    """One row per run and score that is known of both: COLUMNS.

    Args:
        comparisons: run id -> it against the baseline.
    """
    found = [
        (run_id, title, each.a, each.b, each.difference, *each.interval[:2], each.wins, each.interval.reason)
        for run_id, comparison in comparisons.items()
        for score, title in TITLES.items()
        if (each := comparison.scores.get(score)) is not None and each.difference is not None
    ]
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.astype(dict.fromkeys(COLUMNS[2:-1], float))


def table(differences: pd.DataFrame, names: Mapping[str, str], baseline: str) -> Any:
    """Scores down, the baseline and then the differences of the other runs across; sure ones are coloured.

    Args:
        differences: as `rows` makes them.
        names: run id -> name.
        baseline: its run id.
    """
    order = [title for title in TITLES.values() if title in set(differences["score"])]
    first = differences.drop_duplicates("score").set_index("score")["baseline"]
    shown = pd.DataFrame({names[baseline]: [f"{first[title]:.3f}" for title in order]}, index=order)
    marks = pd.DataFrame("", index=order, columns=[names[baseline]])
    for run_id, here in differences.groupby("run_id", sort=False):
        by_score = here.set_index("score")
        column = names[str(run_id)]
        shown[column] = [_words(by_score.loc[title]) if title in by_score.index else UNKNOWN for title in order]
        marks[column] = [_mark(by_score.loc[title]) if title in by_score.index else "" for title in order]
    return shown.style.apply(lambda _: marks, axis=None)


def reasons(differences: pd.DataFrame) -> list[str]:
    """Why differences have no interval, each reason once."""
    without = differences[differences["reason"] != ""]
    return [
        f"No interval of {_few(list(dict.fromkeys(here['score'])))}: {reason}."
        for reason, here in without.groupby("reason", sort=False)
    ]


def _words(row: pd.Series) -> str:
    known = row["low"] == row["low"]
    sure = f"  [{row['low']:+.3f}, {row['high']:+.3f}]  wins {row['wins']:.0%}" if known else ""
    return f"{row['difference']:+.3f}{sure}"


def _mark(row: pd.Series) -> str:
    """A colour where the interval leaves no doubt; blue = better than the baseline, orange = worse."""
    if not (row["low"] > 0 or row["high"] < 0):
        return ""
    better = (row["difference"] < 0) if row.name == TITLES[LOWER[0]] else (row["difference"] > 0)
    return f"background-color: {BETTER if better else WORSE}"


def _few(titles: list[str], most: int = 4) -> str:
    return ", ".join(titles[:most]) + (f" and {len(titles) - most} more" if len(titles) > most else "")
