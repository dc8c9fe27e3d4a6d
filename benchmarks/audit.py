"""How many findings of an audit are errors of the silver truth? Against a simulated data set that has exact masks.

    cytolapse simulate sim --preset musc --gold-frames 1376
    cytolapse train unet --data sim ...; cytolapse evaluate RUN --data sim       # three models or more
    PYTHONPATH=platform:. python benchmarks/audit.py sim SPOOL SPOOL SPOOL --json audit.json

Only masks are read, no frames: NN_ST/SEG and NN_GT/SEG of the data set, and `test/masks` of spooled runs.

A silver object is wrong where its IoU with every exact cell is below 0.7, or where it covers two exact cells or more
(more than half of each); an exact cell is missed where no silver object covers more than half of it. A finding is a
planted error where one of its silver objects is wrong, or, without one, where what the models agree on has an IoU of
0.3 or more with an exact cell that is missed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cytolapse.audit.disagreement import KINDS
from cytolapse.audit.rank import Finding, rank
from cytolapse.audit.scene import Scene, f1_of_models, weights_of
from cytolapse.data.ctc import read_facts, sources
from cytolapse.errors import CytolapseError
from cytolapse.exports.opening import MaskFolder
from cytolapse.metrics import Matching, match
from cytolapse.tracking import logged
from cytolapse.tracking.masks import stored_masks

WRONG = 0.7
SAME = 0.3
TOPS = (10, 20, 30, 50, 75, 100)


class Truth:
    """One frame: which silver objects are wrong, and which exact cells are missed."""

    def __init__(self, exact: np.ndarray, silver: np.ndarray, border: int) -> None:
        self.exact, self.border = exact, border
        compared = match(exact, silver, border)
        ids, best = compared.table.prediction.ids, np.zeros(compared.n_pred)
        np.maximum.at(best, compared.table.columns, compared.iou)
        self.silver = set(ids.tolist())
        self.wrong = set(ids[(best < WRONG) | (compared.covered > 1)].tolist())
        cells = set(compared.table.truth.ids.tolist())
        self.cells = len(cells)
        self.missed = cells - set(compared.table.truth.ids[compared.table.rows[compared.covers]].tolist())

    def is_error(self, finding: Finding, agreed: np.ndarray) -> bool:
        """Whether a finding of this frame is a planted error; `agreed` (Y, X): what the models agree on."""
        if finding.case.silver:
            return bool(self.wrong & set(finding.case.silver))
        seen = np.isin(agreed, finding.case.seen).astype(np.int32)
        compared: Matching = match(self.exact, seen, self.border)
        near = compared.table.truth.ids[compared.table.rows[compared.iou >= SAME]]
        return bool(self.missed & set(near.tolist()))


def scenes_in(data: Path, spools: list[Path]) -> list[Scene]:
    """The sequences that the runs' test part has."""
    runs = [logged(str(spool)) for spool in spools]
    held = [stored_masks(run, "test") for run in runs]
    names, border = [run.name for run in runs], read_facts(data).border
    sequences = sorted(set.intersection(*(set(masks) for masks in held)))
    return [
        Scene(each, MaskFolder(sources(data, each).silver), [masks[each] for masks in held], names, border)
        for each in sequences
    ]


def measure(data: Path, scenes: list[Scene]) -> dict[str, Any]:
    """Precision of the first findings, and how many of all silver objects are wrong."""
    f1 = f1_of_models(scenes)
    weights = weights_of(f1)
    found = rank(scenes, weights)
    truths, scene_of = {}, {scene.sequence: scene for scene in scenes}
    for scene in scenes:
        exact = MaskFolder(sources(data, scene.sequence).gold)
        for number in scene.numbers:
            if number not in exact.files:
                raise CytolapseError(f"{data}: frame {number} of {scene.sequence} has no exact mask: --gold-frames")
            truths[scene.sequence, number] = Truth(exact[number], scene.silver[number], scene.border)
    shown = found[: max(TOPS)]
    errors = [
        truths[each.sequence, each.frame].is_error(each, scene_of[each.sequence].agreed(each.frame, weights).labels)
        for each in shown
    ]
    kinds = Counter(each.case.kind for each in shown[:50])
    right = Counter(each.case.kind for each, error in zip(shown[:50], errors, strict=False) if error)
    silver, wrong = (sum(len(getattr(each, name)) for each in truths.values()) for name in ("silver", "wrong"))
    return {
        "models": {name: round(score, 3) for name, score in zip(scenes[0].names, f1, strict=True)},
        "frames": len(truths),
        "silver_objects": silver,
        "wrong_silver_objects": wrong,
        "share_wrong": round(wrong / silver, 3),
        "exact_cells": sum(each.cells for each in truths.values()),
        "missed_cells": sum(len(each.missed) for each in truths.values()),
        "precision_at": {top: round(float(np.mean(errors[:top])), 3) for top in TOPS if len(errors) >= top},
        "top_50": {kind: {"findings": kinds[kind], "planted": right[kind]} for kind in KINDS},
        "score_at_50": round(found[49].score, 3) if len(found) > 49 else None,
    }


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path, nargs="+", metavar="SPOOL")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    try:
        found = measure(given.data, scenes_in(given.data, given.runs))
    except CytolapseError as error:
        raise SystemExit(str(error)) from None
    text = json.dumps(found, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
