"""How fast the dashboard is in a browser with 1,000 and 10,000 runs in the store, beside MLflow's own run table.

    PYTHONPATH=platform:. python benchmarks/dashboard.py FOLDER [--parts 1000 10000 memory --changes 200 --rounds 5]

FOLDER keeps the filled stores, which take minutes to make. Writes benchmarks/results/dashboard.json. Times are medians
of seconds from the click to what one waited for, and mean little on a busy machine. Two things take turns with our page
in every round, so that the ratios mean something: MLflow's page, and `bare`, a Streamlit page of one table and nothing
else, which is what no page of ours can be faster than.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browsing import bare, chromium, dashboard, mlflow
from benchmarks.filled import METRICS, PARAMS, fill, multiply

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

RUNS = 1000
WINDOW = {"width": 1440, "height": 900}
RESULT = Path(__file__).parent / "results" / "dashboard.json"
WAIT_MS = 120_000
SETTLED_MS = 700
PARTS = ("1000", "10000", "memory")


def seconds(act: Callable[[], object]) -> float:
    """How long something took."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def opened(page: Page, address: str) -> None:
    """Our table of runs: there and painted."""
    page.goto(f"{address}/runs")
    painted(page)


def opened_bare(page: Page, address: str) -> None:
    """The page of one table."""
    page.goto(address)
    painted(page)


def painted(page: Page) -> None:
    """The first table of the page is drawn."""
    page.locator('[data-testid="stDataFrame"] canvas').first.wait_for(timeout=WAIT_MS)


def opened_mlflow(page: Page, address: str) -> None:
    """MLflow's table of the runs of one experiment: there and painted."""
    page.goto(f"{address}/#/experiments/1/runs")
    page.get_by_text(re.compile(r"^\w+-(boundary|distance|flow)-[0-9a-f]{6}$")).first.wait_for(timeout=WAIT_MS)


def visits(browser: Browser, address: str, opener: Callable[[Page, str], None]) -> tuple[float, float]:
    """First visit of a browser that has nothing of the page, and the second of the same."""
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    first = seconds(lambda: opener(page, address))
    page.goto("about:blank")
    second = seconds(lambda: opener(page, address))
    context.close()
    return first, second


def tick(page: Page) -> None:
    """Tick the first run, until what can be done with it shows."""
    page.get_by_test_id("stDataFrame").first.click(position={"x": 15, "y": 50})
    page.get_by_text("Compare this run").wait_for()


def ticked_bare(browser: Browser, address: str) -> float:
    """What a tick takes on the page of one table."""
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(WAIT_MS)
    opened_bare(page, address)
    page.wait_for_timeout(SETTLED_MS)
    took = seconds(lambda: tick(page))
    page.close()
    return took


def interactions(browser: Browser, address: str, pid: int) -> dict[str, float]:
    """Tick, search, choose, turn the page, go to another: until it shows, and the server's own CPU seconds."""
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(WAIT_MS)
    opened(page, address)
    count = page.get_by_text(re.compile(r"^\d+ of \d+ runs$"))
    count.wait_for()
    search = page.get_by_role("textbox", name="Search")

    def searched(words: str) -> None:
        said = count.inner_text()
        search.fill(words)
        search.press("Enter")
        page.wait_for_function("said => !document.body.innerText.includes(said)", arg=said)
        count.wait_for()

    def chosen() -> None:
        page.get_by_role("combobox", name="Data set").click()
        page.get_by_role("option", name="BF-C2DL-MuSC").click()
        page.get_by_text(re.compile(r"^PhC-C2DH-U373: ")).wait_for(state="hidden")

    def turned() -> None:
        page.get_by_role("button", name="Page 2", exact=True).first.click()
        page.get_by_text(re.compile(r"^101-\d+ of")).wait_for()

    def changed() -> None:
        page.get_by_role("link", name="Overview", exact=True).click()
        page.get_by_role("heading", name="Overview").wait_for()
        page.get_by_text("Newest runs").first.wait_for()

    found = {}
    acts: dict[str, Callable[[], None]] = {
        "ticked": lambda: tick(page),
        "searched": lambda: searched("convlstm"),
        "cleared": lambda: searched(""),
        "chosen": chosen,
        "turned": turned,
        "changed": changed,
    }
    for name, act in acts.items():
        page.wait_for_timeout(SETTLED_MS)
        before = cpu(pid)
        found[name] = seconds(act)
        page.wait_for_timeout(SETTLED_MS)
        found[f"{name}_server_cpu"] = cpu(pid) - before
    page.close()
    return found


