"""Two runs that are to be compared: whether they can be, and what was scored of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.metrics.comparison import Scored
from cytolapse.metrics.counts import COUNTS
from cytolapse.metrics.movies import score_movies
from cytolapse.tracking.logged import Logged, children, logged
from cytolapse.tracking.masks import stored_masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from cytolapse.data import DataSet
    from cytolapse.data.tiff import Array
    from cytolapse.metrics.movies import Frame
    from cytolapse.tracking.masks import StoredMasks

REFERENCES = ("gold", "silver")
DATASET, DIGEST, SCHEMA = "cytolapse.dataset", "cytolapse.digest", "metric_schema_version"
IGNORE = "ignore list"
NAMED = 5
"""Frames that a message names."""
MEND = "`--rescore DATA` scores the stored masks of both afresh"


class OldEvaluation(CytolapseError):
    """What was logged lacks what is compared today."""


class Evaluated(NamedTuple):
    """What was scored of one part of a run's data.

    Attributes:
        scored: "gold", "silver" -> its counts and scores.
        facts: what that rests on: data set, digest, metric schema version, border, ignore list.
    """

    scored: Mapping[str, Scored]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two runs and what was scored of one part of their data.

    Attributes:
        runs: A and B.
        scored: of each: "gold", "silver" -> its counts and scores.
        facts: what both have in common: data set, digest, border.
    """

    runs: tuple[Logged, Logged]
    scored: tuple[Mapping[str, Scored], Mapping[str, Scored]]
    facts: Mapping[str, Any]


def open_pair(references: tuple[str, str], part: str, tracking: str = "") -> Pair:
    """Two runs with the scores of one part ("test", "val") that were logged.

    Raises:
        CytolapseError: they are the same, one was not evaluated on that part, or they were not scored alike.
    """
    return logged_pair(_runs(references, tracking), part)


def logged_pair(runs: tuple[Logged, Logged], part: str) -> Pair:
    """Like `open_pair`, of two runs that were looked up already."""
    try:
        found = [evaluated(run, part) for run in runs]
    except OldEvaluation as error:
        raise CytolapseError(f"{error}; or {MEND}") from error
    _need_same_facts(runs, *(each.facts for each in found))
    scored = found[0].scored, found[1].scored
    for name in REFERENCES:
        _need_same_frames(runs, name, *(_frames(each.get(name)) for each in scored))
    return Pair(runs, scored, found[0].facts)


def rescore_pair(references: tuple[str, str], part: str, data: Path, tracking: str = "") -> Pair:
    """Two runs with their stored masks scored afresh, on the frames of which both have masks; nothing is logged.

    Raises:
        CytolapseError: they are the same, one has no masks of that part, or they are of other data than `data`.
    """
    runs = _runs(references, tracking)
    masks = [stored_masks(run, part) for run in runs]
    dataset = open_dataset(data)
    for run in runs:
        if run.tags.get(DATASET) != dataset.name:
            raise CytolapseError(
                f"{run.name} was scored on {run.tags.get(DATASET)}, {data} is {dataset.name}: give the data of both"
            )
    frames = _common(runs, masks, dataset)
    scored = [_rescored(run, each, dataset, frames) for run, each in zip(runs, masks, strict=True)]
    if not scored[0]:
        raise CytolapseError(f"{data} has no truth of the {len(frames)} frames that both runs have masks of")
    facts = {"data set": dataset.name, "digest": dataset.digest, "border": dataset.border, "masks": len(frames)}
    return Pair(runs, (scored[0], scored[1]), facts)


def _runs(references: tuple[str, str], tracking: str) -> tuple[Logged, Logged]:
    a, b = (logged(each, tracking) for each in references)
    if (a.reference, a.uri) == (b.reference, b.uri):
        raise CytolapseError(f"{references[0]} and {references[1]} are the same run, {a.name}: give two")
    return a, b


def evaluated(run: Logged, part: str) -> Evaluated:
    """What was logged of one part ("test", "val") of a run.

    Raises:
        OldEvaluation: an older version evaluated it.
        CytolapseError: it was not evaluated on that part.
    """
    files = run.artifacts(part)
    if f"{part}/counts.parquet" not in files:
        raise _absent(run, part, bool(files))
    table = _table(run, f"{part}/counts.parquet")
    if lacking := sorted({*COUNTS, "reference"} - set(table.columns)):
        raise OldEvaluation(
            f"{run.name} was evaluated by an older version, which did not count {', '.join(lacking)}: "
            f"{_evaluate(run, part)} counts them"
        )
    results = {
        name: run.json(f"curves/{part}-{name}.json") for name in REFERENCES if (table["reference"] == name).any()
    }
    scored = {
        name: Scored(table[table["reference"] == name].to_dict("records"), result["scores"])
        for name, result in results.items()
    }
    facts = {"data set": run.tags.get(DATASET, ""), "digest": run.tags.get(DIGEST, "")}
    facts |= {
        SCHEMA: _one(run.tags.get(SCHEMA, ""), *(str(each.get("schema_version", "")) for each in results.values()))
    }
    facts |= {"border": _one(*(each.get("border", "") for each in results.values()))}
    return Evaluated(scored, {**facts, IGNORE: run.tags.get(f"cytolapse.ignore.{part}", "")})


