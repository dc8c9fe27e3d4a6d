"""The pieces that networks are made of."""

from __future__ import annotations

from torch import nn


class ConvBlock(nn.Sequential):
    """Twice 3x3 convolution, batch normalisation, ReLU: (N, inputs, Y, X) -> (N, outputs, Y, X)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )
