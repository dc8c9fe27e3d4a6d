"""What people write on runs: archived, tags, and the wish that a run stops, which the run heeds."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from test_tracking import ENV, run_id
from test_train import TINY

from cytolapse.errors import CytolapseError
from cytolapse.tracking import live, open_store, resume_run, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.marks import add_tag, archive, ask_to_stop, remove_tag, restore
from trainers import checkpoint, fit

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.05)
    monkeypatch.setattr(live, "ASK_S", 0.1)


def tags_of(store: str, run: str) -> dict[str, str]:
    return dict(connect(store).get_run(run).data.tags)


def test_archived_and_restored_with_the_name_of_who_did_it(store: str) -> None:
    with start_run(experiment="toy") as run:
        pass
    archive([run_id(run)], "ada  l.\n")
    tags = tags_of(store, run_id(run))
    assert tags["cytolapse.archived"].startswith("ada l., 20")
    assert tags["cytolapse.changed"] == f"archived by {tags['cytolapse.archived']}"
    restore([run_id(run)], "bob", store)
    assert "cytolapse.archived" not in tags_of(store, run_id(run))
    assert tags_of(store, run_id(run))["cytolapse.changed"].startswith("restored by bob, ")


def test_tags_come_and_go(store: str) -> None:
    runs = []
    for _ in range(2):
        with start_run(experiment="toy") as run:
            pass
        runs.append(run_id(run))
    add_tag(runs, " figure 2 ", "ada")
    assert all(tags_of(store, run)["cytolapse.tag.figure 2"].startswith("ada, ") for run in runs)
    remove_tag(runs[:1], "figure 2", "ada")
    remove_tag(runs[:1], "never given", "ada")
    assert tags_of(store, runs[0])["cytolapse.changed"].startswith("untagged figure 2 by ada")
    assert "cytolapse.tag.figure 2" not in tags_of(store, runs[0])
    assert "cytolapse.tag.figure 2" in tags_of(store, runs[1])


@pytest.mark.parametrize("word", ["", "  ", "<b>", "x" * 61, "a\nb"])
def test_a_bad_tag_is_refused(store: str, word: str) -> None:
    with pytest.raises(CytolapseError, match="can't be a tag: use up to 60 letters"):
        add_tag(["any"], word, "ada")


def test_what_can_not_be_changed(store: str) -> None:
    with start_run(experiment="toy") as run:
        pass
    with pytest.raises(CytolapseError, match=r"is finished: only a running one can be stopped"):
        ask_to_stop(run_id(run), "ada")
    with pytest.raises(CytolapseError, match="nobody signs this change"):
        archive([run_id(run)], " ")
    with pytest.raises(CytolapseError, match=r"the change: not in sqlite:.*`cytolapse runs` lists"):
        archive(["0" * 32], "ada")
    with pytest.raises(CytolapseError, match="there is no store at"):
        archive([run_id(run)], "ada", "sqlite:////nowhere/mlflow.db")


def wait_for_id(run) -> str:
    for _ in range(400):
        if run.run_id:
            return str(run.run_id)
        time.sleep(0.05)
    raise AssertionError("the run never came to the store")


def test_a_run_that_is_asked_to_stop_ends_as_killed_and_keeps_how_far_it_came(
    store: str, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    kept = []
    with pytest.raises(SystemExit) as stop, start_run(experiment="toy") as run:
        run.stop_if_asked(lambda: kept.append("too early"))
        ask_to_stop(wait_for_id(run), "ada")
        for step in range(400):
            run.metrics({"train/loss": 1.0}, step=step)
            run.stop_if_asked(lambda step=step: kept.append(step))
            time.sleep(0.05)
    assert stop.value.code == 143
    assert kept == [step]
    assert list(open_store().runs()["status"]) == ["KILLED"]
    assert "asked to stop by ada, 20" in caplog.text
    with resume_run(run_id(run)) as again:
        time.sleep(1)
        again.stop_if_asked(lambda: kept.append("again"))
    assert list(open_store().runs()["status"]) == ["FINISHED"], "an old wish does not stop a run that goes on"
    assert "cytolapse.stop_requested" not in tags_of(store, run_id(run))


def test_a_run_that_never_looks_is_ended_after_a_while(store: str, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import time\n"
        "from cytolapse.tracking import live, start_run\n"
        "live.POLL_S, live.ASK_S, live.GRACE_S = 0.05, 0.1, 0.5\n"
        "with start_run(experiment='toy') as run:\n"
        "    while not run.run_id:\n"
        "        time.sleep(0.05)\n"
        "    print(run.run_id, flush=True)\n"
        "    time.sleep(100)\n"
    )
    with subprocess.Popen(
        [sys.executable, "busy.py"], cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ask_to_stop(process.stdout.readline().strip(), "ada", store)
        assert process.wait(60) == 143
    assert list(open_store(store).runs()["status"]) == ["KILLED"]


def test_a_stopped_training_goes_on_from_the_step_it_stopped_at(toy, cli, tmp_path, monkeypatch, quick, store):
    train = ("train", "unet", "--data", toy, *TINY)
    assert cli(*train, "--tracking", "spool:whole")[0] == 0
    done, step = [], fit._step

    def asked(job, *parts):
        done.append(job.step)
        if job.step == 5:  # the sixth
            ask_to_stop(wait_for_id(job.run), "ada")
            while not job.run._live.asked_by:
                time.sleep(0.05)
        return step(job, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_step", asked)
        code, _, err = cli(*train)
    assert code == 143
    assert done == [0, 1, 2, 3, 4, 5]
    assert "asked to stop by ada, 20" in err
    assert "stopped at step 6; go on with: cytolapse train unet --resume" in err
    runs = open_store(store).runs()
    assert list(runs["status"]) == ["KILLED"]
    code, _, err = cli("train", "unet", "--data", toy, "--resume", runs["run_id"][0])
    assert code == 0, err
    stopped = next((tmp_path / "home/spool").glob("*/checkpoints/last.pt"))
    whole, resumed = (checkpoint.load(path) for path in (tmp_path / "whole/checkpoints/last.pt", stopped))
    for name, weights in whole["parts"]["model"].items():
        assert weights.equal(resumed["parts"]["model"][name]), name
