"""The number format of a training: bf16 where the machine computes in it, else float32."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from cytolapse.segmenter import pick_device

if TYPE_CHECKING:
    from cytolapse.config import Config

log = logging.getLogger("cytolapse.train")


def settled(config: Config) -> Config:
    """The config with `auto` replaced by what it means on this machine, so that the run says what it was.

    Raises:
        CytolapseError: the device is absent.
    """
    fast = computes_bf16(pick_device(config.device))
    if config.precision == "bf16-mixed" and not fast:
        log.warning("--precision bf16-mixed: this machine only emulates bf16, many times slower; leave it out")
    if config.precision != "auto":
        return config
    return replace(config, precision="bf16-mixed" if fast else "32-true")


def computes_bf16(device: str) -> bool:
    """Whether convolutions in bf16 run in hardware on the device: GPUs since Ampere, processors with AVX-512."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
