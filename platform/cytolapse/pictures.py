"""Pictures of what went wrong in a run: its worst frames, and cut-outs of its worst cells by kind."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from math import hypot
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from cytolapse.data.masks import new_mask_folder
from cytolapse.metrics.kinds import UNJUDGED
from cytolapse.metrics.mistakes import worst
from cytolapse.overlay import COLOURS, PREDICTION, TRUTH, contact, draw, window
from cytolapse.overlay import UNJUDGED as GREY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cytolapse.overlay import Colour
    from cytolapse.previews import FrameView, Previews
    from cytolapse.tracking.tables import Tables

Row = dict[str, Any]
Legend = tuple[tuple[str, "Colour"], ...]
Part = tuple[slice, slice]
WHOLE = (slice(None), slice(None))


class Sheet(NamedTuple):
    """One contact sheet: which objects, and whether colours tell what became of them, else which side is which."""

    title: str
    side: str
    kind: str
    by_error: bool = True


SHEETS = {
    "missed": Sheet("Missed cells", "truth", "missed"),
    "merged": Sheet("Merged cells", "truth", "merged"),
    "split": Sheet("Split cells", "truth", "split"),
    "spurious": Sheet("Spurious predictions", "prediction", "spurious"),
    "imprecise": Sheet("Matched cells", "truth", "matched", by_error=False),
}
CELLS, COLUMNS = 20, 5
APART = 10
"""Frames between two cut-outs of one place, at least: neighbouring frames show the same mistake."""
PANEL, WIDE = 250, 900
"""Width in px of a cut-out and of the picture of a frame, at least; pixels are repeated."""
AROUND, SMALLEST = 2.5, 24
"""Side of a cut-out / median major axis of the truth, and the least side in px."""
WORDS = 40
"""Width of a frame's picture / size of the words on it: they can be read where the picture is shown small, too."""
INK = (20, 20, 20)
ERRORS: Legend = (
    ("dashed: truth", INK),
    ("solid: prediction", INK),
    ("matched", COLOURS["TP"]),
    ("missed, merged, split", COLOURS["FN"]),
    ("spurious, merging, fragment", COLOURS["FP"]),
    ("not judged", GREY),
)
SIDES: Legend = (("dashed: truth", TRUTH), ("solid: prediction", PREDICTION))


def save_pictures(tables: Tables, top: int, out: Path) -> list[str]:
    """Write `frame-RANK-SEQUENCE-NUMBER.png` of the worst frames and `cells-KIND.png` of the worst cells of a kind.

    Args:
        tables: of an evaluated run, with its previews.
        top: how many frames.
        out: a folder that does not exist, or is empty.

    Returns:
        The files' names.

    Raises:
        CytolapseError: there are no previews, or the folder can't be filled.
    """
    album = _Album(tables)
    with new_mask_folder(out) as folder:
        for name, picture in tqdm(album.pictures(top), desc="pictures", unit="", delay=1, leave=False):
            picture.save(folder / name)
    return sorted(each.name for each in out.iterdir())


