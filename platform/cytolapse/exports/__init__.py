"""Exports: labels of cells in the formats of other programs, one file a format."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cytolapse.errors import CytolapseError
from cytolapse.exports.ctc import write_ctc
from cytolapse.exports.labelled import Labelled
from cytolapse.exports.measurements import write_measurements
from cytolapse.exports.ome_tiff import write_ome_tiff
from cytolapse.exports.rois import write_rois
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["EXPORTS", "Export", "Labelled", "export_as", "format_of"]


class Export(NamedTuple):
    """A format.

    Attributes:
        write: writes labelled sequences to a new place, whole or not at all.
        suffixes: how the place may end; none for a folder.
        several: whether one place holds several sequences.
    """

    write: Callable[[Sequence[Labelled], Path], None]
    suffixes: tuple[str, ...]
    several: bool


EXPORTS: Registry[Export] = Registry(
    "export",
    {
        "ctc": Export(write_ctc, (), several=True),
        "rois": Export(write_rois, (".zip",), several=False),
        "ome-tiff": Export(write_ome_tiff, (".ome.tif", ".ome.tiff"), several=False),
        "measurements": Export(write_measurements, (".csv", ".parquet"), several=True),
    },
)


def format_of(out: Path, name: str | None = None) -> str:
    """The name of the format that is meant: the one given, else the one that the end of the place tells.

    Raises:
        CytolapseError: the end fits no format, or not the one given; or the place exists.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CytolapseError(f"{out} exists already: give a new place to write to")
    fitting = (each for each, export in EXPORTS.items() if out.name.lower().endswith(export.suffixes or "/"))
    found = next(fitting, None if out.suffix else "ctc")
    if name is None and found is None:
        ends = ", ".join(suffix for export in EXPORTS.values() for suffix in export.suffixes)
        raise CytolapseError(f"{out} tells no format: end it with one of {ends}, or write a folder with --as ctc")
    if name is not None and EXPORTS[name].suffixes and name != found:
        raise CytolapseError(f"{out} is no place for {name}: end it with {' or '.join(EXPORTS[name].suffixes)}")
    return name or str(found)


def export_as(name: str, sequences: Sequence[Labelled], out: Path) -> None:
    """Write labelled sequences in a format of `EXPORTS`.

    Raises:
        CytolapseError: they don't fit the format, or can't be written.
    """
    export = EXPORTS[name]
    if len(sequences) > 1 and not export.several:
        has = ", ".join(each.sequence for each in sequences)
        raise CytolapseError(f"{out} can hold one sequence, and there are {has}: choose one with --sequence")
    export.write(sequences, out)
