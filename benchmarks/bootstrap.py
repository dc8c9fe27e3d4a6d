"""How long uncertainty takes: 1,000 resamples over 1,376 frames.

    PYTHONPATH=platform python benchmarks/bootstrap.py

draws as many frames as a sequence of BF-C2DL-MuSC has, with up to 20 discs each, truth and two predictions whose discs
are shifted, and times: the intervals of all scores of one prediction; the paired comparison of the two with everything
that `cytolapse compare` computes, bins of cells included. The median of seven rounds each, of counts that are made
before. It writes benchmarks/results/bootstrap.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.metrics import Result, match, summarise
from cytolapse.metrics.bootstrap import BLOCK, RESAMPLES, intervals
from cytolapse.metrics.comparison import Scored, compare, compare_bins

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "bootstrap.json"
FRAMES, SIDE, RADIUS, CELLS, ROUNDS, LIMIT_SECONDS = 1376, 160, 8, 20, 7, 2.0


def frame(rng: np.random.Generator, count: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Discs of one frame and the same shifted by about `shift` px, (160, 160) uint16 each."""
    y, x = np.mgrid[:SIDE, :SIDE]
    truth, found = (np.zeros((SIDE, SIDE), np.uint16) for _ in range(2))
    for label in range(1, count + 1):
        centre, moved = rng.uniform(RADIUS, SIDE - RADIUS, 2), rng.normal(0, shift, 2)
        for image, (cy, cx) in ((truth, centre), (found, centre + moved)):
            image[(y - cy) ** 2 + (x - cx) ** 2 <= RADIUS**2] = label
    return truth, found


def scored(shift: float) -> Result:
    """The truth of 1,376 frames against its discs shifted; the truth is the same for every shift."""
    pairs = (frame(np.random.default_rng(t), t * CELLS // FRAMES + 1, shift) for t in range(FRAMES))
    matchings = [match(*pair, sequence="01", frame=t) for t, pair in enumerate(pairs)]
    return summarise(matchings, matchings)


def seconds(work: Callable[[], Any]) -> float:
    """The median of a few rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return round(statistics.median(taken), 3)


def main() -> None:
    """Time both and write the file."""
    a, b = (Scored(result.counts, result.scores) for result in (scored(2.0), scored(1.5)))
    both = {
        "intervals_seconds": seconds(lambda: intervals(a.counts)),
        "comparison_seconds": seconds(lambda: (compare(a, b), compare_bins(a, b))),
    }
    seg = compare(a, b).scores["seg"]
    told = {"difference": seg.difference, "low": seg.interval.low, "high": seg.interval.high, "b_wins": seg.wins}
    found = {
        "frames": FRAMES,
        "blocks": -(-FRAMES // BLOCK),
        "resamples": RESAMPLES,
        "scores": len(intervals(a.counts)),
        **both,
        "limit_seconds": LIMIT_SECONDS,
        "within_limit": max(both.values()) < LIMIT_SECONDS,
        "seg": {name: round(float(value or 0), 4) for name, value in told.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
