"""The contract of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from cytolapse.config import Config

State = tuple[Tensor, ...] | None
"""What a recurrent network carries from clip to clip: tensors (B, ...); None at a start and where there is nothing."""


class Network(nn.Module, ABC):
    """Frames in, maps out, with a state that a recurrent network carries from clip to clip.

    Args:
        channels: maps to make (K).
        config: widths, kernel, norm and what else the network reads of it.

    Attributes:
        stride: height and width of what goes in must be multiples of it.
        recurrent: its maps depend on the frames before.
    """

    stride: int
    recurrent: bool = False

    @abstractmethod
    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, frames: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Maps (B, T, K, Y, X) and the new state, of frames (B, T, C, Y, X) float32 and a state (None = start)."""


def restarted(state: State, starts: Tensor) -> State:
    """The state, zero where a clip starts anew; starts: (B,) bool."""
    if state is None:
        return None
    return tuple(each.masked_fill(starts.view(-1, *[1] * (each.ndim - 1)), 0) for each in state)
