"""Two walks through the dashboard in a real browser: one that looks, and one of a day's work."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from browsing import chromium, serving
from dashboard_world import make_store
from promotion_world import champions

LONG_MS = 120_000


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
    page.get_by_text("demo: 3 runs").wait_for()
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    table.get_by_test_id("glide-cell-1-0").wait_for(state="attached")
    assert page.locator("b", has_text="bare").count() == 0, "names are text, never HTML"
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
    page.get_by_text("Objects in frame 13").wait_for()  # the server knows it: its answer comes not after the way back
    page.wait_for_url("**frame=13*")
    page.go_back()
    page.locator(".player[data-frame='12']").wait_for()

    page.get_by_role("link", name="Registry").click()
    page.get_by_text("No model registered yet").wait_for()
    page.screenshot(path=tmp_path / "registry.png")
    inner = [url for url in foreign if not url.startswith(("data:", "blob:", "ws:"))]
    assert inner == [], "the dashboard works without the internet"
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("runs", "compare", "movie", "registry"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory, empty_database):
    """A dashboard whose looker may write, its folder, and the ids of three runs of which two were champions."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        patch.setenv("CYTOLAPSE_WRITERS", "local")
        patch.setenv("LOGNAME", "grace")
        ids = champions(uri, folder)
        with serving(uri, folder) as address:
            yield address, folder, ids


