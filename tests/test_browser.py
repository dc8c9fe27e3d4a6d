"""One walk through the dashboard in a real browser."""

from __future__ import annotations

import pytest
from browsing import chromium, serving
from dashboard_world import make_store


@pytest.fixture
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def server(tmp_path):
    """Address of a dashboard on a small store, and the ids of its runs."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ids = make_store(uri)
    with serving(uri, tmp_path) as address:
        yield address, ids


@pytest.mark.slow
def test_four_pages(browser, server, tmp_path):
    address, ids = server
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    foreign: list[str] = []
    page.on("request", lambda request: None if address in request.url else foreign.append(request.url))
    # A deep link comes first: a fresh server must answer it like any other.
    page.goto(f"{address}/compare?run={ids['unet']}&run={ids['classical']}&scores=test-silver")
    page.locator(".annotation-text", has_text="F1").first.wait_for()
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

    page.locator(".st-key-actions").get_by_role("link", name="Movie").click()
    page.locator(".player[data-frame='12']").wait_for()
    page.wait_for_url("**frame=12*")
    page.screenshot(path=tmp_path / "movie.png")
    page.keyboard.press("ArrowRight")
    page.locator(".player[data-frame='13']").wait_for()
    page.wait_for_url("**frame=13*")
    page.go_back()
    page.locator(".player[data-frame='12']").wait_for()

    page.get_by_role("link", name="Registry").click()
    page.get_by_text("No model registered yet").wait_for()
    page.screenshot(path=tmp_path / "registry.png")
    inner = [url for url in foreign if not url.startswith(("data:", "blob:", "ws:"))]
    assert inner == [], "the dashboard works without the internet"
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("runs", "compare", "movie", "registry"))
