"""Where a run was made and on which data: commit, machine, versions, split."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cytolapse import __version__
from cytolapse.metrics import METRIC_SCHEMA_VERSION

if TYPE_CHECKING:
    from cytolapse.data import DataSet, Split


def tags(dataset: DataSet, split: Split) -> dict[str, str]:
    """What every run says of its data and of where it was made: by these runs are found and compared."""
    return {
        "cytolapse.dataset": dataset.name,
        "cytolapse.digest": dataset.digest,
        "cytolapse.split": json.dumps(split.as_dict()),
        "cytolapse.machine": machine(),
        "cytolapse.git_commit": commit(),
        "cytolapse.versions": json.dumps(versions()),
        "metric_schema_version": str(METRIC_SCHEMA_VERSION),
    }


def commit() -> str:
    """The git commit of this code, with `+` where the working tree differs; empty outside a clone."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        return head + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def machine() -> str:
    """Processor, cores and accelerator in words."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{platform.machine()}, {os.cpu_count()} cores, {device}"


def versions() -> dict[str, str]:
    """What the numbers depend on."""
    packages = {name: version(name) for name in ("torch", "numpy", "scikit-image", "scipy")}
    return {"cytolapse": __version__, "python": platform.python_version(), **packages}


def peak_memory_gb() -> float:
    """The most memory that this process has held so far, in GB: the GPU's where it used one, else resident memory."""
    used = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    unit = 1 if sys.platform == "darwin" else 1024
    return (used or unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1e9
