"""`cytolapse export`: results in the formats of other programs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytolapse.commands.runs import TRACKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytolapse.exports import Labelled

log = logging.getLogger("cytolapse.export")
FORMATS = ("ctc", "rois", "ome-tiff", "measurements")
POSITIVE = click.FloatRange(min=0, min_open=True)
PATH = click.Path(path_type=Path)


@click.command()
@click.argument("result")
@click.argument("out", type=PATH)
@click.option("--as", "kind", type=click.Choice(FORMATS), help="The format; by default, what OUT's name tells.")
@click.option("--data", type=PATH, help="The data set that was segmented: its frames, pixel size and minutes.")
@click.option("--frames", type=PATH, help="The frames that were segmented, where they are no data set.")
@click.option("--um", type=POSITIVE, help="um per pixel; by default, what comes with the frames.")
@click.option("--minutes", type=POSITIVE, help="Minutes per frame; by default, what the data set says.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Part of a run.")
@click.option("--sequence", default="", metavar="NN", help="Only this sequence; for a folder, the one that it is.")
@TRACKING
def export(out: Path, kind: str | None, **source: Any) -> None:
    """Export RESULT to OUT, in a format that other programs read.

    RESULT is a run that was evaluated, or a folder of label images (as `cytolapse segment` writes it, NN_ST, NN_GT/SEG,
    or another program's). What OUT is called tells the format:

    \b
      NAME                  a folder: NN_RES/maskTTTT.tif and res_track.txt, as the Cell Tracking Challenge asks for
      NAME.zip              outlines, one ImageJ ROI per cell and frame; open it with Fiji's ROI Manager
      NAME.ome.tif          the labels as a stack with pixel size and times, for Fiji, napari, QuPath
      NAME.csv, .parquet    one row per cell and frame: area, position, axes, shape, intensity, track, parent

    \b
    Examples:
      cytolapse export RUN_ID cells.csv --data data/PhC-C2DH-U373
      cytolapse export masks/new-movie rois.zip --frames data/new-movie
      cytolapse export masks/new-movie labels.ome.tif --um 0.65 --minutes 15
    """
    from cytolapse.exports import export_as, format_of
    from cytolapse.exports.opening import Source, open_result

    kind = format_of(out, kind)
    sequences = open_result(Source(**source))
    cells = sum(each.survey.cells for each in sequences)
    _say_what_is_missing(sequences, kind)
    export_as(kind, sequences, out)
    click.echo(f"{cells} cells in {sum(len(each.masks) for each in sequences)} frames: {out}")


def _say_what_is_missing(sequences: Sequence[Labelled], kind: str) -> None:
    if any(each.tracks is None for each in sequences):
        log.warning("not linked (no res_track.txt beside the masks): a label is a cell of one frame, not a track")
    if kind in ("measurements", "ome-tiff") and not all(each.um for each in sequences):
        log.warning("the pixel size is not known: nothing is told in micrometres; give --um or --data")
    if kind == "measurements" and any(each.movie is None for each in sequences):
        log.warning("no frames: intensities are empty; give --data or --frames")
