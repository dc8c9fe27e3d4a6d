"""`cytolapse segment`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model")
@click.argument("frames", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where.")
def segment(model: str, frames: Path, out: Path, device: str) -> None:
    """Segment FRAMES (a folder of TIFFs or one stack) with MODEL; writes OUT/maskTTTT.tif (uint16, LZW).

    MODEL is models:/NAME@ALIAS, runs:/RUN_ID/segmenter or a folder.

    \b
    Example:
      cytolapse segment models:/PhC-C2DH-U373@champion data/new-movie masks/new-movie
    """
    from tqdm import tqdm

    from cytolapse.data import open_frames
    from cytolapse.data.masks import new_mask_folder, write_masks
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import load_folder

    with new_mask_folder(out) as partial:
        segmenter = Segmenter.load(load_folder(model), device=device)
        movie = open_frames(frames)
        bar = tqdm(segmenter.segment(movie.frames), total=len(movie), desc="segment", unit="frame", dynamic_ncols=True)
        write_masks(partial, map(int, movie.numbers), bar)
    click.echo(f"{len(movie)} masks in {out}")
