"""A recipe: what a user trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cytolapse.config import Config
    from cytolapse.data import Movie


BUDGETS = {"10min": 600, "1h": 3600, "full": 72 * 3600}
"""Budget of a study -> seconds after which a row is stopped, whatever became of it; steps decide, not the clock."""


@dataclass(frozen=True)
class Row:
    """A row of a study: a preset, and how many steps each budget gives it.

    Attributes:
        name: what the table calls it; "" is the recipe's own name.
        preset: of the recipe.
        settings: fields of Config that differ from the preset.
        steps: budget -> optimiser steps; "full" is the preset's own train_steps. With 0 it is left out of that budget,
            unless it is asked for by name.
        minimum_steps: with fewer it is not trained, so not ranked; None is half of the preset's, as few as early
            stopping can leave; 0 where there is nothing to learn.
        published: the row of `trainers/study/published.py` that it repeats; "" where it repeats none.
    """

    name: str = ""
    preset: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=lambda: {"10min": 10, "1h": 800})
    minimum_steps: int | None = None
    published: str = ""


@dataclass(frozen=True)
class Recipe:
    """A model with its presets.

    Attributes:
        text: one line: what it is, what time and score to expect.
        presets: name -> fields of Config; there is always `default`.
        study: its rows of `cytolapse study`.
        adapt: settles what depends on the training part, before the model is built.
    """

    text: str
    presets: Mapping[str, dict[str, Any]]
    study: tuple[Row, ...] = (Row(),)
    adapt: Callable[[Config, Sequence[Movie]], Config] | None = None
