"""How well cells are followed: masks that are right, linked, and scored as the Cell Tracking Challenge does.

    cytolapse simulate musc --preset musc --seed 41 --gold-frames 1376
    PYTHONPATH=platform python benchmarks/linking.py musc=gold PhC-C2DH-U373=silver BF-C2DL-MuSC=markers --json FILE

DATA=gold links the exact masks of a simulated data set, DATA=silver the silver masks of a real one, DATA=markers its
tracking markers, which are discs: nothing but their places can be followed. Their ids are drawn anew in every frame.
`--twin` scores with py-ctcmetrics too. Where the truth has no man_track.txt, its tracks are the ids of its markers and
have no parents: then only `found`, the share of its links that are there, says something.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.data.check import present
from cytolapse.data.ctc import Sources, read_tracks, sources
from cytolapse.data.masks import mask_name, write_mask
from cytolapse.errors import CytolapseError
from cytolapse.linking import link_folder, relabel
from cytolapse.metrics import Tracks, match, summarise
from cytolapse.metrics.folders import read_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

SCORES = ("tra", "lnk", "det")
Row = dict[str, Any]


def scramble(files: Mapping[int, Path], folder: Path) -> int:
    """Write masks with ids that mean nothing from frame to frame; how many objects they hold."""
    rng, objects = np.random.default_rng(0), 0
    for number, path in files.items():
        labels = read_labels(path)
        ids = sorted(present(labels))
        objects += len(ids)
        new = dict(zip(ids, rng.permutation(len(ids)) + 1, strict=True))
        write_mask(folder / mask_name(number), relabel(labels, new))
    return objects


def truth_tracks(truth: Sources) -> np.ndarray:
    """The rows of man_track.txt, or else a track for each id of the markers."""
    if truth.tracks:
        return read_tracks(truth.tracks)
    lives: dict[int, list[int]] = {}
    for number, path in truth.markers.items():
        for label in present(read_labels(path)):
            lives.setdefault(label, [number, number])[1] = number
    return np.array([[label, first, last, 0] for label, (first, last) in sorted(lives.items())])


def twin(root: Path, sequence: str, folder: Path) -> Row:
    """What py-ctcmetrics makes of the same folder."""
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = evaluate_sequence(str(folder), str(root / f"{sequence}_GT"), ["Valid", "DET", "TRA", "LNK"], 1)
    return {"valid": found["Valid"], **{name: found[name.upper()] for name in SCORES}}


def measure(root: Path, sequence: str, kind: str, compare: bool) -> Row:
    """Link one sequence and score it; objects in the border count, as in py-ctcmetrics.

    Raises:
        CytolapseError: a frame with markers has no mask to link.
    """
    truth = sources(root, sequence)
    files = {"gold": truth.gold, "silver": truth.silver, "markers": truth.markers}[kind]
    if absent := truth.markers.keys() - files.keys():
        raise CytolapseError(f"{root}: sequence {sequence} has no {kind} mask of frame {min(absent)}")
    with TemporaryDirectory() as room:
        folder = Path(room)
        objects = scramble(files, folder)
        start = time.process_time()
        tracks = link_folder(folder, list(files))
        seconds = time.process_time() - start
        markers = [
            match(read_labels(path), read_labels(folder / mask_name(number)), sequence=sequence, frame=number)
            for number, path in truth.markers.items()
        ]
        result = summarise([], markers, tracks={sequence: Tracks(truth_tracks(truth), tracks)})
        links = result.pool.links
        row: Row = {"data": root.name, "sequence": sequence, "masks": kind, "frames": len(files), "objects": objects}
        row |= {
            "links": links.truth,
            "found": round(1 - links.absent / links.truth, 4),
            "cpu_seconds": round(seconds, 1),
        }
        if truth.tracks:
            row |= {name: round(result.scores[name], 4) for name in SCORES} | dict(
                zip(links._fields, links, strict=True)
            )
        if compare:
            row["py_ctcmetrics"] = twin(root, sequence, folder)
            row["largest_difference"] = max(abs(row["py_ctcmetrics"][name] - result.scores[name]) for name in SCORES)
    return row


def main() -> None:
    """Print a line a sequence, and write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="DATA=gold|silver|markers")
    parser.add_argument("--twin", action="store_true", help="score with py-ctcmetrics too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    rows = []
    for each in given.data:
        root, _, kind = each.rpartition("=")
        for sequence in sorted(path.name[:2] for path in Path(root).glob("??_GT")):
            rows.append(measure(Path(root), sequence, kind, given.twin))
            print(rows[-1], flush=True)
    if given.json:
        report = {"machine": f"{platform.machine()}, {platform.system()}", "rows": rows}
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
