"""How much of fading cells does a model find? Masks against a simulated data set that says when each cell fades.

    cytolapse simulate sim --preset musc --seed 0 --gold-frames 1376
    PYTHONPATH=platform python benchmarks/fading.py sim unet=unet/02.zip convlstm=convlstm/02.zip --json fading.json

Masks are a run's artifact `test/masks/NN.zip`, or a folder of label TIFFs. One NAME may stand for several sequences.
Every cell that has an exact mask counts once, in one bin:

    visible     at full contrast, and not shortly after a fade
    partly      half of the contrast left, or more: a fade comes or goes
    fading      less than half of the contrast left
    after       at full contrast again, in the first 3 frames

`recall` is the share found one to one at IoU 0.5, `seg` the mean IoU by the rule of SEG (a missed cell counts 0); each
with a 95 % interval by bootstrap over blocks of ten frame numbers of one sequence, null below 8 blocks. Two models
stand on the same cells and resamples, so their difference (second minus first) has an interval of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cytolapse.data.ctc import read_facts, sources
from cytolapse.errors import CytolapseError
from cytolapse.metrics import match
from cytolapse.metrics.folders import label_files, read_labels

AFTER = 3  # frames at full contrast again
BLOCK, FEWEST, RESAMPLES = 10, 8, 1000  # frame numbers in a block, blocks for an interval
PERCENT = 50
BINS = ("visible", "partly", "fading", "after")
SCORES = {"recall": "found", "seg": "iou"}
KEYS = ["sequence", "frame", "label"]
Masks = Mapping[int, Path]
Row = dict[str, Any]


def bins(acts: pd.DataFrame) -> pd.Series:
    """The bin of each row of a sequence's cells.csv."""
    acts = acts.sort_values(["label", "frame"])
    before = acts.groupby("label").fading
    lately = pd.concat([before.shift(each) for each in range(1, AFTER + 1)], axis=1).min(axis=1)
    whole = acts.fading == 1
    names = np.select([acts.fading < 0.5, ~whole, lately < 1], ["fading", "partly", "after"], "visible")
    return pd.Series(names, index=acts.index)


def owners(markers: np.ndarray, exact: np.ndarray) -> dict[int, int]:
    """Exact mask -> track, by the marker disc that lies in it (more than half; the largest part where two do)."""
    marked = match(markers, exact)
    table, inside = marked.table, np.flatnonzero(marked.covers)
    rising = inside[np.argsort(table.shared[inside], kind="stable")]
    masks, tracks = table.prediction.ids[table.columns[rising]], table.truth.ids[table.rows[rising]]
    return dict(zip(masks.tolist(), tracks.tolist(), strict=True))


def cells(markers: np.ndarray, exact: np.ndarray, predicted: np.ndarray, border: int = 0) -> list[Row]:
    """Every cell of a frame that has an exact mask: its track, whether it is found, its IoU by the rule of SEG.

    Args:
        markers: (Y, X) discs, the ids of the tracks.
        exact: (Y, X) labels with ids of their own.
        predicted: (Y, X) labels.
        border: cells entirely inside this many px along the edge do not count.
    """
    compared, tracks = match(exact, predicted, border), owners(markers, exact)
    found, iou = np.zeros(compared.n_truth, int), np.zeros(compared.n_truth)
    found[compared.table.rows[compared.matched(PERCENT)]] = 1
    iou[compared.table.rows[compared.covers]] = compared.iou[compared.covers]
    rows = zip(compared.table.truth.ids.tolist(), found.tolist(), iou.tolist(), strict=True)
    return [{"label": tracks[mask], "found": hit, "iou": share} for mask, hit, share in rows if mask in tracks]


def interval(values: np.ndarray, blocks: np.ndarray) -> list[float] | None:
    """95 % of the means of resampled blocks; None where there are too few."""
    names, which = np.unique(blocks, return_inverse=True)
    if len(names) < FEWEST:
        return None
    sums, counts = np.bincount(which, weights=values), np.bincount(which)
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return [round(float(each), 4) for each in np.percentile(means, [2.5, 97.5])]


def table(found: Mapping[str, pd.DataFrame]) -> list[Row]:
    """A row for each model and bin, and for the difference of two models; the models' rows are the same cells."""
    if len(found) == 2:
        (first, one), (second, other) = found.items()
        difference = one.assign(**{score: other[score] - one[score] for score in SCORES.values()})
        found = {**found, f"{second} - {first}": difference}
    return [_row(model, name, rows) for model, rows in found.items() for name in (*BINS, "all")]


