"""The scores that pages show: key, short title and definition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """How a score is shown.

    Attributes:
        key: what follows `test/gold/` in the metric's name.
        title: the column's head.
        help: its definition.
    """

    key: str
    title: str
    help: str


SEG = Score(
    "seg",
    "SEG",
    "Mean over truth objects of the Jaccard index (IoU) with the prediction that covers more than half of the object, "
    "else 0. False positives cost nothing in SEG: read it beside F1.",
)
OP_CSB = Score(
    "op_csb_masks",
    "OP_CSB",
    "(SEG + DET) / 2, both on truth masks, the detection part counting missed, merged and false objects. "
    "On validation it is the one score by which checkpoints and runs are chosen.",
)
DET = Score(
    "det_masks",
    "DET",
    "1 - min(5 NS + 10 FN + FP, 10 N) / (10 N) on truth masks: splits needed (NS), missed (FN) and false objects (FP).",
)
F1 = Score(
    "f1_iou_0.50",
    "F1 @ 0.5",
    "2 TP / (2 TP + FP + FN): one-to-one matching of truth and predicted objects at IoU 0.5 or more, frames pooled.",
)
PIXEL = Score(
    "pixel_iou",
    "Pixel IoU",
    "Foreground of truth and prediction: pixels in both / pixels in either, frames pooled. Objects play no part.",
)
TRUTH = Score("n_truth", "Truth objects", "How many truth objects the scores rest on.")

READINGS = Score(
    "readings", "Test read", "How often the test part was evaluated. Each reading wears it out: choose on validation."
)
COUNTS = (TRUTH, READINGS)

LEADERBOARD = (SEG, OP_CSB, F1, PIXEL)
THRESHOLDS = tuple(
    Score(f"{key}_iou_{threshold}", f"{title} @ {threshold.rstrip('0')}", f"{text} at IoU {threshold} or more.")
    for threshold in ("0.25", "0.50", "0.75")
    for key, title, text in (
        ("precision", "Precision", "TP / (TP + FP), one-to-one matching"),
        ("recall", "Recall", "TP / (TP + FN), one-to-one matching"),
        ("f1", "F1", "2 TP / (2 TP + FP + FN), one-to-one matching"),
        ("ap", "AP", "TP / (TP + FP + FN), one-to-one matching"),
        ("pq", "PQ", "Panoptic quality: summed IoU of matched pairs / (TP + FP/2 + FN/2)"),
    )
)
ALL = (SEG, DET, OP_CSB, PIXEL, *THRESHOLDS)
SOURCES = {
    "test-gold": "Test, gold truth",
    "test-silver": "Test, silver truth",
    "val-gold": "Validation, gold truth",
    "val-silver": "Validation, silver truth",
}
SOURCES_HELP = (
    "Gold: drawn by hand, few frames. Silver: made by machine, every frame. They are never mixed. "
    "Runs are chosen on validation; the test split is for reporting."
)


def prefix(source: str) -> str:
    """Where the metrics of a source stand: `test-gold` -> `test/gold/`."""
    return source.replace("-", "/") + "/"
