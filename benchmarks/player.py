"""How fast is the movie player? Full-size frames (1036 x 1070) in a headless browser, by software alone.

    PYTHONPATH=platform:. python benchmarks/player.py [FOLDER]

makes three runs with 200 stored frames of 30 cells (BF-C2DL-MuSC has 23 at most) and one of 400, serves them and
writes benchmarks/results/player.json: seconds until the first frame is painted, frames per second while scrubbing
through frames that were never fetched and once more through the same, while playing at 25, and messages to the server
meanwhile. `cpu_ms_a_frame` is the processor time of browser and server together: on a machine that others keep busy the
clock says little.
Needs chromium on the path. Where a FOLDER is given, the runs are kept there for the next time.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
from browsing import chromium, dashboard
from scipy import ndimage

from cytolapse.metrics import match, summarise
from cytolapse.previews import FrameView, write_previews
from cytolapse.tracking import start_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

SHAPE = (1036, 1070)
FRAMES = 200
SHIFTS = {30: (1, 3, 5), 400: (3,)}
RESULT = Path(__file__).parent / "results/player.json"
PLAYER = "document.querySelector('[data-testid=stBidiComponentIsolated]')?.shadowRoot?.querySelector('.player')"
PAINTED = f"() => {PLAYER}?.dataset.frame && performance.now()"
SCRUB = f"""async ([from, to]) => {{
  const root = {PLAYER}, strip = root.querySelector(".strip"), box = strip.getBoundingClientRect();
  strip.setPointerCapture = () => {{}};
  strip.hasPointerCapture = () => true;
  const send = (kind, n) => strip.dispatchEvent(new PointerEvent(kind, {{
    bubbles: true, clientX: box.left + (n + 0.5) / {FRAMES} * box.width, clientY: box.top + 5,
  }}));
  send("pointerdown", from);
  const begin = performance.now();
  let slowest = 0, last = begin;
  for (let n = from; n < to; n++) {{
    send("pointermove", n);
    while (Number(root.dataset.frame) !== n) await new Promise(requestAnimationFrame);
    slowest = Math.max(slowest, performance.now() - last);
    last = performance.now();
  }}
  const seconds = (performance.now() - begin) / 1000;
  return {{ frames_per_second: (to - from) / seconds, slowest_frame_ms: slowest }};
}}"""
PLAY = f"""async (seconds) => {{
  const root = {PLAYER}, begin = Number(root.dataset.painted);
  root.querySelector("[data-do=play]").click();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  const painted = Number(root.dataset.painted) - begin;
  root.querySelector("[data-do=play]").click();
  return painted / seconds;
}}"""


def views(cells: int, shift: int) -> Iterator[FrameView]:
    """Ellipses that drift over noise; predictions are off by `shift` px, and every tenth is lost now and then."""
    rng = np.random.default_rng(0)
    # A frame takes 190 kB; one of BF-C2DL-MuSC takes 65.
    noise = ndimage.gaussian_filter(rng.normal(0, 1, (SHAPE[0] + FRAMES, SHAPE[1])), 1.5)
    noise = np.clip(120 + 7 * noise / noise.std(), 0, 255).astype(np.uint8)
    places = rng.uniform((40, 40), (SHAPE[0] - 40, SHAPE[1] - 40), (cells, 2))
    radii, steps = rng.uniform(9, 16, cells), rng.normal(0, 0.6, (cells, 2))
    for number in range(FRAMES):
        centres = np.clip(places + number * steps, 40, np.array(SHAPE) - 40)
        truth, found = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint16)
        for each, ((y, x), radius) in enumerate(zip(centres.round().astype(int), radii, strict=True), 1):
            rows, columns = np.ogrid[-30:31, -30:31]
            inside = rows**2 / 2 + columns**2 < radius**2
            truth[y - 30 : y + 31, x - 30 : x + 31][inside] = each
            if each % 10 or number % 7:
                found[y - 30 : y + 31, x - 30 + shift : x + 31 + shift][inside] = each
        image = noise[number : number + SHAPE[0]].copy()
        image[truth > 0] = np.minimum(image[truth > 0] + 60, 255)
        yield FrameView(number, image, found, {"silver": truth})


def log(uri: str, cells: int, shift: int) -> tuple[str, int]:
    """A run with stored frames and tables; its id and the size of the bundle in bytes."""
    with (
        start_run(uri, experiment="benchmark", name=f"{cells}-cells-{shift}") as run,
        tempfile.TemporaryDirectory() as tmp,
    ):
        matchings = []

        def matched() -> Iterator[FrameView]:
            for view in views(cells, shift):
                matchings.append(match(view.references["silver"], view.prediction, sequence="01", frame=view.number))
                yield view

        path = Path(tmp) / "01.zip"
        write_previews(path, matched(), minutes=5)
        result = summarise(matchings)
        for name, rows in (("frames", result.by_frame), ("objects", result.objects)):
            pd.DataFrame([{"reference": "silver", **row} for row in rows]).to_parquet(Path(tmp) / f"{name}.parquet")
            run.artifact(Path(tmp) / f"{name}.parquet", "test")
        run.artifact(path, "test/previews")
        run.metrics({"test/silver/seg": result.scores["seg"] or 0.0})
        size = path.stat().st_size
    return run.run_id, size  # known once the run was delivered


def opened(browser: Browser, link: str) -> tuple[Page, float, list[int]]:
    """A page that a browser without any cache opens, seconds until it shows a frame, and its messages both ways."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    messages: list[int] = []
    page.on(
        "websocket",
        lambda socket: [socket.on(kind, lambda _: messages.append(1)) for kind in ("framesent", "framereceived")],
    )
    page.goto(link)
    seconds = page.wait_for_function(PAINTED, timeout=60_000).json_value() / 1000
    page.wait_for_timeout(3000)
    return page, seconds, messages


def spent() -> float:
    """Processor seconds of this process's browser and server so far, without those of processes that ended."""
    seconds = 0.0
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds += sum(each.cpu_times()[:2])
    return seconds


def scrubbed(page: Page, begin: int, end: int) -> dict[str, float]:
    """Scrub from frame to frame, each waited for until it is painted."""
    before = spent()
    found: dict[str, float] = page.evaluate(SCRUB, [begin, end])
    cost = 1000 * (spent() - before) / (end - begin)
    return {name: round(value, 1) for name, value in {**found, "cpu_ms_a_frame": cost}.items()}


def measure(browser: Browser, link: str) -> dict[str, Any]:
    """Everything about one link, opened at its last frame so that the first ones are new."""
    visits = [opened(browser, link) for _ in range(3)]
    for page, _, _ in visits[:-1]:
        page.context.close()
    page, _, messages = visits[-1]
    before = len(messages)
    cold, again, near = (scrubbed(page, begin, FRAMES - 20) for begin in (0, 0, FRAMES - 40))
    page.locator(".speed select").select_option("25")
    played = page.evaluate(PLAY, 5)
    while_moving = len(messages) - before
    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_test_id("stDataFrame").first.wait_for()
    page.wait_for_timeout(1000)
    started = time.perf_counter()
    page.get_by_role("link", name="Movie", exact=True).first.click()
    page.wait_for_function(PAINTED)
    from_another = time.perf_counter() - started
    page.context.close()
    return {
        "seconds_to_first_frame": [round(seconds, 2) for _, seconds, _ in visits],
        "seconds_from_the_runs_page_to_a_frame": round(from_another, 2),
        "scrubbing_unseen_frames": cold,
        "scrubbing_the_same_again": again,
        "scrubbing_decoded_frames": near,
        "playing_at_25": round(played, 1),
        "messages_to_and_from_the_server_meanwhile": while_moving,
        "load_average": round(os.getloadavg()[0], 1),
        "niceness": os.nice(0),
    }


def main() -> None:
    """Measure and write the results."""
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else tmp).resolve()
        os.environ["CYTOLAPSE_HOME"] = str(folder / "home")
        uri, known = f"sqlite:///{folder / 'mlflow.db'}", folder / "runs.json"
        if not known.is_file():
            folder.mkdir(exist_ok=True)
            runs = [[cells, [log(uri, cells, shift) for shift in shifts]] for cells, shifts in SHIFTS.items()]
            known.write_text(json.dumps(runs))
        with dashboard(folder / "mlflow.db") as (address, _), chromium() as browser:
            results = visited(browser, address, json.loads(known.read_text()))
    about = {"shape": SHAPE, "frames": FRAMES, "cores": os.cpu_count(), "graphics": "software"}
    RESULT.write_text(json.dumps({**about, "results": results}, indent=1) + "\n")


def visited(browser: Browser, address: str, runs: list[tuple[int, list[tuple[str, int]]]]) -> list[dict[str, Any]]:
    """One row per number of cells and of panels."""
    rows = []
    for cells, made in runs:
        for panels in sorted({1, len(made)}):
            query = "&".join(f"run={run_id}" for run_id, _ in made[:panels])
            found = measure(browser, f"{address}/movie?{query}&frame={FRAMES - 1}")
            megabytes = round(made[0][1] / 1e6, 1)
            rows.append({"cells": cells, "panels": panels, "bundle_megabytes": megabytes, **found})
            print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    main()
