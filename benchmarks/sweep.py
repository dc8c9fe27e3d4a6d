"""How long the 101-threshold sweep of one 1036 x 1070 pair with 50 cells takes, from label images to the curve.

    PYTHONPATH=platform python benchmarks/sweep.py

compares, in one run and on one world, with

- `plain`: the usual way, written out below: relabel, overlap matrix, the Hungarian method on all of it per threshold;
- `stardist`: its `matching` at the same 101 thresholds and at one, where that package is installed.

The counts of all must agree. It writes benchmarks/results/sweep.json.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from cytolapse.metrics import match, summarise

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE, CELLS, LIMIT_MS = (1036, 1070), 50, 8.0
RESULTS = Path(__file__).parent / "results" / "sweep.json"
PERCENTS = range(101)

Labels = np.ndarray[tuple[int, int], np.dtype[np.uint16]]
Counts = list[int]


def world(seed: int = 0, spacing: float = 82.0, radius: float = 46.0) -> tuple[Labels, Labels]:
    """A sheet of 50 touching round cells and the same cells moved and resized: (Y, X) uint16 each."""
    rng = np.random.default_rng(seed)
    centres = np.array([(y, x) for y in range(5) for x in range(10)]) * spacing + (200.0, 150.0)
    centres += rng.normal(0, 6, centres.shape)
    radii = rng.uniform(0.8 * radius, 1.1 * radius, CELLS)
    moved = centres + rng.normal(0, 12, centres.shape)
    return _discs(centres, radii), _discs(moved, radii * rng.uniform(0.8, 1.2, CELLS))


def _discs(centres: Any, radii: Any) -> Labels:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = np.zeros(SIZE, np.uint16)
    for label, ((cy, cx), radius) in enumerate(zip(centres, radii, strict=True), start=1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = label
    return labels


def ours(truth: Labels, pred: Labels) -> Counts:
    """Matches at 101 thresholds, and with them the whole curve."""
    return [row["tp"] for row in summarise([match(truth, pred)]).curve]


def plain(truth: Labels, pred: Labels) -> Counts:
    """The same by the usual way."""
    _, left = np.unique(truth, return_inverse=True)
    _, right = np.unique(pred, return_inverse=True)
    shape = (left.max() + 1, right.max() + 1)
    table = np.zeros(shape, np.int64)
    np.add.at(table, (left.ravel(), right.ravel()), 1)
    union = table.sum(0)[None, 1:] + table.sum(1)[1:, None] - table[1:, 1:]
    shared = table[1:, 1:]
    iou = shared / union
    counts = []
    for percent in PERCENTS:
        passes = (100 * shared >= percent * union) & (shared > 0)
        rows, columns = linear_sum_assignment(-(passes * 1000.0 + iou))
        counts.append(int(passes[rows, columns].sum()))
    return counts


def competitors() -> dict[str, Callable[[Labels, Labels], Counts]]:
    """What is compared with ours, by name."""
    found: dict[str, Callable[[Labels, Labels], Counts]] = {"plain": plain}
    try:
        from stardist.matching import matching
    except ImportError:
        return found

    def sweep(truth: Labels, pred: Labels) -> Counts:
        return [int(each.tp) for each in matching(truth, pred, thresh=[percent / 100 for percent in PERCENTS])]

    def once(truth: Labels, pred: Labels) -> Counts:
        return [int(matching(truth, pred, thresh=0.5).tp)]

    return {**found, "stardist_101_thresholds": sweep, "stardist_1_threshold": once}


def milliseconds(
    function: Callable[[Labels, Labels], Counts], pair: tuple[Labels, Labels], repeats: int
) -> list[float]:
    """Wall-clock time of each repeat, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function(*pair)
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times[1:])


def main() -> None:
    """Measure, compare, write."""
    pair = world()
    counts = ours(*pair)
    own = milliseconds(ours, pair, repeats=50)
    table = match(*pair).table
    result: dict[str, Any] = {
        "what": f"101-threshold sweep, {SIZE[0]} x {SIZE[1]} uint16, {CELLS} touching cells, from labels to curve",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "overlapping_pairs": len(table.rows),
        "limit_ms": LIMIT_MS,
        "ms": {"cytolapse": round(np.median(own), 2)},
        "ratio_to_cytolapse": {},
        "same_counts": {},
    }
    for name, function in competitors().items():
        took = float(np.median(milliseconds(function, pair, repeats=5)))
        theirs = function(*pair)
        result["ms"][name] = round(took, 2)
        result["ratio_to_cytolapse"][name] = round(took / float(np.median(own)), 1)
        result["same_counts"][name] = theirs == (counts if len(theirs) > 1 else [counts[50]])
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
