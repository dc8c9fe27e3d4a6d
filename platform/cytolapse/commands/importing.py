"""`cytolapse import`: frames and masks of other programs become a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cytolapse.commands.data import tell_problems
from cytolapse.errors import CytolapseError

FOLDER = click.Path(path_type=Path)
FACTS = ("name", "um", "minutes", "border")


@click.command("import")
@click.argument("frames", type=FOLDER)
@click.argument("out", type=FOLDER)
@click.option("--masks", type=FOLDER, help="Label images, like FRAMES; those of Cellpose or OME-Zarr are found.")
@click.option(
    "--truth", type=click.Choice(["silver", "gold"]), default="silver", show_default=True, help="Kind of masks."
)
@click.option("--tracks", type=FOLDER, help="File with a line a track (label first last parent), of the masks' ids.")
@click.option("--sequence", default="01", show_default=True, help="Number of the sequence; OUT may have others.")
@click.option("--channel", type=click.IntRange(min=0), help="Channel of FRAMES that is taken, counted from 0.")
@click.option("--rescale", "limits", type=(float, float), metavar="LOW HIGH", help="Values that become 0 and 65535.")
@click.option("--name", help="Name of the data set; OUT's by default.")
@click.option("--um", type=click.FloatRange(min=0, min_open=True), help="Um per pixel, where FRAMES don't say.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Minutes from frame to frame.")
@click.option("--border", type=click.IntRange(min=0), help="Cells within this many px of the edge are not scored.")
@click.pass_context
def import_(context: click.Context, /, out: Path, sequence: str, **given: Any) -> None:
    """Write FRAMES and their masks as a sequence of the data set OUT, in the Cell Tracking Challenge's layout.

    FRAMES is a folder of TIFF or PNG files with the frame number in their names, one TIFF stack (ImageJ, OME-TIFF), or
    an OME-Zarr image. Gold masks are drawn by hand, of some frames or all; silver masks are of every frame. The last
    lines are what `cytolapse check OUT` finds.

    \b
    Examples:
      cytolapse import movie.tif data/my-cells --masks masks.tif --um 0.65 --minutes 5
      cytolapse import day2/images data/my-cells --masks day2/masks --sequence 02 --truth gold
      cytolapse import movie.ome.zarr data/zarr --masks movie.ome.zarr/labels/cells --channel 1
    """
    from cytolapse.data.importing import Material, Target, import_sequence

    facts = {key: value for key in FACTS if (value := given.pop(key)) is not None}
    low, high = given["limits"] or (0, 1)
    if not low < high:
        raise CytolapseError(f"--rescale is {low:g} {high:g}: LOW must be below HIGH")
    click.echo(import_sequence(Material(**given), Target(out, sequence, facts)))
    context.exit(1 if tell_problems(out) else 0)
