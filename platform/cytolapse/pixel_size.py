"""Pixel size: frames of another microscope are seen by a model at the pixel size that it was trained on."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("cytolapse.pixel_size")
TOLERANCE = 1.2
"""Pixel sizes that differ by no more than this factor are taken as one."""
LIMIT = 16.0
"""A larger factor than this is a wrong unit, not another microscope."""


def scale(frames_um: float | None, model_um: float | None) -> float:
    """The factor that brings frames to a model's pixel size; 1 within 20 %, and where either is not known.

    >>> scale(1.29, 0.645), scale(0.7, 0.645), scale(None, 0.645)
    (2.0, 1.0, 1.0)

    Args:
        frames_um: um per pixel of the frames; None or 0 = not known.
        model_um: um per pixel of what the model was trained on; likewise.

    Raises:
        CytolapseError: a size is no length, or they are too far apart to be true.
    """
    for side, um in (("frames", frames_um), ("model", model_um)):
        if um is not None and not 0 <= um < math.inf:
            raise CytolapseError(f"the pixel size of the {side} is {um} um: give one above 0, with --um")
    if not frames_um or not model_um:
        return 1.0
    factor = frames_um / model_um
    if max(factor, 1 / factor) > LIMIT:
        raise CytolapseError(
            f"the frames have {frames_um:g} um a pixel, the model {model_um:g}: is that micrometres? give --um"
        )
    return factor if max(factor, 1 / factor) > TOLERANCE else 1.0


def warn_of_scale(one: str, one_um: float | None, other: str, other_um: float | None) -> None:
    """Log a warning where two pixel sizes, in um, differ by more than 20 % and nothing is rescaled."""
    if one_um and other_um and max(one_um / other_um, other_um / one_um) > TOLERANCE:
        log.warning(
            "%s has %.4g um a pixel, %s %.4g: cells differ in size, and nothing is rescaled here",
            *(one, one_um, other, other_um),
        )


@dataclass(frozen=True)
class Rescaled:
    """Frames at another pixel size, enlarged or reduced slice by slice where they are read.

    Attributes:
        frames: (T, Y, X) of any grey dtype.
        factor: of height and width.
    """

    frames: NDArray[Any]
    factor: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, Y, X) as rescaled."""
        count, *sides = self.frames.shape
        height, width = (max(1, round(side * self.factor)) for side in sides)
        return count, height, width

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, frames: slice) -> NDArray[np.float32]:
        values = torch.from_numpy(np.asarray(self.frames[frames], dtype=np.float32))[:, None]
        if not len(values):
            return np.zeros((0, *self.shape[1:]), np.float32)
        return interpolate(values, size=self.shape[1:], mode="bilinear", antialias=True)[:, 0].numpy()


def restored(labels: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Labels (Y, X) brought to another size by the nearest pixel."""
    rows, columns = (
        ((np.arange(size) + 0.5) * have / size).astype(int) for size, have in zip(shape, labels.shape, strict=True)
    )
    back: NDArray[np.int32] = labels[rows[:, None], columns]
    return back
