"""Every page of the dashboard as a picture: two sizes of window, light and dark.

    PYTHONPATH=platform:. python benchmarks/screenshots.py mlflow.db docs/pages [--page NAME=PATH ...] [--scheme dark]

PATH is what follows the server's address, as `compare?run=...&run=...`; without --page every page is taken as it opens.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.browsing import chromium, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("overview", "runs", "compare", "movie", "errors", "try_it", "registry", "data")
SIZES = ((1440, 900), (1024, 768))
SCHEMES = ("light", "dark")
QUALITY = 80
PAINTED_MS = 2500
"""Canvases and figures have no event that says that they are painted."""


def settle(page: Page) -> None:
    """Wait until the script has ended and no part is still a grey bar."""
    page.get_by_test_id("stApp").wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    page.wait_for_timeout(PAINTED_MS)


def main() -> None:
    """Write one WebP for each page, size and scheme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, metavar="DATABASE")
    parser.add_argument("folder", type=Path, metavar="OUT")
    parser.add_argument("--page", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--scheme", choices=SCHEMES, help="Only this one.")
    parser.add_argument("--width", type=int, choices=[width for width, _ in SIZES], help="Only this window.")
    given = parser.parse_args()
    pages = dict(each.split("=", 1) for each in given.page) or {name: name for name in PAGES} | {"overview": ""}
    given.folder.mkdir(parents=True, exist_ok=True)
    with dashboard(given.store) as (address, _), chromium() as browser:
        for scheme in [given.scheme] if given.scheme else SCHEMES:
            for width, height in [size for size in SIZES if given.width in (None, size[0])]:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                for name, path in pages.items():
                    page.goto(f"{address}/{path}", timeout=120_000)
                    settle(page)
                    picture = Image.open(io.BytesIO(page.screenshot(timeout=120_000)))
                    picture.save(given.folder / f"{name}-{width}-{scheme}.webp", quality=QUALITY, method=6)
                page.close()


if __name__ == "__main__":
    main()