class _Album:
    """The frames of a run with the objects in them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._previews: dict[str, Previews] = {}
        self._objects: dict[tuple[str, int], list[Row]] = {}
        for row in tables.objects:
            if row["kind"] != UNJUDGED:
                self._objects.setdefault((row["sequence"], row["frame"]), []).append(row)
        truth = [row["major"] for row in tables.objects if row["side"] == "truth"]
        self._side = side_of(truth)

    def pictures(self, top: int) -> Iterator[tuple[str, Image.Image]]:
        """File name and picture."""
        for row in worst(list(self._tables.frames), top):
            yield f"frame-{row['rank']:03d}-{row['sequence']}-{row['frame']:04d}.png", self._frame(row)
        for name, sheet in SHEETS.items():
            found = [row for row in self._tables.objects if row["side"] == sheet.side and row["kind"] == sheet.kind]
            if found:
                yield f"cells-{name}.png", self._sheet(sheet, found)

    def _view(self, row: Row) -> FrameView:
        sequence = row["sequence"]
        if sequence not in self._previews:
            self._previews[sequence] = self._tables.previews(sequence)
        return self._previews[sequence].frame(row["frame"])

    def _picture(self, row: Row, part: Part = WHOLE, least: int = WIDE, by_error: bool = True) -> Image.Image:
        objects = self._objects.get((row["sequence"], row["frame"]), []) if by_error else None
        return picture(self._view(row), self._tables.reference, objects, part, least)

    def _frame(self, row: Row) -> Image.Image:
        shown = named(self._picture(row), self._view(row), self._objects.get((row["sequence"], row["frame"]), []))
        counts = ", ".join(f"{row[kind]} {kind}" for kind in ("missed", "merged", "split", "spurious") if row[kind])
        seg = "" if row["seg"] is None else f", SEG {row['seg']:.3f}"
        where = f"{row['rank']}. {row['sequence']}, frame {row['frame']}"
        return _titled(shown, f"{where}: {row['n_truth']} cells: {counts or 'no error'}{seg}", ERRORS)

    def _sheet(self, sheet: Sheet, found: Sequence[Row]) -> Image.Image:
        chosen = apart(sorted(found, key=lambda row: (row["iou"], -row["area"])), self._side / 2)[:CELLS]
        panels = []
        for row in chosen:
            part = window(self._view(row).image.shape, (self._side, self._side), (row["y"], row["x"]))
            panel = self._picture(row, part, PANEL, sheet.by_error)
            caption = f"{row['sequence']}, frame {row['frame']}: IoU {row['iou']:.2f}"
            panels.append(np.asarray(_titled(panel, caption, size=13)))
        title = (
            f"{sheet.title}: {len(chosen)} of {len(found)}, lowest IoU first, each place once in {APART} frames; "
            f"{self._side} x {self._side} px"
        )
        return _titled(Image.fromarray(contact(panels, COLUMNS)), title, ERRORS if sheet.by_error else SIDES)


def picture(view: FrameView, reference: str, objects: Sequence[Row] | None, part: Part, least: int) -> Image.Image:
    """A part of a frame with outlines, enlarged to be at least `least` px wide.

    Args:
        view: the frame.
        reference: whose truth is drawn.
        objects: the rows of its judged objects, to colour them; None = each side has a colour of its own.
        part: rows and columns.
        least: width in px; pixels are repeated.
    """
    truth = view.references.get(reference)
    image = view.image[part]
    zoom = max(1, -(-least // image.shape[1]))
    shown = draw(image, None if truth is None else truth[part], view.prediction[part], objects, zoom)
    return Image.fromarray(shown)


def named(picture: Image.Image, view: FrameView, objects: Sequence[Row]) -> Image.Image:
    """The picture of a whole frame with the kinds of its errors written on it, the largest first, if there is room."""
    pen, zoom = ImageDraw.Draw(picture), picture.width // view.image.shape[1]
    font, taken = _font(max(16, picture.width // WORDS)), list[tuple[float, float, float, float]]()
    for each in sorted(objects, key=lambda row: -row["area"]):
        place = (each["x"] * zoom, each["y"] * zoom)
        box = pen.textbbox(place, each["kind"], font, anchor="mm", stroke_width=2)
        if each["kind"] in ("missed", "merged", "split", "spurious") and not any(_overlap(box, old) for old in taken):
            colour = COLOURS["FN" if each["side"] == "truth" else "FP"]
            pen.text(place, each["kind"], colour, font, anchor="mm", stroke_width=2, stroke_fill=INK)
            taken.append(box)
    return picture


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two boxes (left, top, right, bottom) share a place."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def side_of(majors: Sequence[float]) -> int:
    """Side of a cut-out in px, from the major axes of the truth."""
    return max(SMALLEST, round(AROUND * float(np.median(majors or [0]))))


def apart(rows: Iterable[Row], distance: float) -> list[Row]:
    """Those that don't lie within `distance` px and `APART` frames of one before."""
    chosen: list[Row] = []
    near: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        t, y, x = row["frame"] // APART, int(row["y"] // distance), int(row["x"] // distance)
        around = (near.get((row["sequence"], t + i, y + j, x + k), ()) for i, j, k in product((-1, 0, 1), repeat=3))
        if not any(_close(row, other, distance) for box in around for other in box):
            chosen.append(row)
            near[row["sequence"], t, y, x].append(row)
    return chosen


def _close(row: Row, other: Row, distance: float) -> bool:
    far = hypot(row["y"] - other["y"], row["x"] - other["x"])
    return abs(row["frame"] - other["frame"]) < APART and far < distance


def _titled(picture: Image.Image, title: str, legend: Legend = (), size: int = 18) -> Image.Image:
    """The picture below a line of text and above one that says what the outlines mean; wide enough for both."""
    line, small = round(1.6 * size), _font(14)
    ends = [6 + _font(size).getlength(title), sum(38 + small.getlength(word) for word, _ in legend)]
    width = max(picture.width, *(round(end) + 6 for end in ends)) if legend else picture.width
    sheet = Image.new("RGB", (width, picture.height + line * (1 + bool(legend))), "white")
    sheet.paste(picture, (0, line))
    pen = ImageDraw.Draw(sheet)
    pen.text((6, line // 2), title, INK, _font(size), anchor="lm")
    x, y = 6.0, picture.height + 3 * line // 2
    for word, colour in legend:
        if colour is not INK:
            pen.rectangle((x, y - 6, x + 14, y + 6), fill=colour, outline=INK)
            x += 20
        pen.text((x, y), word, INK, small, anchor="lm")
        x += small.getlength(word) + 18
    return sheet


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
