"""A dashboard on a store, MLflow's own pages on the same store, and Debian's chromium to look at both."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, or whatever is on the path."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no browser: chromium is not on the path (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def dashboard(store: Path) -> Iterator[tuple[str, int]]:
    """Address and process of `cytolapse dashboard` on a database."""
    command = [sys.executable, "-m", "cytolapse", "dashboard", "--store", f"sqlite:///{store.resolve()}"]
    with _served(command, "/_stcore/health") as served:
        yield served


@contextmanager
def mlflow(store: Path) -> Iterator[tuple[str, int]]:
    """Address and process of `mlflow server` on a database, with one worker and without its job queue."""
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{store.resolve()}"]
    with _served(command, "/health") as served:
        yield served


@contextmanager
def bare() -> Iterator[tuple[str, int]]:
    """Address and process of a Streamlit page that is one table and nothing else."""
    script = str(Path(__file__).with_name("bare.py"))
    options = ["--server.headless=true", "--server.fileWatcherType=none", "--browser.gatherUsageStats=false"]
    with _served([sys.executable, "-m", "streamlit", "run", script, *options], "/_stcore/health") as served:
        yield served


@contextmanager
def _served(command: list[str], health: str) -> Iterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    paths = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(
        [*command, "--server.port" if "streamlit" in command else "--port", str(port)],
        env={**os.environ, **quiet, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(f"http://{HOST}:{port}{health}")
        yield f"http://{HOST}:{port}", process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(address: str) -> None:
    for _ in range(480):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit(f"{address} did not answer within two minutes")
