"""Draw docs/simulated-musc.png: simulated frames at several times, cells at full resolution, measured statistics.

    PYTHONPATH=platform:. python benchmarks/simulated_sheet.py

reads benchmarks/results/simulated-statistics.json for the table; half a minute on one core.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.segmentation import find_boundaries

from benchmarks.simulated_statistics import MEDIANS, RESULT
from cytolapse.data.simulate.movie import Frame, Sequence
from cytolapse.data.simulate.presets import PRESETS

OUT = Path(__file__).parents[1] / "docs" / "simulated-musc.png"
TIMES = (300, 1100, 1375)
GOLD, SILVER = (0, 158, 115), (230, 159, 0)
CROP = 128


def frames(index: int) -> list[Frame]:
    """The frames of one sequence at TIMES."""
    preset = PRESETS["musc"]
    movie = Sequence(preset, index, preset.frames, preset.size, 0)
    drawn = []
    for at in range(preset.frames):
        if at in TIMES:
            drawn.append(movie.draw())
        else:
            movie.skip()
    return drawn


def halved(image: np.ndarray) -> np.ndarray:
    """(Y, X) uint8 at half the size."""
    return image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean((1, 3)).astype(np.uint8)


def cells(frame: Frame, count: int) -> np.ndarray:
    """Pieces (2, CROP, count * CROP, 3) around some cells: as they look, and with gold and silver outlines."""
    middles = ndimage.center_of_mass(frame.labels > 0, frame.labels, np.unique(frame.labels)[1:])
    chosen = [middles[each] for each in np.linspace(0, len(middles) - 1, count).astype(int)]
    plain = np.stack([frame.image] * 3, -1)
    drawn = plain.copy()
    drawn[find_boundaries(frame.silver, mode="inner")] = SILVER
    drawn[find_boundaries(frame.labels, mode="inner")] = GOLD
    pieces = []
    for y, x in chosen:
        top, left = (
            int(np.clip(at - CROP / 2, 0, side - CROP)) for at, side in zip((y, x), frame.labels.shape, strict=True)
        )
        part = (slice(top, top + CROP), slice(left, left + CROP))
        pieces.append(np.stack([plain[part], drawn[part]]))
    return np.concatenate(pieces, 2)


def table(width: int) -> np.ndarray:
    """The medians, target and measured, as a picture (Y, X, 3)."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    names = [*MEDIANS[0], "silver SEG"]
    image = Image.new("RGB", (width, 26 * (len(names) + 3)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    titles = ("median of", "real 01", "simulated 01", "real 02", "simulated 02")
    rows = [titles]
    for name in names:
        values = [result[sequence][name] for sequence in ("01", "02")]
        rows.append((name, *(f"{value[key]:g}" for value in values for key in ("target", "measured"))))
    for down, row in enumerate(rows):
        for at, text in zip((20, 260, 400, 600, 740), row, strict=True):
            pen.text((at, 14 + 26 * down), text, fill="black", font=font)
    legend = (
        (GOLD, "exact mask (gold)"),
        (SILVER, "silver mask"),
        ((0, 0, 0), "frames 300, 1100 and 1375 of 01 (above) and 02"),
    )
    for down, (colour, text) in enumerate(legend):
        pen.text((980, 14 + 26 * down), text, fill=colour, font=font)
    return np.asarray(image)


def main() -> None:
    """Write the sheet."""
    rows, pieces = [], []
    for index in range(2):
        drawn = frames(index)
        rows.append(np.concatenate([halved(frame.image) for frame in drawn], 1))
        pieces.append(cells(drawn[-1], 12))
    grey = np.repeat(np.concatenate(rows)[..., None], 3, 2)
    width = grey.shape[1]
    crops = np.concatenate([row for piece in pieces for row in piece])
    crops = np.pad(crops, ((8, 8), (0, width - crops.shape[1]), (0, 0)), constant_values=255)
    sheet = Image.fromarray(np.concatenate([grey, crops, table(width)]))
    # A palette keeps the file small; grey values are hardly touched by it.
    sheet.quantize(192, dither=Image.Dither.NONE).save(OUT, optimize=True)
    print(f"wrote {OUT} ({OUT.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main()
