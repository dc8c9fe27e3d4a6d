"""A recipe: what a user trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Recipe:
    """A model with its presets.

    Attributes:
        text: one line: what it is, what time and score to expect.
        presets: name -> fields of Config; there is always `default`.
    """

    text: str
    presets: Mapping[str, dict[str, Any]]
