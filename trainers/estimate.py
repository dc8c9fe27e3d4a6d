"""What a training will take, measured on one batch before the first step."""

from __future__ import annotations

import math
import time
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

import psutil
import torch

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from cytolapse.learner import Clip, Learner


class Estimate(NamedTuple):
    """What a step takes, without validation.

    Attributes:
        seconds_per_step: of one step.
        weights: bytes of weights, gradients and optimiser.
        activations: bytes that are kept for the way back.
    """

    seconds_per_step: float
    weights: int
    activations: int

    @property
    def bytes(self) -> int:
        """Memory at its peak, about."""
        return self.weights + self.activations

    def check_fits(self, batch: int, device: torch.device) -> None:
        """Refuse a batch that the memory can't hold; this is the estimate of one clip.

        Raises:
            CytolapseError: it does not fit; the message says what would.
        """
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
        if self.weights + batch * self.activations <= free:
            return
        need, room = (self.weights + batch * self.activations) / 1e9, (free - self.weights) // max(self.activations, 1)
        mend = f"--batch {room} would fit" if room > 0 else "use a smaller --crop, --clip or --widths"
        raise CytolapseError(
            f"--batch {batch} needs about {need:.1f} GB of memory, {free / 1e9:.1f} GB are free on {device}: {mend}"
        )


def estimate(fabric: Fabric, model: Learner, clip: Clip) -> Estimate:
    """Run forward and backward three times on a copy of the model and count what autograd keeps; the fastest counts."""
    trial = deepcopy(model).to(fabric.device).train()
    kept: dict[int, int] = {}
    own = {each.untyped_storage().data_ptr() for each in trial.parameters()}  # the same for any number of clips

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    seconds = math.inf
    for _ in range(3):
        kept.clear()
        started = time.perf_counter()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), fabric.autocast():
            loss, _ = trial(clip)
        loss.backward()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = min(seconds, time.perf_counter() - started)
    weights = sum(each.nbytes for each in trial.parameters())
    return Estimate(seconds, 4 * weights, sum(kept.values()))
