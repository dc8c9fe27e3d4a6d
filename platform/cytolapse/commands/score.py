"""`cytolapse score`: compare any folder of label images with the truth."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from cytolapse.metrics import Result

log = logging.getLogger(__name__)
SHOWN_THRESHOLDS = (0.25, 0.5, 0.75)
SHOWN_RATES = ("precision", "recall", "f1", "ap", "pq", "precision_any", "recall_any")
REMARKS = {
    "seg": "false positives cost nothing in SEG",
    "det": "needs TRA markers with a prediction for each",
    "op_csb": "mean of seg and det",
    "op_csb_masks": "mean of seg and det_masks",
    "tra": "needs TRA markers and tracks: res_track.txt beside the predictions",
    "lnk": "the part of tra that is about links",
    "op_ctb": "mean of seg and tra",
}


@click.command()
@click.argument("truth", type=click.Path(path_type=Path))
@click.argument("pred", type=click.Path(path_type=Path))
@click.option("--border", type=click.IntRange(min=0), help="Drop objects entirely inside this many px along the edge.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write all numbers to this file.")
def score(truth: Path, pred: Path, border: int | None, json_file: Path | None) -> None:
    """Score the label images in PRED against those in TRUTH, whoever made them.

    Both are folders of TIFFs, one label image (0 = background, one id per cell) per frame; files pair by the number in
    their names. TRUTH may be NN_GT, NN_ST or the SEG folder in it: then --border defaults to the data set's own.
    Otherwise it is 0. With NN_GT/TRA/man_track.txt and PRED/res_track.txt, tracks are scored too (tra, lnk, op_ctb).

    \b
    Example:
      cytolapse score data/PhC-C2DH-U373/02_GT/SEG data/PhC-C2DH-U373/02_RES --json scores.json
    """
    from cytolapse.metrics.folders import score_folders

    result = score_folders(truth, pred, border)
    if json_file is not None:
        write_json(json_file, json.dumps(result.to_json(), indent=1, allow_nan=False))
    click.echo(table(result))
    if truth.samefile(pred):
        log.warning(f"{truth} is compared with itself")


def table(result: Result) -> str:
    """The result in a few lines for the terminal."""
    lines = [
        f"frames {result.frames} (full: {result.full_frames})   cells {result.n_truth}   predicted {result.n_pred}   "
        f"border {result.border} px",
        "",
        *(f"{name:<14}{_number(value)}   {REMARKS.get(name, '')}".rstrip() for name, value in result.scores.items()),
        "",
        "IoU at least  " + "".join(f"{threshold:>8.2f}" for threshold in SHOWN_THRESHOLDS),
    ]
    for rate in SHOWN_RATES:
        lines.append(f"{rate:<14}" + "".join(_number(result.at(threshold)[rate]) for threshold in SHOWN_THRESHOLDS))
    lines += ["", "at IoU 0.5:   " + ", ".join(f"{count} {kind}" for kind, count in result.errors.items())]
    if result.full_frames < result.frames:
        partial = "frames hold every cell; false positives and the kinds of predictions are counted in those only"
        lines.append(f"{result.full_frames} of {result.frames} {partial}")
    if result.ignored:
        lines.append(f"predictions without a truth frame, ignored: {result.ignored}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return f"{'-':>8}" if value is None else f"{value:8.3f}"


def write_json(path: Path, text: str) -> None:
    """Write a file so that it is either whole or absent.

    Raises:
        CytolapseError: the folder is absent or can't be written, the disk is full, or the path is no file.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise CytolapseError(f"{path} is no file: give another place to --json")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CytolapseError(f"{path} can't be written ({error.strerror}): give another place to --json") from error
