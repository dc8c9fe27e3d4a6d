"""How long the search of the operating point takes: 200 candidates on 100 full-size frames.

    PYTHONPATH=platform:. python benchmarks/search.py

simulates masks of the musc preset (seeds 0 to 6, frames with 2 cells and more), makes maps of them (the head's perfect
ones, blurred, with noise), and times `trainers.search.search` for boundary, distance and flow, from the cached maps to
the table. It writes benchmarks/results/search.json. The figures count only on an otherwise idle machine; CPU seconds
and the load say how idle it was.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from cytolapse.config import Config
from cytolapse.data.simulate.movie import Sequence
from cytolapse.data.simulate.presets import PRESETS
from cytolapse.heads import HEADS
from cytolapse.metrics import Truth
from cytolapse.segmenter import Segmenter
from trainers.search import Cached, search

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).parent / "results" / "search.json"
FRAMES, LIMIT_SECONDS = 100, 60.0
STEPS = "close=2,fill_holes,drop_small=60,open_area=30"
NOISE = {"boundary": 1.0, "distance": 0.005, "flow": 0.05}  # in logits; of the cell's depth; of the unit vector


def truths() -> list[np.ndarray]:
    """Exact masks (Y, X) uint16 of frames with 2 cells and more, spread over the movies of seven seeds."""
    found, preset = [], PRESETS["musc"]
    for seed in range(7):
        movie = Sequence(preset, seed % 2, preset.frames, preset.size, seed, picture=False)
        for at in range(preset.frames):
            now = movie.draw().labels if at % 45 == 44 else movie.skip() and None
            if now is not None and len(np.unique(now)) > 2:
                found.append(now)
    return [found[i] for i in np.linspace(0, len(found) - 1, FRAMES).astype(int)]


def cached(head: str, labels: list[np.ndarray]) -> Iterator[Cached]:
    """Maps (K, Y, X) float32 as a fair network makes them."""
    rng, own = np.random.default_rng(0), HEADS[head]()
    for number, truth in enumerate(labels):
        maps = ndimage.gaussian_filter(own.perfect(own.encode(truth[None]))[0], (0, 1.5, 1.5))
        maps += NOISE[head] * rng.standard_normal(maps.shape, dtype=np.float32)
        yield Cached(maps, Truth(truth, "01", number), PRESETS["musc"].border)


def cpu_seconds() -> float:
    """User and system time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(head: str, labels: list[np.ndarray]) -> dict[str, Any]:
    """Search once."""
    frames = list(cached(head, labels))
    segmenter = Segmenter.build(Config(head=head, postprocess=STEPS))
    load, used, start = os.getloadavg()[0], cpu_seconds(), time.perf_counter()
    table = search(segmenter, frames)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(cpu_seconds() - used, 1),
        "load_before": round(load, 1),
        "candidates": len(table.points),
        "of": int(np.prod([len(values) for values in segmenter.space.values()])),
        "frames": table.frames,
        "chosen": {name: float(value) for name, value in table.chosen.items()},
        "score": round(max(table.scores), 4),
        "score_of_default": round(table.scores[0], 4),
    }


def main() -> None:
    """Measure the heads and write."""
    labels = truths()
    cells = [len(np.unique(each)) - 1 for each in labels]
    result = {
        "what": f"search of the operating point, {FRAMES} frames of {labels[0].shape[0]} x {labels[0].shape[1]} px, "
        f"{STEPS}, from cached maps to the table",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "cells_a_frame": {"least": min(cells), "mean": round(float(np.mean(cells)), 1), "most": max(cells)},
        "limit_seconds": LIMIT_SECONDS,
        "heads": {head: measure(head, labels) for head in NOISE},
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
