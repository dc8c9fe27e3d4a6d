"""The movie player in a real browser."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from browsing import chromium, serving
from dashboard_world import make_store
from PIL import Image

import dashboard
from cytolapse.previews import to_runs

LABELS = (Path(dashboard.__file__).parent / "player/labels.js").read_text()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        ids = make_store(uri)
        with serving(uri, folder) as address:
            yield SimpleNamespace(address=address, ids=ids)


@pytest.fixture
def look(browser, world):
    """Open the player at a link: the page, and what went over its websocket since."""
    pages = []

    def opened(query: str):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        pages.append(page)
        page.sent = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: page.sent.append(frame)))
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{world.address}/movie?{query}")
        page.locator(".player[data-frame]").wait_for()
        page.wait_for_timeout(700)
        return page

    yield opened
    assert [page.errors for page in pages] == [[]] * len(pages)
    for page in pages:
        page.close()


def frame(page) -> int:
    return int(page.locator(".player").get_attribute("data-frame"))


def pixels(page, panel: int = 0) -> np.ndarray:
    """(Y, X, 3) of a panel's canvas, without what lies above it."""
    canvas = page.locator(".panel canvas").nth(panel)
    data = canvas.evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")).astype(int)


def coloured(page, panel: int = 0) -> int:
    """Pixels that are no grey of the microscope and not the stage."""
    found = pixels(page, panel)
    return int((np.ptp(found, axis=2) > 25).sum())


def step(page, key: str) -> None:
    painted = page.locator(".player").get_attribute("data-painted")
    page.keyboard.press(key)
    page.wait_for_function(
        "old => document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
        ".querySelector('.player').dataset.painted !== old",
        arg=painted,
    )


