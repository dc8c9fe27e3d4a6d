"""The command that trains a run again: only what differs from its preset is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cytolapse.config import Config
from trainers.recipes import RECIPES

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = "cytolapse.command"
"""Tag: the words after `cytolapse`, as JSON."""


def command(config: Config, data: Path, init: str | None = None, ignored: bool = False) -> str:
    """The words as JSON.

    Args:
        config: as it was resolved, on that machine and those data.
        data: the data set, as it was named.
        init: the model that it started from.
        ignored: an ignore list was given; the run holds it as `ignore.csv`.
    """
    own = Config.resolve(dict(RECIPES[config.recipe].presets), config.recipe, {"preset": config.preset}).as_dict()
    words = ["train", config.recipe, "--data", str(data)]
    given = {name: value for name, value in config.as_dict().items() if value != own[name]}
    if config.preset != "default":
        given = {"preset": config.preset, **given}
    if init:
        given["init"] = init
    if ignored:
        given["ignore"] = "ignore.csv"
    for name, value in given.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return json.dumps(words)
