"""Checkpoints to resume from: tensors and plain numbers, written atomically, read with weights-only loading."""

from __future__ import annotations

import os
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from pathlib import Path

HELD = {"config", "digest", "random", "progress", "parts"}


def save(path: Path, state: dict[str, Any]) -> None:
    """Write the state beside the path, then rename it: a reader never sees half a checkpoint.

    Raises:
        CytolapseError: the disk is full or can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise CytolapseError(f"{path} could not be written ({error}): free some disk space, then --resume") from error


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, on the CPU.

    Raises:
        CytolapseError: the file is missing, broken or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise CytolapseError(f"{path} is missing: this run left no checkpoint to resume from; train it anew")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own text advises to load it all the same
        raise CytolapseError(f"{path} is no checkpoint of ours: it holds more than tensors and numbers") from error
    except (RuntimeError, EOFError, ValueError) as error:
        reason = (str(error).splitlines() or ["it is cut short"])[0]
        raise CytolapseError(f"{path} is no checkpoint of ours: {reason}") from error
    if not isinstance(state, dict):
        raise CytolapseError(f"{path} is no checkpoint of ours: it holds a {type(state).__name__}")
    if missing := sorted(HELD - set(state)):
        raise CytolapseError(f"{path} is no checkpoint of ours: it has no {', '.join(missing)}")
    return state
