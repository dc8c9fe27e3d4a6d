"""RunStore: what was logged, read back as the same tables by both back ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from click.testing import CliRunner
from tracking_world import log_example, model_folder

from cytolapse.cli import cytolapse
from cytolapse.errors import CytolapseError
from cytolapse.tracking import load_folder, logged_tags, open_store, resume_run, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.client_store import ClientStore
from cytolapse.tracking.frames import INPUT_COLUMNS, RUN_COLUMNS, SERIES_COLUMNS, VERSION_COLUMNS
from cytolapse.tracking.promotion import Wish, promote
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.sql_store import SqlStore
from cytolapse.tracking.sync import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

TAGS = {"cytolapse.dataset": "toy", "cytolapse.recipe": "unet", "cytolapse.head": "boundary"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> tuple[Path, list[str]]:
    """A database with two runs, oldest first; the second is the challenger."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copy(empty_database, folder / "mlflow.db")
    store, made = f"sqlite:///{folder}/mlflow.db", []
    for number in (1, 2):
        with start_run(f"spool:{folder}/{number}", experiment=f"toy {number}", name="unet", tags=TAGS) as run:
            log_example(run, folder / f"work{number}")
            run.metrics({"val/silver/op_csb_masks": number / 10}, step=2)
        made.append(sync(run.folder, store))
        time.sleep(0.01)
    promote(Wish(made, alias="challenger"), store)
    return folder / "mlflow.db", made


@pytest.fixture
def runs(filled: tuple[Path, list[str]], store: str, tmp_path: Path) -> list[str]:
    """The ids of the two runs, in a store of one's own."""
    shutil.copy(filled[0], tmp_path / "mlflow.db")
    return filled[1]


def test_both_back_ends_give_the_same_tables(store: str, runs: list[str]) -> None:
    sql, client = open_store(store), ClientStore(store)
    assert isinstance(sql, SqlStore)
    pd.testing.assert_frame_equal(sql.runs(), client.runs())
    pd.testing.assert_frame_equal(sql.versions(), client.versions())
    pd.testing.assert_frame_equal(sql.inputs(), client.inputs())
    for prefix in ("", "train/", "curve/test/gold/", "nothing/"):
        pd.testing.assert_frame_equal(sql.series(runs, prefix), client.series(runs, prefix))
    for run_id in runs:
        assert sql.artifacts(run_id) == client.artifacts(run_id)
        assert sql.artifact(run_id, "report.md") == client.artifact(run_id, "report.md")


def test_the_table_of_runs(store: str, runs: list[str]) -> None:
    table = open_store(store).runs()
    assert list(table["run_id"]) == runs[::-1]
    assert list(table.columns[: len(RUN_COLUMNS)]) == RUN_COLUMNS
    first = table.iloc[-1]
    assert (first["experiment"], first["dataset"], first["recipe"], first["head"]) == (
        "toy 1",
        "toy",
        "unet",
        "boundary",
    )
    assert (first["status"], first["metrics.test/gold/seg"], first["params.cfg.seed"]) == ("FINISHED", 0.4, "0")
    assert first["tags.cytolapse.dataset"] == "toy"
    assert first["started"] <= first["finished"] <= pd.Timestamp.now("UTC")
    assert not [name for name in table if name.startswith("metrics.curve/")]


def test_the_table_of_points(store: str, runs: list[str]) -> None:
    points = open_store(store).series(runs[:1], "train/")
    assert list(points.columns) == SERIES_COLUMNS
    assert points[["key", "step", "value"]].values.tolist() == [
        ["train/loss", 0, 1.0], ["train/loss", 1, 0.5], ["train/loss", 2, 1 / 3]
    ]  # fmt: skip
    assert points["time_ms"].is_monotonic_increasing
    assert abs(time.time() - points["time_ms"].iloc[-1] / 1000) < 600


def test_the_table_of_versions(store: str, runs: list[str]) -> None:
    versions = open_store(store).versions()
    assert list(versions.columns[: len(VERSION_COLUMNS)]) == VERSION_COLUMNS
    assert versions[["name", "version", "aliases", "run_id"]].values.tolist() == [["toy", 1, ["challenger"], runs[1]]]
    assert versions["source"][0].startswith("models:/m-")
    assert "tags.promoted_at" in versions


def test_the_table_of_inputs(store: str, runs: list[str]) -> None:
    """What a run read for training and for validation is one data set; what other programs log is no folder."""
    from mlflow.entities import Dataset, DatasetInput

    connect(store).log_inputs(runs[0], [DatasetInput(Dataset("table", "abc", "code", "no json"))])
    connect(store).delete_run(runs[1])
    for reader in (open_store(store), ClientStore(store)):
        assert reader.inputs().values.tolist() == [
            [runs[0], "table", "abc", ""],
            [runs[0], "toy", "d" * 16, "data/toy"],
        ]


