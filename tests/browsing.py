"""Debian's chromium and a dashboard to look at with it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dashboard import commands

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def chromium():
    """Debian's chromium, or whatever is on the path."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no browser: chromium is not on the path (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(uri: str, folder: Path):
    """Address of a dashboard on a store; its log goes to the folder."""
    with socket.socket() as probe:
        probe.bind((commands.HOST, 0))
        port = probe.getsockname()[1]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            commands.command(port), env=commands.environment(uri), cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait(f"http://{commands.HOST}:{port}/_stcore/health")
        yield f"http://{commands.HOST}:{port}"
    finally:
        process.terminate()
        process.wait(20)


def wait(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"{address} did not answer within a minute")
