"""What bf16 costs where the machine only emulates it: seconds of a training step, as a ratio to float32.

    PYTHONPATH=platform:. python benchmarks/precision.py

Forward and backward of the default U-Net on one crop of 160x160, the fastest of three, each format in turn. It writes
benchmarks/results/precision.json. `--precision auto` takes the format that this machine computes in.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

import torch

from cytolapse.config import Config
from cytolapse.networks import NETWORKS
from trainers.precision import computes_bf16, settled

RESULTS = Path(__file__).parent / "results" / "precision.json"
ROUNDS = 3


def seconds(precision: str) -> float:
    """The fastest of a few steps."""
    config = Config(precision=precision)
    torch.manual_seed(0)
    network = NETWORKS[config.network](3, config).to(memory_format=torch.channels_last)
    frames, found = torch.randn(1, 1, 1, config.crop, config.crop), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            maps, _ = network(frames)
        maps.float().square().mean().backward()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    """Measure both formats and write."""
    took = {precision: seconds(precision) for precision in ("32-true", "bf16-mixed")}
    result = {
        "what": "seconds of forward and backward of the default U-Net on one crop of 160x160; ratio = bf16 / float32",
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores",
        "computes bf16": computes_bf16("cpu"),
        "auto means": settled(Config(device="cpu")).precision,
        "seconds": {name: round(value, 3) for name, value in took.items()},
        "ratio": round(took["bf16-mixed"] / took["32-true"], 2),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
