"""Trials: the process, its turn, its end, and what it leaves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import toy_frame, toy_labels

from cytolapse.errors import CytolapseError
from dashboard.trial import desk as desks
from dashboard.trial import drawing, job
from dashboard.trial.desk import Desk
from dashboard.trial.job import Request, State, Teller, readable

ENDS = "import sys; sys.stdin.read()"


def stack(frames: int = 4, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, np.stack([toy_frame(toy_labels(t), t) for t in range(frames)]), photometric="minisblack", **options
    )
    return buffer.getvalue()


@pytest.fixture
def model(tmp_path) -> str:
    """A model without weights, stored in a folder."""
    from cytolapse.config import Config
    from cytolapse.segmenter import Segmenter

    Segmenter.build(Config(model="classical", network="", head=""), um=0.65).save(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def desk(monkeypatch, tmp_path):
    """A desk whose processes only wait for its end, with a child of their own."""
    monkeypatch.setattr(desks.tempfile, "tempdir", str(tmp_path))

    def process(folder):
        code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ENDS!r}]); {ENDS}"
        return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, start_new_session=True)

    monkeypatch.setattr(desks, "_process", process)
    opened = Desk()
    yield opened
    opened.close_all()


def gone(pid: int) -> bool:
    """Whether nothing of a process group is left but what nobody has waited for yet."""
    for _ in range(100):
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return True
        states = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
        if not any(int(state[2]) == pid and state[0] != "Z" for state in states):
            return True
        time.sleep(0.1)
    return False


def test_cancel_ends_the_process_and_its_children_and_removes_the_folder(desk):
    trial = desk.start(stack(), Request("models:/demo/1"))
    pid = trial.process.pid
    assert trial.running
    assert trial.folder.stat().st_mode & 0o077 == 0, "nobody else reads the upload"
    desk.close(trial)
    assert not trial.running
    assert gone(pid)
    assert not trial.folder.exists()
    assert desk.state(trial).error == desks.OVER


def test_two_at_once_and_the_others_wait_for_their_turn(desk):
    first, second, third, fourth = (desk.start(stack(), Request("models:/demo/1")) for _ in range(4))
    assert [each.running for each in (first, second, third, fourth)] == [True, True, False, False]
    assert desk.state(fourth).stage == "waiting for its turn, 3 before it"
    desk.close(second)
    desk.state(fourth)
    assert third.running
    assert not fourth.running


def test_a_full_desk_refuses(desk, monkeypatch):
    monkeypatch.setattr(desks, "AT_ONCE", 0)
    monkeypatch.setattr(desks, "WAITING", 1)
    desk.start(stack(), Request("models:/demo/1"))
    with pytest.raises(CytolapseError, match="too many files wait"):
        desk.start(stack(), Request("models:/demo/1"))


def test_what_is_no_picture_or_too_large_reaches_no_process(desk, monkeypatch, tmp_path):
    with pytest.raises(CytolapseError, match="neither a TIFF"):
        desk.start(b"MZ\x90\0", Request("models:/demo/1"))
    monkeypatch.setattr(desks, "LIMITS", desks.LIMITS.__class__(upload=10))
    with pytest.raises(CytolapseError, match="are allowed"):
        desk.start(stack(), Request("models:/demo/1"))
    assert not list(tmp_path.glob(f"{desks.PREFIX}*"))


def test_after_its_time_a_trial_is_removed(desk):
    desk._seconds = 0.2
    trial = desk.start(stack(), Request("models:/demo/1"))
    for _ in range(100):
        if not trial.folder.exists():
            break
        time.sleep(0.1)
    assert gone(trial.process.pid)
    assert desk.state(trial) == State("failed", error=desks.OVER)


def test_a_process_that_is_killed_is_told(desk):
    trial = desk.start(stack(), Request("models:/demo/1"))
    trial.process.kill()
    trial.process.wait()
    assert desk.state(trial).error == job.NO_MEMORY


def test_what_a_killed_server_left_is_swept_away(monkeypatch, tmp_path):
    monkeypatch.setattr(desks.tempfile, "tempdir", str(tmp_path))
    old, new = tmp_path / f"{desks.PREFIX}old", tmp_path / f"{desks.PREFIX}new"
    old.mkdir(), new.mkdir()
    os.utime(old, (0, 0))
    Desk()
    assert (old.exists(), new.exists()) == (False, True)


def test_every_result_of_a_stack(tmp_path, model):
    (tmp_path / "upload").write_bytes(stack(resolution=(1e4 / 0.65, 1e4 / 0.65), resolutionunit="CENTIMETER"))
    teller = Teller(tmp_path)
    job.run(tmp_path, Request(model, minutes=15), teller)
    state = job.read_state(tmp_path)
    assert (state.stage, state.error, state.notes, round(state.um, 2), state.minutes) == ("done", "", [], 0.65, 15)
    with zipfile.ZipFile(tmp_path / job.MASKS) as archive:
        assert archive.namelist() == [*(f"01_RES/mask{t:04d}.tif" for t in range(4)), "01_RES/res_track.txt"]
        found = tifffile.imread(io.BytesIO(archive.read("01_RES/mask0002.tif")))
    assert found.dtype == np.uint16
    cells = pd.read_csv(tmp_path / job.CELLS)
    with zipfile.ZipFile(tmp_path / job.ROIS) as archive:
        assert len(archive.namelist()) == len(cells)
    assert cells["track"].nunique() == 4
    table = drawing.over_time(cells, [0, 1, 2, 3], state.minutes)
    assert list(table["cells"]) == [len(np.unique(toy_labels(t))) - 1 for t in range(4)]
    assert list(table["hours"]) == [0, 0.25, 0.5, 0.75]
    assert table["total"][2] == pytest.approx((found > 0).sum() * state.um**2)


def test_an_unknown_pixel_size_is_noted_and_a_wild_one_refused(tmp_path, model, monkeypatch):
    (tmp_path / "upload").write_bytes(stack(1))
    teller = Teller(tmp_path)
    job.run(tmp_path, Request(model), teller)
    assert "pixel size of the frames is not known" in teller.state.notes[0]
    again = tmp_path / "again"
    again.mkdir()
    (again / "upload").write_bytes(stack(1))
    monkeypatch.setattr(job, "LIMITS", job.LIMITS.__class__(frame=100 * 100))
    with pytest.raises(CytolapseError, match="enlarged to 960 x 960 px, which is too large"):
        job.run(again, Request(model, um=6.5), Teller(again))


def test_colour_is_refused(tmp_path, model):
    from PIL import Image

    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "upload", "PNG")
    with pytest.raises(CytolapseError, match="is colour"):
        job.run(tmp_path, Request(model), Teller(tmp_path))


def test_an_error_is_one_line_without_a_path(tmp_path):
    assert readable(CytolapseError(f"{tmp_path}/frames/t1.tif\nis bad"), tmp_path) == "frames/t1.tif is bad"
    assert readable(MemoryError(), tmp_path) == job.NO_MEMORY
    assert "/" not in readable(KeyError(f"{tmp_path}/x"), tmp_path)


@pytest.mark.slow
def test_the_real_process(tmp_path, model, monkeypatch):
    monkeypatch.setattr(desks.tempfile, "tempdir", str(tmp_path))
    opened = Desk()
    good, bad = opened.start(stack(2), Request(model)), opened.start(b"PK\3\4junk", Request(model))
    for trial in (good, bad):
        for _ in range(600):
            if opened.state(trial).stage in ("done", "failed"):
                break
            time.sleep(0.2)
    assert opened.state(good).stage == "done", opened.state(good)
    assert opened.state(bad).error.startswith("the zip can't be read")
    assert (good.folder / job.CELLS).stat().st_size > 500
    opened.close_all()
    assert not list(tmp_path.glob(f"{desks.PREFIX}*"))


@pytest.mark.slow
def test_it_ends_when_the_server_ends(tmp_path):
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps({"model": "models:/none/1"}))
    os.mkfifo(folder / "upload")  # which nobody writes: it waits for ever
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.trial.job", str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.close()
    assert process.wait(60) == 1
    assert not folder.exists()