def memory(store: Path, changes: int) -> dict[str, Any]:
    """Resident MB of the server after 20 changes of page, after half and after all of them."""
    found = {}
    with chromium() as browser, dashboard(store) as (address, pid):
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(WAIT_MS)
        opened(page, address)
        for number in range(1, changes + 1):
            name = ("Overview", "Runs")[number % 2 == 0]
            page.get_by_role("link", name=name, exact=True).click()
            page.get_by_role("heading", name=name, exact=True).wait_for()
            if number in (20, changes // 2, changes):
                page.wait_for_timeout(1000)
                found[f"after {number} changes"] = resident_mb(pid)
    return {"server_mb": found}


def cpu(pid: int) -> float:
    """Processor seconds of a process so far; what others do on the machine hardly changes them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    return round(int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024, 1)


def measured(store: Path, count: int) -> dict[str, Any]:
    """All times of one store; MLflow's page and the bare one take turns with ours."""
    rounds: list[dict[str, float]] = []
    with chromium() as browser, dashboard(store) as (ours, pid), mlflow(store) as (theirs, _), bare() as (least, _):
        fresh = visits(browser, ours, opened)[0]
        opened_once = visits(browser, theirs, opened_mlflow)[0]
        for _ in range(count):
            load = os.getloadavg()[0]
            first, second = visits(browser, ours, opened)
            theirs_first, theirs_second = visits(browser, theirs, opened_mlflow)
            least_first, least_second = visits(browser, least, opened_bare)
            rounds.append(
                {
                    "load": load,
                    "first": first,
                    "second": second,
                    "mlflow_first": theirs_first,
                    "mlflow_second": theirs_second,
                    "bare_first": least_first,
                    "bare_second": least_second,
                    "bare_ticked": ticked_bare(browser, least),
                    "mlflow_to_ours_first": theirs_first / first,
                    "mlflow_to_ours_second": theirs_second / second,
                    **interactions(browser, ours, pid),
                }
            )
    return {
        "rounds": count,
        "first_of_a_new_server": round(fresh, 2),
        "mlflow_first_of_a_new_server": round(opened_once, 2),
        "median": {key: round(statistics.median(each[key] for each in rounds), 2) for key in rounds[0]},
        "best": {key: round(min(each[key] for each in rounds), 2) for key in rounds[0] if "_to_" not in key},
    }


def main() -> None:
    """Fill the stores where they are missing, measure, and put what was measured into the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="What to measure; all.")
    parser.add_argument("--changes", type=int, default=200, help="Changes of page for the memory; 200.")
    parser.add_argument("--rounds", type=int, default=5, help="Visits of each kind; 5.")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    small, large = given.folder / "thousand.db", given.folder / "ten-thousand.db"
    if not small.is_file():
        fill(small, RUNS)
    if not large.is_file():
        multiply(small, large, 10)
    result = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    result |= {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "metrics": METRICS, "params": PARAMS}
    for part in given.parts:
        load = round(os.getloadavg()[0], 1)
        found = (
            memory(small, given.changes)
            if part == "memory"
            else measured({"1000": small}.get(part, large), given.rounds)
        )
        result[part] = found | {"load_before": load, "load_after": round(os.getloadavg()[0], 1)}
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
