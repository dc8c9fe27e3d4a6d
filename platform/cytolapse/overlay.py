"""Overlays: outlines of truth and prediction on a frame, in colours that colour-blind eyes tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.util import montage

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Colour = tuple[int, int, int]

# Source: the palette of Okabe and Ito; brightness alone orders the three error colours too.
TRUTH: Colour = (0, 200, 150)
PREDICTION: Colour = (255, 170, 30)
SILVER: Colour = (168, 199, 250)
"""Of silver truth where it is drawn beside gold, which has TRUTH's."""
COLOURS: Mapping[str, Colour] = {"TP": (86, 180, 233), "FP": (230, 85, 13), "FN": (250, 235, 70)}
UNJUDGED: Colour = (205, 205, 205)
_TINT = 0.25
_LARGE = 2**16


class Pen(NamedTuple):
    """Colours of the sides, and how thick outlines are in px of the result; 0 = as its size asks."""

    truth: Colour = TRUTH
    prediction: Colour = PREDICTION
    thick: int = 0


USUAL = Pen()


def draw(
    image: NDArray[Any],
    truth: NDArray[Any] | None,
    prediction: NDArray[Any] | None,
    objects: Iterable[Mapping[str, Any]] | None = None,
    zoom: int = 1,
    pen: Pen = USUAL,
) -> NDArray[np.uint8]:
    """Outline truth (dashed) and prediction (solid) on a frame.

    Without `objects` each side has its own colour. With them the colour says what became of an object at IoU 0.5:
    TP, FP or FN; missed and false objects are tinted as well; what `objects` does not list is grey.

    Args:
        image: (Y, X) uint8 grey values.
        truth: (Y, X) integer labels, 0 = background; None leaves them out.
        prediction: likewise.
        objects: this frame's rows of `objects.parquet` for the reference that `truth` is.
        zoom: pixels are repeated, never interpolated; outlines are two pixels of the result wide, else one.
        pen: other colours for the sides where `objects` is None, and another thickness.

    Returns:
        (Y * zoom, X * zoom, 3) uint8.

    Raises:
        CytolapseError: labels and image differ in size.
    """
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if labels is not None and labels.shape != image.shape:
            raise CytolapseError(f"{name} is {labels.shape}, the frame is {image.shape}: they must be of one size")
    canvas = np.repeat(_enlarge(image, zoom)[..., None], 3, axis=2).astype(np.uint8)
    rows = None if objects is None else list(objects)
    for side, labels, colour in (("prediction", prediction, pen.prediction), ("truth", truth, pen.truth)):
        if labels is not None:
            ids, places = _listed(labels)
            look = _colours(ids, side, colour, rows)
            thick = pen.thick or (2 if zoom > 1 or max(labels.shape) > 1200 else 1)
            _paint(canvas, _enlarge(places, zoom), look, thick, dashed=side == "truth")
    return canvas


def _enlarge(plane: NDArray[Any], zoom: int) -> NDArray[Any]:
    return plane if zoom == 1 else plane.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _listed(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rising ids (L,), 0 first, and labels as positions in them (Y, X); large ids take no room for those between."""
    highest = int(labels.max(initial=0))
    if highest < _LARGE:
        return np.arange(highest + 1), labels
    ids = np.union1d(labels, [0])
    return ids, np.searchsorted(ids, labels)


def _colours(
    ids: NDArray[Any], side: str, plain: Colour, rows: Sequence[Mapping[str, Any]] | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Per id: its colour (L, 3), and whether it is an error (L,)."""
    colours = np.tile(np.array(plain if rows is None else UNJUDGED, np.uint8), (len(ids), 1))
    wrong = np.zeros(len(colours), bool)
    for row in rows or ():
        if row["side"] == side and 0 < row[side] <= ids[-1]:
            place, matched = np.searchsorted(ids, int(row[side])), row["kind"] == "matched"
            if ids[place] == int(row[side]):
                colours[place] = COLOURS["TP" if matched else "FN" if side == "truth" else "FP"]
                wrong[place] = not matched
    return colours, wrong


def _paint(
    canvas: NDArray[np.uint8],
    labels: NDArray[Any],
    look: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    thick: int,
    dashed: bool,
) -> None:
    colours, wrong = look
    size = 2 * thick + 1
    line = (ndimage.maximum_filter(labels, size) != ndimage.minimum_filter(labels, size)) & (labels > 0)
    if dashed:
        y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
        line &= (y + x) // (4 * thick) % 2 == 0
    tinted = wrong[labels]
    canvas[tinted] = (1 - _TINT) * canvas[tinted] + _TINT * colours[labels[tinted]]
    canvas[line] = colours[labels[line]]


def window(shape: tuple[int, ...], sides: tuple[int, int], centre: tuple[float, float]) -> tuple[slice, slice]:
    """The part of a (Y, X) frame that is `sides` px high and wide around (y, x), moved to lie inside the frame."""
    cut = []
    for size, side, middle in zip(shape, sides, centre, strict=False):
        length = min(side, size)
        start = min(max(0, round(middle - length / 2)), size - length)
        cut.append(slice(start, start + length))
    return cut[0], cut[1]


def contact(panels: Sequence[NDArray[np.uint8]], columns: int = 4) -> NDArray[np.uint8]:
    """Put (Y, X, 3) panels on one white sheet, row by row; smaller panels are filled up with white.

    Raises:
        CytolapseError: there is no panel.
    """
    if not panels:
        raise CytolapseError("a contact sheet needs at least one panel")
    height, width = (max(panel.shape[axis] for panel in panels) for axis in (0, 1))
    columns = min(columns, len(panels))
    shape = (-(-len(panels) // columns), columns)
    blank = np.full((shape[0] * columns, height, width, 3), 255, np.uint8)
    for place, panel in zip(blank, panels, strict=False):
        place[: panel.shape[0], : panel.shape[1]] = panel
    sheet: NDArray[np.uint8] = montage(blank, fill=(255, 255, 255), grid_shape=shape, padding_width=6, channel_axis=3)
    return sheet


def save_movie(path: Path, panels: Sequence[NDArray[np.uint8]], frames_per_second: float = 8, side: int = 512) -> None:
    """Write (Y, X, 3) panels as an animated WebP, scaled down to at most `side` px.

    Raises:
        CytolapseError: there is no panel.
    """
    if not panels:
        raise CytolapseError("a movie needs at least one frame")
    images = [Image.fromarray(panel) for panel in panels]
    for image in images:
        image.thumbnail((side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    duration = round(1000 / frames_per_second)
    images[0].save(
        path, "WEBP", save_all=True, append_images=images[1:], duration=duration, loop=0, quality=80, method=2
    )
