"""A study: every row trained and evaluated as a child run of one parent, which holds the report."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.tracking import logged_tags, resume_run, start_run
from trainers import provenance
from trainers.family import Family, children_of
from trainers.recipe import BUDGETS
from trainers.study.lines import Line, line_of
from trainers.study.plan import Entry, Wish, plan
from trainers.study.report import write_report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cytolapse.data import DataSet

log = logging.getLogger("cytolapse.study")
PLAN = "cytolapse.study"
"""Tag of the parent: what was asked for, as JSON."""


@dataclass
class Study:
    """A study that runs: its parent with the runs of its rows, and what was asked for."""

    family: Family
    wish: Wish

    def all(self) -> list[Line]:
        """Train what is missing, row by row."""
        entries, started, lines = plan(self.wish), time.perf_counter(), []
        left = sum(not self._is_done(entry) for entry in entries)
        trained = 0
        for number, entry in enumerate(entries, start=1):
            fresh = not self._is_done(entry)
            lines.append(self._line(entry))
            trained += fresh
            spent = (time.perf_counter() - started) / 60
            rest = spent / trained * (left - trained) if trained else 0.0
            said = (number, len(entries), entry.role, lines[-1].state, spent, rest)
            log.info("row %d of %d, %s: %s; %.1f min so far, about %.1f min to go", *said)
        return lines

    def _is_done(self, entry: Entry) -> bool:
        found = self.family.known.get(entry.role)
        return found is not None and "test/readings" in found.metrics

    def _line(self, entry: Entry) -> Line:
        if self._is_done(entry):
            return line_of(entry, self.family.known[entry.role])
        found, outcome = self.family.train(entry.role, entry.config, BUDGETS[self.wish.budget])
        return line_of(entry, found, outcome.error)


def study(data: Path, given: Mapping[str, Any], tracking: str = "", resumed: str | None = None) -> tuple[str, int]:
    """Train and evaluate every row, write the report; the line that says where the parent is, and how many failed.

    Args:
        data: a data set in CTC layout.
        given: fields of Wish; of a resumed study they must be the same (None = not given).
        tracking: the store, or `spool:DIR`.
        resumed: a study that was cut, as `resume_run` takes it: what it has finished is kept.

    Raises:
        CytolapseError: the data or a row's name can't work, or the resumed run is no study of these data.
    """
    given = {name: value for name, value in given.items() if value is not None}
    before = {} if resumed is None else _plan_of(resumed, tracking)
    wish = Wish(**{**before, **given})
    _need_same(before, wish)
    plan(wish)
    dataset = open_dataset(data)
    if resumed is None:
        run = start_run(tracking, dataset.name, f"study-{wish.budget}")
    else:
        _need_data(resumed, tracking, dataset)
        tracking = resumed if resumed.startswith("spool:") else tracking
        run = resume_run(resumed, tracking)
    with run:
        facts = {"cytolapse.dataset": dataset.name, "cytolapse.digest": dataset.digest}
        run.tags({**facts, PLAN: json.dumps(asdict(wish)), "cytolapse.git_commit": provenance.commit()})
        known = {} if resumed is None else children_of(run, tracking)
        lines = Study(Family(run, data, tracking, known), wish).all()
        write_report(run, dataset, wish, lines)
    return run.closing_line(), sum(bool(line.error) for line in lines)


def _plan_of(resumed: str, tracking: str) -> dict[str, Any]:
    tags = logged_tags(resumed, tracking)
    if PLAN not in tags:
        raise CytolapseError(f"{resumed} is no study: give --resume the run of the study itself, not of a row")
    before: dict[str, Any] = json.loads(tags[PLAN])
    return before | {"rows": tuple(before["rows"])}


def _need_same(before: Mapping[str, Any], wish: Wish) -> None:
    for name, value in before.items():
        if getattr(wish, name) != value:
            shown = ",".join(value) if isinstance(value, tuple) else value
            raise CytolapseError(
                f"--{name} of that study is {shown!r}: leave it out with --resume, or start a new study"
            )


def _need_data(resumed: str, tracking: str, dataset: DataSet) -> None:
    if logged_tags(resumed, tracking).get("cytolapse.digest") != dataset.digest:
        raise CytolapseError(f"{dataset.path} is not what the study {resumed} was made on: give those data")
