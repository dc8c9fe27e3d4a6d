"""Models: frames in, something that can be cached out, and from there labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from cytolapse.classical import Classical
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from cytolapse.networks import NETWORKS
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.config import Config
    from cytolapse.heads import Head, Point
    from cytolapse.networks import Network, State


class Clip(NamedTuple):
    """Consecutive frames with their targets, batched.

    Attributes:
        frames: (B, T, 1, Y, X) float32, normalised.
        targets: (B, T, ..., Y, X), as the head encodes them.
        known: (B, T) bool, False where a frame has no truth.
    """

    frames: Tensor
    targets: Tensor
    known: Tensor


class Model(Protocol):
    """What the segmenter needs of a model."""

    @property
    def points(self) -> Sequence[Point]:
        """The operating points that are tried on the validation split; the first is the default."""

    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[NDArray[np.float32], State]:
        """The raw output (T, ...) of consecutive frames (T, Y, X) of any grey dtype, and the new state."""

    def decode(self, raw: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """The labels (Y, X) of one frame's raw output."""


def normalise(frames: NDArray[Any]) -> NDArray[np.float32]:
    """Every frame to mean 0 and standard deviation 1: (T, Y, X) float32."""
    values = np.asarray(frames, dtype=np.float32)
    mean = values.mean(axis=(1, 2), keepdims=True)
    normal: NDArray[np.float32] = (values - mean) / (values.std(axis=(1, 2), keepdims=True) + np.float32(1e-6))
    return normal


def resized(frames: Tensor, side: int) -> Tensor:
    """Frames (T, 1, Y, X) as a network for whole frames is trained on them and sees them: (T, 1, side, side)."""
    return interpolate(frames, size=(side, side), mode="bilinear", antialias=True)


class MapModel(nn.Module):
    """Any network with any head; raw = its maps (T, K, Y, X) at the frames' own size.

    Args:
        network: frames to maps.
        head: maps to labels.
        frame_size: side in px to which frames are resized for the network; 0 leaves them.
    """

    def __init__(self, network: Network, head: Head, frame_size: int = 0) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.head = head
        self.frame_size = frame_size
        self.points = head.points

    @classmethod
    def build(cls, config: Config) -> MapModel:
        """The model that a Config describes, with weights drawn from torch's random state.

        Raises:
            CytolapseError: no such head or network, or a crop's side that the network can't take.
        """
        head = HEADS[config.head]()
        network = NETWORKS[config.network](head.channels, config.level_widths)
        _check_side(config, network.stride)
        return cls(network, head, config.frame_size)

    def forward(self, clip: Clip, state: State = None) -> tuple[Tensor, State]:
        """The loss of a clip and the new state."""
        maps, state = self.network(clip.frames, state)
        return self.head.loss(maps, clip.targets, clip.known), state

    loss = forward

    @torch.inference_mode()
    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[NDArray[np.float32], State]:
        """Maps (T, K, Y, X) float32 of frames (T, Y, X), and the new state."""
        device = next(self.parameters()).device
        x = torch.from_numpy(normalise(frames)).to(device)[:, None]
        y_size, x_size = frames.shape[1:]
        if self.frame_size:
            x = resized(x, self.frame_size)
        height, width = x.shape[2:]
        stride = self.network.stride
        x = pad(x, (0, -width % stride, 0, -height % stride), mode="replicate")
        maps, state = self.network(x[None], state)
        maps = maps[0, :, :, :height, :width].float()
        if self.frame_size:
            maps = interpolate(maps, size=(y_size, x_size), mode="bilinear")
        return maps.cpu().numpy(), state

    def decode(self, raw: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Labels (Y, X) of one frame's maps (K, Y, X)."""
        return self.head.decode(raw, point)

    def redraw(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """What a network that makes no mistake would make of labels (Y, X): encoded, at its own size, and decoded."""
        small = torch.from_numpy(labels.astype(np.int32))[None, None]
        if self.frame_size:
            small = interpolate(small.float(), size=(self.frame_size,) * 2, mode="nearest-exact").int()
        maps = torch.from_numpy(self.head.perfect(self.head.encode(small[0].numpy())))
        if self.frame_size:
            maps = interpolate(maps, size=labels.shape, mode="bilinear")
        return self.decode(maps[0].numpy(), self.points[0])


def _check_side(config: Config, stride: int) -> None:
    flag, side = ("--frame-size", config.frame_size) if config.frame_size else ("--crop", config.crop)
    if side % stride:
        low, high = side // stride * stride, -(-side // stride) * stride
        fits = f"{low} or {high}" if low else str(high)
        needed = f"{config.network} with widths {config.widths} needs a multiple of {stride}"
        raise CytolapseError(f"{flag} is {side}: {needed}, as {fits}")


def stream(model: Model, frames: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """Raw output frame by frame, the state carried through: constant memory for a movie (T, Y, X) of any length.

    Raises:
        CytolapseError: the memory does not suffice.
    """
    state = None
    for t in range(len(frames)):
        try:
            raw, state = model.predict(frames[t : t + 1], state)
        except (torch.OutOfMemoryError, MemoryError) as error:
            y, x = frames.shape[1:]
            raise CytolapseError(
                f"out of memory on a frame of {y}x{x} px: use smaller --widths or --device cpu"
            ) from error
        yield raw[0]


MODELS: Registry[Callable[[Config], Model]] = Registry("model", {"map": MapModel.build, "classical": Classical.build})
