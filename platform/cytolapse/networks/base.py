"""The contract of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

State = Any


class Network(nn.Module, ABC):
    """Frames in, maps out, with a state that a recurrent network carries from clip to clip.

    Args:
        channels: maps to make (K).
        widths: channels of the levels, from full resolution down.

    Attributes:
        stride: height and width of what goes in must be multiples of it.
    """

    stride: int

    @abstractmethod
    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, frames: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Maps (B, T, K, Y, X) and the new state, of frames (B, T, C, Y, X) float32 and a state (None = start)."""
