"""The table of several seeds: every seed's scores with their intervals, and beside them how far the seeds lie apart."""

from __future__ import annotations

import statistics
from itertools import product
from typing import TYPE_CHECKING, Any

from cytolapse.metrics import SELECTION
from trainers.evaluate import HEADLINES, PARTS
from trainers.study.lines import REFERENCES
from trainers.study.tables import with_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytolapse.config import Config
    from cytolapse.tracking import Run
    from trainers.study.lines import Line

COLUMNS = (SELECTION, *(name for name in HEADLINES if name != SELECTION))
TEXT = (
    "An interval in brackets tells what other frames of such movies would change in one model; the spread tells what "
    "another seed changes. A difference to another model means something where it is larger than both."
)


def write_report(run: Run, config: Config, lines: Sequence[Line]) -> None:
    """Write report.md and table.json to the parent, and the spread of every score as its metrics."""
    run.text(markdown(config, lines), "report.md")
    run.json([_flat(line) for line in lines], "table.json")
    for where in _wheres(lines):
        for name, values in _columns(lines, where).items():
            run.metrics({f"{where}/{name}_{key}": value for key, value in spread(values).items()})
        run.metrics({f"{where}/seeds": float(sum(where in line.results for line in lines))})


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean, standard deviation of the sample (None of fewer than two values), least and most.

    >>> spread([0.5, 0.7])["mean"]
    0.6
    """
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "sd": sd, "min": min(values), "max": max(values)}


def markdown(config: Config, lines: Sequence[Line]) -> str:
    """One table for each part and truth that a seed was scored on; seeds that failed below."""
    text = [f"# {config.recipe}, {len(lines)} seeds", "", TEXT, ""]
    for where in _wheres(lines):
        part, _, reference = where.partition("/")
        text += [
            f"## {PARTS[part].capitalize()}, {reference} truth",
            "",
            *_table(lines, where),
            "",
            *_reasons(lines, where),
        ]
    return "\n".join([*text, *(f"{line.name} failed: {line.error}\n" for line in lines if line.error)])


def _table(lines: Sequence[Line], where: str) -> list[str]:
    columns = _columns(lines, where)
    rows = [["seed", "run", *columns], ["---"] * (len(columns) + 2)]
    for line in lines:
        if where in line.results and line.run is not None:
            name = line.name.removeprefix("seed ")
            rows.append([name, line.run.name, *(with_limits(line, where, column) for column in columns)])
    spreads = [spread(values) for values in columns.values()]
    rows.append(["mean", "", *(f"{each['mean']:.3f}" for each in spreads)])
    rows.append(["standard deviation", "", *("-" if each["sd"] is None else f"{each['sd']:.3f}" for each in spreads)])
    rows.append(["lowest to highest", "", *(f"{each['min']:.3f} to {each['max']:.3f}" for each in spreads)])
    return [f"| {' | '.join(row)} |" for row in rows]


def _columns(lines: Sequence[Line], where: str) -> dict[str, list[float]]:
    """Score -> its values over the seeds, of the scores that are defined."""
    values = {name: [line.score(where, name) for line in lines] for name in COLUMNS}
    known = {name: [each for each in row if each is not None] for name, row in values.items()}
    return {name: row for name, row in known.items() if row}


def _reasons(lines: Sequence[Line], where: str) -> list[str]:
    """Why scores have no interval, each reason once."""
    columns = _columns(lines, where)
    found = {
        line.results[where]["intervals"].get(name, {}).get("reason")
        for line in lines
        if where in line.results
        for name in columns
    }
    return [f"No interval: {reason}.\n" for reason in sorted(filter(None, found))]


def _wheres(lines: Sequence[Line]) -> list[str]:
    """The parts and truths that a seed was scored on, validation first."""
    names = [f"{part}/{reference}" for part, reference in product(PARTS, REFERENCES)]
    return [where for where in names if any(where in line.results for line in lines)]


def _flat(line: Line) -> dict[str, Any]:
    """Every number of a seed; None = undefined."""
    run = line.run
    row: dict[str, Any] = {"seed": line.name, "error": line.error}
    row |= {"run": "" if run is None else run.reference, "name": "" if run is None else run.name}
    for where, name in product(line.results, COLUMNS):
        low, high = line.limits(where, name) or (None, None)
        row |= {f"{where}/{name}": line.score(where, name), f"{where}/{name}_low": low, f"{where}/{name}_high": high}
    return row
