"""A recipe: what a user trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trainers.fit import Fit


@dataclass(frozen=True)
class Recipe:
    """A model with its presets.

    Attributes:
        text: one line: what it is, what time and score to expect.
        presets: name -> fields of Config; there is always `default`.
        fit: how the weights are found; None where there is nothing to learn.
    """

    text: str
    presets: Mapping[str, dict[str, Any]]
    fit: Callable[[Fit, Path | None], None] | None
