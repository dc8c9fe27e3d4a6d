"""Does a network learn past the labels that it was taught? Silver masks and predictions, both against exact masks.

    cytolapse simulate musc --preset musc --size 518 535 --frames 100 --gold-frames 100 --seed 2043
    PYTHONPATH=platform:. python benchmarks/past_labels.py musc flow_unet=RUN_FOLDER/.../test/masks/02.zip --json FILE

SEG of every cell that has an exact mask, mean over all cells and over those of one shape (major over minor axis), and
once more with the bodies alone: exact, silver and predicted masks without what is thinner than 9 px. Beside it a 95 %
interval by blocks of ten frames, and the share of cells of which something covers more than half (SEG is not 0).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage import measure, morphology
from tqdm import tqdm

from benchmarks.fading import BLOCK, interval, masks_in, named
from cytolapse.data.ctc import read_facts, sources
from cytolapse.metrics import match
from cytolapse.metrics.folders import read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

THIN = 4  # radius of the disc that a body can hold, px
SHAPES = {"round": (1.0, 1.5), "oval": (1.5, 3.0), "long": (3.0, np.inf)}
Row = dict[str, Any]


def bodies(labels: np.ndarray) -> np.ndarray:
    """Labels (Y, X) without what is thinner than 2 THIN + 1 px."""
    left, disc = np.zeros_like(labels), morphology.disk(THIN)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            own = ndimage.binary_opening(np.pad(labels[box] == label, 1), disc)[1:-1, 1:-1]
            left[box][own] = label
    return left


def cells(exact: np.ndarray, found: np.ndarray, border: int) -> dict[int, float]:
    """Exact mask -> its IoU by the rule of SEG, in frames (Y, X); those within the border band do not count."""
    compared = match(exact, found, border)
    iou = np.zeros(compared.n_truth)
    iou[compared.table.rows[compared.covers]] = compared.iou[compared.covers]
    return dict(zip(compared.table.truth.ids.tolist(), iou.tolist(), strict=True))


def rows(data: Path, sequence: str, masks: dict[str, dict[int, Path]]) -> Iterator[Row]:
    """One row for each cell and model: silver is a model, too."""
    truth, border = sources(data, sequence), read_facts(data).border
    masks = {"silver": dict(truth.silver), **masks}
    for number in tqdm(sorted(set(truth.gold).intersection(*masks.values())), unit="frame"):
        exact = read_labels(truth.gold[number]).astype(np.int32)
        aspect = {
            each.label: each.axis_major_length / max(each.axis_minor_length, 1) for each in measure.regionprops(exact)
        }
        for model, paths in masks.items():
            found = read_labels(paths[number]).astype(np.int32)
            whole, body = cells(exact, found, border), cells(bodies(exact), bodies(found), border)
            for label, iou in whole.items():
                yield {"model": model, "frame": number, "aspect": aspect[label], "iou": iou, "body": body.get(label)}


def summary(table: pd.DataFrame) -> Iterator[Row]:
    """The means of each model, over all cells, over those of each shape, and of the bodies."""
    for model, own in table.groupby("model", sort=False):
        parts = {name: own[own.aspect.between(*ends, inclusive="left")] for name, ends in SHAPES.items()}
        for name, part in {"all": own, **parts, "bodies": own.assign(iou=own.body).dropna(subset=["iou"])}.items():
            seg = part.iou.to_numpy(float)
            limits = interval(seg, (part.frame // BLOCK).to_numpy()) if len(seg) else None
            mean = {"seg": round(float(seg.mean()), 4), "found": round(float((seg > 0).mean()), 4)} if len(seg) else {}
            yield {"model": model, "cells of": name, "n": len(seg), **mean, "seg_95": limits}


def main() -> None:
    """Print the table and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("masks", type=named, nargs="+", metavar="NAME=PATH")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    with TemporaryDirectory() as room:
        found, sequences = {}, set()
        for name, path in given.masks:
            folder = Path(room) / name
            folder.mkdir()
            sequence, masks = masks_in(path, folder)
            found[name] = dict(masks)
            sequences.add(sequence)
        if len(sequences) > 1:
            raise SystemExit(f"masks of sequences {', '.join(sorted(sequences))}: give those of one")
        result = list(summary(pd.DataFrame(rows(given.data, sequences.pop(), found))))
    print(pd.DataFrame(result).to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
