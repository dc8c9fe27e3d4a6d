"""What all tests share: the real frames where they are at hand, and a home of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cache and spool of one test, apart from the user's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CYTOLAPSE_HOME", str(folder))
    for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def shared() -> Path:
    """The folder of real frames and metric cases beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no real frames beside the project: {SHARED} is absent")
    return SHARED
