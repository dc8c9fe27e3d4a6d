"""A contact sheet for one finding: the picture, silver in three frames, and what each model sees."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cytolapse.overlay import contact, draw, window
from cytolapse.previews import display_limits, to_display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cytolapse.audit.rank import Finding
    from cytolapse.audit.scene import Scene
    from cytolapse.data import Movie
    from cytolapse.data.ignore import Box

PANEL = 264
"""Side of a panel in px, about."""
MARGIN, LEAST = 24, 88
"""What is shown around a finding at least, and the side of the window at least, in px of the frame."""
TOUCH = 0.2
TITLE, LINE = 18, 20
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Sheets:
    """Draws the findings of one sequence.

    Attributes:
        movie: its frames.
        scene: its silver masks and the models' masks.
        weights: how much each model's word counts.
    """

    movie: Movie
    scene: Scene
    weights: Sequence[float]

    def where(self, finding: Finding) -> NDArray[np.bool_]:
        """The pixels of everything that silver and the models have there: (Y, X)."""
        number, case = finding.frame, finding.case
        here = np.isin(self.scene.silver[number], case.silver)
        if case.seen:
            here |= np.isin(self.scene.agreed(number, self.weights).labels, case.seen)
        return here

    def draw(self, number: int, where: NDArray[np.bool_], caption: str) -> NDArray[np.uint8]:
        """The sheet: (Y, X, 3). First row: the picture, silver before, now and after; second row: the models.

        What lies in the finding with a fifth of its pixels or more has a colour, all else is grey.

        Args:
            number: the finding's frame.
            where: its pixels (Y, X).
            caption: lines of text.
        """
        return _captioned(contact(list(self._panels(number, _View(where))), columns=4), caption)

    def _panels(self, number: int, view: _View) -> Iterator[NDArray[np.uint8]]:
        yield view.panel(f"frame {number}", self._image(number))
        for other in (number - 1, number, number + 1):
            silver = self.scene.silver[other] if other in self.scene.silver else None
            title = f"silver, frame {other}" + ("" if silver is not None else ": none")
            yield view.panel(title, self._image(other), silver)
        for model, labels in self.scene.masks(number).items():
            yield view.panel(self.scene.names[model], self._image(number), None, labels)

    def _image(self, number: int) -> NDArray[np.uint8] | None:
        at = np.flatnonzero(np.asarray(self.movie.numbers) == number)
        return to_display(np.asarray(self.movie.frames[at[0]]), self._limits) if len(at) else None

    @cached_property
    def _limits(self) -> tuple[float, float]:
        return display_limits(self.movie.frames)


class _View:
    """The part of a frame that a sheet shows."""

    def __init__(self, where: NDArray[np.bool_]) -> None:
        self._where, box = where, box_of(where)
        side = max(LEAST, box[2] - box[0] + 2 * MARGIN, box[3] - box[1] + 2 * MARGIN)
        self._box = box
        self._window = window(where.shape, (side, side), ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        self._zoom = max(1, -(-PANEL // side))

    def panel(
        self,
        title: str,
        image: NDArray[np.uint8] | None,
        silver: NDArray[Any] | None = None,
        seen: NDArray[Any] | None = None,
    ) -> NDArray[np.uint8]:
        """Picture with outlines and the finding's box, below a title; grey where there is no such frame."""
        if image is None:
            image, title = np.full(self._where.shape, 200, np.uint8), "no such frame"
        truth, prediction = (None if each is None else each[self._window] for each in (silver, seen))
        rows = [*self._touched("truth", silver), *self._touched("prediction", seen)]
        canvas = Image.fromarray(draw(image[self._window], truth, prediction, rows, self._zoom))
        y, x = (each.start for each in self._window)
        corners = [(each - start) * self._zoom for each, start in zip(self._box, (y, x, y, x), strict=True)]
        top, left, bottom, right = corners
        ImageDraw.Draw(canvas).rectangle((left - 5, top - 5, right + 4, bottom + 4), outline=WHITE)
        sheet = Image.new("RGB", (canvas.width, canvas.height + TITLE), WHITE)
        sheet.paste(canvas, (0, TITLE))
        ImageDraw.Draw(sheet).text((2, 1), title[: canvas.width // 7], fill=(0, 0, 0), font=ImageFont.load_default(13))
        return np.asarray(sheet)

    def _touched(self, side: str, labels: NDArray[Any] | None) -> list[dict[str, Any]]:
        """Rows that make `draw` colour what lies in the finding with a fifth of its pixels or more."""
        if labels is None:
            return []
        ids, shared = np.unique(labels[self._where & (labels > 0)], return_counts=True)
        own = [
            label for label, count in zip(ids.tolist(), shared, strict=True) if count >= TOUCH * (labels == label).sum()
        ]
        return [{"side": side, side: label, "kind": "found"} for label in own]


def box_of(where: NDArray[np.bool_]) -> Box:
    """Top, left, bottom, right in px of what is True in (Y, X)."""
    y, x = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    return int(y[0]), int(x[0]), int(y[-1]) + 1, int(x[-1]) + 1


def _captioned(sheet: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    width = max(20, sheet.shape[1] // 8)
    lines = [line for each in caption.splitlines() for line in textwrap.wrap(each, width)]
    whole = Image.new("RGB", (sheet.shape[1], sheet.shape[0] + LINE * len(lines) + 6), WHITE)
    whole.paste(Image.fromarray(sheet), (0, LINE * len(lines) + 6))
    for n, line in enumerate(lines):
        ImageDraw.Draw(whole).text((6, 4 + n * LINE), line, fill=(0, 0, 0), font=ImageFont.load_default(15))
    return np.asarray(whole)
