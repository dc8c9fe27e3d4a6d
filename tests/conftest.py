"""What all tests share: the toy world, the real frames where they are at hand, and a home of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

SHARED = Path(__file__).resolve().parents[2] / "shared"
TOY_FRAMES = 40
TOY_SIDE = 96


def toy_labels(t: int) -> Any:
    """The toy world at frame t: (96, 96) uint16. Discs of radius 8 that move, touch, divide and leave.

    ::

        t = 0               t = 20              t = 39
        +-----------+       +-----------+       +-----------+
        | 1         |       |   1       |       |       1   |
        |     2     |       |    (3 4)  |       |  3     4  |   2 divides into 3 and 4 at t = 15, which touch at first
        |        5  |       |       5   |       |      5    |
        |  6        |       |6          |       |           |   6 leaves at the left before t = 30
        +-----------+       +-----------+       +-----------+
    """
    labels = np.zeros((TOY_SIDE, TOY_SIDE), np.uint16)
    apart = 7.5 + max(t - 15, 0)
    centres = {1: (16, 14 + 1.5 * t), 5: (62, 74 - 0.5 * t), 6: (80, 24 - 1.2 * t)}
    centres |= {2: (40, 48)} if t < 15 else {3: (40, 48 - apart), 4: (40, 48 + apart)}
    y, x = np.mgrid[:TOY_SIDE, :TOY_SIDE]
    for label, (cy, cx) in centres.items():
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= 64) & (labels == 0)] = label
    return labels


def toy_frame(labels: Any, seed: int) -> Any:
    """Bright discs on noise: (Y, X) uint8."""
    noise = np.random.default_rng(seed).normal(100, 6, labels.shape)
    return np.clip(noise + 60 * (labels > 0), 0, 255).astype(np.uint8)


def write_toy(folder: Path, frames: int = TOY_FRAMES) -> Path:
    """The toy world as a CTC data set: one sequence, silver in every frame, gold in every fourth, TRA markers."""
    for part in ("01", "01_ST/SEG", "01_GT/SEG", "01_GT/TRA"):
        (folder / part).mkdir(parents=True)
    lives: dict[int, list[int]] = {}
    for t in range(frames):
        labels = toy_labels(t)
        tifffile.imwrite(folder / f"01/t{t:03d}.tif", toy_frame(labels, t))
        tifffile.imwrite(folder / f"01_ST/SEG/man_seg{t:03d}.tif", labels, compression="lzw")
        tifffile.imwrite(folder / f"01_GT/TRA/man_track{t:03d}.tif", labels, compression="lzw")
        if t % 4 == 0:
            tifffile.imwrite(folder / f"01_GT/SEG/man_seg{t:03d}.tif", labels, compression="lzw")
        for label in np.unique(labels[labels > 0]):
            lives.setdefault(int(label), [t, t])[1] = t
    rows = [f"{label} {b} {e} {2 if label in (3, 4) else 0}" for label, (b, e) in sorted(lives.items())]
    (folder / "01_GT/TRA/man_track.txt").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cache and spool of one test, apart from the user's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CYTOLAPSE_HOME", str(folder))
    for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy world on disk; read only."""
    return write_toy(tmp_path_factory.mktemp("data") / "toy")


@pytest.fixture
def shared() -> Path:
    """The folder of real frames and metric cases beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no real frames beside the project: {SHARED} is absent")
    return SHARED
