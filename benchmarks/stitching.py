"""What tiles glued edge to edge do to cells: the numbers and the picture of docs/stitching.md.

    PYTHONPATH=platform:. python benchmarks/stitching.py MODEL DATA

MODEL is a folder, runs:/... or models:/...; it segments the validation part of DATA as whole frames, as blended tiles
and as hard tiles of 160 px. Writes benchmarks/results/stitching.json and docs/stitching.png.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cytolapse.data import default_split, open_dataset
from cytolapse.metrics import match, summarise
from cytolapse.metrics.context import Context
from cytolapse.metrics.seams import DISTANCE, seam_scores
from cytolapse.overlay import contact, draw
from cytolapse.previews import display_limits, to_display
from cytolapse.segmenter import Segmenter
from cytolapse.tiles import Tiling
from cytolapse.tracking import load_folder

if TYPE_CHECKING:
    from cytolapse.data import Movie
    from cytolapse.metrics import Result

ROOT = Path(__file__).resolve().parents[1]
TILE = 160
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"tile": 0},
    "taper": {"tile": TILE, "stitch": "taper"},
    "hard": {"tile": TILE, "stitch": "hard"},
}
REFERENCES = ("gold", "silver")
SIDE, ZOOM, SHOWN = 112, 3, 3
LINE = (255, 60, 60)


@dataclass(frozen=True)
class Part:
    """A movie, its border in px, and its labels (T, Y, X) segmented each way."""

    movie: Movie
    border: int
    found: dict[str, np.ndarray]

    def result(self, way: str, reference: str, stitch: str = "hard") -> Result:
        """The scores of one way against one truth; objects are near the seams that tiles put together so would have."""
        movie, truth = self.movie, self.movie.references[reference]
        near = Tiling(movie.frames.shape[1:], TILE, stitch).near_seams(DISTANCE)
        return summarise(
            [
                match(
                    np.asarray(truth.labels[t]),
                    self.found[way][t],
                    self.border,
                    movie.sequence,
                    int(movie.numbers[t]),
                    bool(truth.full[t]),
                )
                for t in np.flatnonzero(truth.known)
            ],
            context=Context([movie], reference, {movie.sequence: near}),
        )


def row(part: Part, way: str, reference: str) -> dict[str, Any]:
    """What is reported: the same objects for every way, those near the seams of hard tiles and the others."""
    result = part.result(way, reference)
    seams = seam_scores(result.objects)
    own = seam_scores(part.result(way, reference, way).objects) if way == "taper" else {}
    scores = {name: result.scores[name] for name in ("seg", "det_masks")} | {"f1_iou_0.50": result.at(0.5)["f1"]}
    return {**scores, "frames": result.frames, **seams, **{f"own_{name}": value for name, value in own.items()}}


def harmed(part: Part) -> list[dict[str, Any]]:
    """The objects of the silver truth that lose most by hard tiles against blended ones, one a frame."""
    before, after = (part.result(way, "silver").objects for way in ("taper", "hard"))
    iou = {(each["frame"], each["truth"]): each["iou"] for each in before if each["side"] == "truth"}
    lost = [
        (iou[each["frame"], each["truth"]] - each["iou"], each["frame"], each)
        for each in after
        if each["side"] == "truth"
    ]
    chosen: dict[int, dict[str, Any]] = {}
    for _, frame, each in sorted(lost, key=lambda item: -item[0]):
        if all(abs(frame - other) > 2 for other in chosen):
            chosen[frame] = each
    return list(chosen.values())[:SHOWN]


def panels(part: Part, cell: dict[str, Any]) -> list[np.ndarray]:
    """The surroundings of a cell, segmented each way: (Y, X, 3) uint8 each, the seams of hard tiles in red."""
    movie = part.movie
    t = int(np.flatnonzero(movie.numbers == cell["frame"])[0])
    shape = movie.frames.shape[1:]
    top, left = (int(np.clip(cell[at] - SIDE / 2, 0, size - SIDE)) for at, size in zip("yx", shape, strict=True))
    window = (slice(top, top + SIDE), slice(left, left + SIDE))
    image = to_display(movie.frames[t], display_limits(movie.frames))[window]
    truth = np.asarray(movie.references["silver"].labels[t])[window]
    drawn = [draw(image, truth, labels[t][window], zoom=ZOOM) for labels in part.found.values()]
    rows, columns = Tiling(shape, TILE, "hard").seams
    drawn[-1][[ZOOM * (at - top) for at in rows if top <= at < top + SIDE]] = LINE
    drawn[-1][:, [ZOOM * (at - left) for at in columns if left <= at < left + SIDE]] = LINE
    return drawn


def main() -> None:
    """Write the numbers and the picture."""
    folder, data = load_folder(sys.argv[1]), open_dataset(sys.argv[2])
    movie = default_split(data).movies(data, "validation")[0]
    found = {
        way: np.stack(list(Segmenter.load(folder, **given).segment(movie.frames, data.um)))
        for way, given in WAYS.items()
    }
    part = Part(movie, data.border, found)
    result = {
        "data": data.name,
        "digest": data.digest,
        "tile": TILE,
        "frame": list(movie.frames.shape[1:]),
        **{name: {way: row(part, way, name) for way in WAYS} for name in REFERENCES},
    }
    path = ROOT / "benchmarks/results/stitching.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    sheet = contact([panel for cell in harmed(part) for panel in panels(part, cell)], columns=len(WAYS))
    Image.fromarray(sheet).quantize(192, dither=Image.Dither.NONE).save(ROOT / "docs/stitching.png", optimize=True)
    print(path.read_text())


if __name__ == "__main__":
    main()
