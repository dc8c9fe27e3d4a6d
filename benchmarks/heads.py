"""What each head can do at best, how long it takes, and what it scores after the same short training.

    PYTHONPATH=platform:. python benchmarks/heads.py CACHE [REAL]

CACHE is a folder for simulated data and trainings: what lies there already is used again. REAL is a folder with CTC
data sets whose gold masks are read as well. It writes benchmarks/results/heads.json.

Ceilings are SEG of `decode(encode(labels))` at the default operating point. Scores are those of the `quick` preset of
`unet`, cut to 480 steps, on `simulate --preset demo` seed 0: trained on silver truth, read on gold truth of another
simulated data set (seed 1), so that no test part is touched.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.data import open_dataset
from cytolapse.data.simulate import write_dataset
from cytolapse.heads import HEADS, default_point
from cytolapse.metrics import match, summarise
from cytolapse.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cytolapse.heads import Head

RESULTS = Path(__file__).parent / "results" / "heads.json"
SEEDS = (0, 1)
COMPARED = ("boundary", "distance", *(name for name in HEADS if name not in ("semantic", "boundary", "distance")))
SETTINGS = "--preset quick --train-steps 480 --validate-every 120 --patience 0"

Labels = np.ndarray[tuple[int, int], np.dtype[np.int32]]


def spread(seed: int, length: float, width: float, count: int = 6, side: int = 256) -> Labels:
    """Ellipses in any direction that do not touch: (Y, X)."""
    rng, labels = np.random.default_rng(seed), np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    for _ in range(1000):
        cy, cx, angle = rng.uniform(30, side - 30), rng.uniform(30, side - 30), rng.uniform(0, np.pi)
        along = (y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)
        across = (x - cx) * np.sin(angle) - (y - cy) * np.cos(angle)
        distance = np.hypot(2 * along / length, 2 * across / width)
        if labels.max() < count and not labels[distance <= 1 + 6 / width].any():
            labels[distance <= 1] = labels.max() + 1
    return labels


def touching(seed: int, side: int = 256, radius: float = 18.0) -> Labels:
    """A sheet of round cells that touch, and cut one another: (Y, X)."""
    rng, labels = np.random.default_rng(seed), np.zeros((side, side), np.int32)
    places = np.stack(np.meshgrid(*2 * [np.arange(30, side - 20, 1.8 * radius)]), -1).reshape(-1, 2)
    places = places + rng.normal(0, 2, places.shape)
    away = np.hypot(*(np.mgrid[:side, :side][:, None] - places.T[:, :, None, None]))
    near = away.min(axis=0) <= radius
    labels[near] = away.argmin(axis=0)[near] + 1
    return labels


def bent(half: int) -> Labels:
    """A U with a cell inside it, and two slanting bars that touch along their whole length: (Y, X)."""
    labels = np.zeros((160, 220), np.int32)
    y, x = np.mgrid[:160, :220]
    legs = ((abs(x - 30) <= half) | (abs(x - 110) <= half)) & (y > 20) & (y <= 60)
    labels[((abs(np.hypot(y - 60, x - 70) - 40) <= half) & (y >= 60)) | legs] = 1
    labels[(abs(x - 70) <= half) & (y > 10) & (y < 80)] = 2
    for label, shift in ((3, 0), (4, 2 * half + 1)):
        labels[(abs(x - 150 - shift - 0.4 * (y - 80)) <= half) & (y > 10) & (y < 150) & (labels == 0)] = label
    return labels


def crossing(slope: float) -> Labels:
    """A bar, and another that lies over it and cuts its end off: (Y, X)."""
    labels = np.zeros((160, 160), np.int32)
    y, x = np.mgrid[:160, :160]
    labels[(abs(y - 80) <= 5) & (abs(x - 80) < 70)] = 1
    labels[(abs(y - 80 - slope * (x - 125)) <= 5 * np.hypot(1, slope)) & (abs(y - 80) < 60)] = 2
    return labels


def gold(path: Path, sequence: str) -> list[Labels]:
    """The gold masks of a sequence."""
    truth = open_dataset(path).movies[sequence].references["gold"]
    return [np.asarray(truth.labels[t], dtype=np.int32) for t in np.flatnonzero(truth.known)]


def worlds(cache: Path, real: Path | None) -> Iterator[tuple[str, list[Labels]]]:
    """Name and frames of everything that is encoded and decoded."""
    yield "round", [spread(seed, 28, 26) for seed in range(3)]
    yield "touching", [touching(seed) for seed in range(3)]
    yield "17:1", [spread(seed, 136, 8) for seed in range(3)]
    yield "bent", [bent(half) for half in (4, 6, 8)]
    yield "crossing", [crossing(slope) for slope in (0.5, 1.0, 2.0)]
    path = simulated(cache, "musc", 3, frames=24)
    for sequence in ("01", "02"):
        yield f"simulated MuSC {sequence}", gold(path, sequence)
    if real is not None:
        for name, sequence in (("BF-C2DL-MuSC", "01"), ("BF-C2DL-MuSC", "02"), ("PhC-C2DH-U373", "02")):
            yield f"{name} {sequence}", masks(real / name / f"{sequence}_GT/SEG")


def masks(folder: Path) -> list[Labels]:
    """Every fourth label image of a folder."""
    import tifffile

    return [tifffile.imread(path).astype(np.int32) for path in sorted(folder.glob("*.tif"))[::4]]


def simulated(cache: Path, preset: str, seed: int, frames: int | None = None) -> Path:
    """The folder of a simulated data set."""
    path = cache / f"{preset}{seed}"
    if not path.is_dir():
        write_dataset(path, preset, frames, seed=seed)
    return path


def at_best(head: Head, frames: list[Labels]) -> dict[str, Any]:
    """SEG of labels encoded and decoded, and the seconds a frame that both take (median)."""
    point, pairs, times = default_point(head.space), [], []
    for labels in frames:
        start = time.process_time()
        maps = head.perfect(head.encode(labels[None]))[0]
        middle = time.process_time()
        found = head.decode(maps, point)
        times.append((middle - start, time.process_time() - middle))
        pairs.append(match(labels, found))
    encode, decode = np.median(times, axis=0)
    seg = summarise(pairs).scores["seg"]
    return {"seg": round(seg or 0, 4), "encode_s": round(encode, 3), "decode_s": round(decode, 3)}


def trained(cache: Path, head: str, seed: int) -> Path:
    """The folder of a trained segmenter."""
    spool = cache / "runs" / f"{head}-{seed}"
    if not (spool / "segmenter" / "config.json").is_file():
        data = simulated(cache, "demo", 0)
        words = f"-m trainers train unet --data {data} --head {head} --seed {seed} {SETTINGS} --tracking spool:{spool}"
        subprocess.run([sys.executable, *words.split()], check=True)
    return spool / "segmenter"


def after_training(cache: Path, head: str, seed: int) -> dict[str, Any]:
    """The scores against gold truth of a data set that was not learned from, at the chosen operating point."""
    segmenter = Segmenter.load(trained(cache, head, seed), device="cpu")
    pairs = []
    for movie in open_dataset(simulated(cache, "demo", 1)).movies.values():
        truth = movie.references["gold"]
        for t in np.flatnonzero(truth.known):
            found: NDArray[np.int32] = next(segmenter.segment(movie.frames[t : t + 1]))
            pairs.append(match(np.asarray(truth.labels[t]), found))
    result = summarise(pairs)
    scores = {"seg": result.scores["seg"] or 0, "f1_0.50": result.at(0.5)["f1"], "f1_0.75": result.at(0.75)["f1"]}
    numbers = {name: round(float(value), 4) for name, value in scores.items()}
    return {"seed": seed, **numbers, "n_truth": result.n_truth, "point": dict(segmenter.point), **result.errors}


def main() -> None:
    """Measure and write."""
    cache = Path(sys.argv[1])
    real = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    ceilings = {
        world: {"frames": len(frames), **{name: at_best(HEADS[name](), frames) for name in HEADS}}
        for world, frames in worlds(cache, real)
    }
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "ceilings": ceilings,
        "trained": {head: [after_training(cache, head, seed) for seed in SEEDS] for head in COMPARED},
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
