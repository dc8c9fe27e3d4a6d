"""The pixel size that frames on disk come with."""

from __future__ import annotations

from pathlib import Path

from cytolapse.data import ctc
from cytolapse.data.tiff import SUFFIXES, read_um


def frames_um(path: Path | str) -> float | None:
    """The um per pixel of a folder of TIFFs or of one stack; None where nothing says it.

    For a sequence of a data set, that is what `dataset.toml` beside it says, or what is known of an official data set;
    else what the first TIFF file itself says.

    Raises:
        CytolapseError: `dataset.toml` or the first file can't be read.
    """
    path = Path(path).resolve()
    if path.is_dir() and ctc.SEQUENCE.fullmatch(path.name):
        um = ctc.read_facts(path.parent).um
        if um:
            return um
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    first = next((each for each in files if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")), None)
    return read_um(first) if first else None
