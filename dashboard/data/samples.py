"""A few frames of a data set with the outlines of their truth; pure."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from cytolapse.data.tiff import as_frame, as_labels, read_image
from cytolapse.errors import CytolapseError
from cytolapse.overlay import SILVER, TRUTH, Pen, draw
from cytolapse.previews import display_limits, to_display
from dashboard.data.annotated import KINDS
from dashboard.errors.cutouts import BOX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cytolapse.overlay import Colour
    from dashboard.data.datasets import Sequence as Listing

COUNT = 3
WIDE = 640
"""About how many px wide a picture is; a page shows it at two thirds of that."""
THICK = 3
MARKER: Colour = (204, 121, 167)
LEGEND = (("gold (dashed)", TRUTH), ("silver", SILVER), ("TRA markers", MARKER))


class Sample(NamedTuple):
    """A frame to show: its sequence, its number, and "frames", "gold", "silver", "TRA" -> its file."""

    sequence: str
    number: int
    files: Mapping[str, Path]


def chosen(sequences: Iterable[Listing], count: int = COUNT) -> list[Sample]:
    """Frames spread over all sequences, of those with gold masks where there are any, else silver, else markers."""
    every = [
        Sample(each.name, number, {kind: files[number] for kind, files in each.files.items() if number in files})
        for each in sequences
        for number in each.frames
    ]
    for kind in ("gold", "silver", "TRA", "frames"):
        found = [sample for sample in every if kind in sample.files]
        if found:
            return spread(found, count)
    return []


def spread(found: Sequence[Any], count: int = COUNT) -> list[Any]:
    """So many of them, far from each other and from the ends.

    >>> spread(list(range(9)))
    [1, 4, 7]
    """
    if len(found) <= count:
        return list(found)
    return [found[(2 * place + 1) * len(found) // (2 * count)] for place in range(count)]


def picture(sample: Sample) -> bytes | None:
    """PNG of a frame; None where it can't be read, while a mask that can't be is left out."""
    frame = _read(sample.files.get("frames"), as_frame)
    if frame is None:
        return None
    masks = {kind: _read(sample.files.get(kind), as_labels) for kind in ("gold", "silver", "TRA")}
    return outlined(to_display(frame, display_limits(frame[None])), masks)


def outlined(image: Any, masks: Mapping[str, Any]) -> bytes:
    """PNG of a (Y, X) uint8 frame with the outlines of its truth: kind -> (Y, X) labels or None."""
    known = {kind: each for kind, each in masks.items() if each is not None and each.shape == image.shape}
    cells = known.get("gold") is not None or known.get("silver") is not None
    first, colour = (known.get("gold"), TRUTH) if cells else (known.get("TRA"), MARKER)
    step, zoom = max(1, round(image.shape[1] / WIDE)), max(1, round(WIDE / image.shape[1]))
    small = np.asarray(Image.fromarray(image).reduce(step)) if step > 1 else image
    layers = [None if each is None else each[::step, ::step] for each in (first, known.get("silver"))]
    if not cells and layers[0] is not None:  # markers are discs of a few px: a ring around each can be seen
        layers[0] = ndimage.maximum_filter(layers[0], 9)
    buffer = io.BytesIO()
    Image.fromarray(draw(small, *layers, zoom=zoom, pen=Pen(colour, SILVER, THICK))).save(
        buffer, "PNG", compress_level=3
    )
    return buffer.getvalue()


def legend(kinds: Iterable[str]) -> str:
    """What the outlines of these kinds mean."""
    here = set(kinds)
    shown = [kind for kind in ("gold", "silver") if kind in here] or [kind for kind in ("TRA",) if kind in here]
    items = dict(zip(KINDS, LEGEND, strict=True))
    boxes = (
        f'<span style="white-space:nowrap"><span style="{BOX};background:rgb{items[kind][1]}"></span>'
        f"{html.escape(items[kind][0])}</span>"
        for kind in shown
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;opacity:.85">{"".join(boxes)}</div>'


def _read(path: Path | None, accept: Any) -> Any:
    try:
        return None if path is None else accept(path, read_image(path))
    except CytolapseError:
        return None
