"""`cytolapse segment`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from cytolapse.commands.parameters import Setting

log = logging.getLogger("cytolapse.segment")


@click.command()
@click.argument("model")
@click.argument("frames", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where.")
@click.option("--tile", type=Setting("int"), help="Side of tiles in px, 0: whole frames; the model's own by default.")
@click.option("--stitch", type=Setting("str"), help="taper (overlapping, blended) or hard (tiles edge to edge).")
@click.option("--um", type=Setting("float"), help="um per pixel of FRAMES; by default, what comes with them.")
@click.option("--link/--no-link", help="Follow cells: a cell keeps its id; also writes OUT/res_track.txt.")
def segment(model: str, frames: Path, out: Path, um: float | None, link: bool, **loading: Any) -> None:
    """Segment FRAMES (a folder of TIFFs or one stack) with MODEL; writes OUT/maskTTTT.tif (uint16, LZW).

    MODEL is models:/NAME@ALIAS, runs:/RUN_ID/segmenter or a folder. Frames whose pixel size differs from the model's by
    more than 20 % are rescaled for it; the masks have the size of the frames. With --link, OUT is what the Cell
    Tracking Challenge takes as NN_RES, its names with as many digits as those of FRAMES (3 or 4); without it, an id
    stands for a cell in one frame only.

    \b
    Examples:
      cytolapse segment models:/PhC-C2DH-U373@champion data/new-movie masks/new-movie
      cytolapse segment models:/PhC-C2DH-U373@champion data/stack.tif masks/stack --tile 512 --um 0.33
      cytolapse segment models:/PhC-C2DH-U373@champion data/PhC-C2DH-U373/01 01_RES --link
    """
    from tqdm import tqdm

    from cytolapse.data import open_frames
    from cytolapse.data.findings import count
    from cytolapse.data.masks import DIGITS, digits_of, new_mask_folder, write_masks
    from cytolapse.data.um import frames_um
    from cytolapse.linking import link_folder
    from cytolapse.metrics.folders import label_files
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import load_folder

    with new_mask_folder(out) as partial:
        segmenter = Segmenter.load(load_folder(model), **loading)
        movie = open_frames(frames)
        um = frames_um(frames) if um is None else um
        _warn_unknown(um, segmenter.um)
        found = segmenter.segment(movie.frames, um)
        numbers = [int(number) for number in movie.numbers]
        digits = digits_of(label_files(frames).values()) if link and frames.is_dir() else DIGITS
        write_masks(partial, numbers, tqdm(found, "segment", len(movie), unit="frame", dynamic_ncols=True), digits)
        tracks = f" and {count(len(link_folder(partial, numbers, digits)), 'track')}" if link else ""
    click.echo(f"{count(len(movie), 'mask')}{tracks} in {out}")


def _warn_unknown(frames: float | None, model: float | None) -> None:
    """Say whose pixel size is not known: what is unknown is not rescaled."""
    unknown = [name for name, um in (("frames", frames), ("model", model)) if not um]
    if unknown:
        mend = "" if frames else "; give --um" + (f" if it is not the model's {model:g} um" if model else "")
        names = " and the ".join(unknown)
        log.warning("the pixel size of the %s is not known: the frames are segmented as they are%s", names, mend)