@pytest.mark.parametrize("back_end", [open_store, ClientStore])
def test_an_empty_store_gives_empty_tables(store: str, back_end: type[ClientStore]) -> None:
    empty = back_end(store)
    assert (len(empty.runs()), len(empty.series([], "")), len(empty.versions())) == (0, 0, 0)
    assert list(empty.runs().columns) == RUN_COLUMNS
    assert list(empty.series([], "").columns) == SERIES_COLUMNS
    assert list(empty.versions().columns) == VERSION_COLUMNS
    assert list(empty.inputs().columns) == INPUT_COLUMNS


def test_no_store_at_all_is_an_empty_store_and_stays_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    none = open_store()
    assert none.runs().empty
    assert none.series(["x"], "").empty
    assert none.versions().empty
    assert none.artifacts("x") == []
    with pytest.raises(CytolapseError, match="the store has no run 'x'"):
        none.artifact("x", "report.md")
    assert not (tmp_path / "mlflow.db").exists()
    assert "no runs: `cytolapse train` makes one" in str(CliRunner().invoke(cytolapse, ["runs"]).exception)


def test_reading_imports_no_mlflow_and_writes_nothing(store: str, runs: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from cytolapse.tracking import open_store\n"
        "store = open_store()\n"
        "store.runs(), store.series([], ''), store.versions(), store.artifact(store.runs().run_id[0], 'report.md')\n"
        "assert 'mlflow' not in sys.modules and 'torch' not in sys.modules\n"
    )
    before = (tmp_path / "mlflow.db").read_bytes()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "platform")}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=env)
    assert (tmp_path / "mlflow.db").read_bytes() == before
    with pytest.raises(CytolapseError, match="readonly"):
        SqlStore(store).read("DELETE FROM tags RETURNING key")