def _row(model: str, name: str, rows: pd.DataFrame) -> Row:
    rows = rows if name == "all" else rows[rows["bin"] == name]
    blocks = (rows.sequence + " " + (rows.frame // BLOCK).astype(str)).to_numpy(str)
    row: Row = {"model": model, "bin": name, "cells": len(rows), "blocks": len(np.unique(blocks))}
    for score, column in SCORES.items():
        values = rows[column].to_numpy(float)
        row[score] = round(float(values.mean()), 4) if len(values) else None
        row[f"{score}_95"] = interval(values, blocks)
    return row


def score(data: Path, models: Mapping[str, Mapping[str, Masks]]) -> dict[str, pd.DataFrame]:
    """Model -> its cells, in every frame that has an exact mask and a prediction.

    Args:
        data: a simulated data set.
        models: model -> sequence -> frame number -> mask.

    Raises:
        CytolapseError: there is no cells.csv, or the models do not have the same frames.
    """
    border = read_facts(data).border
    first, frames = next((model, _frames(each)) for model, each in models.items())
    for model, sequences in models.items():
        if odd := frames ^ _frames(sequences):
            sequence, number = min(odd)
            what = f"frame {number} of sequence {sequence} is in the masks of only one of {first} and {model}"
            raise CytolapseError(f"{what}: compare models on the same frames")
    found = {}
    for model, sequences in models.items():
        rows = [_sequence(data, sequence, masks, border) for sequence, masks in sequences.items()]
        found[model] = pd.concat(rows).sort_values(KEYS, ignore_index=True)
    return found


def _frames(sequences: Mapping[str, Masks]) -> set[tuple[str, int]]:
    return {(sequence, number) for sequence, masks in sequences.items() for number in masks}


def _sequence(data: Path, sequence: str, masks: Masks, border: int) -> pd.DataFrame:
    path, truth, rows = data / f"{sequence}_GT" / "cells.csv", sources(data, sequence), []
    if not path.is_file():
        raise CytolapseError(f"{path} does not exist: write the data set anew with `cytolapse simulate`")
    numbers = sorted(truth.gold.keys() & masks.keys())
    if not numbers:
        raise CytolapseError(f"{data}: no frame of sequence {sequence} has both an exact and a predicted mask")
    for number in tqdm(numbers, desc=f"scoring {sequence}", unit="frame", delay=2, leave=False):
        images = (read_labels(each[number]) for each in (truth.markers, truth.gold, masks))
        rows += [{"frame": number, **cell} for cell in cells(*images, border)]
    acts = pd.read_csv(path)
    acts["bin"] = bins(acts)
    scored = pd.DataFrame(rows, columns=["frame", "label", "found", "iou"])
    return scored.merge(acts, on=["frame", "label"], validate="one_to_one").assign(sequence=sequence)


def masks_in(path: Path, room: Path) -> tuple[str, Masks]:
    """The sequence that a zip or folder of masks is of (its name begins with the number), and its masks.

    Args:
        path: `02.zip`, `02`, `02_RES`, `02_ST/SEG` or alike.
        room: an empty folder into which a zip is unpacked.

    Raises:
        CytolapseError: the name tells no sequence, or there are no masks.
    """
    whole = path.absolute()
    sequence = re.match(r"\d\d(?!\d)", whole.parent.name if whole.name == "SEG" else whole.name)
    if not sequence:
        raise CytolapseError(f"{path}: the name must begin with the sequence's number, as 02.zip or 02_RES")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(room)
        return sequence[0], label_files(room)
    return sequence[0], label_files(path)


def named(text: str) -> tuple[str, Path]:
    """The two halves of NAME=PATH.

    Raises:
        argparse.ArgumentTypeError: it is no such text.
    """
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def run(words: list[str] | None = None) -> list[Row]:
    """Score what the command line names, print the table and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("masks", type=named, nargs="+", metavar="NAME=PATH")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(words)
    with TemporaryDirectory() as room:
        models: dict[str, dict[str, Masks]] = {}
        for each, (name, path) in enumerate(given.masks):
            folder = Path(room) / str(each)
            folder.mkdir()
            sequence, masks = masks_in(path, folder)
            if sequence in models.setdefault(name, {}):
                raise CytolapseError(f"{path}: {name} has masks of sequence {sequence} already: name each once")
            models[name][sequence] = masks
        rows = table(score(given.data, models))
    print(pd.DataFrame(rows).to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


def main() -> None:
    """Say in one line what is wrong with the input, where something is."""
    try:
        run()
    except CytolapseError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
