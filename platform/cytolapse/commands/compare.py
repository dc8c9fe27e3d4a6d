"""`cytolapse compare`: by how much one run is better than another, and whether that is more than chance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cytolapse.commands.runs import TRACKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cytolapse.metrics import Difference
    from cytolapse.metrics.comparison import Comparison
    from cytolapse.tracking.pairs import Pair

NAMED = 4
"""Scores that a reason names."""
HEAD = f"{'A':>9}{'B':>9}{'B - A':>9}   {'95 % interval':<17} {'B wins':>8}   verdict"
NOTE = (
    "B wins: the share of resamples of time blocks in which B is better. Interval and share tell what other frames of "
    "such\nmovies would change, not what another seed would (`cytolapse train --seeds 3`). Of many scores, some differ "
    "by chance."
)


@click.command()
@click.argument("a", metavar="RUN_A")
@click.argument("b", metavar="RUN_B")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Which part.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write all numbers to this file.")
@click.option("--rescore", metavar="DATA", type=click.Path(path_type=Path), help="Score the stored masks afresh.")
@TRACKING
def compare(a: str, b: str, split: str, json_file: Path | None, rescore: Path | None, tracking: str) -> None:
    """Compare two runs on the same frames: each score with its difference, interval and share of resamples won.

    RUN is an id (its first digits will do), a name, or a spool folder. Runs that were scored on different frames or by
    different rules are refused; --rescore DATA then scores the masks they hold, on the frames that both have, and
    changes neither run.

    \b
    Example:
      cytolapse compare unet-boundary-1a2b3c classical-4d5e6f
    """
    from cytolapse.commands.score import write_json
    from cytolapse.metrics.comparison import compare as compared
    from cytolapse.metrics.comparison import compare_bins
    from cytolapse.tracking.pairs import open_pair, rescore_pair

    pair = open_pair((a, b), split, tracking) if rescore is None else rescore_pair((a, b), split, rescore, tracking)
    found = {}
    for name, mine in pair.scored[0].items():
        both = mine, pair.scored[1][name]
        found[name] = compared(*both), compare_bins(*both)
    if json_file is not None:
        write_json(json_file, json.dumps(_to_json(pair, split, found), indent=1, allow_nan=False))
    click.echo("\n".join([*_title(pair, split), *(line for each in found.items() for line in _section(*each)), NOTE]))


def _to_json(
    pair: Pair, split: str, found: Mapping[str, tuple[Comparison, Mapping[str, Comparison]]]
) -> dict[str, object]:
    from cytolapse.metrics import METRIC_SCHEMA_VERSION

    return {
        "schema_version": METRIC_SCHEMA_VERSION,
        "split": split,
        **pair.facts,
        "a": {"run": pair.runs[0].reference, "name": pair.runs[0].name},
        "b": {"run": pair.runs[1].reference, "name": pair.runs[1].name},
        "references": {
            name: {**whole.to_json(), "bins": {cells: each.to_json() for cells, each in bins.items()}}
            for name, (whole, bins) in found.items()
        },
    }


def _title(pair: Pair, split: str) -> list[str]:
    facts = pair.facts
    afresh = f", scored afresh on the {facts['masks']} frames that both have" if "masks" in facts else ""
    where = f"{split} part of {facts['data set']} ({facts['digest']}), border {facts['border']} px{afresh}"
    return [f"A: {pair.runs[0].name}", f"B: {pair.runs[1].name}", where, *_changes(pair), ""]


def _changes(pair: Pair) -> list[str]:
    """Which run was made on the data as they were before."""
    now = pair.facts["digest"]
    before = {run.name: run.tags.get("cytolapse.digest") for run in pair.runs}
    return [
        f"{name} was made on other content of that name ({digest})" for name, digest in before.items() if digest != now
    ]


def _section(name: str, found: tuple[Comparison, Mapping[str, Comparison]]) -> list[str]:
    whole, bins = found
    marked = f"; {whole.marked} with tracking markers" if whole.marked else ""
    frames = f"{whole.frames} frames in {whole.blocks} time blocks, {whole.full} of them fully annotated{marked}"
    rows = {f"{score:<18}": each for score, each in whole.scores.items() if _told(each)}
    lines = [f"{name.capitalize()} truth: {frames}", f"{'':<18}{HEAD}", *_rows(rows), *_reasons(rows), ""]
    by_cells = {
        f"{cells:>5}{each.frames:>8}{each.blocks:>8}  {score:<18}": difference
        for cells, each in bins.items()
        for score, difference in each.scores.items()
        if _told(difference)
    }
    head = f"{'cells':>5}{'frames':>8}{'blocks':>8}  {'':<18}{HEAD}"
    return [*lines, f"{name.capitalize()} truth, by true cells in the frame", head, *_rows(by_cells), ""]


def _told(each: Difference) -> bool:
    return each.a is not None or each.b is not None


def _rows(rows: Mapping[str, Difference]) -> list[str]:
    return [
        f"{name}{_number(each.a)}{_number(each.b)}{_number(each.difference, '+')}{_chance(each)}".rstrip()
        for name, each in rows.items()
    ]


def _number(value: float | None, sign: str = "") -> str:
    return f"{'-':>9}" if value is None else f"{value:{sign}9.3f}"


def _chance(each: Difference) -> str:
    """Interval, share and verdict of a difference."""
    low, high, _ = each.interval
    if low is None or high is None or each.wins is None:
        return f"   {'-':<17} {'-':>8}"
    return f"   {f'[{low:+.3f}, {high:+.3f}]':<17} {100 * each.wins:6.1f} %   {_verdict(each)}"


def _verdict(each: Difference) -> str:
    """Who is better, where the interval leaves no doubt."""
    low, high, _ = each.interval
    assert low is not None and high is not None and each.wins is not None
    if low <= 0 <= high:
        return "equal" if low == high else "undecided"
    return "B is better" if each.wins > 0.5 else "A is better"


def _reasons(rows: Mapping[str, Difference]) -> list[str]:
    """Why scores have no interval, each reason once, with the first few of them."""
    found: dict[str, list[str]] = {}
    for name, each in rows.items():
        if each.interval.reason:
            found.setdefault(each.interval.reason, []).append(name.strip())
    return [f"No interval of {_few(names)}: {reason}." for reason, names in found.items()]


def _few(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
