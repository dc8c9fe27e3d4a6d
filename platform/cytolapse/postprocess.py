"""Steps: labels in, labels out. `--postprocess fill_holes,drop_small=60` runs them in that order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from inspect import signature
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from skimage import feature, measure, morphology, segmentation

from cytolapse.errors import CytolapseError
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    Labels = NDArray[np.int32]


def fill_holes(labels: Labels) -> Labels:
    """Fill the holes inside every cell; labels: (Y, X) int32, 0 = background."""
    filled = labels.copy()
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            outside, _ = ndimage.label(np.pad(labels[box] != label, 1, constant_values=True))  # 1, and holes 2, 3, ...
            filled[box][(outside[1:-1, 1:-1] > 1) & (labels[box] == 0)] = label
    return filled


def drop_small(labels: Labels, area: float) -> Labels:
    """Remove cells of fewer than `area` px; labels: (Y, X) int32, 0 = background."""
    return _drop(labels, labels, area)


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
    return _drop(labels, pieces, area)


def _drop(labels: Labels, pieces: NDArray[np.integer], area: float) -> Labels:
    """Labels without the pieces of fewer than `area` px; reads only where there are cells, a small part of a frame."""
    places = np.flatnonzero(labels != 0)  # of bools: 10 times as fast
    numbers = pieces.ravel()[places]
    kept = labels.copy()
    kept.reshape(-1)[places[(np.bincount(numbers) < area)[numbers]]] = 0
    return kept


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
    if 2 * (int(band) + 1) >= min(labels.shape):  # nothing lies farther inside
        return np.zeros_like(labels)
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


class Tuning(NamedTuple):
    """What a step's number may be.

    multiples: of the number that the user gave, those worth trying; the first is 1.
    reach: what lies farther than this many times the number (in px) from a cell does not change the cell; None where
        nothing is known, so that whole frames are needed.
    least: the smallest number that makes sense.
    """

    multiples: tuple[float, ...] = (1.0,)
    reach: float | None = None
    least: float = 0.0


TUNING: Mapping[str, Tuning] = {
    "clear_border": Tuning(reach=1.0),
    "close": Tuning((1.0, 0.5, 2.0), reach=1.0),
    "drop_small": Tuning((1.0, 0.5, 2.0, 4.0), reach=0.0),
    "fill_holes": Tuning(reach=0.0),
    "open_area": Tuning((1.0, 0.5, 2.0, 4.0), reach=0.0),
    "split_watershed": Tuning((1.0, 0.5, 2.0), reach=1.0, least=1.0),
}
"""A step that is not named here keeps its number."""


@dataclass(frozen=True)
class Step:
    """A step with its number.

    Attributes:
        key: what an operating point calls the number: the step's name, `name_2` where it stands for the second time.
        name: in STEPS.
        number: what it was given; None where it takes none.
    """

    key: str
    name: str
    number: float | None = None

    def __call__(self, labels: Labels) -> Labels:
        """Labels in, labels out."""
        return STEPS[self.name](labels, *(() if self.number is None else (self.number,)))

    def at(self, point: Mapping[str, float]) -> Step:
        """The step with the number of an operating point, where that has one."""
        return self if self.number is None else replace(self, number=point.get(self.key, self.number))

    @property
    def tried(self) -> tuple[float, ...]:
        """The numbers worth trying, the own one first; empty where it takes none."""
        multiples = TUNING.get(self.name, Tuning()).multiples
        if self.number is None:
            return ()
        least = TUNING.get(self.name, Tuning()).least
        return tuple(dict.fromkeys(max(self.number * factor, least) for factor in multiples))

    @property
    def reach(self) -> float:
        """What lies farther than this from a cell, in px, does not change it."""
        factor = TUNING.get(self.name, Tuning()).reach
        return math.inf if factor is None else factor * (self.number or 0.0)


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of `name,name=number,...`; an empty text and `none` mean none (on the command line "" is "not given").

    Raises:
        CytolapseError: no such step, or its number is missing, superfluous or no number.
    """
    if text.strip() == "none":
        return ()
    steps: list[Step] = []
    for item in filter(None, map(str.strip, text.split(","))):
        step = _step(*item.partition("=")[::2])
        before = sum(each.name == step.name for each in steps)
        steps.append(replace(step, key=f"{step.name}_{before + 1}") if before else step)
    return tuple(steps)


def _step(name: str, value: str) -> Step:
    argument = list(signature(STEPS[name]).parameters)[1:]
    if bool(argument) != bool(value):
        wanted = f"{name}=NUMBER" if argument else name
        raise CytolapseError(f"post-processing step {name!r} is written as {wanted}, in --postprocess")
    if not value:
        return Step(name, name)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CytolapseError(f"post-processing step {name}={value}: {value!r} is not a number")
    if number < (least := TUNING.get(name, Tuning()).least):
        raise CytolapseError(f"post-processing step {name}={value}: it must be {least:g} or more")
    return Step(name, name, number)


def apply_steps(labels: Labels, steps: Iterable[Step]) -> Labels:
    """Run the steps in order."""
    return reduce(lambda found, step: step(found), steps, labels)
