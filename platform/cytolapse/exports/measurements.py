"""Measurements: a table with one row per cell and frame, as CSV or Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet
from skimage.measure import regionprops_table

from cytolapse.exports.labelled import compacted
from cytolapse.exports.place import new_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cytolapse.data.tiff import Array
    from cytolapse.exports.labelled import Labelled

TEXT, WHOLE, NUMBER, TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()
COLUMNS = {
    **{"sequence": TEXT, "frame": WHOLE, "time_min": NUMBER, "label": WHOLE, "track": WHOLE, "parent": WHOLE},
    **{"area_px": WHOLE, "area_um2": NUMBER},
    **dict.fromkeys(("y_px", "x_px", "y_um", "x_um", "major_px", "minor_px", "major_um", "minor_um"), NUMBER),
    **dict.fromkeys(("eccentricity", "angle_deg", "perimeter_px", "perimeter_um", "solidity"), NUMBER),
    "at_edge": TRUTH,
    **dict.fromkeys(("intensity_mean", "intensity_std", "intensity_min", "intensity_max"), NUMBER),
}
"""The columns of the table, in this order; `docs/exports.md` says what they mean."""
SHAPES = {
    "num_pixels": "area_px",
    "centroid-0": "y_px",
    "centroid-1": "x_px",
    "axis_major_length": "major_px",
    "axis_minor_length": "minor_px",
    "perimeter_crofton": "perimeter_px",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
}
INTENSITIES = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")
LENGTHS = ("y", "x", "major", "minor", "perimeter")
SCHEMA = pa.schema(COLUMNS)
ROWS = 20_000
"""Rows that are kept before they are written."""


def write_measurements(sequences: Sequence[Labelled], out: Path) -> None:
    """Write one row per cell and frame; what is not known is empty.

    Raises:
        CytolapseError: the file can't be written.
    """
    writer = parquet.ParquetWriter if out.suffix.lower() == ".parquet" else csv.CSVWriter
    with new_file(out) as partial, writer(str(partial), SCHEMA) as file:
        for table in _batched(table for labelled in sequences for table in tables(labelled)):
            file.write_table(table)


def _batched(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Fewer and larger tables: a Parquet file of tiny row groups is large and slow."""
    kept: list[pa.Table] = []
    for table in tables:
        kept.append(table)
        if sum(map(len, kept)) >= ROWS:
            yield pa.concat_tables(kept).combine_chunks()
            kept = []
    if kept:
        yield pa.concat_tables(kept).combine_chunks()


def tables(labelled: Labelled) -> Iterator[pa.Table]:
    """The rows of each frame, columns as in `SCHEMA`."""
    parents = None if labelled.tracks is None else dict(labelled.tracks[:, [0, 3]].tolist())
    positions = labelled.positions
    for number, labels in labelled:
        frame = None if labelled.movie is None else np.asarray(labelled.movie.frames[positions[number]])
        found = measure(labels, frame)
        count = len(found["label"])
        found |= {"sequence": [labelled.sequence] * count, "frame": [number] * count}
        if labelled.minutes:
            found["time_min"] = [number * labelled.minutes] * count
        if labelled.um:
            found["area_um2"] = found["area_px"] * labelled.um**2
            found |= {f"{name}_um": found[f"{name}_px"] * labelled.um for name in LENGTHS}
        if parents is not None:
            found |= {"track": found["label"], "parent": [parents[label] for label in found["label"].tolist()]}
        yield pa.table([pa.array(found.get(each.name, [None] * count), each.type) for each in SCHEMA], SCHEMA)


def measure(labels: Array, frame: Array | None = None) -> dict[str, Any]:
    """Shape and intensity of each cell of a frame: column -> (N,) values, sorted by label.

    Args:
        labels: (Y, X), 0 = background; ids may be sparse and huge.
        frame: (Y, X) grey values; None leaves the intensities out.
    """
    ids, numbered = compacted(labels)
    wanted = ["label", "bbox", "centroid", "orientation", *(each for each in SHAPES if each[-2] != "-")]
    wanted += INTENSITIES if frame is not None else ()
    found = regionprops_table(numbered, frame, properties=wanted)
    table: dict[str, Any] = {ours: found[theirs] for theirs, ours in SHAPES.items()}
    table["label"] = ids[found["label"].astype(int) - 1]
    ends = ((found["bbox-2"], labels.shape[0]), (found["bbox-3"], labels.shape[1]))
    table["at_edge"] = (found["bbox-0"] == 0) | (found["bbox-1"] == 0) | np.any([a == b for a, b in ends], axis=0)
    table["angle_deg"] = _angle(found)
    return table | {name: found[name] for name in INTENSITIES if frame is not None}


def _angle(found: dict[str, Any]) -> Any:
    """From the x axis to the major axis, counter-clockwise on the screen, 0 to 180; empty where the axes are equal."""
    angle = np.rad2deg(found["orientation"]) + 90
    return pa.array(angle % 180, mask=np.isclose(found["axis_major_length"], found["axis_minor_length"]))
