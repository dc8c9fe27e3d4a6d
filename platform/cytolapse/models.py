"""Models: frames in, something that can be cached out, and from there labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.nn.functional import interpolate

from cytolapse.classical import Classical
from cytolapse.errors import CytolapseError, is_out_of_memory
from cytolapse.heads import HEADS, Sparse, default_point
from cytolapse.learner import Learner, normalise
from cytolapse.networks import NETWORKS, restarted
from cytolapse.registry import Registry
from cytolapse.tiles import Tiling, stitched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from cytolapse.config import Config
    from cytolapse.heads import Head, Point, Space
    from cytolapse.learner import Clip
    from cytolapse.networks import Network, State


class Model(Protocol):
    """What the segmenter needs of a model."""

    @property
    def space(self) -> Space:
        """The parameters of `decode`; what is best is searched on the validation split."""

    @property
    def recurrent(self) -> bool:
        """Whether a frame's output depends on the frames before it."""

    def warm_up(self, frames: NDArray[Any]) -> State:
        """The state with which a movie that starts with `frames` (T, Y, X) is begun."""

    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[Any, State]:
        """The raw output of consecutive frames (T, Y, X) of any grey dtype, one item a frame, and the new state."""

    def decode(self, raw: Any, point: Point) -> NDArray[np.int32]:
        """The labels (Y, X) of one frame's raw output."""

    def foreground(self, raw: Any) -> NDArray[np.bool_] | None:
        """Where one frame's raw output (..., Y, X) could hold cells, as `heads.Sparse` has it; None: can't be told."""


def resized(frames: Tensor, side: int) -> Tensor:
    """Frames (T, 1, Y, X) as a network for whole frames is trained on them and sees them: (T, 1, side, side)."""
    return interpolate(frames, size=(side, side), mode="bilinear", antialias=True)


class MapModel(Learner):
    """Any network with any head; raw = its maps (T, K, Y, X) at the frames' own size.

    Args:
        network: frames to maps.
        head: maps to labels.
        config: frame_size, tile, stitch, warm_up.
    """

    def __init__(self, network: Network, head: Head, config: Config) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.head = head
        self.config = config
        self.space = head.space
        self.recurrent = network.recurrent

    @classmethod
    def build(cls, config: Config) -> MapModel:
        """The model that a Config describes, with weights drawn from torch's random state.

        Raises:
            CytolapseError: no such head or network, or a side of crop, frame or tile that the network can't take.
        """
        head = HEADS[config.head]()
        network = NETWORKS[config.network](head.channels, config)
        _check_side(config, network.stride)
        return cls(network, head, config)

    def encode(self, labels: NDArray[np.integer]) -> NDArray[Any]:
        """The head's targets (T, ..., Y, X) of labels (T, Y, X)."""
        return self.head.encode(labels)

    def forward(self, clip: Clip, state: State = None) -> tuple[Tensor, State]:
        """The loss of a clip and the new state."""
        maps, state = self.network(clip.frames, restarted(state, clip.starts))
        return self.head.loss(maps, clip.targets, clip.known), state

    def raw_loss(self, raw: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
        """The head's loss of maps (K, Y, X) against labels (Y, X)."""
        targets = torch.from_numpy(self.head.encode(labels[None].astype(np.int32)))[None]
        return float(self.head.loss(torch.from_numpy(raw)[None, None], targets, torch.ones((1, 1), dtype=torch.bool)))

    def warm_up(self, frames: NDArray[Any]) -> State:
        """The state after the frames that follow the first one (`--warm-up` of them), seen backwards.

        Source: Arbelle & Riklin Raviv 2018 (arXiv 1805.11247), whose code begins so.
        """
        first = frames[1 : 1 + self.config.warm_up] if self.recurrent else frames[:0]
        state = None
        for t in reversed(range(len(first))):
            _, state = self.predict(first[t : t + 1], state)
        return state

    @torch.inference_mode()
    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[NDArray[np.float32], State]:
        """Maps (T, K, Y, X) float32 of frames (T, Y, X), and the new state."""
        x = torch.from_numpy(normalise(frames)).to(self.device)[:, None]
        side = self.config.frame_size
        maps, state = self._maps(resized(x, side) if side else x, state)
        if side:
            maps = interpolate(maps, size=frames.shape[1:], mode="bilinear")
        return maps.cpu().numpy(), state

    def _maps(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Maps (T, K, Y, X) float32 of normalised frames (T, 1, Y, X) at the network's own size."""
        return stitched(self.network, x, state, self.tiling(x.shape[2:]))

    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """How frames (Y, X) are cut into tiles."""
        return Tiling(tuple(shape), self.config.tile, self.config.stitch, self.network.stride)

    def decode(self, raw: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Labels (Y, X) of one frame's maps (K, Y, X)."""
        return self.head.decode(raw, point)

    def foreground(self, raw: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """What the head says of maps (K, Y, X), where it does."""
        return self.head.foreground(raw) if isinstance(self.head, Sparse) else None

    def redraw(self, labels: NDArray[np.integer]) -> NDArray[np.int32]:
        """What a network that makes no mistake would make of labels (Y, X): encoded, at its own size, and decoded."""
        small, side = torch.from_numpy(labels.astype(np.int32))[None, None], self.config.frame_size
        if side:
            small = interpolate(small.float(), size=(side, side), mode="nearest-exact").int()
        maps = torch.from_numpy(self.head.perfect(self.head.encode(small[0].numpy())))
        if side:
            maps = interpolate(maps, size=labels.shape, mode="bilinear")
        return self.decode(maps[0].numpy(), default_point(self.space))


def _check_side(config: Config, stride: int) -> None:
    trained, size = ("--frame-size", config.frame_size) if config.frame_size else ("--crop", config.crop)
    needed = f"{config.network} with widths {config.widths} needs"
    if size < 2 * stride:  # its deepest level would be a single pixel: nothing to normalise
        raise CytolapseError(f"{trained} is {size}: {needed} {2 * stride} or more")
    for flag, side in {trained: size, "--tile": config.tile}.items():
        if side % stride:
            low, high = side // stride * stride, -(-side // stride) * stride
            raise CytolapseError(
                f"{flag} is {side}: {needed} a multiple of {stride}, as {f'{low} or {high}' if low else high}"
            )


def stream(model: Model, frames: NDArray[Any], restart: int = 0) -> Iterator[Any]:
    """Raw output frame by frame, the state carried through: constant memory for a movie (T, Y, X) of any length.

    Args:
        model: makes the output.
        frames: (T, Y, X) of any grey dtype.
        restart: frames after which the state is forgotten; 0: never.

    Raises:
        CytolapseError: the memory does not suffice.
    """
    try:
        state = model.warm_up(frames)
        for t in range(len(frames)):
            state = None if t and restart and t % restart == 0 else state
            raw, state = model.predict(frames[t : t + 1], state)
            yield raw[0]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        mend = "use smaller --widths, --device cpu or, where the model makes maps, tiles (--tile 256)"
        raise CytolapseError(f"out of memory on a frame of {frames.shape[1]}x{frames.shape[2]} px: {mend}") from error


def _mask_rcnn(config: Config) -> Model:
    from cytolapse.mask_rcnn.model import MaskRCNN  # torchvision's detectors take a second to import

    return MaskRCNN(config)


MODELS: Registry[Callable[[Config], Model]] = Registry(
    "model", {"map": MapModel.build, "mask_rcnn": _mask_rcnn, "classical": Classical.build}
)
