"""Learner: a model with weights, and the clips that it learns from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads import Point, Space
    from cytolapse.networks import State


class Clip(NamedTuple):
    """Consecutive frames with their targets, batched.

    Attributes:
        frames: (B, T, 1, Y, X) float32, normalised.
        targets: (B, T, ..., Y, X), as the model encodes them.
        known: (B, T) bool, False where a frame has no truth.
        starts: (B,) bool, True where the clip does not go on from the one before it in its place of the batch.
    """

    frames: Tensor
    targets: Tensor
    known: Tensor
    starts: Tensor


class Learner(nn.Module, ABC):
    """A Model with weights; calling it gives the loss of a clip."""

    space: Space
    recurrent: bool = False

    @abstractmethod
    def encode(self, labels: NDArray[np.integer]) -> NDArray[Any]:
        """What is learned of labels (T, Y, X) integer, 0 = background: (T, ..., Y, X)."""

    @abstractmethod
    def forward(self, clip: Clip, state: State = None) -> tuple[Tensor, State]:
        """The loss of a clip and the new state."""

    @abstractmethod
    def raw_loss(self, raw: Any, labels: NDArray[np.integer]) -> float | None:
        """The loss of one frame's raw output against its labels (Y, X); None where it can't be told from the output."""

    @abstractmethod
    def warm_up(self, frames: NDArray[Any]) -> State:
        """As `Model` has it."""

    @abstractmethod
    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[Any, State]:
        """As `Model` has it."""

    @abstractmethod
    def decode(self, raw: Any, point: Point) -> NDArray[np.int32]:
        """As `Model` has it."""

    def foreground(self, raw: Any) -> NDArray[np.bool_] | None:
        """As `Model` has it; None says that only a whole raw output can be decoded."""
        return None

    @abstractmethod
    def redraw(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """What a model that makes no mistake would make of labels (Y, X)."""

    def published(self) -> Mapping[str, str]:
        """Start from published weights where the Config asks for them; what came of it, as tags of the run."""
        return {}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device


def normalise(frames: NDArray[Any]) -> NDArray[np.float32]:
    """Every frame to mean 0 and standard deviation 1: (T, Y, X) float32."""
    values = np.asarray(frames, dtype=np.float32)
    mean = values.mean(axis=(1, 2), keepdims=True)
    normal: NDArray[np.float32] = (values - mean) / (values.std(axis=(1, 2), keepdims=True) + np.float32(1e-6))
    return normal
