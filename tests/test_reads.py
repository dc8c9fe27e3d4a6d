from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from cytolapse.errors import CytolapseError
from cytolapse.previews import FrameView, write_previews
from cytolapse.tracking import open_store, resume_run, start_run
from cytolapse.tracking.client_store import ClientStore
from dashboard import kept, reads


@pytest.fixture
def here(store, monkeypatch):
    """An empty store that the dashboard reads; nothing is remembered from other tests."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    st.cache_data.clear()
    yield store
    st.cache_data.clear()


def log(name: str = "unet", **metrics: float) -> str:
    with start_run(name=name) as run:
        run.metrics({key.replace("__", "/"): value for key, value in metrics.items()})
    return run.run_id


def evaluate(run_id: str) -> None:
    """What an evaluation on the test part leaves behind."""
    with resume_run(run_id) as run:
        run.metrics({"test/gold/seg": 0.8, "test/readings": 1.0})


def test_a_new_run_is_seen_when_everything_is_read_anew(here):
    assert reads.runs().empty
    run_id = log()
    assert reads.runs().empty, "kept for a moment: a page asks many times"
    reads.forget()
    assert list(reads.runs()["run_id"]) == [run_id]
    assert 0 < reads.LIVE_SECONDS < 5, "by itself it shows soon, too"


def test_what_a_page_does_to_a_table_is_not_remembered(here):
    log()
    table = reads.runs()
    table["name"] = "spoiled"
    assert reads.runs()["name"].iloc[0] != "spoiled"


def test_each_store_has_its_own_tables(here, tmp_path, monkeypatch):
    run_id = log()
    assert list(reads.runs()["run_id"]) == [run_id]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert reads.runs().empty
    monkeypatch.setenv("MLFLOW_TRACKING_URI", here)
    assert list(reads.runs()["run_id"]) == [run_id]


def test_an_unreachable_store_is_told_each_time_and_never_remembered(here, monkeypatch):
    from cytolapse import tracking

    def away(uri):
        raise CytolapseError(f"{uri} can't be reached: is it running?")

    with monkeypatch.context() as cut:
        cut.setattr(tracking, "open_store", away)
        for read in (reads.runs, reads.versions, lambda: reads.series(["a"], "train/"), lambda: reads.files("a", "")):
            with pytest.raises(CytolapseError, match="is it running"):
                read()
    assert reads.runs().empty, "back again, and nobody had to clear a cache"


def test_runs_are_read_again_only_after_something_was_written(here, monkeypatch):
    run_id = log()
    monkeypatch.setattr(kept, "LIVE_SECONDS", 0)
    monkeypatch.setattr(kept, "SHARE", 1e9)
    assert list(reads.runs()["run_id"]) == [run_id]
    store = type(open_store(here))
    read, asked = store.runs, []
    monkeypatch.setattr(store, "runs", lambda self, known=None: asked.append(1) or read(self, known))
    assert list(reads.runs()["run_id"]) == [run_id]
    assert not asked, "nothing was written since"
    log()
    assert len(reads.runs()) == 2
    assert asked


def test_a_large_store_is_read_again_a_tenth_of_the_time_at_most(here, monkeypatch):
    run_id = log()
    clock = iter([100.0, 102.0, 110.0, 120.0, 120.1, 122.0, 123.2, 123.3])
    monkeypatch.setattr(kept, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    table, asked = kept.Runs(here), []

    def opened(uri):
        asked.append(uri)
        return open_store(uri)

    for times_read in (1, 1, 2, 2, 3):  # took 2 s: next after 20 s; took 0.1 s: next after 3 s
        assert list(table.now(opened)["run_id"]) == [run_id]
        assert len(asked) == times_read


@pytest.mark.parametrize("back_end", [open_store, ClientStore])
def test_each_evaluation_is_one_point_of_the_readings(here, back_end):
    run_id = log(**{"test__readings": 1.0})
    evaluate(run_id)
    evaluate(run_id)
    assert list(back_end(here).series([run_id], "test/readings")["value"]) == [1, 1, 1]


@pytest.mark.parametrize("back_end", [open_store, ClientStore])
def test_readings_are_counted_anew_after_another_evaluation(here, back_end, monkeypatch):
    monkeypatch.setattr(reads, "_store", back_end)
    run_id = log()
    assert reads.readings(open_store(here).runs()).tolist() == [0]
    for expected in (1, 2):
        evaluate(run_id)
        assert reads.readings(open_store(here).runs()).tolist() == [expected]


def test_readings_are_asked_for_once_a_run(here, monkeypatch):
    evaluate(log())
    runs = open_store(here).runs()
    assert reads.readings(runs).tolist() == [1]
    asked = []
    monkeypatch.setattr(type(open_store(here)), "series", lambda *call: asked.append(call))
    assert reads.readings(runs).tolist() == [1]
    assert asked == []


def test_readings_that_nobody_counted_are_unknown_not_none(here):
    old = pd.DataFrame({"run_id": ["a", "b"], "finished": [pd.NaT] * 2, "metrics.test/gold/seg": [0.5, None]})
    counts = reads.readings(old)
    assert pd.isna(counts[0])
    assert counts[1] == 0
    assert reads.readings(old.iloc[:0]).empty


def test_series_lose_their_prefix_and_histories_keep_only_training(here):
    run_id = log(
        train__loss=1.0, val__seg=0.5, val__silver__seg=0.4, val__readings=1.0, train__minutes=3.0, test__seg=0.3
    )
    assert list(reads.series([run_id], "val/silver/")["key"]) == ["seg"]
    assert sorted(reads.histories([run_id])["key"]) == ["train/loss", "val/seg"]
    assert reads.histories([]).empty
    assert reads.series(["no such run"], "train/").empty


def test_files_and_tables_of_a_run(here, tmp_path):
    with start_run() as run:
        pd.DataFrame({"frame": [1]}).to_parquet(tmp_path / "frames.parquet")
        (tmp_path / "objects.parquet").write_bytes(b"PAR1 cut short")
        for name in ("frames", "objects"):
            run.artifact(tmp_path / f"{name}.parquet", "test")
    assert reads.files(run.run_id, "test") == ["test/frames.parquet", "test/objects.parquet"]
    assert reads.table(run.run_id, "test/frames.parquet")["frame"].tolist() == [1]
    assert reads.table(run.run_id, "val/frames.parquet") is None
    with pytest.raises(CytolapseError, match=f"test/objects.parquet of run {run.run_id} .* evaluate the run again"):
        reads.table(run.run_id, "test/objects.parquet")


def test_previews_written_anew_are_not_served_from_memory(here, tmp_path):
    path = tmp_path / "02.zip"
    labels = np.zeros((8, 8), np.uint16)
    for value in (10, 200):
        image = np.full((8, 8), value, np.uint8)
        write_previews(path, [FrameView(3, image, labels, {})])
        assert abs(int(reads.frame(path, 3).image.mean()) - value) < 5


@pytest.mark.parametrize(
    ("uri", "pages"),
    [
        ("http://ada:secret@host:5000/", "http://host:5000"),
        ("https://host/mlflow/", "https://host/mlflow"),
        ("sqlite:///mlflow.db", ""),
        ("", ""),
    ],
)
def test_links_to_mlflow_carry_no_password(monkeypatch, uri, pages):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert reads.pages_of_mlflow() == pages
