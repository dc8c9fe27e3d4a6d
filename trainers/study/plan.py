"""What a study trains: the rows of all recipes, each with the steps that the budget gives it."""

from __future__ import annotations

from dataclasses import dataclass

from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.registry import Registry
from trainers.recipe import BUDGETS, Row
from trainers.recipes import RECIPES
from trainers.study import published

SIDE = 16
"""Scaled frame sizes are multiples of it in px, so that every network takes them."""


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


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        budget: a name in BUDGETS.
        rows: names of rows; none means all that there were.
        seeds: how many trainings a row gets.
        device: auto, cpu or cuda.
        test_sequence: the sequence to test on, as Config has it.
        scale: side of the frames as a share of the published data set's; presets that resize frames follow.
        width: channels of every network as a share of its preset's; less where there is no GPU.
    """

    budget: str = "10min"
    rows: tuple[str, ...] = ()
    seeds: int = 1
    device: str = "auto"
    test_sequence: str = ""
    scale: float = 1.0
    width: float = 1.0


def all_rows() -> dict[str, tuple[str, Row]]:
    """Name -> recipe and row: those that repeat a published row, in its order; the rest; what learns nothing."""
    rows = {row.name or recipe: (recipe, row) for recipe in RECIPES for row in RECIPES[recipe].study}
    return dict(sorted(rows.items(), key=lambda item: _place(item[1][1])))


def _place(row: Row) -> int:
    order = list(published.ROWS)
    return order.index(row.published) if row.published else len(order) + (row.minimum_steps == 0)


def plan(wish: Wish) -> list[Entry]:
    """The rows of a study with their settings, in order.

    Raises:
        CytolapseError: there is no such row or budget.
    """
    if wish.budget not in BUDGETS:
        raise CytolapseError(f"unknown budget {wish.budget!r}: choose one of {', '.join(BUDGETS)}")
    if not 0.05 <= wish.scale <= 20:
        raise CytolapseError(f"--scale is {wish.scale}: it must be a share of the published frames' side, 0.05 to 20")
    if not 0.1 <= wish.width <= 10:
        raise CytolapseError(f"--width is {wish.width}: it must be a share of the presets' channels, 0.1 to 10")
    rows = all_rows()
    wanted = wish.rows or [name for name, (_, row) in rows.items() if row.steps.get(wish.budget) != 0]
    known = Registry("row", rows)
    chosen = {name: known[name] for name in wanted}
    return [_entry(wish, name, *each, seed) for name, each in chosen.items() for seed in range(wish.seeds)]


def _entry(wish: Wish, name: str, recipe: str, row: Row, seed: int) -> Entry:
    given = {"preset": row.preset, "seed": seed, "device": wish.device, "test_sequence": wish.test_sequence}
    presets = dict(RECIPES[recipe].presets)
    whole = Config.resolve(presets, recipe, {**row.settings, **given})
    if wish.scale != 1:
        given["frame_size"] = whole.frame_size and max(SIDE, SIDE * round(wish.scale * whole.frame_size / SIDE))
    if wish.width != 1:
        given["widths"] = ",".join(str(max(1, round(wish.width * channels))) for channels in whole.level_widths)
    steps = min(row.steps.get(wish.budget) or whole.train_steps, whole.train_steps)
    config = Config.resolve(presets, recipe, {**row.settings, **given, "train_steps": steps})
    minimum = -(-whole.train_steps // 2) if row.minimum_steps is None else row.minimum_steps
    return Entry(f"{name}, seed {seed}" if seed else name, row, config, minimum)
