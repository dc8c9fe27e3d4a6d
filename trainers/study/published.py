"""The table that this project's study repeats, as it was published.

Source: the README of a course project at Masaryk University ("Cell segmentation from celltrackingchallenge.net") on
BF-C2DL-MuSC: silver truth, a split of its own. What it says nothing about is None. Its precision and recall were not
counted one to one (docs/metrics.md), so the `_any` scores are the ones to compare.
"""

from __future__ import annotations

DATASET = "BF-C2DL-MuSC"
COLUMNS = (
    "pixel_iou",
    *(f"{rate}_any_iou_{threshold}" for threshold in ("0.25", "0.50", "0.75") for rate in ("precision", "recall")),
)
"""The columns of the table, by the names that our metrics have."""

ROWS: dict[str, tuple[float | None, ...]] = {
    "U-Net": (0.74, 0.96, 0.99, 0.76, 0.67, 0.07, 0.06),
    "LSTM U-Net, full frames": (0.54, None, None, None, None, None, None),
    "LSTM U-Net, crops": (0.73, 0.94, 0.93, 0.81, 0.73, 0.52, 0.47),
}
