"""The numbers and the overlay of docs/first-run.md, from the runs in a store.

    PYTHONPATH=platform python benchmarks/first_run.py STORE_URI RUN_ID [RUN_ID ...]

writes benchmarks/results/first-run.json and docs/first-run-overlay.png (the first and the last run on two gold frames).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from cytolapse.overlay import contact, draw
from cytolapse.previews import Previews
from cytolapse.tracking import open_store

if TYPE_CHECKING:
    from cytolapse.tracking import RunStore

ROOT = Path(__file__).resolve().parents[1]
SCORES = ("seg", "det", "det_masks", "pixel_iou", "f1_iou_0.50", "f1_iou_0.75", "n_truth", "n_pred", "frames")
WIDTH = 460


def row(store: RunStore, table: pd.DataFrame, run: str) -> dict[str, Any]:
    """What is reported of one run."""
    logged = table.loc[run]
    objects = pd.read_parquet(store.artifact(run, "test/objects.parquet"))
    gold = objects[(objects["reference"] == "gold") & (objects["side"] == "truth")]
    missed = gold[gold["kind"] != "matched"]
    return {
        "name": logged["name"],
        "seed": logged["params.cfg.seed"],
        "commit": logged["tags.cytolapse.git_commit"],
        "machine": logged["tags.cytolapse.machine"],
        "validation_silver_op_csb_masks": logged["metrics.val/silver/op_csb_masks"],
        "validation_gold_seg": logged["metrics.val/gold/seg"],
        **{f"test_gold_{name}": logged[f"metrics.test/gold/{name}"] for name in SCORES},
        "test_silver_seg": logged["metrics.test/silver/seg"],
        "missed_gold_cells": [list(map(int, each)) for each in missed[["frame", "truth"]].to_numpy()],
    }


def panel(store: RunStore, run: str, frame: int) -> Image.Image:
    """One frame with the outlines of gold truth (dashed) and prediction (solid), coloured by what became of each."""
    view = Previews(store.artifact(run, "test/previews/02.zip")).frame(frame)
    objects = pd.read_parquet(store.artifact(run, "test/objects.parquet"))
    here = objects[(objects["reference"] == "gold") & (objects["frame"] == frame)]
    rows = here[(here["kind"] != "unjudged")].to_dict("records")
    picture = Image.fromarray(draw(view.image, view.references["gold"], view.prediction, rows))
    picture.thumbnail((WIDTH, WIDTH))
    return picture


def main() -> None:
    """Write both files."""
    uri, *runs = sys.argv[1:]
    store = open_store(uri)
    table = store.runs().set_index("run_id")
    rows = [row(store, table, run) for run in runs]
    (ROOT / "benchmarks/results/first-run.json").write_text(json.dumps(rows, indent=1) + "\n")
    panels = [np.asarray(panel(store, run, frame)) for run in (runs[0], runs[-1]) for frame in (92, 112)]
    Image.fromarray(contact(panels, columns=2)).quantize(200).save(ROOT / "docs/first-run-overlay.png", optimize=True)


if __name__ == "__main__":
    main()
