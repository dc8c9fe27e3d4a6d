"""Does it pay that threads sleep while they wait? A training step alone and beside a busy core, with both policies.

    PYTHONPATH=platform python benchmarks/waiting.py

alternates OMP_WAIT_POLICY=ACTIVE (spin) and PASSIVE (sleep), each in a process of its own, and writes
benchmarks/results/waiting.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 3
STEP = """
import time, torch
from cytolapse.config import Config
from cytolapse.learner import Clip
from cytolapse.models import MapModel
model = MapModel.build(Config()).train()
frames, classes = torch.randn(4, 1, 1, 256, 256), torch.randint(0, 3, (4, 1, 256, 256))
clip = Clip(frames, classes, torch.ones(4, 1, dtype=torch.bool), torch.ones(4, dtype=torch.bool))
times = []
for _ in range(10):
    started = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = model(clip)
    loss.backward()
    times.append(time.perf_counter() - started)
print(sorted(times)[5])
"""


def step(policy: str) -> float:
    """Median seconds of a step of the default U-Net under that policy."""
    env = {**os.environ, "OMP_WAIT_POLICY": policy}
    return float(
        subprocess.run([sys.executable, "-c", STEP], env=env, capture_output=True, text=True, check=True).stdout
    )


def measure(busy: bool) -> dict[str, float]:
    """Median seconds of each policy over the rounds, alternating; `busy` keeps one core at work beside it."""
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        rounds = [{policy: step(policy) for policy in ("ACTIVE", "PASSIVE")} for _ in range(ROUNDS)]
    finally:
        if beside is not None:
            beside.kill()
            beside.wait()
    seconds = {policy: statistics.median(each[policy] for each in rounds) for policy in ("ACTIVE", "PASSIVE")}
    ratio = statistics.median(each["ACTIVE"] / each["PASSIVE"] for each in rounds)
    return {**{policy: round(value, 3) for policy, value in seconds.items()}, "ratio": round(ratio, 2)}


def main() -> None:
    """Write the result."""
    result = {
        "what": "seconds of forward and backward of 4 crops of 256x256, default U-Net, bf16; ratio = ACTIVE / PASSIVE",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "alone": measure(busy=False),
        "beside_one_busy_core": measure(busy=True),
    }
    target = Path(__file__).parent / "results/waiting.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(target.read_text())


if __name__ == "__main__":
    main()
