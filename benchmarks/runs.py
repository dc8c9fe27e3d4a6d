"""What runs scored, as one table: settings, time, memory, and scores with their intervals.

    cytolapse train flow_unet --data musc --tracking spool:runs/flow
    cytolapse evaluate spool:runs/flow --data musc
    PYTHONPATH=platform python benchmarks/runs.py runs/flow runs/unet --json table.json

RUN is a spool folder, or a run of the store that MLFLOW_TRACKING_URI names. Numbers are read as they were logged.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from cytolapse.errors import CytolapseError
from cytolapse.metrics import SELECTION
from cytolapse.tracking import Logged, logged

SCORES = ("seg", "det_masks", "f1_iou_0.50", "f1_iou_0.75")
TRAINED = ("train/steps", "train/best_step", "train/minutes", "train/peak_memory_gb")
TAGS = ("recipe", "head", "seed", "dataset", "digest", "machine", "git_commit")


def row(run: Logged) -> dict[str, Any]:
    """One run: how it was trained, and what it scored on the test part against each truth."""
    found: dict[str, Any] = {"run": run.name, "status": run.status}
    found |= {name: run.tags.get(f"cytolapse.{name}") for name in TAGS}
    found |= {name: run.metrics.get(name) for name in (*TRAINED, f"val/silver/{SELECTION}")}
    for reference in ("gold", "silver"):
        try:
            result = json.loads(run.artifact(f"curves/test-{reference}.json").read_text())
        except CytolapseError:  # it was not evaluated: the row says so by its empty places
            continue
        found |= {f"{reference}/{name}": result[name] for name in ("frames", "full_frames", "n_truth")}
        for score in SCORES:
            interval = result["intervals"][score]
            found[f"{reference}/{score}"] = run.metrics.get(f"test/{reference}/{score}")
            found[f"{reference}/{score}_95"] = [interval["low"], interval["high"]]
    return found


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    try:
        rows = [row(logged(each)) for each in given.runs]
    except CytolapseError as error:
        raise SystemExit(str(error)) from None
    shown = ["run", "train/steps", "train/minutes", f"val/silver/{SELECTION}", *(f"gold/{score}" for score in SCORES)]
    print(pd.DataFrame(rows).reindex(columns=shown).round(3).to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
