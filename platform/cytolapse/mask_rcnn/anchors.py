"""Anchors: the sizes and shapes of box that Mask R-CNN starts from, fitted to the cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD = (0.05, 0.25, 0.5, 0.75, 0.95)
USUAL = "12,20,32,52,84/0.4,1,2.5"
"""Where nothing is known of the cells."""


def parse_anchors(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sizes in px (square root of the area) and aspect ratios (height / width) of `16,32,64/0.5,1,2`.

    Raises:
        CytolapseError: it is not written so.
    """
    try:
        sizes, ratios = (tuple(float(number) for number in part.split(",")) for part in (text or USUAL).split("/"))
    except ValueError:
        sizes, ratios = (), ()
    if not sizes or not all(0 < number < math.inf for number in sizes + ratios):
        raise CytolapseError(f"--anchors is {text!r}: it must be sizes in px / height to width, like {USUAL}")
    return sizes, ratios


def fit_anchors(sides: NDArray[np.floating]) -> str:
    """Anchors for cells whose boxes have these heights and widths (N, 2) in px, as `parse_anchors` reads them.

    Five quantiles of the size, from 5 to 95 %; three shapes: square, and the 90th percentile of how elongated the boxes
    are, upright and lying, since training turns the cells.
    """
    height, width = np.asarray(sides, dtype=float).T
    sizes = np.maximum(np.quantile(np.sqrt(height * width), SPREAD), 2)
    long = max(float(np.quantile(np.maximum(height, width) / np.minimum(height, width), 0.9)), 1.2)
    return f"{','.join(f'{size:.0f}' for size in sizes)}/{1 / long:.2f},1,{long:.2f}"
