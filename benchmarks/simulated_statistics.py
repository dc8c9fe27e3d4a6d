"""What simulated cells measure, beside what was measured on the real ones.

    PYTHONPATH=platform python benchmarks/simulated_statistics.py

writes benchmarks/results/simulated-statistics.json (preset musc, seed 0; about one minute on one core).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import regionprops

from cytolapse.data.simulate import simulator_version
from cytolapse.data.simulate.movie import Sequence
from cytolapse.data.simulate.presets import PRESETS
from cytolapse.data.simulate.shapes import outlines, rasterise
from cytolapse.metrics import match, summarise

RESULT = Path(__file__).parent / "results" / "simulated-statistics.json"
Numbers = dict[str, float]
# Measured on the gold masks and tracking markers of BF-C2DL-MuSC 01 and 02; these are held within 15 %.
MEDIANS: tuple[Numbers, ...] = (
    {"area": 781, "major axis": 47, "minor axis": 23.7, "aspect": 1.84, "step": 12.1, "daughters": 20.6}
    | {"cycle": 109, "cells a frame": 1, "mean cells": 3.9, "well radius": 484.5, "well x": 580, "well y": 495},
    {"area": 1381, "major axis": 106, "minor axis": 24.9, "aspect": 3.42, "step": 9.6, "daughters": 21.3}
    | {"cycle": 165, "cells a frame": 2.5, "mean cells": 5.2, "well radius": 445.7, "well x": 534, "well y": 530},
)
# Reported beside them, without a bound.
OTHERS: tuple[Numbers, ...] = (
    {"area p5": 357, "area p25": 530, "area p75": 1293, "area p95": 2887, "major axis p95": 159, "aspect p75": 3.35}
    | {"aspect p95": 8.1, "step p75": 21.1, "step p95": 35.5, "step p99": 46.6, "cosine of turning": 0.41}
    | {"MSD 1": 333, "MSD 4": 2530, "MSD 16": 13683, "cycle p25": 92, "cycle p75": 116, "most cells": 23}
    | {"daughters p5": 17, "daughters p95": 28, "neighbour within 50": 0.20, "shared step p50": 4.0}
    | {"shared step p95": 10.7, "one cell": 0.66, "ten cells": 0.14, "silver SEG": 0.83},
    {"area p5": 436, "area p25": 778, "area p75": 2171, "area p95": 2933, "major axis p95": 280, "aspect p75": 7.4}
    | {"aspect p95": 17.7, "step p75": 16.8, "step p95": 36.8, "step p99": 56.9, "cosine of turning": 0.56}
    | {"MSD 1": 320, "MSD 4": 2775, "MSD 16": 17842, "cycle p25": 143, "cycle p75": 202, "most cells": 22}
    | {"daughters p5": 17, "daughters p95": 29, "neighbour within 50": 0.20, "shared step p50": 3.2}
    | {"shared step p95": 9.4, "one cell": 0.40, "ten cells": 0.21, "silver SEG": 0.78},
)


def measure(index: int, seed: int, every: int = 5) -> Numbers:
    """Statistics of one full musc sequence, without a picture; outlines are measured in every fifth frame."""
    preset = PRESETS["musc"]
    movie = Sequence(preset, index, preset.frames, preset.size, seed, picture=False)
    places: dict[int, list[np.ndarray]] = {}
    shapes, near, shared, counts = [], [], [], []
    for at in range(preset.frames):
        now = movie.skip()
        counts.append(len(now.cells))
        here = np.array([cell.place for cell in now.cells]) + now.state.shift
        near += _near(here)
        steps = []
        for cell, place in zip(now.cells, here, strict=True):
            path = places.setdefault(cell.id, [])
            steps += [place - path[-1]] if path else []
            path.append(place)
        if len(steps) >= 5:
            shared.append(float(np.hypot(*np.mean(steps, 0))))
        if at % every == 0:
            shapes += [_shape(outlines(cell.shape(at, movie.style), cell.axis)) for cell in now.cells]
    well = movie.population.well
    numbers = {"well radius": well.radius, "well x": well.x, "well y": well.y}
    numbers |= _counts(counts) | _shapes(np.array(shapes)) | _motion(list(places.values()))
    numbers |= _lineage(movie, places) | {"neighbour within 50": float(np.mean(near))}
    return numbers | _quantiles("shared step", shared, 50, 95)


def _near(places: np.ndarray) -> list[bool]:
    between = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + np.eye(len(places)) * 1e9
    return list((between.min(1) < 50).tolist())


def _shape(parts: list[np.ndarray]) -> tuple[float, float, float]:
    (region,) = regionprops(rasterise(parts, (0.0, 0.0), 1).mask.astype(np.uint8))
    return region.area, region.axis_major_length, region.axis_minor_length


def _quantiles(name: str, values: Any, *percents: int) -> Numbers:
    return {f"{name} p{percent}": float(np.percentile(values, percent)) for percent in percents}


def _counts(counts: list[int]) -> Numbers:
    one, ten = float(np.mean(np.array(counts) == 1)), float(np.mean(np.array(counts) >= 10))
    numbers = {"cells a frame": float(np.median(counts)), "mean cells": float(np.mean(counts)), "one cell": one}
    return numbers | {"ten cells": ten, "most cells": float(max(counts))}


def _shapes(shapes: np.ndarray) -> Numbers:
    area, major, minor = shapes.T
    numbers = {"area": float(np.median(area)), "major axis": float(np.median(major))}
    numbers |= {"minor axis": float(np.median(minor)), "aspect": float(np.median(major / minor))}
    numbers |= _quantiles("area", area, 5, 25, 75, 95) | _quantiles("major axis", major, 95)
    return numbers | _quantiles("aspect", major / minor, 75, 95)


def _motion(paths: list[list[np.ndarray]]) -> Numbers:
    steps, turns = [], []
    squares: dict[int, list[float]] = {1: [], 4: [], 16: []}
    for path in map(np.array, paths):
        moved = np.diff(path, axis=0)
        length = np.hypot(*moved.T)
        steps += length.tolist()
        turns += ((moved[1:] * moved[:-1]).sum(1) / np.maximum(length[1:] * length[:-1], 1e-9)).tolist()
        for lag, values in squares.items():
            values += ((path[lag:] - path[:-lag]) ** 2).sum(1).tolist()
    numbers = {"step": float(np.median(steps)), "cosine of turning": float(np.mean(turns))}
    return numbers | _quantiles("step", steps, 75, 95, 99) | {f"MSD {n}": float(np.mean(v)) for n, v in squares.items()}


def _lineage(movie: Sequence, places: dict[int, list[np.ndarray]]) -> Numbers:
    tracks = movie.tracks()
    parents = {track.parent for track in tracks}
    cycles = [track.end - track.begin + 1 for track in tracks if track.parent and track.id in parents]
    apart = []
    for parent in parents - {0}:
        first, second = (places[track.id][0] for track in tracks if track.parent == parent)
        apart.append(float(np.hypot(*(first - second))))
    numbers = {"cycle": float(np.median(cycles)), "daughters": float(np.median(apart))}
    return numbers | _quantiles("cycle", cycles, 25, 75) | _quantiles("daughters", apart, 5, 95)


def silver(index: int, seed: int, every: int = 1) -> Numbers:
    """SEG of the silver masks against the exact ones, in the gold frames and in every so many of the others."""
    preset = PRESETS["musc"]
    movie = Sequence(preset, index, preset.frames, preset.size, seed, picture=False)
    gold, others = [], []
    for at in range(preset.frames):
        if at % every and at not in movie.gold:
            movie.skip()
            continue
        frame = movie.draw()
        (gold if at in movie.gold else others).append(match(frame.labels, frame.silver, frame=at))
    return {"silver SEG": summarise(gold).scores["seg"], "silver SEG in all frames": summarise(others).scores["seg"]}


def grey(index: int, seed: int, frames: tuple[int, ...] = (0, 350, 700, 1050, 1375)) -> dict[str, list[float]]:
    """Mean and standard deviation of the grey values of some frames, and the seconds that drawing one took."""
    preset = PRESETS["musc"]
    movie = Sequence(preset, index, preset.frames, preset.size, seed)
    numbers: dict[str, list[float]] = {"grey mean": [], "grey std": [], "seconds a frame": []}
    for at in range(preset.frames):
        if at not in frames:
            movie.skip()
            continue
        start = time.perf_counter()
        image = movie.draw().image
        numbers["seconds a frame"].append(round(time.perf_counter() - start, 3))
        numbers["grey mean"].append(round(float(image.mean()), 1))
        numbers["grey std"].append(round(float(image.std()), 1))
    return numbers


def main() -> None:
    """Measure both sequences and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result: dict[str, Any] = {"preset": "musc", "simulator_version": simulator_version, "seed": given.seed}
    for index in range(2):
        numbers = measure(index, given.seed) | silver(index, given.seed)
        rows = {
            name: {"target": target, "measured": round(numbers[name], 3), "bound": bound}
            for table, bound in ((MEDIANS[index], 0.15), (OTHERS[index], None))
            for name, target in table.items()
        }
        result[f"0{index + 1}"] = rows | {"silver SEG in all frames": round(numbers["silver SEG in all frames"], 3)}
        result[f"0{index + 1}"] |= grey(index, given.seed)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