def _table(run: Logged, path: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow

    try:
        return pd.read_parquet(run.artifact(path))
    except (OSError, pyarrow.ArrowException) as error:
        raise CytolapseError(f"{path} of run {run.name} is damaged: evaluate the run again") from error


def _one(*values: Any) -> Any:
    """The value, or all of them where they are not one; what is not known ("") says nothing."""
    different = list(dict.fromkeys(value for value in values if value != ""))
    return different[0] if len(different) == 1 else ", ".join(map(str, different))


def _absent(run: Logged, part: str, evaluated: bool) -> CytolapseError:
    if parts := children(run):
        those = ", ".join(f"{each.name} ({each.role})" for each in parts)
        return CytolapseError(
            f"{run.name} is the parent of {len(parts)} runs and was not scored itself: compare two of {those}"
        )
    how = _evaluate(run, part)
    if evaluated:
        return OldEvaluation(f"{run.name} has no {part}/counts.parquet, an older version evaluated it: {how} writes it")
    return CytolapseError(f"{run.name} was not evaluated on {part}: {how} does that")


def _evaluate(run: Logged, part: str) -> str:
    return f"`cytolapse evaluate {run.reference} --data DATA --split {part}`"


def _need_same_facts(runs: tuple[Logged, Logged], a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    for name, mine in a.items():
        if mine != b[name]:
            one, other = ("none" if value == "" else value for value in (mine, b[name]))
            mend = "compare runs on one data set" if name == "data set" else MEND
            raise CytolapseError(
                f"{runs[0].name} was scored with {name} {one}, {runs[1].name} with {name} {other}: {mend}"
            )


def _frames(scored: Scored | None) -> set[Frame]:
    return set() if scored is None else {(str(row["sequence"]), int(row["frame"])) for row in scored.counts}


def _need_same_frames(runs: tuple[Logged, Logged], reference: str, a: set[Frame], b: set[Frame]) -> None:
    alone = [(run, mine - other) for run, mine, other in ((runs[0], a, b), (runs[1], b, a)) if mine - other]
    if alone:
        those = " and ".join(f"{len(frames)} only in {run.name} ({_listed(frames)})" for run, frames in alone)
        raise CytolapseError(
            f"the runs were scored on different frames of {reference} truth: {those}; {MEND}, on the "
            f"{len(a & b)} frames that both have"
        )


def _listed(frames: Iterable[Frame]) -> str:
    """`01: 3, 4, 7 ...`: the first few of them."""
    ordered = sorted(frames)
    shown: dict[str, list[str]] = {}
    for sequence, number in ordered[:NAMED]:
        shown.setdefault(sequence, []).append(str(number))
    more = " ..." if len(ordered) > NAMED else ""
    return "; ".join(f"{sequence}: {', '.join(numbers)}" for sequence, numbers in shown.items()) + more


def _common(runs: tuple[Logged, Logged], masks: list[dict[str, StoredMasks]], dataset: DataSet) -> set[Frame]:
    """The frames of the data set that both runs have masks of."""
    a, b = ({(sequence, number) for sequence, each in side.items() for number in each} for side in masks)
    known = {(sequence, number) for sequence, movie in dataset.movies.items() for number in movie.numbers.tolist()}
    if not a & b & known:
        raise CytolapseError(
            f"no frame of {dataset.path} is masked in both: {runs[0].name} has {len(a)} masks ({_listed(a)}), "
            f"{runs[1].name} has {len(b)} ({_listed(b)})"
        )
    return a & b & known


def _rescored(run: Logged, masks: Mapping[str, StoredMasks], dataset: DataSet, frames: set[Frame]) -> dict[str, Scored]:
    from tqdm import tqdm

    movies = [dataset.movies[sequence] for sequence in sorted({sequence for sequence, _ in frames})]
    tracks = {name: found for name, each in masks.items() if (found := each.tracks) is not None}
    with tqdm(desc=f"score {run.name}", unit="mask", delay=2, leave=False) as bar:

        def read(sequence: str, number: int) -> Array:
            bar.update()
            return masks[sequence][number]

        try:
            results = score_movies(movies, read, dataset.border, frames, tracks=tracks)
        except CytolapseError as error:
            raise CytolapseError(f"masks of {run.name} against {dataset.path}: {error}") from error
    return {name: Scored(result.counts, result.scores) for name, result in results.items() if result.counts}
