"""The command that trains a run again, for copying: every word quoted, since names in a store are other people's."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = "tags.cytolapse.command"
COMMIT = "tags.cytolapse.git_commit"
DIRTY = "# the code had changes that are in no commit"
UNKNOWN_COMMIT = "# which commit it was is not known"
_COMMIT = re.compile(r"^[0-9a-f]{7,40}$")


def command(run: Mapping[str, Any]) -> str:
    """Commit and parameters as shell lines; empty for a run that trained nothing.

    Args:
        run: its row of `RunStore.runs()`.
    """
    words = _words(run)
    if not words:
        return ""
    return "\n".join([*_checkout(str(run.get(COMMIT) or "")), shlex.join(["cytolapse", *words])])


def _checkout(commit: str) -> list[str]:
    sha = commit.rstrip("+")
    if not _COMMIT.match(sha):
        return [UNKNOWN_COMMIT]
    return [f"git checkout {sha}", *([DIRTY] if commit.endswith("+") else [])]


def _words(run: Mapping[str, Any]) -> list[str]:
    stored = run.get(COMMAND)
    if isinstance(stored, str):
        try:
            words = json.loads(stored)
        except ValueError:
            words = None
        if isinstance(words, list) and words[:1] == ["train"]:
            return [str(word) for word in words]
    return _from_parameters(run)


def _from_parameters(run: Mapping[str, Any]) -> list[str]:
    """Of a run that noted no command: every parameter, since what its presets said at that commit is not known here."""
    cfg = {
        name.removeprefix("params.cfg."): str(value)
        for name, value in run.items()
        if name.startswith("params.cfg.") and isinstance(value, str) and value
    }
    if "recipe" not in cfg:
        return []
    recipe, dataset = cfg.pop("recipe"), str(run.get("dataset") or "DATA")
    words = ["train", recipe, "--data", f"data/{dataset}"]
    init = run.get("tags.cytolapse.init")
    if isinstance(init, str) and init:
        words += ["--init", init]
    for name, value in cfg.items():
        words += [f"--{name.replace('_', '-')}", value]
    return words
