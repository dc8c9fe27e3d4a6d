"""ConvLSTM U-Net: every encoder level begins with a recurrent layer that remembers the frames before."""

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

NARROWEST = 16
"""Channels of the decoder at least."""


class ConvLSTM(nn.Module):
    """Convolutional LSTM without peepholes; the candidate goes through tanh, the forget gate's bias starts at 1.

    With x the input, h the output and c the cell state, * a convolution and . an element-wise product:
    i, f, o = sigmoid(W * x + U * h + b), g = tanh(W * x + U * h + b), c' = f . c + i . g, h' = o . tanh(c').

    Source: Shi et al. 2015 (arXiv 1506.04214); Jozefowicz et al. 2015 for the forget gate's bias.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(inputs, 4 * outputs, kernel, padding=kernel // 2)
        self.recurrent = nn.Conv2d(outputs, 4 * outputs, kernel, padding=kernel // 2, bias=False)
        assert self.input.bias is not None
        with torch.no_grad():
            self.input.bias.zero_()[outputs : 2 * outputs] = 1

    def forward(self, frames: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs (B, T, outputs, Y, X) and the state (h, c), each (B, outputs, Y, X) float32, of (B, T, inputs, Y, X).

        The state stays in float32 under autocast: rounding would add up over a movie.
        """
        x = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        driven = self.input(x).unflatten(0, frames.shape[:2])  # all frames in one call
        driven = driven.to(torch.promote_types(driven.dtype, torch.float32))
        if state is None:
            empty = driven.new_zeros(driven[:, 0, : self.recurrent.in_channels].shape)
            state = empty.contiguous(memory_format=torch.channels_last), empty
        h, c = state
        outputs = []
        for t in range(frames.shape[1]):
            i, f, o, g = (driven[:, t] + self.recurrent(h)).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)


class ConvLSTMUNet(Network):
    """U-Net whose encoder levels each begin with a ConvLSTM; the state is (h, c) of every level in turn.

    A level halves its input after the recurrent layer, the last one does not; the decoder doubles it bilinearly and is
    joined by what went into each level, down to the frame itself.

    Source: Arbelle & Riklin Raviv 2018 (arXiv 1805.11247); with widths 128,256,256,512 and recurrent kernels of 5x5 it
    has the paper's 74.6 million parameters.
    """

    recurrent = True

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__(channels, config)
        widths, block = config.level_widths, partial(ConvBlock, kernel=config.kernel, norm=config.norm)
        inputs = (1, *widths[:-1])
        self.stride = 2 ** (len(widths) - 1)
        strides = [*[2] * (len(widths) - 1), 1]
        self.memory = nn.ModuleList(ConvLSTM(*each, config.recurrent_kernel) for each in pairwise((1, *widths)))
        self.down = nn.ModuleList(block(width, width, stride=s) for width, s in zip(widths, strides, strict=True))
        narrow = [max(NARROWEST, widths[0] * 2**level // 4) for level in range(len(widths))]
        deeper = [*narrow[1:], widths[-1]]
        self.up = nn.ModuleList(block(d + i, n) for d, i, n in zip(deeper, inputs, narrow, strict=True))
        self.head = nn.Conv2d(narrow[0], channels, 1)

    def forward(self, frames: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Maps (B, T, K, Y, X) and the new state of frames (B, T, 1, Y, X)."""
        x, skips, carried = frames, [], []
        for level, (memory, block) in enumerate(zip(self.memory, self.down, strict=True)):
            skips.append(x.flatten(0, 1))
            x, pair = memory(x, None if state is None else (state[2 * level], state[2 * level + 1]))
            x = block(x.flatten(0, 1)).unflatten(0, frames.shape[:2])
            carried += pair
        y = x.flatten(0, 1)
        for level, (block, skip) in reversed(list(enumerate(zip(self.up, skips, strict=True)))):
            if level < len(skips) - 1:
                y = nn.functional.interpolate(y, scale_factor=2, mode="bilinear")
            y = block(torch.cat([y, skip.to(y.dtype)], dim=1))
        return self.head(y).unflatten(0, frames.shape[:2]), tuple(carried)
