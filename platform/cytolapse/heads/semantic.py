"""Semantic head: cell or background; cells are the connected components."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from scipy.special import logit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.heads.base import Point, Space


class Semantic:
    """One logit a pixel; touching cells come out as one."""

    channels = 1
    space: ClassVar[Space] = {"threshold": (0.5, 0.3, 0.4, 0.6, 0.7, 0.8)}

    def encode(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """1 where there is a cell: (T, Y, X)."""
        return (labels > 0).astype(np.int64)

    def loss(self, maps: Tensor, targets: Tensor, known: Tensor) -> Tensor:
        """Binary cross entropy over the frames with truth."""
        each = F.binary_cross_entropy_with_logits(maps[:, :, 0].float(), targets.float(), reduction="none")
        return (each.mean(dim=(2, 3)) * known).sum() / known.sum().clamp(min=1)

    def perfect(self, targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits of +-20."""
        return np.where(targets[:, None] > 0, np.float32(20), np.float32(-20))

    def decode(self, maps: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Connected components (8 neighbours) above the threshold."""
        found, _ = ndimage.label(maps[0] > logit(point["threshold"]), structure=np.ones((3, 3)))
        labels: NDArray[np.int32] = found.astype(np.int32)
        return labels

    def foreground(self, maps: NDArray[np.float32]) -> NDArray[np.bool_]:
        """All that can be above the threshold."""
        return np.asarray(maps[0] > logit(min(self.space["threshold"])))
