"""The spool: one JSON line per event, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tracking_world import log_example, model_folder

from cytolapse.errors import CytolapseError
from cytolapse.tracking import load_folder, resume_run, start_run
from cytolapse.tracking.spool import Spool, header, last_time, read_events

ROOT = Path(__file__).resolve().parents[1]


def kinds(folder: Path) -> list[str]:
    return [event["event"] for event, _ in read_events(folder)]


def test_events_come_back_in_order_with_their_offsets(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("tags", values={"a": "ä"})
    spool.append("end", status="FINISHED")
    events = list(read_events(tmp_path))
    assert [event["event"] for event, _ in events] == ["tags", "end"]
    assert events[-1][1] == (tmp_path / "spool.jsonl").stat().st_size
    assert [event["event"] for event, _ in read_events(tmp_path, events[0][1])] == ["end"]
    assert last_time(tmp_path) == events[1][0]["time"]
    spool.close()


def test_a_last_line_torn_by_a_kill_is_left_out_and_cut_when_the_run_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("tags", values={"a": "1"})
    spool.close()
    with open(tmp_path / "spool.jsonl", "a") as file:
        file.write('{"event": "metrics", "val')
    assert kinds(tmp_path) == ["tags"]
    spool = Spool(tmp_path)
    spool.append("end", status="FINISHED")
    spool.close()
    assert kinds(tmp_path) == ["tags", "end"]


def test_a_damaged_line_is_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spool.jsonl").write_text(
        '{"event": "tags", "time": 1}\nXX\nnull\n[1]\n{"time": 3}\n{"event": "end", "time": 2}\n'
    )
    assert kinds(tmp_path) == ["tags", "end"]
    assert "is damaged: left out" in caplog.text


def test_a_full_disk_is_a_clear_error_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append("tags", values={"a": "1"})
    real = spool._file

    class Full:
        def write(self, data: bytes) -> int:
            return real.write(data[:5])

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    monkeypatch.setattr(spool, "_file", Full())
    with pytest.raises(
        CytolapseError, match=r"can't write .*spool\.jsonl: No space left on device; make room and resume"
    ):
        spool.append("tags", values={"b": "2"})
    monkeypatch.setattr(spool, "_file", real)
    spool.append("end", status="FAILED")
    spool.close()
    assert kinds(tmp_path) == ["tags", "end"]


def test_a_spool_has_one_writer(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(CytolapseError, match="is being written by another process"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


def test_a_spool_in_a_file_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CytolapseError, match=r"can't spool to .*file.*; choose another folder"):
        Spool(tmp_path / "file")


def test_what_is_kept_is_linked_and_survives_its_source(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    source = tmp_path / "big.bin"
    source.write_bytes(b"1")
    place = tmp_path / "spool" / spool.keep(source, "artifacts/big.bin")
    assert os.stat(place).st_ino == os.stat(source).st_ino
    spool.keep(source, "artifacts/big.bin")
    source.unlink()
    assert place.read_bytes() == b"1"
    assert [each.name for each in place.parent.iterdir()] == ["big.bin"]
    spool.close()


def test_what_cannot_be_linked_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "a").write_bytes(b"1")
    spool = Spool(tmp_path / "spool")
    assert (tmp_path / "spool" / spool.keep(tmp_path / "a", "a")).read_bytes() == b"1"
    spool.close()


def test_a_missing_artifact_is_an_error_that_names_it(tmp_path: Path) -> None:
    with start_run(f"spool:{tmp_path}/run") as run, pytest.raises(CytolapseError, match=r"can't keep .*nothing\.txt"):
        run.artifact(tmp_path / "nothing.txt")


def test_a_spooled_run_and_its_model(tmp_path: Path) -> None:
    with start_run(f"spool:{tmp_path}/run", experiment="toy", name="unet-boundary", tags={"a": 1}) as run:
        log_example(run, tmp_path / "work")
    assert run.closing_line() == f"spool: {tmp_path}/run"
    assert run.name.startswith("unet-boundary-")
    head = header(run.folder)
    assert (head["name"], head["experiment"], head["tags"]) == (run.name, "toy", {"a": "1"})
    assert kinds(run.folder)[-1] == "end"
    folder = load_folder(f"spool:{tmp_path}/run/segmenter")
    assert (folder / "weights.safetensors").read_bytes() == b"second"
    with pytest.raises(CytolapseError, match="has no model 'best': it has last, segmenter"):
        load_folder(f"spool:{tmp_path}/run/best")
    assert run.fetch("curves/test-gold.json").is_file()
    with pytest.raises(CytolapseError, match="has no file 'x' in"):
        run.fetch("x")


def test_a_spooled_run_goes_on(tmp_path: Path) -> None:
    with start_run(f"spool:{tmp_path}/run") as run:
        run.metrics({"train/loss": 1.0}, step=0)
    with pytest.raises(CytolapseError, match="already holds a run: spool to another folder, or resume that run"):
        start_run(f"spool:{tmp_path}/run")
    with resume_run(f"spool:{tmp_path}/run") as again:
        again.metrics({"train/loss": 0.5}, step=1)
    assert again.closing_line() == run.closing_line()
    assert kinds(run.folder) == ["run", "metrics", "end", "resume", "metrics", "end"]
    with pytest.raises(CytolapseError, match="is no spool of a run"):
        resume_run(f"spool:{tmp_path}/other")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError, "FAILED"),
        (KeyboardInterrupt, "KILLED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(1), "FAILED"),
        (SystemExit(143), "KILLED"),
    ],
)
def test_how_a_run_ended(tmp_path: Path, error: type[BaseException], status: str) -> None:
    with pytest.raises(BaseException), start_run(f"spool:{tmp_path}/run") as run:  # noqa: B017
        raise error
    assert list(read_events(run.folder))[-1][0]["status"] == status


def test_bad_names_are_refused_where_they_are_logged(tmp_path: Path) -> None:
    with start_run(f"spool:{tmp_path}/run") as run:
        with pytest.raises(CytolapseError, match=r"'ap@50' can't name a metric, param or tag"):
            run.metrics({"ap@50": 1.0})
        with pytest.raises(CytolapseError, match=r"artifact path .* leads out of the run"):
            run.text("", "../x.txt")
        with pytest.raises(CytolapseError, match=r"holds no model: config\.json is missing"):
            run.model(tmp_path, "segmenter")
        with pytest.raises(CytolapseError, match="'a/b' can't name a model"):
            run.model(model_folder(tmp_path / "m"), "a/b")
    with pytest.raises(CytolapseError, match="--tracking 'somewhere' is no store: give spool:DIR"):
        start_run("somewhere")
    with pytest.raises(CytolapseError, match="--tracking spool: names no folder: give spool:DIR"):
        start_run("spool:")


def test_spooling_imports_no_mlflow(tmp_path: Path) -> None:
    (tmp_path / "mlflow.py").write_text("raise ImportError('this machine has no mlflow')")
    (tmp_path / "train.py").write_text(
        "import sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from cytolapse.tracking import start_run, resume_run, open_store, load_folder\n"
        "with start_run('spool:run', experiment='toy') as run:\n"
        "    run.params({'cfg.seed': 0})\n"
        "    run.metrics({'train/loss': 1.0}, step=1, model='segmenter')\n"
        "    run.json({}, 'a.json')\n"
        "print(run.closing_line(), 'mlflow' in sys.modules)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT / "platform")])
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["spool:", str(tmp_path / "run"), "False"]
    assert json.loads((tmp_path / "run" / "spool.jsonl").read_text().splitlines()[1])["values"] == {"cfg.seed": "0"}
