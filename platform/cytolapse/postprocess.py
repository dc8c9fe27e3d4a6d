"""Steps: labels in, labels out. `--postprocess fill_holes,drop_small=60` runs them in that order."""

from __future__ import annotations

import math
from functools import partial, reduce
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage import feature, measure, morphology, segmentation

from cytolapse.errors import CytolapseError
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Labels = NDArray[np.int32]
    Step = Callable[[Labels], Labels]


def fill_holes(labels: Labels) -> Labels:
    """Fill the holes inside every cell; labels: (Y, X) int32, 0 = background."""
    filled = labels.copy()
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            hole = ndimage.binary_fill_holes(labels[box] == label) & (labels[box] == 0)
            filled[box][hole] = label
    return filled


def drop_small(labels: Labels, area: float) -> Labels:
    """Remove cells of fewer than `area` px; labels: (Y, X) int32, 0 = background."""
    small = np.bincount(labels.ravel()) < area
    return np.where(small[labels], np.int32(0), labels)


def close(labels: Labels, radius: float) -> Labels:
    """Close gaps within a cell with a disc of `radius` px, without taking a neighbour's pixel.

    Args:
        labels: (Y, X) int32, 0 = background.
        radius: of the disc, in px.
    """
    disc, margin = morphology.disk(int(radius)), int(radius) + 1
    closed = labels.copy()
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            around = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
            cell = np.pad(labels[around] == label, margin)  # so that the frame's edge takes nothing away
            filled = ndimage.binary_closing(cell, disc)[margin:-margin, margin:-margin]
            closed[around][filled & (closed[around] == 0)] = label
    return closed


def open_area(labels: Labels, area: float) -> Labels:
    """Remove pieces of fewer than `area` px that are not connected to the rest of their cell (8 neighbours).

    Args:
        labels: (Y, X) int32, 0 = background.
        area: in px.
    """
    pieces = np.asarray(measure.label(labels, connectivity=2, background=0))
    return np.where((np.bincount(pieces.ravel()) < area)[pieces], np.int32(0), labels)


def split_watershed(labels: Labels, distance: float) -> Labels:
    """Cut every cell at its necks: watershed of its distance transform, from peaks at least `distance` px apart.

    Args:
        labels: (Y, X) int32, 0 = background.
        distance: between the peaks, in px.
    """
    inside = (labels > 0) & (ndimage.minimum_filter(labels, 3) == ndimage.maximum_filter(labels, 3))
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside), 1.0)
    peaks = feature.peak_local_max(depth, min_distance=int(distance), labels=labels, exclude_border=False)
    seeds = np.zeros_like(labels)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    parts = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            cell = labels[box] == label
            found = segmentation.watershed(-depth[box], np.where(cell, seeds[box], 0), mask=cell)
            _, numbers = np.unique(found[cell], return_inverse=True)  # a cell without a peak stays whole
            parts[box][cell] = numbers + 1 + parts.max()
    return parts


def clear_border(labels: Labels, band: float) -> Labels:
    """Remove cells that reach into a band of `band` px along the frame's edge; 0 removes those that touch the edge.

    Args:
        labels: (Y, X) int32, 0 = background.
        band: in px.
    """
    return np.asarray(segmentation.clear_border(labels, buffer_size=int(band)), dtype=np.int32)


STEPS: Registry[Callable[..., Labels]] = Registry(
    "post-processing step",
    {
        "clear_border": clear_border,
        "close": close,
        "drop_small": drop_small,
        "fill_holes": fill_holes,
        "open_area": open_area,
        "split_watershed": split_watershed,
    },
)


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of `name,name=number,...`; an empty text and `none` mean none (on the command line "" is "not given").

    Raises:
        CytolapseError: no such step, or its number is missing, superfluous or no number.
    """
    if text.strip() == "none":
        return ()
    return tuple(_step(*item.strip().partition("=")[::2]) for item in text.split(",") if item.strip())


def _step(name: str, value: str) -> Step:
    step = STEPS[name]
    argument = list(signature(step).parameters)[1:]
    if bool(argument) != bool(value):
        wanted = f"{name}=NUMBER" if argument else name
        raise CytolapseError(f"post-processing step {name!r} is written as {wanted}, in --postprocess")
    if not value:
        return step
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CytolapseError(f"post-processing step {name}={value}: {value!r} is not a number")
    return partial(step, **{argument[0]: number})


def apply_steps(labels: Labels, steps: Sequence[Step]) -> Labels:
    """Run the steps in order."""
    return reduce(lambda found, step: step(found), steps, labels)
