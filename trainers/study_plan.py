"""What a study trains: the rows of all recipes, each with the steps that the budget gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.registry import Registry
from trainers import published
from trainers.recipe import BUDGETS, Row
from trainers.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Entry:
    """A row with its seed.

    Attributes:
        role: what the report and the tag of its run call it.
        row: as the recipe gives it.
        config: the experiment.
        minimum: optimiser steps it takes to count as trained; 0 where there is nothing to learn.
    """

    role: str
    row: Row
    config: Config
    minimum: int


def all_rows() -> dict[str, tuple[str, Row]]:
    """Name -> recipe and row: those that repeat a published row, in its order; the rest; what learns nothing."""
    rows = {row.name or recipe: (recipe, row) for recipe in RECIPES for row in RECIPES[recipe].study}
    return dict(sorted(rows.items(), key=lambda item: _place(item[1][1])))


def _place(row: Row) -> int:
    order = list(published.ROWS)
    return order.index(row.published) if row.published else len(order) + (row.minimum_steps == 0)


def plan(budget: str, names: Sequence[str] = (), seeds: int = 1, device: str = "auto") -> list[Entry]:
    """The rows of a study, in order.

    Args:
        budget: a name in BUDGETS.
        names: the rows to train; none means all.
        seeds: each row is trained with the seeds 0, 1, ...
        device: auto, cpu or cuda.

    Raises:
        CytolapseError: there is no such row or budget.
    """
    if budget not in BUDGETS:
        raise CytolapseError(f"unknown budget {budget!r}: choose one of {', '.join(BUDGETS)}")
    rows = Registry("row", all_rows())
    chosen = {name: rows[name] for name in names} or all_rows()
    return [
        _entry(name, recipe, row, {"seed": seed, "device": device, "budget": budget})
        for name, (recipe, row) in chosen.items()
        for seed in range(seeds)
    ]


def _entry(name: str, recipe: str, row: Row, given: dict[str, object]) -> Entry:
    budget, seed = str(given.pop("budget")), given["seed"]
    presets = dict(RECIPES[recipe].presets)
    whole = Config.resolve(presets, recipe, {**row.settings, **given, "preset": row.preset})
    steps = min(row.steps.get(budget, whole.train_steps), whole.train_steps)
    config = Config.resolve(presets, recipe, {**row.settings, **given, "preset": row.preset, "train_steps": steps})
    minimum = -(-whole.train_steps // 2) if row.minimum_steps is None else row.minimum_steps
    return Entry(f"{name}, seed {seed}" if seed else name, row, config, minimum)
