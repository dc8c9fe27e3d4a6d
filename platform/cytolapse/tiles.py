"""Tiles: frames cut for a network, and its maps put together again. A whole frame is one tile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.networks import Network, State

CHUNK = 4
"""Tiles that the network sees at once: what bounds the memory."""
OVERLAP = 4
"""Neighbours share one part in this many of a tile's side."""


class Axis(NamedTuple):
    """How one axis of a frame is cut.

    Attributes:
        pixels: (E,) int64, the frame's pixel at each place of the grown axis; what is added at the end repeats or
            mirrors.
        side: of a tile in px.
        starts: first place of each tile.
        weights: (side,) float32 of each tile; what blends at a place sums to 1.
        seams: places before which one tile takes over from the other.
    """

    pixels: NDArray[np.int64]
    side: int
    starts: tuple[int, ...]
    weights: list[NDArray[np.float32]]
    seams: tuple[int, ...]


@dataclass(frozen=True)
class Tiling:
    """Where the tiles of a frame lie.

    Attributes:
        shape: of the frame (Y, X) in px.
        tile: side of a tile in px; an axis that is no longer than it is not cut, and 0 cuts none.
        stitch: how they are put together, one of STITCHES.
        stride: sides of what the network sees are multiples of it.
    """

    shape: tuple[int, ...]
    tile: int = 0
    stitch: str = "taper"
    stride: int = 1

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """The cuts along y and x."""
        y, x = (self._axis(size) for size in self.shape)
        return y, x

    @property
    def seams(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows and columns in px before which one tile takes over from the other.

        Where tiles are hard these are their edges, else the middle of the overlap: there one's weight overtakes the
        other's.

        >>> Tiling((320, 400), 160, "hard").seams, Tiling((320, 400), 160).seams
        (((160,), (160, 320)), ((140, 220), (140, 260)))
        """
        y, x = self.axes
        return y.seams, x.seams

    def near_seams(self, distance: int) -> NDArray[np.bool_]:
        """Pixels within so many px of a seam line: (Y, X) bool."""
        rows, columns = (
            np.isin(np.arange(size), [seam + step for seam in seams for step in range(-distance, distance)])
            for size, seams in zip(self.shape, self.seams, strict=True)
        )
        near: NDArray[np.bool_] = rows[:, None] | columns
        return near

    def _axis(self, size: int) -> Axis:
        if 0 < self.tile < size:
            return STITCHES[self.stitch](size, self.tile)
        pixels = np.pad(np.arange(size), (0, -size % self.stride), mode="edge")
        return Axis(pixels, len(pixels), (0,), [np.ones(len(pixels), np.float32)], ())


def _hard(size: int, side: int) -> Axis:
    """Tiles edge to edge; what the last one lacks is mirrored."""
    pixels = np.pad(np.arange(size), (0, -size % side), mode="symmetric")
    starts = tuple(range(0, size, side))
    return Axis(pixels, side, starts, [np.ones(side, np.float32)] * len(starts), starts[1:])


def _taper(size: int, side: int) -> Axis:
    """Tiles that overlap by a quarter, the last one shifted inward, with weights that fall to a tile's edge.

    w(d) = sin^2(pi/2 d/overlap) at d px from the edge, 1 further in, divided by the sum of all that fall on a place.
    Source: Hann's window, whose halves sum to 1 where they overlap.
    """
    overlap = side // OVERLAP
    starts = (*range(0, size - side, side - overlap), size - side)
    inside = np.arange(side) + 0.5
    weight = np.sin(np.pi / 2 * np.minimum(1, np.minimum(inside, inside[::-1]) / max(overlap, 0.5))) ** 2
    cover = np.zeros(size)
    for start in starts:
        cover[start : start + side] += weight
    weights = [(weight / cover[start : start + side]).astype(np.float32) for start in starts]
    seams = tuple((left + side + right) // 2 for left, right in pairwise(starts))
    return Axis(np.arange(size), side, starts, weights, seams)


STITCHES: Registry[Callable[[int, int], Axis]] = Registry("stitch", {"taper": _taper, "hard": _hard})


def stitched(network: Network, frames: Tensor, state: State, tiling: Tiling) -> tuple[Tensor, State]:
    """Maps (T, K, Y, X) float32 of frames (T, 1, Y, X), and the new state; the maps are blended, not the labels.

    The tiles are places of the network's batch: the state of a frame is that of its tiles, (tiles, ...), row by row.
    """
    y, x = tiling.axes
    grown = frames
    for axis, cut in ((2, y), (3, x)):
        grown = grown.index_select(axis, torch.from_numpy(cut.pixels).to(frames.device))
    places = list(product(zip(y.starts, y.weights, strict=True), zip(x.starts, x.weights, strict=True)))
    blended, states = grown.new_zeros(()), []
    for first in range(0, len(places), CHUNK):
        chunk = places[first : first + CHUNK]
        parts = [grown[:, :, top : top + y.side, left : left + x.side] for (top, _), (left, _) in chunk]
        own = None if state is None else tuple(each[first : first + CHUNK] for each in state)
        maps, left_over = network(torch.stack(parts), own)
        states.append(left_over)
        if not first:
            blended = grown.new_zeros((*maps.shape[1:3], *grown.shape[2:]))
        for each, ((top, rows), (left, columns)) in zip(maps, chunk, strict=True):
            down, across = (torch.from_numpy(weight).to(frames.device) for weight in (rows, columns))
            blended[:, :, top : top + y.side, left : left + x.side] += each.float() * down[:, None] * across
    height, width = tiling.shape
    return blended[:, :, :height, :width], _joined(states)


def _joined(states: list[State]) -> State:
    if len(states) == 1:
        return states[0]  # no copy: the state of a whole frame can be large
    told = [each for each in states if each is not None]
    return tuple(torch.cat(parts) for parts in zip(*told, strict=True)) if told else None
