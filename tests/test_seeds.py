"""`train --seeds`: children of one parent, their table and spread, cut and continued, evaluated, delivered."""

from __future__ import annotations

import json
import re
import statistics

import pytest
from conftest import write_toy

from cytolapse.tracking import children, logged, open_store
from cytolapse.tracking.sync import spools, sync
from trainers import child, family, fit

TINY = (
    *("--widths", "4,8", "--crop", 48, "--batch", 2, "--train-steps", 4, "--validate-every", 2),
    *("--validate-frames", 2, "--postprocess", "drop_small=9"),
)
CLASSICAL = ("train", "classical", "--validate-frames", 2)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(family, "apart", lambda job, seconds=None: child.attempt(job))


def seeds_of(found):
    return [each.tags["cytolapse.seed"] for each in children(found)]


def table(found):
    return {row["seed"]: row for row in json.loads(found.artifact("table.json").read_text())}


def test_seeds_have_a_table_with_their_spread(toy, cli, tmp_path):
    code, out, err = cli("train", "unet", *TINY, "--data", toy, "--seed", 3, "--seeds", 2, "--tracking", "spool:s")
    assert code == 0, err
    assert out.splitlines()[-1] == f"spool: {tmp_path / 's'}"
    parent = logged("spool:s")
    assert [each.role for each in children(parent)] == ["seed 3", "seed 4"] and seeds_of(parent) == ["3", "4"]
    assert re.fullmatch(r"unet-boundary-2-seeds-\w{6}", parent.name)
    values = [each.metrics["val/silver/pixel_iou"] for each in children(parent)]
    assert len(set(values)) == 2, "each seed trains a model of its own"
    assert parent.metrics["val/silver/pixel_iou_mean"] == pytest.approx(statistics.fmean(values))
    assert parent.metrics["val/silver/pixel_iou_sd"] == pytest.approx(statistics.stdev(values))
    assert (parent.metrics["val/silver/pixel_iou_min"], parent.metrics["val/silver/pixel_iou_max"]) == (
        *(min(values), max(values)),
    )
    assert not any(name.startswith("test/") for name in parent.metrics), "the test part is not read"
    assert [row["val/silver/pixel_iou"] for row in table(parent).values()] == values
    report = parent.artifact("report.md").read_text()
    assert f"| 3 | {children(parent)[0].name} | " in report and "## Validation, silver truth" in report
    assert f"{min(values):.3f} to {max(values):.3f}" in report and "| standard deviation |" in report


@pytest.mark.parametrize("tracking", ["", "spool:s"])
def test_evaluating_the_parent_evaluates_every_seed(tracking, toy, cli, store):
    code, out, err = cli(*CLASSICAL, "--data", toy, "--seeds", 2, "--tracking", tracking)
    assert code == 0, err
    parent = tracking or out.splitlines()[-1].removeprefix("run_id: ")
    code, again, err = cli("evaluate", parent, "--data", toy, "--tracking", tracking)
    assert (code, again) == (0, out), err
    found = logged(parent, store)
    assert all(each.metrics["test/readings"] == 1 for each in children(found)) and len(children(found)) == 2
    values = [each.metrics["test/gold/seg"] for each in children(found)]
    assert found.metrics["test/gold/seg_mean"] == pytest.approx(statistics.fmean(values))
    assert (found.metrics["test/gold/seeds"], found.status) == (2, "FINISHED")
    report = found.artifact("report.md").read_text()
    assert "## Test, gold truth" in report and "## Validation, gold truth" in report
    code, _, err = cli("compare", parent, "other" if tracking else children(found)[0].reference)
    assert code == 1
    if not tracking:
        assert "is the parent of 2 runs and was not scored itself: compare two of classical-" in err


def test_spooled_seeds_are_delivered_below_their_parent(toy, cli, store, tmp_path):
    assert cli(*CLASSICAL, "--data", toy, "--seeds", 2, "--tracking", "spool:s")[0] == 0
    for spool in spools(tmp_path / "s"):
        sync(spool, store)
    found = logged(sync(tmp_path / "s", store), store)
    assert [each.role for each in children(found)] == ["seed 0", "seed 1"]
    assert table(found) == table(logged("spool:s"))


