"""What a training will take, measured on one batch before the first step."""

from __future__ import annotations

import math
import time
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from cytolapse.models import Clip, MapModel


class Estimate(NamedTuple):
    """Seconds a step without validation; bytes of weights, gradients, optimiser and activations at their peak."""

    seconds_per_step: float
    bytes: int


def estimate(fabric: Fabric, model: MapModel, clip: Clip) -> Estimate:
    """Run forward and backward three times on a copy of the model and count what autograd keeps; the fastest counts."""
    trial = deepcopy(model).to(fabric.device).train()
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
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
    return Estimate(seconds, 4 * weights + sum(kept.values()))
