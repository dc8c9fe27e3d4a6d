"""Every page of the dashboard over every state of a store: it says what is there, and never how Python puts it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from dashboard_world import log_scores, make_store, movie, running, tags
from pages import ROOM, opened, words

from cytolapse.tracking import start_run
from cytolapse.tracking.client import connect

PAGES = sorted(path.stem for path in (ROOM / "views").glob("*.py"))
UNKNOWN = "no[such](run)"
RAW = re.compile(r"Traceback|Exception|Error\b(?!s)|\bNone\b(?! of)|\bNaN\b|\bnan\b|sqlalchemy|KeyError|<class")


def scored(uri: str, name: str) -> str:
    """A run with scores."""
    with start_run(uri, experiment="demo", name=name, tags=tags("unet", "boundary")) as run:
        log_training_only(run)
        log_scores(run, movie(1), "test")
    return str(run.run_id)


def log_training_only(run) -> None:
    run.params({"cfg.recipe": "unet", "cfg.head": "boundary"})
    run.metrics({"val/silver/op_csb_masks": 0.8}, step=1)


@pytest.fixture(scope="module")
def stores(tmp_path_factory, empty_database):
    """State -> the store's address, and a run that is named in the link."""
    found: dict[str, tuple[str, str]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)

        def place(name: str) -> str:
            folder = tmp_path_factory.mktemp(name)
            shutil.copy(empty_database, folder / "mlflow.db")
            return f"sqlite:///{folder / 'mlflow.db'}"

        nowhere = f"sqlite:///{tmp_path_factory.mktemp('nowhere') / 'mlflow.db'}"
        found |= {"no store": (nowhere, ""), "empty store": (place("empty"), "")}
        usual = place("usual")
        ids = make_store(usual)
        found |= {f"{name} run": (usual, ids[name]) for name in ("unet", "failed", "bare")}
        found["unknown run"] = (usual, UNKNOWN)
        alive = place("alive")
        found["running run"] = (alive, running(alive))
        maskless = place("maskless")
        with start_run(maskless, experiment="demo", name="no-masks", tags=tags("unet", "boundary")) as run:
            log_training_only(run)
        found["run without masks"] = (maskless, str(run.run_id))
        gone = place("gone")
        found["deleted artifacts"] = (gone, scored(gone, "emptied"))
        shutil.rmtree(Path(gone.removeprefix("sqlite:///")).parent / "mlruns")
        binned = place("binned")
        found["deleted run"] = (binned, scored(binned, "binned"))
        connect(binned).delete_run(found["deleted run"][1])
    return found


STATES = (
    "no store",
    "empty store",
    "unet run",
    "failed run",
    "bare run",
    "unknown run",
    "running run",
    "run without masks",
    "deleted artifacts",
    "deleted run",
)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_is_there(monkeypatch, stores, page, state):
    uri, run = stores[state]
    monkeypatch.setenv("CYTOLAPSE_WRITERS", "local")
    at = opened(monkeypatch, uri, page, **({"run": run} if run else {}))
    assert at.title[0].value == page.replace("_", " ").capitalize()
    assert not at.error, at.error[0].value
    told = words(at)
    assert not RAW.search(told), RAW.search(told)
    assert len(told) > len(at.title[0].value) + 20, "a blank page tells nothing"
    if state in ("no store", "empty store"):
        assert any("cytolapse " in code.value for code in at.code), "it says what to do next"
    if state == "no store":
        assert not Path(uri.removeprefix("sqlite:///")).exists(), "looking makes no store"


@pytest.mark.parametrize("page", PAGES)
def test_an_unreachable_server_is_told(monkeypatch, page):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("CYTOLAPSE_WRITERS", "local")
    at = opened(monkeypatch, "http://127.0.0.1:9", page)
    assert r"127\.0\.0\.1\:9" in at.error[0].value
    assert at.error[0].value.replace("\\", "").endswith("does not answer (Connection refused); is it running?")
    again = next(button for button in at.button if button.label == "Try again")
    again.click().run()
    assert at.error
