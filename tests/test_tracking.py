"""Runs on their way into a store: live, later, twice, killed midway, and with no store to be found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from tracking_world import OWN, log_example, model_folder, shown

from cytolapse.cli import cytolapse
from cytolapse.errors import CytolapseError
from cytolapse.tracking import Run, live, open_store, resume_run, start_run
from cytolapse.tracking import deliver as delivering
from cytolapse.tracking.client import connect
from cytolapse.tracking.deliver import Delivery
from cytolapse.tracking.models import logged_models
from cytolapse.tracking.spool import Spool, read_events
from cytolapse.tracking.sync import spools, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT / "tests")])}


def run_id(run: Run) -> str:
    name, value = run.closing_line().split(": ")
    assert name == "run_id", run.closing_line()
    return value


def spooled(tmp_path: Path, name: str = "spool") -> Run:
    with start_run(f"spool:{tmp_path}/{name}", experiment="toy", name="unet", tags={"cytolapse.dataset": "toy"}) as run:
        log_example(run, tmp_path / f"work-{name}")
    return run


def test_a_live_run_and_a_synced_one_look_the_same(store: str, tmp_path: Path) -> None:
    with start_run(experiment="toy", name="unet", tags={"cytolapse.dataset": "toy"}) as run:
        log_example(run, tmp_path / "work")
    live = shown(store, run_id(run))
    assert live["status"] == "FINISHED"
    assert live["metrics"]["train/loss"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert live["metrics"]["curve/test/gold/precision"] == [(0, 1.0), (50, 0.5)]
    assert live["models"]["segmenter"]["weights"] == b"second"
    assert live["models"]["segmenter"]["files"] == [
        "MLmodel", "conda.yaml", "config.json", "requirements.txt", "weights.safetensors"
    ]  # fmt: skip
    assert live["models"]["segmenter"]["metrics"] == [
        ("test/gold/seg", 0.4, None, None),
        ("val/silver/seg", 0.5, "toy", "d" * 16 + "-validation"),
    ]
    assert [(name, digest, tags[0][1]) for name, digest, _, _, tags in live["inputs"]] == [
        ("toy", "d" * 16, "training"),
        ("toy", "d" * 16 + "-validation", "validation"),
    ]
    assert set(live["files"]) == {"curves/test-gold.json", "report.md", "test/objects.parquet", "test/previews/01.zip"}
    later = spooled(tmp_path)
    synced = sync(later.folder, store)
    assert shown(store, synced) == live
    info = connect(store).get_run(synced).info
    times = [event["time"] for event, _ in read_events(later.folder)]
    assert (info.start_time, info.end_time) == (times[0], times[-1])
    tags = connect(store).get_run(synced).data.tags
    assert set(OWN) <= set(tags)
    assert tags["cytolapse.heartbeat"] == str(times[-1])


def test_logging_never_waits(store: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with start_run(experiment="toy") as run:
        for step in range(50):
            run.metrics({"train/loss": 1.0}, step=step)
        took = time.monotonic() - start
    assert took < 1
    assert len(connect(store).get_metric_history(run_id(run), "train/loss")) == 50
    assert not (run.folder / "files").exists()


class Killed(Exception):
    """As if the process had died here."""


class Mortal:
    """A client whose process dies right after a number of calls."""

    def __init__(self, client: Any, calls: int) -> None:
        self.client = client
        self.calls = calls

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            answer = getattr(self.client, name)(*values, **named)
            self.calls -= 1
            if self.calls == 0:
                raise Killed
            return answer

        return call


def test_a_sync_killed_again_and_again_ends_as_if_it_had_not_been(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shown(store, sync(spooled(tmp_path, "whole").folder, store))
    client = connect(store)
    folder = spooled(tmp_path, "killed").folder

    deaths = 0
    while True:
        monkeypatch.setattr(delivering, "connect", lambda uri, life=deaths + 1: Mortal(client, life))
        try:
            found = sync(folder, store)
            break
        except Killed:
            deaths += 1
    assert deaths > 8
    assert shown(store, found) == whole
    experiment = client.get_run(found).info.experiment_id
    assert len(client.search_runs([experiment])) == 2
    assert sync(folder, store) == found


@pytest.mark.slow
def test_a_sync_killed_after_any_call_ends_as_if_it_had_not_been(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(store)

    def small(name: str) -> Path:
        with start_run(f"spool:{tmp_path}/{name}", experiment="toy", name="unet") as run:
            run.params({"cfg.seed": 0})
            run.input("toy", "d" * 16, context="validation")
            for step in (1, 2):
                run.model(model_folder(tmp_path / "model"), "segmenter", step=step)
                run.metrics({"val/silver/seg": step / 10}, step=step, model="segmenter")
            run.text("# Report", "report.md")
        return run.folder

    whole = shown(store, sync(small("whole"), store))
    for life in range(1, 100):
        folder = small(str(life))
        monkeypatch.setattr(delivering, "connect", lambda uri, life=life: Mortal(client, life))
        try:
            sync(folder, store)
            break
        except Killed:
            monkeypatch.setattr(delivering, "connect", connect)
            assert shown(store, sync(folder, store)) == whole
    assert 20 < life < 99
    assert len(client.search_runs([client.get_experiment_by_name("toy").experiment_id])) == life + 1


def test_a_damaged_state_is_as_good_as_none(store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = spooled(tmp_path).folder
    first = shown(store, sync(folder, store))
    (folder / "delivered.json").write_text('{"half')
    assert shown(store, sync(folder, store)) == first
    assert "delivered.json is damaged" in caplog.text


def test_a_spool_synced_again_without_its_state_finds_its_run(store: str, tmp_path: Path) -> None:
    folder = spooled(tmp_path).folder
    first = sync(folder, store)
    before = shown(store, first)
    (folder / "delivered.json").unlink()
    assert sync(folder, store) == first
    assert shown(store, first) == before


def test_two_syncs_do_not_race(store: str, tmp_path: Path) -> None:
    folder = spooled(tmp_path).folder
    held = Delivery(folder, store)
    with pytest.raises(CytolapseError, match="is being delivered by another process: let it finish"):
        Delivery(folder, store)
    held.close()
    assert sync(folder, store)


def test_a_store_made_anew_gets_everything_again(store: str, tmp_path: Path, empty_database: Path) -> None:
    folder = spooled(tmp_path).folder
    first = sync(folder, store)
    before = shown(store, first)
    other = tmp_path / "other" / "mlflow.db"
    other.parent.mkdir()
    shutil.copy(empty_database, other)
    assert shown(f"sqlite:///{other}", sync(folder, f"sqlite:///{other}")) == before
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    assert shown(store, sync(folder, store)) == before


def test_a_deleted_run_stays_deleted(store: str, tmp_path: Path) -> None:
    folder = spooled(tmp_path).folder
    found = sync(folder, store)
    connect(store).delete_run(found)
    with pytest.raises(CytolapseError, match=f"was deleted: bring it back with `mlflow runs restore --run-id {found}`"):
        sync(folder, store)
    with pytest.raises(CytolapseError, match="was deleted"):
        resume_run(found)
    assert open_store(store).runs().empty


def test_a_deleted_experiment_is_a_clear_error(store: str, tmp_path: Path) -> None:
    client = connect(store)
    client.delete_experiment(client.create_experiment("toy"))
    with pytest.raises(CytolapseError, match=r"experiment 'toy' was deleted in .*mlflow experiments restore"):
        sync(spooled(tmp_path).folder, store)


def test_what_the_store_refuses_does_not_stop_the_rest(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with start_run(f"spool:{tmp_path}/run", experiment="toy") as run:
        run.params({"cfg.seed": 0})
        run.json({}, "a.json")
        run.params({"cfg.seed": 1, "cfg.head": "boundary"})
        run.metrics({"train/loss": 1.0})
    (run.folder / "files" / "artifacts" / "a.json").unlink()
    data = connect(store).get_run(sync(run.folder, store)).data
    assert data.params == {"cfg.seed": "0", "cfg.head": "boundary"}
    assert data.metrics == {"train/loss": 1.0}
    assert "the tracking store refused cfg.seed: " in caplog.text
    assert "a.json is not in the spool: left out" in caplog.text
    assert "cfg.seed" in (run.folder / "delivered.json").read_text()


def test_a_spool_of_a_newer_version_is_refused(store: str, tmp_path: Path) -> None:
    folder = spooled(tmp_path).folder
    spool = Spool(folder)
    spool.append("hologram")
    spool.close()
    with pytest.raises(CytolapseError, match="has events 'hologram': a newer version wrote it"):
        sync(folder, store)


def test_a_run_of_mlflow_run_is_joined(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(store)
    experiment = client.create_experiment("chosen by mlflow run")
    made = client.create_run(experiment, tags={"mlflow.source.type": "PROJECT"}).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    with start_run(experiment="toy", name="unet-boundary", tags={"cytolapse.dataset": "toy"}) as run:
        run.metrics({"train/loss": 1.0})
    assert run_id(run) == made
    found = client.get_run(made)
    assert found.info.run_name == found.data.tags["mlflow.runName"] == run.name
    assert found.data.tags["mlflow.source.type"] == "PROJECT"
    assert found.data.tags["cytolapse.dataset"] == "toy"
    assert client.get_experiment_by_name("toy") is None
    monkeypatch.delenv("MLFLOW_RUN_ID")
    with start_run(experiment="toy") as run:
        pass
    assert client.get_run(run_id(run)).info.experiment_id == experiment


def test_a_run_goes_on_by_its_id(store: str, tmp_path: Path) -> None:
    with start_run(experiment="toy", name="unet") as run:
        run.metrics({"train/loss": 1.0}, step=0)
        (run.folder / "checkpoints").mkdir()
        (run.folder / "checkpoints" / "last.pt").write_text("")
        run.text("# Report", "report.md")
    with resume_run(run_id(run)) as again:
        assert again.folder == run.folder
        assert again.name == run.name
        assert again.fetch("checkpoints/last.pt") == run.folder / "checkpoints" / "last.pt"
        assert again.fetch("report.md").read_text() == "# Report"
        again.metrics({"train/loss": 0.5}, step=1)
    assert run_id(again) == run_id(run)
    shutil.rmtree(run.folder)
    with resume_run(run_id(run)) as elsewhere:
        assert elsewhere.name == run.name
        elsewhere.metrics({"test/gold/seg": 0.5}, step=1)
    found = connect(store).get_run(run_id(run))
    assert found.info.run_name == run.name
    assert found.data.metrics == {"train/loss": 0.5, "test/gold/seg": 0.5}
    assert (found.info.status, len(open_store(store).runs())) == ("FINISHED", 1)
    with pytest.raises(CytolapseError, match="run nothing: not in sqlite"):
        resume_run("nothing")


def test_an_evaluation_beside_the_training_has_a_spool_of_its_own(store: str) -> None:
    with start_run(experiment="toy") as training:
        while not training.run_id:
            time.sleep(0.05)
        with resume_run(training.run_id) as evaluation:
            assert evaluation.folder != training.folder
            evaluation.metrics({"test/gold/seg": 0.5})
        training.metrics({"train/loss": 1.0})
    found = connect(store).get_run(run_id(training))
    assert found.data.metrics == {"test/gold/seg": 0.5, "train/loss": 1.0}


def test_an_error_in_the_block_is_a_failed_run_with_all_its_metrics(store: str) -> None:
    with pytest.raises(ZeroDivisionError), start_run(experiment="toy") as run:
        run.metrics({"train/loss": 1.0})
        raise ZeroDivisionError
    found = connect(store).get_run(run_id(run))
    assert (found.info.status, found.data.metrics) == ("FAILED", {"train/loss": 1.0})


def test_a_terminated_run_is_killed_with_all_its_metrics(store: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import time\n"
        "from cytolapse.tracking import start_run\n"
        "with start_run(experiment='toy') as run:\n"
        "    run.metrics({'train/loss': 1.0})\n"
        "    print('training', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "train.py"]
    with subprocess.Popen(command, cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    runs = open_store(store).runs()
    assert list(runs["status"]) == ["KILLED"]
    assert list(runs["metrics.train/loss"]) == [1.0]


def test_the_store_s_folder_gets_the_artifacts(empty_database: Path, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "mlflow.db"
    place.parent.mkdir()
    shutil.copy(empty_database, place)
    with start_run(f"sqlite:///{place}", experiment="my data/set") as run:
        run.text("", "report.md")
    assert (place.parent / "mlruns" / "my-data-set" / run_id(run) / "artifacts" / "report.md").is_file()


def test_a_running_run_has_a_heartbeat(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.05)
    monkeypatch.setattr(live, "BEAT_S", 0.1)
    seen = set()
    with start_run(experiment="toy") as run:
        while len(seen) < 3:
            if run.run_id:
                seen.add(connect(store).get_run(run.run_id).data.tags.get("cytolapse.heartbeat"))
            time.sleep(0.05)
    assert len(seen - {None}) >= 2


def test_a_store_that_hangs_does_not_hold_up_the_end(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(live, "STALL_S", 0.5)
    monkeypatch.setattr(Delivery, "deliver", lambda self: hanging.wait())
    start = time.monotonic()
    with start_run(experiment="toy") as run:
        run.metrics({"train/loss": np.float32(1.0), "val/seg": np.float64("inf")}, step=np.int64(3))
    assert time.monotonic() - start < 5
    assert run.closing_line() == f"spool: {run.folder}"
    hanging.set()
    assert next(e for e, _ in read_events(run.folder) if e["event"] == "metrics")["values"] == {"train/loss": 1.0}


def test_metrics_of_a_model_that_an_earlier_spool_logged_are_tied_to_it(store: str, tmp_path: Path) -> None:
    with start_run(experiment="toy") as run:
        run.model(model_folder(tmp_path / "model"), "segmenter", step=1)
    shutil.rmtree(run.folder)
    with resume_run(run_id(run)) as evaluation:
        evaluation.input("toy", "d" * 64, context="test", source="data/toy")
        evaluation.metrics({"test/gold/seg": 0.5}, model="segmenter")
        evaluation.metrics({"test/gold/f1": 0.5}, model="nothing")
    found = shown(store, run_id(evaluation))
    digest = "d" * 31 + "-test"
    assert found["models"]["segmenter"]["metrics"] == [("test/gold/seg", 0.5, "toy", digest)]
    assert found["metrics"]["test/gold/f1"] == [(0, 0.5)]


def test_a_registered_model_is_kept_when_the_run_logs_a_better_one(store: str, tmp_path: Path) -> None:
    client = connect(store)
    with start_run(experiment="toy") as run:
        run.model(model_folder(tmp_path / "model"), "segmenter", step=1)
    first = logged_models(client, run_id(run))[0].model_id
    client.create_registered_model("toy")
    client.create_model_version("toy", f"models:/{first}", run_id(run))
    for step in (2, 3):
        with resume_run(run_id(run)) as run:
            run.model(model_folder(tmp_path / "model"), "segmenter", step=step)
    kept = logged_models(client, run_id(run))
    assert {each.model_id for each in kept} >= {first}
    assert sorted(each.tags["cytolapse.step"] for each in kept) == ["1", "3"]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_server_that_is_not_there_costs_one_warning_and_nothing_is_lost(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{closed_port()}")
    start = time.monotonic()
    with start_run(experiment="toy", name="unet", tags={"cytolapse.dataset": "toy"}) as run:
        log_example(run, tmp_path / "work", steps=50)
        logged = time.monotonic() - start
    assert logged < 1.5
    assert time.monotonic() - start < 30
    assert run.closing_line() == f"spool: {run.folder}"
    warnings = [each.getMessage() for each in caplog.records]
    assert len(warnings) == 1
    assert f"the run is spooled in {run.folder}; deliver it later with: cytolapse sync {run.folder}" in warnings[0]
    assert "secret" not in warnings[0]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    done = CliRunner().invoke(cytolapse, ["sync", str(run.folder), "--tracking", store])
    assert done.exit_code == 0, done.output
    found = done.stdout.split()[1]
    assert len(connect(store).get_metric_history(found, "train/loss")) == 50
    assert shown(store, found)["models"]["segmenter"]["weights"] == b"second"


@pytest.fixture
def sick_server() -> Iterator[str]:
    """A server that answers 500 to everything."""

    class Sick(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        do_POST = do_GET

        def log_message(self, *values: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Sick)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_only_fails_is_no_reason_to_stop(
    sick_server: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    with start_run(sick_server, experiment="toy") as run:
        run.metrics({"train/loss": 1.0})
    assert run.closing_line() == f"spool: {run.folder}"
    assert caplog.text.count("cytolapse sync") == 1
    with pytest.raises(CytolapseError, match=r"does not answer .*is it running\?"):
        open_store(sick_server).runs()
    done = CliRunner().invoke(cytolapse, ["sync", str(run.folder), "--tracking", sick_server])
    assert isinstance(done.exception, CytolapseError)
    assert "1 of 1 spools were not delivered" in str(done.exception)


def test_sync_delivers_every_spool_below(store: str, tmp_path: Path) -> None:
    for name in ("night/1", "night/2"):
        with start_run(f"spool:{tmp_path}/{name}", experiment="toy"):
            pass
    assert [each.name for each in spools(tmp_path / "night")] == ["1", "2"]
    done = CliRunner().invoke(cytolapse, ["sync", str(tmp_path / "night"), "--tracking", store])
    assert done.exit_code == 0, done.output
    assert sorted(open_store(store).runs()["run_id"]) == sorted(done.stdout.split()[1::2])
    done = CliRunner().invoke(cytolapse, ["sync", str(tmp_path / "work")])
    assert "holds no spool" in str(done.exception)


def test_a_schema_of_another_version_is_a_clear_error(store: str, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '27a6a02d2cf1'")
    database.close()
    with pytest.raises(
        CytolapseError, match="was written by another mlflow version: back it up, then run `mlflow db up"
    ):
        connect(store)


@pytest.mark.slow
def test_first_writers_at_once_make_one_whole_store(tmp_path: Path) -> None:
    program = "from cytolapse.tracking import start_run\nwith start_run(experiment='toy') as run: run.metrics({'a': 1})"
    many = [subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=ENV) for _ in range(3)]
    assert [process.wait(120) for process in many] == [0] * 3
    runs = open_store(f"sqlite:///{tmp_path}/mlflow.db").runs()
    assert list(runs["status"]) == ["FINISHED"] * 3
    assert json.loads(runs["metrics.a"].to_json(orient="values")) == [1.0] * 3
