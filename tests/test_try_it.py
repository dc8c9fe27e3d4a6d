"""The page on which a person tries a model on own frames, over its states."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import tifffile
from conftest import toy_frame, toy_labels
from streamlit.testing.v1 import AppTest

import dashboard
from cytolapse.config import Config
from cytolapse.tracking import start_run
from dashboard.trial import desk as desks
from dashboard.trial import drawing, job
from dashboard.trial.job import Request, State, Teller

ROOM = Path(dashboard.__file__).parent


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folders with the results of a movie, and of one in which there is no cell."""
    from cytolapse.segmenter import Segmenter

    home = tmp_path_factory.mktemp("results")
    Segmenter.build(Config(model="classical", network="", head=""), um=0.65).save(home / "model")
    frames = np.stack([toy_frame(toy_labels(t), t) for t in range(3)])
    for name, movie in (("cells", frames), ("empty", np.full_like(frames, 90))):
        (home / name).mkdir()
        with (home / name / "upload").open("wb") as file:
            tifffile.imwrite(file, movie, photometric="minisblack")
        job.run(home / name, Request(str(home / "model"), 0.65, 15), Teller(home / name))
    return home


@pytest.fixture
def registered(store):
    """A store with a registered model."""
    import mlflow

    with start_run(store, name="unet") as run:
        pass
    client = mlflow.MlflowClient(store, store)
    client.create_registered_model("demo")
    client.create_model_version("demo", f"runs:/{run.run_id}/segmenter", run.run_id)
    client.set_registered_model_alias("demo", "champion", "1")
    return store


@pytest.fixture
def show(monkeypatch, tmp_path):
    """Open the page; the trials are made of a process that only waits for its end."""

    def process(folder):
        return subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, start_new_session=True
        )

    def opened(uri: str, writers: str = "local") -> AppTest:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("CYTOLAPSE_WRITERS", writers)
        at = AppTest.from_file(str(ROOM / "app.py"), default_timeout=60).run()
        at.switch_page("views/try_it.py").run()
        assert not at.exception, at.exception
        return at

    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(desks, "_process", process)
    monkeypatch.setattr(desks.tempfile, "tempdir", str(tmp_path))
    yield opened
    from dashboard.trial.visit import desk

    desk().close_all()
    st.cache_resource.clear()


def words(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.warning, at.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def sent(at: AppTest, content: bytes) -> AppTest:
    at.file_uploader[0].set_value(("../../x.tif", content, "image/tiff"))
    next(each for each in at.button if each.label == "Segment").click()
    at.run()
    assert not at.exception, at.exception
    return at


def only_folder(tmp_path: Path) -> Path:
    (folder,) = tmp_path.glob(f"{desks.PREFIX}*")
    return folder


def test_without_writers_nothing_can_be_sent(show, registered):
    at = show(registered, writers="")
    assert "Read-only: to try a file" in words(at).replace("\\", "")
    assert not at.file_uploader


def test_without_a_model_the_page_says_how_to_get_one(show, store):
    at = show(store)
    assert "No model registered yet" in words(at)
    assert at.code[0].value == "cytolapse promote RUN_ID"
    assert not at.file_uploader


def test_no_file_chosen(show, registered):
    at = show(registered)
    assert at.selectbox[0].options == ["demo, version 1 (champion)"]
    next(each for each in at.button if each.label == "Segment").click().run()
    assert at.warning[0].value == "Choose a file first."


def test_what_is_no_picture_is_refused_in_words(show, registered, tmp_path):
    at = sent(show(registered), b"MZ\x90\0")
    assert "neither a TIFF nor a PNG" in at.error[0].value
    assert not list(tmp_path.glob(f"{desks.PREFIX}*"))


def test_running_and_cancelled(show, registered, tmp_path):
    at = sent(show(registered), b"II*\0rest")
    folder = only_folder(tmp_path)
    assert sorted(each.name for each in folder.iterdir()) == ["request.json", "upload"], "the name became no path"
    assert json.loads((folder / "request.json").read_text()) == asdict(Request("models:/demo/1"))
    (folder / job.STATE).write_text(json.dumps(asdict(State("segmenting", 2, 5))))
    at.run()
    assert any("Segmenting: 2 of 5 frames" in str(each.proto) for each in at.get("progress"))
    next(each for each in at.button if each.label == "Cancel").click().run()
    assert not at.exception
    assert not folder.exists()
    assert not at.get("progress")


def test_failed(show, registered, tmp_path):
    at = sent(show(registered), b"II*\0rest")
    (only_folder(tmp_path) / job.STATE).write_text(json.dumps(asdict(State("failed", error="t1.tif is *bad*"))))
    at.run()
    assert r"t1\.tif is \*bad\*" in at.error[0].value


@pytest.mark.parametrize(
    ("name", "told"), [("cells", "12 outlines in 3 frames, 4 tracks"), ("empty", "0 outlines in 3")]
)
def test_done(show, registered, results, tmp_path, name, told):
    at = sent(show(registered), b"II*\0rest")
    folder = only_folder(tmp_path)
    for each in (results / name).iterdir():
        if each.is_file():
            (folder / each.name).write_bytes(each.read_bytes())
    at.run()
    assert not at.exception, at.exception
    assert told in words(at)
    assert len(at.get("download_button")) == 3
    at.select_slider[0].set_value(2).run()
    assert not at.exception, at.exception
    assert f"{4 if name == 'cells' else 0} cells in this frame" in words(at)
    next(each for each in at.toggle if each.label == "Logarithmic").set_value(True).run()
    assert not at.exception, at.exception
    next(each for each in at.button if each.label == "Discard").click().run()
    assert not folder.exists()


def test_the_page_and_the_server_side_import_no_torch():
    code = "import sys, dashboard.trial.visit, dashboard.trial.drawing, dashboard.trial.job; "
    code += "sys.exit(', '.join({'torch', 'mlflow'} & set(sys.modules)) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOM.parent, env={"PYTHONPATH": "platform:."}
    )
    assert done.returncode == 0, done.stderr


def test_a_logarithm_has_gaps_where_nothing_is():
    import pandas as pd

    table = pd.DataFrame(
        {"frame": [0, 1], "cells": [0, 3], "total": [0.0, 9.0], "median": 3.0, "low": 2.0, "high": 4.0}
    )
    figure = drawing.growth(table, "µm²", log=True)
    assert [np.isnan(y) for y in figure.data[0].y] == [True, False]
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.xaxis.title.text == "frame"