def test_scrubbing_runs_no_script(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=10")
    strip = page.locator(".strip").bounding_box()
    before, seen = len(page.sent), set()
    page.mouse.move(strip["x"] + 2, strip["y"] + 10)
    page.mouse.down()
    for part in np.linspace(0.01, 0.99, 25):
        page.mouse.move(strip["x"] + part * strip["width"], strip["y"] + 10)
        page.wait_for_timeout(40)
        seen.add(frame(page))
    assert seen == {10, 11, 12, 13, 14, 15}
    assert len(page.sent) == before, "no word to the server while the button is down"
    entries = page.evaluate("history.length")
    page.mouse.up()
    page.wait_for_url("**frame=15*")
    page.wait_for_timeout(700)
    assert len(page.sent) > before
    assert page.evaluate("history.length") == entries, "Back leads to the page before, not through frames"


def test_keys_and_play(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=10")
    for key, number in (("ArrowRight", 11), ("End", 15), ("ArrowLeft", 14), ("Home", 10), ("n", 12)):
        step(page, key)
        assert frame(page) == number
    before = len(page.sent)
    page.wait_for_url("**frame=12*")
    page.wait_for_timeout(500)
    before = len(page.sent)
    page.keyboard.press("Space")
    page.wait_for_function("n => true", arg=0)
    seen = set()
    for _ in range(30):
        page.wait_for_timeout(50)
        seen.add(frame(page))
    assert seen == {10, 11, 12, 13, 14, 15}, "it begins again at the end"
    assert len(page.sent) == before
    page.keyboard.press("Space")
    page.wait_for_timeout(600)
    still = frame(page)
    page.wait_for_timeout(400)
    assert frame(page) == still
    page.get_by_label("Keys", exact=True).click()
    page.get_by_text("next frame with errors").wait_for()


def test_zoom_and_place_stay_and_are_in_the_address(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=10")
    box = page.locator(".panel canvas").bounding_box()
    spot = (box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3)
    page.mouse.move(*spot)
    page.mouse.wheel(0, -900)
    page.wait_for_url("**zoom=3.86*")
    near = pixels(page)
    step(page, "ArrowRight")
    assert np.abs(pixels(page) - near).mean() < 12, "the same place of the next frame, where cells moved by a pixel"
    page.mouse.down()
    page.mouse.move(spot[0] - 150, spot[1] - 60, steps=5)
    page.mouse.up()
    page.wait_for_timeout(900)
    x = float(page.url.split("x=")[-1].split("&")[0])
    assert x > 42, "dragged to the left: the view is right of the middle"
    again = look(page.url.partition("?")[2])
    assert np.abs(pixels(again) - pixels(page)).mean() < 6, "the link shows the same place"
    again.keyboard.press("0")
    again.wait_for_timeout(900)
    assert "zoom=1&" in again.url + "&"
    assert "x=" not in again.url


def test_layers_colours_and_opacity_change_what_is_drawn(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=12")
    outlines = coloured(page)
    assert outlines > 500
    step(page, "f")
    filled = coloured(page)
    assert filled > 2 * outlines
    errors = pixels(page)
    step(page, "t")
    assert np.abs(errors - pixels(page)).max() > 60
    step(page, "p")
    step(page, "s")
    assert coloured(page) == 0, "no layer is left"
    step(page, "g")
    assert coloured(page) > 500
    page.get_by_label("Opacity").fill("0")
    page.wait_for_timeout(300)
    assert coloured(page) == 0
    page.reload()
    page.locator(".player[data-frame]").wait_for()
    assert page.get_by_label("Opacity").input_value() == "0", "the look is remembered"


def test_the_label_under_the_pointer_is_named(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=12")
    box = page.locator(".panel canvas").bounding_box()
    scale = min(box["width"] / 80, box["height"] / 60)
    left, top = box["x"] + (box["width"] - 80 * scale) / 2, box["y"] + (box["height"] - 60 * scale) / 2
    hint = page.locator(".hint")
    for (y, x), words in {(15.5, 19.5): "prediction 1 · matched · IoU", (15.5, 55.5): "silver 2 · missed"}.items():
        page.mouse.move(left + x * scale, top + y * scale)
        hint.wait_for()
        assert words in hint.inner_text()
    page.mouse.move(left + 3 * scale, top + 55 * scale)
    assert not hint.is_visible()


def test_side_by_side_with_one_view(look, world):
    ids = world.ids
    page = look(f"run={ids['unet']}&run={ids['classical']}&run={ids['bare']}&reference=silver&frame=12")
    captions = [page.locator(".caption").nth(n).inner_text() for n in range(3)]
    assert captions[0].startswith("unet-boundary")
    assert "<b>bare</b>" in captions[2], "names are text, never HTML"
    page.get_by_text("This run has no stored frames of sequence 02.").wait_for()
    assert coloured(page, 0) > 100
    assert coloured(page, 1) > 100
    assert np.abs(pixels(page, 0) - pixels(page, 1)).max() > 60, "each has its own prediction"
    fetched = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    images = [url.split("/")[-2] for url in fetched if "/image+" in url]
    assert len(images) == len(set(images)) > 0, "equal images are fetched once"
    whole = [pixels(page, panel) for panel in (0, 1)]
    step(page, "+")
    assert all(np.abs(pixels(page, panel) - whole[panel]).mean() > 2 for panel in (0, 1))


def test_a_click_on_a_row_goes_to_its_frame(look, world):
    page = look(f"run={world.ids['unet']}&reference=silver&frame=15")
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.locator("canvas").first.wait_for()
    table.click(position={"x": 15, "y": 52})
    page.locator(".player[data-frame='12']").wait_for()


def test_links_that_grew_old_are_renewed(browser, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import dashboard.signing\ndashboard.signing.HOURS = 4 / 3600\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ids = make_store(uri)
    with serving(uri, tmp_path) as address:
        page = browser.new_page()
        page.goto(f"{address}/movie?run={ids['unet']}&reference=silver&frame=10")
        page.locator(".player[data-frame]").wait_for()
        page.wait_for_timeout(9000)
        refused = []
        page.on("response", lambda answer: refused.append(answer.status) if answer.status == 403 else None)
        page.keyboard.press("s")
        page.wait_for_timeout(300)
        without = coloured(page)
        page.keyboard.press("g")
        page.wait_for_timeout(2500)
        assert refused, "gold was not fetched before"
        assert coloured(page) > without
        page.close()


def test_labels_are_outlined_exactly(browser):
    page = browser.new_page()
    page.evaluate("code => (0, eval)(code)", LABELS)
    rng = np.random.default_rng(0)
    blobs = np.kron(rng.integers(0, 5, (9, 11)), np.ones((5, 7), int))
    holes = np.where(rng.random(blobs.shape) < 0.05, 0, blobs)
    noise = rng.integers(0, 4, (31, 17))
    for labels in (np.zeros((3, 5), int), holes, noise, holes * 90 + (holes > 0), noise * 700_000_000):
        found = page.evaluate(
            """text => {
              const buffer = Uint8Array.from(atob(text), each => each.charCodeAt(0)).buffer;
              const [height, width] = new Uint32Array(buffer), objects = trace(buffer);
              const context = new OffscreenCanvas(1, 1).getContext("2d");
              const inside = objects.map(({ id, loops, box }) => {
                const path = new Path2D();
                for (let n = 0, open = false; n < loops.length; n += 2) {
                  if (loops[n] < 0) path.closePath(), open = false;
                  else open ? path.lineTo(loops[n], loops[n + 1]) : path.moveTo(loops[n], loops[n + 1]), open = true;
                }
                const hits = [];
                for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                  if (context.isPointInPath(path, x + 0.5, y + 0.5, "evenodd")) hits.push(y * width + x);
                }
                return { id, hits, box };
              });
              return inside;
            }""",
            base64.b64encode(to_runs(labels)).decode(),
        )
        assert {each["id"] for each in found} == set(labels[labels > 0].tolist())
        for each in found:
            np.testing.assert_array_equal(each["hits"], np.flatnonzero(labels == each["id"]))
            y, x = np.nonzero(labels == each["id"])
            assert each["box"] == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    page.close()
