"""Lines of a study's report: one trained row each, with what was logged of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from cytolapse.errors import CytolapseError
from cytolapse.metrics import SELECTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.tracking import Logged
    from trainers.study.plan import Entry

PARTS = ("val", "test")
REFERENCES = ("silver", "gold")


@dataclass(frozen=True)
class Line:
    """A row, as it ended.

    Attributes:
        name: of the row, with its seed where that is not 0.
        recipe: what was trained.
        steps: optimiser steps done.
        minimum: steps it takes to count as trained.
        chosen_on: the truth of the validation scores that rank it.
        published: the published row that it repeats; "" where it repeats none.
        error: why it failed; "" where it didn't.
        results: "val/silver", "test/gold" ... -> what `cytolapse score --json` writes.
        counts: likewise -> one row per frame, to compare two lines on the same frames.
        metrics: what its training logged: `train/minutes`, `train/peak_memory_gb`.
        run: its run.
    """

    name: str
    recipe: str
    steps: int = 0
    minimum: int = 0
    chosen_on: str = "silver"
    published: str = ""
    error: str = ""
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    run: Logged | None = None

    @property
    def trained(self) -> bool:
        """Whether it ended, with as many steps as its recipe takes."""
        return not self.error and self.steps >= self.minimum

    @property
    def state(self) -> str:
        """In words."""
        if self.error:
            return f"failed: {self.error}"
        return "trained" if self.trained else f"not trained: {self.steps} of at least {self.minimum} steps"

    def score(self, where: str, name: str) -> float | None:
        """A score of a part and truth as `test/silver`; with a threshold as `f1_iou_0.50`; None = undefined."""
        result = self.results.get(where)
        if result is None:
            return None
        key, _, threshold = name.partition("_iou_")
        row = result["curve"][round(100 * float(threshold))] if threshold else result["scores"]
        value: float | None = row.get(key)
        return value

    def limits(self, where: str, name: str) -> tuple[float, float] | None:
        """The 95 % interval of a score; None where there is none."""
        found = self.results.get(where, {}).get("intervals", {}).get(name, {})
        return None if found.get("low") is None else (found["low"], found["high"])

    @property
    def selection(self) -> float | None:
        """The score by which rows are ranked, on validation."""
        return self.score(f"val/{self.chosen_on}", SELECTION)


def ranked(lines: Sequence[Line]) -> dict[str, int]:
    """Name -> place, 1 is the best on validation; what is not trained has none."""
    scored = [(line.selection, line.name) for line in lines if line.trained and line.selection is not None]
    return {name: place for place, (_, name) in enumerate(sorted(scored, key=lambda each: -each[0]), start=1)}


def line_of(entry: Entry, found: Logged | None, error: str = "") -> Line:
    """The line of a row, from its run; None where it never had one."""
    config = entry.config
    line = Line(entry.role, config.recipe, 0, entry.minimum, config.train_on, entry.row.published, error)
    if found is None:
        return line
    results, counts = logged_results(found), {}
    for where in results:
        part, _, reference = where.partition("/")
        rows = pd.read_parquet(found.artifact(f"{part}/counts.parquet"))
        counts[where] = rows[rows["reference"] == reference].to_dict("records")
    steps = int(found.metrics.get("train/steps", 0))
    return replace(line, steps=steps, results=results, counts=counts, metrics=found.metrics, run=found)


def logged_results(run: Logged) -> dict[str, Mapping[str, Any]]:
    """Part and truth, as "test/gold" -> what `cytolapse score --json` writes; those that the run was evaluated on."""
    found = {}
    for part, reference in product(PARTS, REFERENCES):
        try:
            path = run.artifact(f"curves/{part}-{reference}.json")
        except CytolapseError:  # a truth that these data don't have, or a run that did not get there
            continue
        found[f"{part}/{reference}"] = json.loads(path.read_text())
    return found
