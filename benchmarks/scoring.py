"""How long scoring a long movie takes, from label files on disk to JSON, beside StarDist and py-ctcmetrics.

    PYTHONPATH=platform python benchmarks/scoring.py [--frames 1376] [--compared 60] [--repeats 3]

makes a sequence of 1,376 frames of 1036 x 1070 px with 4 cells each (gold masks, TRA markers and predictions as LZW
TIFFs, in a temporary folder) and times, each in a process of its own:

- `cytolapse score TRUTH PRED --json FILE`: all scores, 101 thresholds, markers, intervals, by frame and by bin;
- `stardist`: reading masks and `matching_dataset_lazy` at 100 thresholds 0.01 ... 1, the overlap computed once a frame;
- `py_ctcmetrics`: its SEG and DET on all cores, as its own command computes them.

py-ctcmetrics takes almost a second a frame, so ratios come from the first 60 frames, where our start weighs more
than in the whole. The tools take turns, so that whatever else the machine does falls on all of them; CPU seconds are
those of all processes and threads. Matches, SEG and DET must agree. It writes benchmarks/results/scoring.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES, SIZE, CELLS = 1376, (1036, 1070), 4
LIMIT_SECONDS, LEAST_RATIO = 25.0, 8.0
RESULTS = Path(__file__).parent / "results" / "scoring.json"
Labels = np.ndarray[tuple[int, int], np.dtype[np.uint16]]

STARDIST = """
import json, sys
from pathlib import Path
import tifffile
from stardist.matching import matching_dataset_lazy
sides = [sorted(Path(folder).glob("*.tif")) for folder in sys.argv[1:]]
pairs = ((tifffile.imread(truth), tifffile.imread(pred)) for truth, pred in zip(*sides, strict=True))
thresholds = [percent / 100 for percent in range(1, 101)]
rows = matching_dataset_lazy(pairs, thresh=thresholds, show_progress=False)
print(json.dumps([int(row.tp) for row in rows]))
"""
CTC = """
import json, sys
from ctc_metrics.scripts.evaluate import evaluate_sequence
truth, results = sys.argv[1:]
found = evaluate_sequence(results, truth, ["SEG", "DET"])
print()
print(json.dumps([found["SEG"], found["DET"]]))
"""


def sequence(frames: int) -> Iterator[tuple[Labels, Labels, Labels]]:
    """Truth, markers and prediction of each frame, (Y, X) uint16 each: cells that drift, and what finds most of them.

    Each prediction has an id of its own: py-ctcmetrics wants tracks without a gap, and so they last one frame.
    """
    rng = np.random.default_rng(0)
    ids, centres, radii = np.arange(1, CELLS + 1), rng.uniform(100, 900, (CELLS, 2)), rng.uniform(9, 30, (CELLS, 2))
    for number in range(frames):
        centres = np.clip(centres + rng.normal(0, 3, centres.shape), 50, 980)
        found = (rng.random(CELLS) < 0.97) * (number * CELLS + ids)
        moved, grown = centres + rng.normal(0, 2, centres.shape), radii * rng.uniform(0.8, 1.2, radii.shape)
        yield _ellipses(ids, centres, radii), _ellipses(ids, centres, 0 * radii + 4), _ellipses(found, moved, grown)


def _ellipses(ids: Any, centres: Any, radii: Any) -> Labels:
    labels = np.zeros(SIZE, np.uint16)
    for label, centre, radius in zip(ids, centres, radii, strict=True):
        rows, columns = (slice(int(c - r), int(c + r) + 2) for c, r in zip(centre, radius, strict=True))
        y, x = np.ogrid[rows, columns]
        inside = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 < 1
        labels[rows, columns][inside] = label or labels[rows, columns][inside]
    return labels


def write(root: Path, frames: int) -> tuple[Path, Path, Path]:
    """The sequence in the challenge's layout -> truth, predictions, and these once more with tracks beside them."""
    truth, pred, tracked = root / "01_GT" / "SEG", root / "01_RES", root / "tracked"
    markers = truth.with_name("TRA")
    for folder in (truth, markers, pred, tracked):
        folder.mkdir(parents=True)
    lines = []
    for number, images in enumerate(tqdm(sequence(frames), total=frames, desc="writing")):
        names = f"man_seg{number:04d}.tif", f"man_track{number:04d}.tif", f"mask{number:04d}.tif"
        for folder, name, labels in zip((truth, markers, pred), names, images, strict=True):
            tifffile.imwrite(folder / name, labels, compression="lzw")
        os.link(pred / names[2], tracked / names[2])
        lines += [f"{label} {number} {number} 0\n" for label in np.unique(images[2])[1:]]
    (tracked / "res_track.txt").write_text("".join(lines))
    (markers / "man_track.txt").write_text("".join(f"{label} 0 {frames - 1} 0\n" for label in range(1, CELLS + 1)))
    return truth, pred, tracked


def timed(*command: Any) -> tuple[dict[str, float], str]:
    """Run a program -> its wall-clock and CPU seconds, those of its own processes included, and its output."""
    load, used, start = os.getloadavg()[0], resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    output = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return {"seconds": round(wall, 2), "cpu_seconds": round(cpu, 2), "load_before": round(load, 2)}, output


def ours(root: Path, folders: tuple[Path, Path, Path]) -> tuple[dict[str, float], dict[str, Any]]:
    """`cytolapse score` -> its times and what it wrote."""
    file = root / "scores.json"
    times, _ = timed(sys.executable, "-m", "cytolapse", "score", *folders[:2], "--json", file)
    return times, json.loads(file.read_text())


def turn(root: Path, folders: tuple[Path, Path, Path]) -> dict[str, Any]:
    """Each tool once -> its times, and how many times as long as ours the others take together."""
    truth, pred, tracked = folders
    own, found = ours(root, folders)
    stardist, matches = timed(sys.executable, "-c", STARDIST, truth, pred)
    ctc, scores = timed(sys.executable, "-c", CTC, truth.parent, tracked)
    assert [row["tp"] for row in found["curve"][1:]] == json.loads(matches.splitlines()[-1])
    seg_det = found["scores"]["seg"], found["scores"]["det"]
    assert np.allclose(seg_det, json.loads(scores.splitlines()[-1]), rtol=0, atol=1e-9)
    ratio = {name: round((stardist[name] + ctc[name]) / own[name], 1) for name in ("seconds", "cpu_seconds")}
    return {"cytolapse": own, "stardist": stardist, "py_ctcmetrics": ctc, "ratio": ratio}


def main() -> None:
    """Write the movie, let the tools take turns, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of the movie that cytolapse scores alone")
    parser.add_argument("--compared", type=int, default=60, help="its first frames, which all tools score")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        movie, first = write(root / "movie", given.frames), write(root / "first", given.compared)
        alone, turns = [], []
        for _ in range(given.repeats):
            alone.append(ours(root, movie)[0])
            turns.append(turn(root, first))
    result = {
        "what": f"{given.frames} frames of {SIZE[0]} x {SIZE[1]} px, {CELLS} cells each, from LZW TIFFs to JSON",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "limit_seconds_on_2_cores": LIMIT_SECONDS,
        "cytolapse": alone,
        "median": {name: float(np.median([each[name] for each in alone])) for name in ("seconds", "cpu_seconds")},
        "compared_frames": given.compared,
        "least_ratio": LEAST_RATIO,
        "median_ratio": {name: float(np.median([each["ratio"][name] for each in turns])) for name in turns[0]["ratio"]},
        "turns": turns,
    }
    if given.frames == FRAMES:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
