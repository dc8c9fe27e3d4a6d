"""One walk through the dashboard in a real browser."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from dashboard_world import make_store

from dashboard import commands

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture
def browser():
    """Debian's chromium, or whatever is on the path."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no browser: chromium is not on the path (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def server(tmp_path):
    """Address of a dashboard on a small store, and the ids of its runs."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ids = make_store(uri)
    with socket.socket() as probe:
        probe.bind((commands.HOST, 0))
        port = probe.getsockname()[1]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            commands.command(port), env=commands.environment(uri), cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait(f"http://{commands.HOST}:{port}/_stcore/health")
        yield f"http://{commands.HOST}:{port}", ids
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


@pytest.mark.slow
def test_four_pages(browser, server, tmp_path):
    address, ids = server
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    foreign: list[str] = []
    page.on("request", lambda request: None if address in request.url else foreign.append(request.url))
    # A deep link comes first: a fresh server must answer it like any other.
    page.goto(f"{address}/compare?run={ids['unet']}&run={ids['classical']}&scores=test-silver")
    page.get_by_text("F1 over IoU threshold").wait_for()
    assert page.get_by_role("combobox", name="Split and reference").input_value() == "Test, silver truth"
    page.screenshot(path=tmp_path / "compare.png")

    page.get_by_role("link", name="Runs").click()
    page.get_by_role("heading", name="demo").wait_for()
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    assert page.get_by_text("<b>").count() == 0, "names are drawn in a canvas, never as HTML"
    page.screenshot(path=tmp_path / "runs.png")
    table.click(position={"x": 15, "y": 50})
    page.get_by_text("Compare this run").wait_for()
    page.wait_for_url(f"**run={ids['unet']}*")

    page.get_by_text("Frames of the first").click()
    page.locator("img[alt*='outlines']").wait_for()
    page.wait_for_url("**frame=12*")
    page.screenshot(path=tmp_path / "frames.png")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**frame=13*")
    page.go_back()
    page.wait_for_url("**frame=12*")

    page.get_by_role("link", name="Registry").click()
    page.get_by_text("No model registered yet").wait_for()
    page.screenshot(path=tmp_path / "registry.png")
    inner = [url for url in foreign if not url.startswith(("data:", "blob:", "ws:"))]
    assert inner == [], "the dashboard works without the internet"
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("runs", "compare", "frames", "registry"))