@pytest.fixture
def page(browser):
    """A window in which no script fails."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    failed: list[str] = []
    opened.on("pageerror", lambda error: failed.append(str(error)))
    yield opened
    assert failed == []
    assert opened.get_by_test_id("stException").count() == 0
    opened.close()


def go(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()


def cells(table, head: str) -> list[str]:
    """The column of a table under a head; the table is drawn on a canvas, which says its words beside it."""
    table.get_by_test_id("glide-cell-1-0").wait_for(state="attached")
    heads = [told.split()[-1:] for told in table.locator("th").all_text_contents()]  # an arrow before says: sorted
    column = heads.index([head]) + 1
    return table.locator(f"tbody td[aria-colindex='{column}']").all_text_contents()


def confirm(page, button: str, reason: str, sure: str) -> None:
    """Open what a button holds, say why and that one is sure, and press it."""
    page.get_by_role("button", name=button).click()
    form = page.get_by_test_id("stPopoverBody")
    form.get_by_label("Reason").fill(reason)
    form.get_by_label("Reason").press("Tab")
    form.get_by_text(sure).click()
    go_button = form.get_by_role("button", name=button)
    page.wait_for_function("button => !button.disabled", arg=go_button.element_handle())
    go_button.click()


@pytest.mark.slow
def test_runs_are_sorted_picked_and_compared(lab, page):
    address, _, ids = lab
    page.goto(address)
    page.get_by_text("Champion: version 2").wait_for()
    go(page, "Runs")
    table = page.get_by_test_id("stDataFrame").first
    assert [name.partition("-")[0] for name in cells(table, "Run")] == ["fair", "good", "poor"], "by validation"
    for _ in range(2):  # up, then down
        table.click(position={"x": 60, "y": 15})
        page.wait_for_timeout(500)
    assert [name.partition("-")[0] for name in cells(table, "Run")] == ["poor", "good", "fair"]
    for place, name in enumerate(("poor", "good", "fair")):
        table.click(position={"x": 15, "y": 50 + 35 * place})
        page.wait_for_url(f"**run={ids[name]}*")
    page.locator(".st-key-actions").get_by_role("link", name="Compare 3 runs").click()
    drag = page.locator(".js-plotly-plot").nth(1).locator(".nsewdrag").first
    drag.wait_for()
    page.wait_for_timeout(1000)
    box = drag.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.02 * box["height"], steps=5)
    told = page.locator(".hoverlayer .hovertext").first
    told.wait_for()
    assert "good-" in told.text_content() or "fair-" in told.text_content(), "a point names its run"


@pytest.mark.slow
def test_runs_are_searched_filtered_and_grouped(lab, page):
    """Below its head the page is drawn alone: it writes the address like the whole page, and no tick is lost."""
    address, _, ids = lab
    page.goto(f"{address}/runs")
    search = page.get_by_role("textbox", name="Search")
    search.fill("good")
    search.press("Enter")
    page.get_by_text("1 of 3 runs").wait_for()
    page.wait_for_url("**q=good*")
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Recipe").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("3 of 3 runs").wait_for()
    page.wait_for_url(lambda url: "q=" not in url)

    table = page.get_by_test_id("stDataFrame").last
    for place, name in enumerate(("fair", "good")):
        table.click(position={"x": 15, "y": 50 + 35 * place})
        page.wait_for_url(f"**run={ids[name]}*")
    for group in ("By settings", "Single runs"):
        page.get_by_role("combobox", name="Group").click()
        page.get_by_role("option", name=group).click()
        page.wait_for_url(f"**group={'settings' if group == 'By settings' else 'none'}*")
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        page.wait_for_timeout(1000)
    page.get_by_test_id("stDataFrame").last.click(position={"x": 15, "y": 50 + 35 * 2})
    page.wait_for_url(f"**run={ids['poor']}*")
    assert all(f"run={run_id}" in page.url for run_id in ids.values())
    page.get_by_text("Compare 3 runs").wait_for()


@pytest.mark.slow
def test_from_the_worst_frame_into_the_movie(lab, page):
    address, _, ids = lab
    page.goto(f"{address}/errors?run={ids['poor']}")
    table = page.get_by_test_id("stDataFrame").first
    worst, link = cells(table, "Frame")[0], cells(table, "Movie")[0]
    page.goto(f"{address}/{link.lstrip('/')}")
    player = page.locator(f".player[data-frame='{worst}']")
    player.wait_for()
    strip = page.locator(".strip").bounding_box()
    page.mouse.move(strip["x"] + 2, strip["y"] + 10)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] - 2, strip["y"] + 10, steps=20)
    page.mouse.up()
    page.locator(".player[data-frame='89']").wait_for()
    page.wait_for_url("**frame=89*")


@pytest.mark.slow
def test_a_model_is_promoted_and_rolled_back(lab, page):
    address, _, ids = lab
    page.goto(f"{address}/registry?run={ids['good']}")
    page.get_by_text("Champion: version 2").wait_for()
    confirm(page, "Promote", "sharper outlines", "Yes, make it champion")
    page.get_by_text("Champion: version 3").wait_for(timeout=LONG_MS)
    page.get_by_text("sharper outlines").first.wait_for()
    page.get_by_text("by grace").first.wait_for()
    confirm(page, "Roll back", "it loses small cells", "Yes, roll back")
    page.get_by_text("Champion: version 2").wait_for(timeout=LONG_MS)
    page.get_by_text("it loses small cells").first.wait_for()


@pytest.mark.slow
def test_a_file_is_tried(lab, page):
    address, folder, _ = lab
    frames = np.stack([tifffile.imread(path) for path in sorted((folder / "discs/02").glob("*.tif"))[:4]])
    stack = io.BytesIO()
    tifffile.imwrite(stack, frames, photometric="minisblack")
    page.goto(f"{address}/try_it")
    chosen = {"name": "../../mine.tif", "mimeType": "image/tiff", "buffer": stack.getvalue()}
    page.locator("input[type=file]").set_input_files(chosen)
    page.get_by_text("mine.tif").wait_for()
    page.get_by_role("button", name="Segment").click()
    page.get_by_text("8 outlines in 4 frames").wait_for(timeout=LONG_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Cells (CSV)").click()
    table = Path(download.value.path()).read_text().splitlines()
    assert len(table) == 1 + 8 and "area" in table[0]
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("8 outlines in 4 frames").wait_for(state="detached")