@pytest.mark.parametrize("tracking", ["", "spool:s"])
def test_seeds_that_were_cut_go_on(tracking, toy, cli, store, monkeypatch):
    seen, real = iter(range(6)), fit._step

    def stopping(*parts):
        if next(seen, None) is None:
            raise KeyboardInterrupt
        return real(*parts)

    words = ("train", "unet", *TINY, "--data", toy, "--tracking", tracking)
    with monkeypatch.context() as patch:
        patch.setattr(fit, "_step", stopping)
        assert cli(*words, "--seeds", 3)[0] != 0
    runs = None if tracking else open_store(store).runs()
    parent = tracking or str(runs[runs["name"].str.contains("-3-seeds-")]["run_id"].iloc[0])
    before = {each.role: each for each in children(logged(parent, store))}
    assert [each.status for each in before.values()] == ["FINISHED", "KILLED"]
    code, _, err = cli("evaluate", parent, "--data", toy, "--tracking", tracking)
    assert code == 0 and "seed 1 is not trained and so not evaluated: go on with `cytolapse train unet" in err
    code, out, err = cli(*words, "--resume", parent)
    assert code == 0, err
    assert parent.removeprefix("spool:") in out
    after = {each.role: each for each in children(logged(parent, store))}
    assert [each.status for each in after.values()] == ["FINISHED"] * 3
    assert after["seed 1"].reference == before["seed 1"].reference, "the cut seed went on in its own run"
    assert after["seed 0"].metrics == {**before["seed 0"].metrics, **after["seed 0"].metrics}
    assert len(children(logged(parent, store))) == 3 and set(table(logged(parent, store))) == set(after)


def test_a_seed_that_fails_is_told_and_the_others_are_trained(toy, cli, monkeypatch):
    real = child.experiment.train

    def failing(config, *parts):
        if config.seed == 1:
            raise MemoryError("no more")
        return real(config, *parts)

    monkeypatch.setattr(child.experiment, "train", failing)
    code, out, _ = cli(*CLASSICAL, "--data", toy, "--seeds", 3, "--tracking", "spool:s")
    assert code == 1 and out.startswith("spool: ")
    found = logged("spool:s")
    assert [row["error"] for row in table(found).values()] == ["", "MemoryError: no more", ""]
    assert found.metrics["val/silver/seeds"] == 2
    assert "seed 1 failed: MemoryError: no more" in found.artifact("report.md").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--seeds", "0"], 2, "'0' is no whole number from 1 on"),
        (["--seeds", "many"], 2, "'many' is no whole number from 1 on"),
        (["--seeds", "3", "--seed", str(2**32 - 1)], 1, "--seed is 4294967296: it must be less than 2^32"),
        (["--seeds", "2", "--init", "nowhere"], 1, "nowhere"),
        (["--seeds", "2", "--data", "nowhere"], 1, "nowhere does not exist"),
    ],
)
def test_what_can_not_work_opens_no_run(words, code, message, toy, cli, tmp_path):
    got, _, err = cli("train", "unet", *TINY, "--data", toy, "--tracking", "spool:s", *words)
    assert got == code and message in err
    assert not (tmp_path / "s").exists()


def test_one_seed_is_an_ordinary_training(toy, cli):
    assert cli(*CLASSICAL, "--data", toy, "--seeds", 1, "--tracking", "spool:s")[0] == 0
    assert children(logged("spool:s")) == [] and "val/silver/seg" in logged("spool:s").metrics
    code, _, err = cli(*CLASSICAL, "--data", toy, "--resume", "spool:s", "--seeds", 2)
    assert code == 1 and "--seeds can't be given with --resume spool:s, which is one training: leave it out" in err


def test_what_can_not_be_changed_with_resume(toy, cli, tmp_path):
    assert cli(*CLASSICAL, "--data", toy, "--seeds", 2, "--tracking", "spool:s")[0] == 0
    events = (tmp_path / "s/spool.jsonl").read_bytes()
    for words, message in (
        (["--seeds", 3], "--seeds of that training is 2: leave it out with --resume"),
        (["--seed", 5], "--seed is 0 in that run and can't be changed with --resume"),
        (["--data", write_toy(tmp_path / "other", frames=30)], "is not what spool:s was trained on"),
    ):
        code, _, err = cli(*CLASSICAL, "--data", toy, "--resume", "spool:s", *words)
        assert code == 1 and message in err
    assert (tmp_path / "s/spool.jsonl").read_bytes() == events


def test_a_parent_without_a_trained_seed_can_not_be_evaluated(toy, cli, monkeypatch):
    monkeypatch.setattr(child.experiment, "train", lambda *parts: [][1])
    assert cli(*CLASSICAL, "--data", toy, "--seeds", 2, "--tracking", "spool:s")[0] == 1
    code, _, err = cli("evaluate", "spool:s", "--data", toy)
    assert code == 1
    assert "no seed of spool:s is trained: go on with `cytolapse train classical --data DATA --resume spool:s`" in err
