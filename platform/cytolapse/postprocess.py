"""Steps: labels in, labels out. `--postprocess fill_holes,drop_small=60` runs them in that order."""

from __future__ import annotations

from functools import partial, reduce
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

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


STEPS: Registry[Callable[..., Labels]] = Registry(
    "post-processing step", {"fill_holes": fill_holes, "drop_small": drop_small}
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
        return partial(step, **{argument[0]: float(value)})
    except ValueError:
        raise CytolapseError(f"post-processing step {name}={value}: {value!r} is not a number") from None


def apply_steps(labels: Labels, steps: Sequence[Step]) -> Labels:
    """Run the steps in order."""
    return reduce(lambda found, step: step(found), steps, labels)
