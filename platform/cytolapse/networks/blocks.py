"""The pieces that networks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = 8
"""Channels in a group at most, of `--norm group`."""


def _group(channels: int) -> nn.Module:
    return nn.GroupNorm(next(n for n in range(-(-channels // GROUP), channels + 1) if channels % n == 0), channels)


NORMS: Registry[Callable[[int], nn.Module]] = Registry("norm", {"batch": nn.BatchNorm2d, "group": _group})


class ConvBlock(nn.Sequential):
    """Twice convolution, normalisation, ReLU: (N, inputs, Y, X) -> (N, outputs, Y / stride, X / stride).

    The kernel's side is odd; the stride is the first convolution's.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, norm: str = "batch", stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            NORMS[norm](outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, kernel, padding=kernel // 2, bias=False),
            NORMS[norm](outputs),
            nn.ReLU(inplace=True),
        )
