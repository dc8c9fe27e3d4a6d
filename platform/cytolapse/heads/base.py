"""The contract of a head, and its ceiling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cytolapse.metrics import match, summarise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Point = Mapping[str, float]
"""An operating point: the parameters of decoding, by name."""
Space = Mapping[str, Sequence[float]]
"""Which values of each parameter are worth trying; the first are the default."""

REACH = 8
"""How far decoding may look beyond the foreground of a Sparse head, in px."""


class Head(Protocol):
    """What the maps of a network mean."""

    @property
    def channels(self) -> int:
        """Maps a frame that the network must make (K)."""

    @property
    def space(self) -> Space:
        """The parameters of `decode`; what is best is searched on the validation split."""

    def encode(self, labels: NDArray[np.integer]) -> NDArray[Any]:
        """The targets (T, ..., Y, X) of label images: classes as int64, or numbers as float32.

        Args:
            labels: (T, Y, X) integer, 0 = background.
        """

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """How wrong the maps are, in frames that have truth.

        Args:
            maps: (B, T, K, Y, X) float, logits.
            targets: (B, T, ..., Y, X), from `encode`.
            known: (B, T) bool, False where a frame has no truth.
        """

    def perfect(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """The maps (T, K, Y, X) of a network that makes no mistake on targets (T, ..., Y, X)."""

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """The labels (Y, X) int32, 0 = background, of one frame's maps (K, Y, X)."""


@runtime_checkable
class Sparse(Protocol):
    """A head may have this too: where nothing can be found. The search of the operating point then leaves that out."""

    def foreground(self, maps: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where maps (K, Y, X) could hold cells at any point of `space`: (Y, X).

        What is more than REACH px away from there must change no label of `decode`.
        """


def default_point(space: Space) -> Point:
    """The operating point with which a model is trained and validated: the first value of each parameter."""
    return {name: values[0] for name, values in space.items()}


def ceiling(
    redraw: Callable[[NDArray[np.integer]], NDArray[np.integer]], frames: Iterable[NDArray[np.integer]]
) -> float | None:
    """SEG of redrawn labels against the labels themselves: a network that makes no mistake scores this.

    Args:
        redraw: `decode(encode(labels))` of one frame (Y, X), with all that stands between, as `MapModel.redraw`.
        frames: label images (Y, X).

    Returns:
        None where no frame holds a cell.
    """
    return summarise([match(labels, redraw(labels)) for labels in frames]).scores["seg"]
