"""What all tests share: the toy world, the real frames where they are at hand, and a home of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start: two test workers share two cores

import numpy as np
import pytest
import tifffile

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
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
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's own `__main__` after each test: AppTest leaves a page there that a spawned process would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty tracking database: mlflow needs seconds to make one, so it is made once and copied."""
    from cytolapse.tracking.client import connect

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def store(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of an empty tracking store, mlflow.db in the test's own current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Any:
    """Address of a tracking store for all tests of a file; until they end, only what it says is in the environment."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(empty_database, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        yield f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `cytolapse ...` in this process, in tmp_path: words -> (exit code, stdout, stderr)."""
    from cytolapse.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*words: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cytolapse", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out, err

    return run


def python(
    *words: Any, path: str = "platform:.", cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own with `path` (relative to the root) to import from."""
    paths = os.pathsep.join(str(ROOT / part) for part in path.split(":"))
    variables = {**os.environ, "PYTHONPATH": paths, **env}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=variables, timeout=280)
