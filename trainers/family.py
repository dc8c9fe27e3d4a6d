"""A parent run whose children are trained one by one: what a study and a training with several seeds have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cytolapse.tracking import CHILDREN, Logged, Run, children, logged
from trainers.child import Job, Outcome, apart, can_go_on

if TYPE_CHECKING:
    from pathlib import Path

    from cytolapse.config import Config


@dataclass
class Family:
    """A parent, and the children that it has already.

    Attributes:
        run: the parent.
        data: the data set of all.
        tracking: the store, or the spool of the parent.
        known: role -> the latest run of it.
    """

    run: Run
    data: Path
    tracking: str
    known: dict[str, Logged] = field(default_factory=dict)

    def train(
        self, role: str, config: Config, seconds: float | None = None, **settings: Any
    ) -> tuple[Logged | None, Outcome]:
        """Train a child, or go on with one that was cut; its run where it has one, and what came of it.

        Args:
            role: which part of the parent it is.
            config: the experiment.
            seconds: after which it is stopped; None lets it take its time.
            **settings: the other fields of Job.
        """
        outcome = apart(self._job(role, config, settings), seconds)
        if outcome.reference:
            return logged(outcome.reference, self.tracking), outcome
        return children_of(self.run, self.tracking).get(role), outcome

    def _job(self, role: str, config: Config, settings: dict[str, Any]) -> Job:
        before = self.known.get(role)
        tracking = self.tracking if before is None else before.uri or f"spool:{before.reference}"
        parent = self.run.child(role)
        if before is not None and can_go_on(before.reference, tracking):
            return Job(config, self.data, tracking, parent, before.reference, **settings)
        return Job(config, self.data, self._place(role), parent, **settings)

    def _place(self, role: str) -> str:
        """Where a new child is logged: the store, or a spool below the parent's."""
        if not self.tracking.startswith("spool:"):
            return self.tracking
        name = re.sub(r"[^\w.]+", "-", role)
        folder = self.run.folder / CHILDREN
        free = (folder / f"{name}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
        return f"spool:{next(each for each in free if not each.exists())}"


def children_of(run: Run, tracking: str) -> dict[str, Logged]:
    """Role -> its latest run, of all that the parent has begun."""
    return {each.role: each for each in children(logged(run.run_id or str(run.folder), tracking))}
