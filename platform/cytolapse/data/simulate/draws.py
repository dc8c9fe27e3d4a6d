"""Random numbers that fill their range evenly: few draws already have the median and the tails that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


class Even:
    """An additive recurrence in `width` dimensions from a random start.

    Source: Roberts (2018), "The unreasonable effectiveness of quasirandom sequences" (the R_d sequence).
    """

    def __init__(self, rng: np.random.Generator, width: int = 1) -> None:
        ratio = 2.0
        for _ in range(30):
            ratio = (1 + ratio) ** (1 / (width + 1))
        self._step = ratio ** -np.arange(1.0, width + 1)
        self._at = rng.random(width)

    def next(self) -> NDArray[np.float64]:
        """The next point: (width,) float64 in [0, 1)."""
        self._at = (self._at + self._step) % 1
        return self._at


def quantile(u: float, table: Sequence[float]) -> float:
    """The value at quantile u of a distribution given at QUANTILES, straight lines between."""
    return float(np.interp(u, QUANTILES, table))
