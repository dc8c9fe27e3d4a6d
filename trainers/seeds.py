"""Several seeds of one experiment: child runs of one parent, which tells how far they lie apart."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cytolapse.config import Config
from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.metrics import METRIC_SCHEMA_VERSION
from cytolapse.tracking import Logged, children, logged, logged_tags, resume_run, start_run
from trainers import provenance
from trainers.evaluate import evaluate_run, log_ignore
from trainers.experiment import prepared, run_name
from trainers.family import Family, children_of
from trainers.opening import need_same_settings, own_list
from trainers.seed_report import write_report
from trainers.study.lines import Line, logged_results

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cytolapse.data.ignore import IgnoreList

log = logging.getLogger("cytolapse.seeds")
PLAN = "cytolapse.seeds"
"""Tag of the parent: what was asked for, as JSON."""


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Attributes:
        config: of the first seed; the others count up from its seed.
        count: how many seeds.
        init: a model to start from, as `train` takes it; "" starts from nothing.
    """

    config: Config
    count: int
    init: str = ""

    @property
    def children(self) -> dict[str, Config]:
        """Role -> config."""
        first = self.config.seed
        return {f"seed {seed}": replace(self.config, seed=seed) for seed in range(first, first + self.count)}

    def to_tag(self) -> str:
        """The text of the tag."""
        return json.dumps({"config": self.config.as_dict(), "count": self.count, "init": self.init})

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Plan:
        """The inverse of `to_tag`."""
        values = json.loads(tags[PLAN])
        return cls(Config.from_dict(values["config"]), values["count"], values["init"])


def is_parent(reference: str, tracking: str) -> bool:
    """Whether a run is the parent of several seeds."""
    return PLAN in logged_tags(reference, tracking)


def train_seeds(plan: Plan, data: Path, tracking: str = "", ignore: IgnoreList | None = None) -> tuple[str, int]:
    """Train every seed as a child of one new run; the line that says where the parent is, and how many failed.

    Raises:
        CytolapseError: the data or the config can't work.
    """
    *_, last = plan.children.values()  # what can't work is refused before a run is opened
    _, dataset, _, _ = prepared(last, data, plan.init or None, ignore)
    tags = {
        PLAN: plan.to_tag(),
        "cytolapse.dataset": dataset.name,
        "cytolapse.digest": dataset.digest,
        "cytolapse.recipe": plan.config.recipe,
        "cytolapse.head": plan.config.head,
        "cytolapse.git_commit": provenance.commit(),
        "metric_schema_version": str(METRIC_SCHEMA_VERSION),
    }
    with start_run(tracking, dataset.name, f"{run_name(plan.config)}-{plan.count}-seeds", tags) as run:
        log_ignore(run, dataset)
        failed = _train_all(Family(run, data, tracking), plan, ignore)
    return run.closing_line(), failed


def resume_seeds(
    reference: str, data: Path, tracking: str, given: Mapping[str, Any], ignore: IgnoreList | None = None
) -> tuple[str, int]:
    """Go on with a parent: seeds that are missing are trained, those that were cut go on.

    Args:
        reference: the parent, as `resume_run` takes it.
        data: the data set it was made on.
        tracking: the store, or `spool:DIR`.
        given: `seeds` and fields of Config that were named again; they must be the parent's own (None = not given).
        ignore: the ignore list, where it is named again; it must be the parent's own.

    Raises:
        CytolapseError: a setting differs, or these are other data.
    """
    before = logged(reference, tracking)
    plan = Plan.of(before.tags)
    if given.get("seeds") not in (None, plan.count):
        raise CytolapseError(f"--seeds of that training is {plan.count}: leave it out with --resume, or train anew")
    need_same_settings(plan.config, {name: value for name, value in given.items() if name != "seeds"})
    kept = before.artifact("ignore.csv").read_text() if before.tags.get("cytolapse.ignore") else ""
    ignored = own_list(kept, ignore)
    if open_dataset(data).digest != before.tags["cytolapse.digest"]:
        raise CytolapseError(f"{data} is not what {reference} was trained on: give those data, or train a new run")
    tracking = reference if reference.startswith("spool:") else tracking
    with resume_run(reference, tracking) as run:
        failed = _train_all(Family(run, data, tracking, children_of(run, tracking)), plan, ignored)
    return run.closing_line(), failed


def evaluate_seeds(reference: str, data: Path, part: str, tracking: str = "", ignore: IgnoreList | None = None) -> str:
    """Evaluate every trained seed of a parent and renew its table; the line that says where the parent is.

    Raises:
        CytolapseError: no seed is trained, or as `evaluate_run`.
    """
    before = logged(reference, tracking)
    plan, found = Plan.of(before.tags), {each.role: each for each in children(before)}
    trained = [found[role] for role in plan.children if role in found and _is_trained(found[role])]
    if not trained:
        raise CytolapseError(f"no seed of {reference} is trained: {_mend(plan, reference)}")
    for role in sorted(plan.children.keys() - {each.role for each in trained}):
        log.warning("%s is not trained and so not evaluated: %s", role, _mend(plan, reference))
    spooled = reference.startswith("spool:") or tracking.startswith("spool:")
    for child in trained:
        evaluate_run(f"spool:{child.reference}" if spooled else child.reference, data, part, tracking, ignore)
    renewed = {each.role: each for each in children(before)}
    with resume_run(reference, tracking).settled() as run:
        write_report(
            run, plan.config, [_line(role, config, renewed.get(role)) for role, config in plan.children.items()]
        )
    return run.closing_line()


def _train_all(family: Family, plan: Plan, ignore: IgnoreList | None) -> int:
    """Train what is missing, write the table; how many failed."""
    lines = []
    for number, (role, config) in enumerate(plan.children.items(), start=1):
        child, error = family.known.get(role), ""
        if child is None or not _is_trained(child):
            child, outcome = family.train(role, config, test=False, init=plan.init or None, ignore=ignore)
            error = outcome.error
        lines.append(_line(role, config, child, error))
        log.info("%s, %d of %d: %s", role, number, plan.count, error or "trained")
    write_report(family.run, plan.config, lines)
    return sum(bool(line.error) for line in lines)


def _is_trained(child: Logged) -> bool:
    return child.status == "FINISHED" and "val/readings" in child.metrics


def _line(role: str, config: Config, child: Logged | None, error: str = "") -> Line:
    if child is None or not _is_trained(child):
        return Line(role, config.recipe, chosen_on=config.train_on, error=error or "it was cut", run=child)
    return Line(role, config.recipe, chosen_on=config.train_on, results=logged_results(child), run=child)


def _mend(plan: Plan, reference: str) -> str:
    return f"go on with `cytolapse train {plan.config.recipe} --data DATA --resume {reference}`"