def test_an_unknown_schema_is_left_to_the_client(store: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '27a6a02d2cf1'")
    database.close()
    assert isinstance(open_store(store), ClientStore)
    (tmp_path / "empty.db").write_bytes(b"")
    assert open_store(f"sqlite:///{tmp_path}/empty.db").runs().empty
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(CytolapseError, match=r"text\.db .*file is not a database"):
        open_store(f"sqlite:///{tmp_path}/text.db").runs()


def test_what_is_not_there_reads_as_empty(store: str, runs: list[str]) -> None:
    for reader in (open_store(store), ClientStore(store)):
        assert reader.series(["nothing"], "").empty
        assert reader.artifacts("nothing") == []
        with pytest.raises(CytolapseError, match="the store has no run 'nothing'"):
            reader.artifact("nothing", "report.md")


def test_deleted_runs_are_hidden(store: str, runs: list[str]) -> None:
    connect(store).delete_run(runs[0])
    assert list(open_store(store).runs()["run_id"]) == list(ClientStore(store).runs()["run_id"]) == runs[1:]


def test_a_run_that_fell_silent_is_stale(store: str, runs: list[str]) -> None:
    client = connect(store)
    for run_id, age_s in zip(runs, (10, 600), strict=True):
        client.update_run(run_id, status="RUNNING")
        client.set_tag(run_id, "cytolapse.heartbeat", str(int((time.time() - age_s) * 1000)))
    assert list(open_store(store).runs()["status"]) == ["stale", "RUNNING"]
    done = CliRunner().invoke(cytolapse, ["runs"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "run_id",
        "name",
        "status",
        "started",
        "dataset",
        "val/silver/op_csb_masks",
        "test/gold/seg",
    ]
    assert [line.split()[0] for line in lines[1:]] == runs[::-1]
    assert "stale" in lines[1]
    assert len(CliRunner().invoke(cytolapse, ["runs", "--limit", "1"]).stdout.splitlines()) == 2
    done = CliRunner().invoke(cytolapse, ["runs", "--dataset", "mice"])
    assert "no runs on mice" in str(done.exception)


@pytest.mark.parametrize("back_end", [SqlStore, ClientStore])
def test_with_an_earlier_table_only_what_changed_is_read(
    store: str, runs: list[str], back_end: type[SqlStore | ClientStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, client = back_end(store), connect(store)
    live = client.create_run("1", run_name="goes on").info.run_id
    client.log_metric(live, "train/loss", 1.0)
    known = reader.runs()
    assert list(known["status"]) == ["RUNNING", "FINISHED", "FINISHED"]
    pd.testing.assert_frame_equal(reader.runs(known), known)
    client.log_metric(live, "train/loss", 0.5, step=1)
    client.log_metric(live, "new/key", 1.0)
    client.log_param(live, "cfg.new", "1")
    client.set_terminated(live)
    with start_run(experiment="toy 3", name="later") as later:
        later.params({"cfg.seed": 7})
    with resume_run(runs[0]) as again:
        again.metrics({"test/readings": 5.0})
    table = reader.runs(known)
    pd.testing.assert_frame_equal(table, reader.runs())
    assert table.set_index("run_id").loc[runs[0], "metrics.test/readings"] == 5
    connect(store).delete_run(later.run_id)
    if back_end is SqlStore:
        connect(store).set_tag(runs[1], "note", "x")
        pd.testing.assert_frame_equal(reader.runs(table), reader.runs())
        monkeypatch.setattr("cytolapse.tracking.sql_store.MOST_CHANGED", 0)
        pd.testing.assert_frame_equal(reader.runs(known), reader.runs())


def test_a_running_run_that_was_deleted_leaves_the_table(store: str, runs: list[str]) -> None:
    connect(store).update_run(runs[0], status="RUNNING")
    for reader in (SqlStore(store), ClientStore(store)):
        known = reader.runs()
        connect(store).delete_run(runs[0])
        assert list(reader.runs(known)["run_id"]) == runs[1:]
        connect(store).restore_run(runs[0])


def test_files_of_a_run(store: str, runs: list[str]) -> None:
    reader = open_store(store)
    assert reader.artifacts(runs[0]) == [
        "curves/test-gold.json", "report.md", "test/objects.parquet", "test/previews/01.zip"
    ]  # fmt: skip
    assert reader.artifacts(runs[0], "test") == ["test/objects.parquet", "test/previews/01.zip"]
    assert reader.artifact(runs[0], "report.md").read_text() == "# Report\n"
    with pytest.raises(CytolapseError, match=r"has no file 'nothing': it has curves/test-gold.json, report.md"):
        reader.artifact(runs[0], "nothing")
    for path in ("../../mlflow.db", "/etc/passwd"):
        with pytest.raises(CytolapseError, match="leads out of the run"):
            reader.artifact(runs[0], path)


@pytest.fixture
def server(store: str, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real MLflow server on an empty store, with its process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", store, "--artifacts-destination", str(tmp_path / "served")),
    ]
    with running(command, port) as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def running(command: Any, port: int) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, start_new_session=True, stdout=quiet, stderr=quiet)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_real_server_from_training_to_loading_and_its_death(
    server: tuple[str, subprocess.Popen[bytes]],
    store: str,
    tmp_path: Path,
    home: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    address, process = server
    with start_run(address, experiment="toy", name="unet", tags=TAGS) as run:
        log_example(run, tmp_path / "work")
        run.metrics({"val/silver/op_csb_masks": 0.5}, model="segmenter")
    assert run.closing_line() == f"run_id: {run.run_id}", caplog.text
    promote(Wish([run.run_id], alias="challenger"), address)
    reader, direct = open_store(address), open_store(store)
    pd.testing.assert_frame_equal(reader.runs(), direct.runs())
    pd.testing.assert_frame_equal(reader.series([run.run_id], ""), direct.series([run.run_id], ""))
    pd.testing.assert_frame_equal(reader.versions(), direct.versions())
    pd.testing.assert_frame_equal(reader.decisions(), direct.decisions())
    report = reader.artifact(run.run_id, "report.md")
    assert report.is_relative_to(home / "artifacts")
    assert report.read_text() == "# Report\n"
    assert "test/previews/01.zip" in reader.artifacts(run.run_id)
    with pytest.raises(CytolapseError, match="file 'nothing' of run"):
        reader.artifact(run.run_id, "nothing")
    folder = load_folder("models:/toy@challenger", address)
    assert {each.name for each in folder.iterdir()} == {"config.json", "weights.safetensors"}
    with start_run(address, experiment="toy", name="unet") as orphan:
        orphan.metrics({"train/loss": 1.0}, step=0)
        while not orphan.run_id:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        orphan.metrics({"train/loss": 0.5}, step=1)
        orphan.model(model_folder(tmp_path / "last"), "segmenter")
    assert orphan.closing_line() == f"spool: {orphan.folder}"
    assert caplog.text.count("cytolapse sync") == 1
    with running(process.args, int(address.rpartition(":")[2])):
        assert sync(orphan.folder, address) == orphan.run_id
        delivered = reader.runs().set_index("run_id").loc[orphan.run_id]
        assert (delivered["status"], delivered["metrics.train/loss"]) == ("FINISHED", 0.5)
        assert load_folder(f"runs:/{orphan.run_id}/segmenter", address).is_dir()


def test_a_run_is_found_by_name_and_by_the_first_digits_of_its_id(store: str) -> None:
    with start_run(experiment="toy", name="unet") as run:
        run.tags({"a": "1"})
    for reference in (run.run_id, run.run_id[:6], run.name):
        assert run_id_of(reference, store) == run.run_id
    assert run_id_of("nothing", store) == "nothing"
    assert run_id_of(run.run_id[:5], store) == run.run_id[:5], "too short to mean a run"
    with start_run(experiment="toy") as other:
        other.tags({"a": "2"})
    connect(store).update_run(other.run_id, name=run.name)
    with pytest.raises(CytolapseError, match="means several runs"):
        run_id_of(run.name, store)


def test_what_only_reads_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for read in (
        lambda: load_folder("models:/a@champion"),
        lambda: logged_tags("0" * 32),
        lambda: resume_run("0" * 32),
    ):
        with pytest.raises(CytolapseError, match=r"there is no store at .*in the folder where you trained"):
            read()
    assert not list(tmp_path.glob("mlflow.db*"))
