"""A study through the command line: children, cut and continued, failing rows, wrong words."""

from __future__ import annotations

import json
import re

import pytest
from conftest import write_toy

from cytolapse.errors import CytolapseError
from cytolapse.tracking import children, logged
from cytolapse.tracking.sync import spools, sync
from trainers import child, family, fit
from trainers.child import Job, apart
from trainers.recipe import Row
from trainers.recipes import RECIPES
from trainers.study import figures
from trainers.study import plan as planning
from trainers.study.plan import Wish, all_rows, plan

TINY = {
    "widths": "4,8", "crop": 48, "batch": 2, "train_steps": 8, "validate_every": 2, "validate_frames": 2,
    "postprocess": "drop_small=9",
}  # fmt: skip
STEPS = {"10min": 4}
ROWS = {
    "first": ("unet", Row("first", settings=TINY, steps=STEPS, published="U-Net")),
    "second": ("unet", Row("second", settings=TINY, steps=STEPS, minimum_steps=100)),
    "broken": ("unet", Row("broken", settings={**TINY, "learning_rate": 1e30}, steps=STEPS)),
    "classical": ("classical", Row(settings={"validate_frames": 2}, minimum_steps=0)),
}


@pytest.fixture(autouse=True)
def tiny_rows(monkeypatch):
    monkeypatch.setattr(planning, "all_rows", lambda: ROWS)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(family, "apart", lambda job, seconds: child.attempt(job))


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes longer than these trainings; one test draws."""
    monkeypatch.setattr(figures, "curves", lambda lines, where: b"")
    monkeypatch.setattr(figures, "contact", lambda *given: None)


def table(found):
    return {row["model"]: row for row in json.loads(found.artifact("table.json").read_text())}


def test_a_spooled_study_and_its_delivery(toy, cli, store, tmp_path):
    code, out, err = cli("study", "--data", toy, "--rows", "first,second,classical", "--tracking", "spool:s")
    assert code == 0, err
    assert out.splitlines()[-1] == f"spool: {tmp_path / 's'}"
    assert re.search(r"row 2 of 3, second: not trained: 4 of at least 100 steps; \d+\.\d min so far, about", err)
    rows = table(logged("spool:s"))
    assert rows["second"]["place"] is None, "with fewer steps than its minimum"
    assert {rows["first"]["place"], rows["classical"]["place"]} == {1, 2}
    assert rows["first"]["test/silver/pixel_iou"] is not None and rows["first"]["published/pixel_iou"] == 0.74
    assert rows["first"]["seconds"] > 0 and 0.05 < rows["first"]["peak_memory_gb"] < 200
    for spool in spools(tmp_path / "s"):
        sync(spool, store)
    (parent,) = {sync(spool, store) for spool in [tmp_path / "s"]}
    found = logged(parent, store)
    assert [each.role for each in children(found)] == ["first", "second", "classical"]
    assert table(found) == rows
    page = found.artifact("report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page and "<script" not in page, "nothing is fetched"


@pytest.fixture
def cut(monkeypatch):
    """Ctrl-C at that step of all that the study trains."""

    def at(step):
        seen, real = iter(range(step)), fit._step

        def stopping(*parts):
            if next(seen, None) is None:
                raise KeyboardInterrupt
            return real(*parts)

        monkeypatch.setattr(fit, "_step", stopping)
        return lambda: monkeypatch.setattr(fit, "_step", real)

    return at


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("tracking", ["", "spool:s"])
def test_a_study_that_was_cut_goes_on_where_it_stopped(tracking, toy, cli, store, cut):
    mend = cut(7)
    words = ("study", "--data", toy, "--rows", "first,second", "--tracking", tracking)
    assert cli(*words)[0] != 0
    mend()
    resumed = tracking or study_of(store)
    before = {each.role: each for each in children(logged(resumed, store))}
    assert set(before) == {"first", "second"} and before["second"].status == "KILLED"
    code, out, err = cli("study", "--data", toy, "--resume", resumed, "--tracking", tracking)
    assert code == 0, err
    after = {each.role: each for each in children(logged(resumed, store))}
    assert after["first"] == before["first"], "what was finished is kept"
    assert after["second"].reference == before["second"].reference, "the cut row went on in its own run"
    assert err.count("4 steps of 2 clips") == 0, "and from its checkpoint"
    assert set(table(logged(resumed, store))) == {"first", "second"}
    assert resumed.removeprefix("spool:") in out


def study_of(store):
    from cytolapse.tracking import open_store

    runs = open_store(store).runs()
    return str(runs[runs["name"].str.startswith("study-")]["run_id"].iloc[0])


@pytest.mark.usefixtures("no_figures")
def test_a_row_that_was_cut_before_its_first_checkpoint_starts_anew(toy, cli, store, cut, monkeypatch):
    monkeypatch.setattr(fit.checkpoint, "save", lambda path, state: None)
    mend = cut(1)
    assert cli("study", "--data", toy, "--rows", "first", "--tracking", "spool:s")[0] != 0
    mend()
    code, _, err = cli("study", "--data", toy, "--resume", "spool:s")
    assert code == 0, err
    assert len(children(logged("spool:s"))) == 2
    assert table(logged("spool:s"))["first"]["state"] == "trained"


@pytest.mark.usefixtures("no_figures")
def test_a_row_that_fails_is_told_and_the_others_are_trained(toy, cli):
    code, out, err = cli("study", "--data", toy, "--rows", "broken,classical", "--tracking", "spool:s")
    assert code == 1
    assert out.startswith("spool: ")
    rows = table(logged("spool:s"))
    assert "failed: the" in rows["broken"]["state"] and "use a lower --learning-rate" in rows["broken"]["state"]
    assert rows["broken"]["place"] is None and rows["classical"]["place"] == 1
    assert "Traceback" not in err
    assert "use a lower --learning-rate" in logged("spool:s").artifact("report.md").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_fault_of_ours_ends_only_its_row(toy, cli, monkeypatch):
    monkeypatch.setattr("trainers.experiment.train", lambda *parts, **named: [][1])
    code, _, err = cli("study", "--data", toy, "--rows", "classical", "--tracking", "spool:s")
    assert code == 1
    assert "failed: IndexError: list index out of range" in err and "Traceback" in err, "a fault is shown whole"


@pytest.mark.usefixtures("no_figures")
def test_seeds_are_rows_of_their_own(toy, cli):
    code, _, err = cli("study", "--data", toy, "--rows", "classical", "--seeds", 2, "--tracking", "spool:s")
    assert code == 0, err
    assert list(table(logged("spool:s"))) == ["classical", "classical, seed 1"]
    assert [each.tags["cytolapse.seed"] for each in children(logged("spool:s"))] == ["0", "1"]
    assert "How much chance there is" in logged("spool:s").artifact("report.md").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--rows", "third"], 1, "unknown row 'third': choose one of broken, classical, first, second"),
        (["--budget", "1day"], 1, "unknown budget '1day': choose one of 10min, 1h, full"),
        (["--seeds", "0"], 2, "'0' is no whole number from 1 on"),
        (["--device", "tpu"], 1, "--device is 'tpu': it must be one of"),
        (["--resume", "spool:nowhere"], 1, "is no spool of a run"),
    ],
)
def test_wrong_words(words, code, message, toy, cli, tmp_path):
    got, _, err = cli("study", "--data", toy, *words)
    assert got == code
    assert message in err
    assert not (tmp_path / "mlflow.db").exists(), "no run is left behind"


@pytest.mark.usefixtures("no_figures")
def test_what_can_not_be_resumed(toy, cli, tmp_path):
    assert cli("study", "--data", toy, "--rows", "classical", "--tracking", "spool:s")[0] == 0
    events = (tmp_path / "s/spool.jsonl").read_bytes()
    for words, message in (
        (["--budget", "full"], "--budget of that study is '10min': leave it out with --resume"),
        (["--rows", "first"], "--rows of that study is 'classical': leave it out"),
        (["--data", write_toy(tmp_path / "other", frames=30)], "is not what the study spool:s was made on"),
    ):
        code, _, err = cli("study", "--data", toy, "--resume", "spool:s", *words)
        assert code == 1
        assert message in err
    row = next((tmp_path / "s/parts").iterdir())
    code, _, err = cli("study", "--data", toy, "--resume", f"spool:{row}")
    assert code == 1 and "is no study: give --resume the run of the study itself" in err
    assert (tmp_path / "s/spool.jsonl").read_bytes() == events


def job(toy, folder):
    from cytolapse.tracking import Parent

    return Job(plan(Wish(rows=("classical",)))[0].config, toy, f"spool:{folder}", Parent("x" * 32, "classical"))


def test_a_row_that_takes_too_long_is_stopped_and_says_so(toy, tmp_path):
    outcome = apart(job(toy, tmp_path / "row"), seconds=0.1)
    assert outcome.reference == ""
    assert "stopped by the clock" in outcome.error and "--resume goes on" in outcome.error


@pytest.mark.slow
def test_a_row_in_a_process_of_its_own(toy, tmp_path):
    outcome = apart(job(toy, tmp_path / "row"), seconds=200)
    assert outcome == (str(tmp_path / "row"), "")
    assert logged(str(tmp_path / "row")).metrics["test/readings"] == 1
    assert "already holds a run" in apart(job(toy, tmp_path / "row"), seconds=200).error


def test_every_recipe_has_a_row_and_every_preset_of_a_row_exists(monkeypatch):
    monkeypatch.undo()
    rows = all_rows()
    assert {recipe for recipe, _ in rows.values()} == set(RECIPES)
    entries = plan(Wish())
    assert [entry.role for entry in entries] == [role for role in rows if role != "mask_rcnn full"]
    assert [entry.role for entry in plan(Wish("full"))] == list(rows), "what wants a GPU is in the full budget"
    assert plan(Wish(rows=("mask_rcnn full",)))[0].config.network == "resnet50", "or where it is asked for"
    assert entries[0].role == "unet source" and entries[-1].role == "classical"
    assert {entry.config.frame_size for entry in plan(Wish(scale=0.5))} == {0, 80, 128}, "presets that resize follow"
    narrow = {entry.role: entry.config.widths for entry in plan(Wish(width=0.5))}
    assert (narrow["unet"], narrow["convlstm_unet"]) == ("12,24,48,96", "6,12,24,48"), "each by its own preset"
    for wrong in ({"scale": 0.0}, {"width": 0.0}):
        with pytest.raises(CytolapseError, match=f"--{next(iter(wrong))} is 0.0: it must be"):
            plan(Wish(**wrong))
    full = {entry.role: entry for entry in plan(Wish("full"))}
    for entry in entries:
        assert entry.config.train_steps <= full[entry.role].config.train_steps
        assert full[entry.role].config.train_steps >= entry.minimum, "the full budget can train it"
        assert entry.minimum == 0 or entry.config.train_steps < entry.minimum, "ten minutes train nothing"
