"""`cytolapse doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

import click

NEEDED = (
    "torch",
    "torchvision",
    "lightning-fabric",
    "albumentations",
    "mlflow",
    "streamlit",
    "tifffile",
    "imagecodecs",
)


@click.command()
def doctor() -> None:
    """Say what works on this machine, one line each.

    \b
    Example:
      cytolapse doctor
    """
    from cytolapse.data.cache import home

    click.echo(f"Python      {platform.python_version()} in {sys.prefix}")
    for name in NEEDED:
        click.echo(f"{name:<20}{_version(name)}")
    click.echo(f"cores       {os.cpu_count()}")
    click.echo(f"GPU         {_gpu()}")
    folder = home()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    click.echo(f"home        {folder}, {shutil.disk_usage(existing).free / 1e9:.0f} GB free (CYTOLAPSE_HOME moves it)")
    click.echo(f"store       {os.environ.get('MLFLOW_TRACKING_URI') or 'mlflow.db in the current folder'}")
    for tool, purpose in (("git", "mlflow run from a URL"), ("uv", "mlflow run --env-manager uv")):
        click.echo(f"{tool:<12}{'found' if shutil.which(tool) else 'absent: needed for ' + purpose}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent: run `make install`"


def _gpu() -> str:
    if _version("torch").startswith("absent"):
        return "unknown without torch"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none: training runs on the CPU"
