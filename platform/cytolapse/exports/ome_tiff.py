"""A label stack as OME-TIFF: what Bio-Formats, napari and QuPath open with axes, pixel size and times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from cytolapse.exports.place import new_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cytolapse.exports.labelled import Labelled

CLASSIC = 2**32 - 2**25
"""Bytes that fit into a TIFF of the classic kind; more, before compression, make it a BigTIFF."""


def write_ome_tiff(sequences: Sequence[Labelled], out: Path) -> None:
    """Write the labels of one sequence as a stack of axes TYX, uint16 or, where labels exceed 65535, uint32.

    Raises:
        CytolapseError: the file can't be written.
    """
    (labelled,) = sequences
    found = labelled.survey
    dtype = np.dtype(np.uint16 if found.highest <= np.iinfo(np.uint16).max else np.uint32)
    shape = (len(labelled.numbers), *found.shape)
    options: dict[str, Any] = {}
    if labelled.um:  # the resolution tags too: ImageJ without Bio-Formats reads only those
        options = {"resolution": (1e4 / labelled.um, 1e4 / labelled.um), "resolutionunit": "CENTIMETER"}
    with (
        new_file(out) as partial,
        tifffile.TiffWriter(partial, ome=True, bigtiff=math.prod(shape) * dtype.itemsize > CLASSIC) as file,
    ):
        file.write(
            (labels.astype(dtype) for _, labels in labelled),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            metadata=metadata(labelled),
            **options,
        )


def metadata(labelled: Labelled) -> dict[str, Any]:
    """What OME-XML says beside the pixels: axes, um per pixel, and when each frame was taken, where that is known."""
    numbers = labelled.numbers
    told: dict[str, Any] = {"axes": "TYX", "Name": f"labels {labelled.sequence}".strip()}
    if labelled.um:
        told |= {"PhysicalSizeX": labelled.um, "PhysicalSizeXUnit": "µm"}
        told |= {"PhysicalSizeY": labelled.um, "PhysicalSizeYUnit": "µm"}
    if labelled.minutes:
        steps = set(np.diff(numbers).tolist())
        if len(steps) == 1:
            told |= {"TimeIncrement": steps.pop() * labelled.minutes, "TimeIncrementUnit": "min"}
        times = [number * labelled.minutes for number in numbers]
        told["Plane"] = {"DeltaT": times, "DeltaTUnit": ["min"] * len(times)}
    return told
