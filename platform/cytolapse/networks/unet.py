"""U-Net, frame by frame."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from cytolapse.networks.base import Network, State
from cytolapse.networks.blocks import ConvBlock

if TYPE_CHECKING:
    from torch import Tensor

    from cytolapse.config import Config


class UNet(Network):
    """Encoder and decoder with skips; max-pooling down, nearest-neighbour enlargement and a 1x1 convolution up.

    Source: Ronneberger, Fischer & Brox 2015 (arXiv 1505.04597), with padding and batch normalisation.
    """

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__(channels, config)
        widths, block = config.level_widths, partial(ConvBlock, kernel=config.kernel, norm=config.norm)
        self.stride = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(block(i, o) for i, o in pairwise((1, *widths)))
        steps = list(pairwise(widths[::-1]))
        self.narrow = nn.ModuleList(nn.Conv2d(deep, wide, 1) for deep, wide in steps)
        self.up = nn.ModuleList(block(2 * wide, wide) for _, wide in steps)
        self.head = nn.Conv2d(widths[0], channels, 1)

    def forward(self, frames: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Maps (B, T, K, Y, X) of frames (B, T, 1, Y, X); there is no state."""
        x = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for block in self.down:
            x = block(nn.functional.max_pool2d(x, 2) if skips else x)
            skips.append(x)  # level n: (B*T, widths[n], Y / 2^n, X / 2^n)
        skips.pop()
        for narrow, block in zip(self.narrow, self.up, strict=True):
            x = nn.functional.interpolate(narrow(x), scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skips.pop()], dim=1))
        return self.head(x).unflatten(0, frames.shape[:2]), None
