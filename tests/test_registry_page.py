"""The Registry page: evidence, card, lineage and history; promoting and rolling back for those who may."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from promotion_world import champions
from streamlit.testing.v1 import AppTest

import dashboard
from cytolapse.tracking import open_store, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.decisions import LOST, PROMOTED, REFUSED, ROLLED_BACK, Decision, decisions_frame
from cytolapse.tracking.promotion import Refused, Wish, promote
from dashboard import reads
from dashboard.registry import history, jobs, promoting, versions
from dashboard.registry.jobs import Done, Job

ROOM = Path(dashboard.__file__).parent


@pytest.fixture(scope="module")
def world(tmp_path_factory, empty_database):
    """A store where "poor" became champion, then "fair", and "poor" was refused; "good" waits. Address and ids."""
    folder = tmp_path_factory.mktemp("registry")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        ids = champions(uri, folder)
        with pytest.raises(Refused):
            promote(Wish([ids["poor"]], by="eve"), uri)
    return uri, ids, folder


@pytest.fixture
def show(monkeypatch, world):
    """Open the page at a link; a writer's name lets him write."""

    def opened(uri: str = "", writer: str = "", **query) -> AppTest:
        reads.forget()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri or world[0])
        monkeypatch.setenv("CYTOLAPSE_HOME", str(world[2] / "home"))
        monkeypatch.setenv("CYTOLAPSE_WRITERS", "local" if writer else "")
        monkeypatch.setenv("LOGNAME", writer or "nobody")
        at = AppTest.from_file(str(ROOM / "app.py"), default_timeout=90).run()
        at.switch_page("views/registry.py")
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return opened


def words(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.warning, at.error, at.success, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def test_who_may_not_write_sees_everything_and_no_button(show):
    at = show()
    text = words(at)
    assert "Champion: version 2" in text and "from fair" in text
    assert "to promote a model or roll back, start the dashboard" in text
    assert not labels(at) and not at.text_input
    assert list(at.dataframe[0].value["version"]) == [2, 1]
    policy, rules = (table.value for table in at.table)
    assert dict(zip(policy["Rule"], policy["Value"], strict=True))["margin"] == "0.01"
    assert list(rules.columns) == ["Rule", "What was found"] and set(rules.index) == {"✓ passed"}
    assert "#### discs, version 2" in text.replace(r"\-", "-")
    assert "c0ffee" in text and "Data digest" in text


def test_the_history_is_a_timeline_with_names_reasons_and_gates(show):
    text = words(show())
    assert r"by eve" in text and "was refused as champion**; version 1 stayed" not in text
    assert "was refused as champion**; version 2 stayed" in text
    assert "**Version 2 became champion**, before it version 1" in text
    assert "**Version 1 became champion**" in text
    assert r"“\[x\]\(http\:\/\/evil\) \*better\*”" in text.replace(r"//", r"\/\/"), "no link, no emphasis"
    assert "Gate: first champion" in text and r"Gate: failed\: gold/seg" in text


def test_another_version_by_link(show):
    at = show(version="1")
    assert any("decided" in each or "by: eve" in each.lower() for each in words(at).splitlines())
    assert at.selectbox(key="version").value == "1"


def finished(at: AppTest) -> AppTest:
    """Run the page until the job has ended."""
    for _ in range(240):
        at.run()
        assert not at.exception, at.exception
        if promoting.DONE in at.session_state:
            return at
        time.sleep(0.5)
    pytest.fail("the job did not end within two minutes")


def test_promote_and_roll_back_from_the_page(show, world, tmp_path):
    uri, ids, folder = world
    kept = (folder / "mlflow.db").read_bytes()
    try:
        at = show(writer="curie", run=ids["good"])
        assert at.selectbox(key="promote-run").value == ids["good"]
        assert at.button(key="promote-go").disabled, "a reason and a yes are missing"
        at.text_input(key="promote-reason").set_value("the thesis needs it").run()
        assert at.button(key="promote-go").disabled
        at.checkbox(key="promote-sure").check().run()
        at.button(key="promote-go").click().run()
        at = finished(at)
        assert "champion of discs is now version 3 (was version 2)" in at.success[0].value.replace("\\", "")
        assert "Champion: version 3" in words(at.run())
        tags = connect(uri).get_model_version("discs", "3").tags
        assert (tags["promoted_by"], tags["reason"], tags["gate"]) == ("curie", "the thesis needs it", "passed")
        at.text_input(key="back-reason").set_value("it was a trial").run()
        at.checkbox(key="back-sure").check().run()
        at.button(key="back-go").click().run()
        at = finished(at)
        assert "is again version 2 (was version 3)" in at.success[0].value.replace("\\", "")
        assert list(open_store(uri).decisions()["event"])[:2] == [ROLLED_BACK, PROMOTED]
        assert set(open_store(uri).decisions()["by"][:2]) == {"curie"}
    finally:
        (folder / "mlflow.db").write_bytes(kept)


def test_a_refusal_is_shown_rule_by_rule(show, world):
    at = show(writer="curie")
    with pytest.raises(Refused) as refused:
        promote(Wish([world[1]["poor"]]), world[0])
    at.session_state[promoting.DONE] = Done(False, str(refused.value), refused.value.evidence)
    at.run()
    assert "does not become champion" in at.error[0].value
    rules = at.table[0].value
    assert list(rules.index[:2]) == ["✕ failed", "✕ failed"]
    assert rules["Rule"].iloc[0] == "gold/seg" and r"not above \-0\.01" in rules["What was found"].iloc[0]
    at.button(key="job-away").click().run()
    assert not at.error


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Done(False, "run x was deleted: bring it back", {}), "was deleted"),
        (Done(True, "run x is already champion of discs (version 1)", {}), "is already champion"),
        (Done(False, "It was stopped.", {}), "It was stopped"),
    ],
)
def test_what_became_of_a_job_is_told(show, done, said):
    at = show(writer="curie")
    at.session_state[promoting.DONE] = done
    at.run()
    assert said in words(at)


def test_who_may_no_longer_write_starts_nothing(show, monkeypatch):
    at = show(writer="curie")
    at.text_input(key="promote-reason").set_value("x").run()
    at.checkbox(key="promote-sure").check().run()
    monkeypatch.setattr(Job, "start", lambda *given: pytest.fail("nothing may start"))
    monkeypatch.setenv("CYTOLAPSE_WRITERS", "")
    at.button(key="promote-go").click().run()
    assert "you may not write here" in words(at)


def test_the_first_champion_can_be_made_from_an_empty_registry(show, store, tmp_path):
    with start_run(store, name="unet", tags={"cytolapse.dataset": "my cells"}) as run:
        run.metrics({"val/silver/op_csb_masks": 0.5})
    with start_run(store, name="later", tags={"cytolapse.dataset": "my cells"}) as later:
        later.metrics({"val/silver/op_csb_masks": 0.4})
    at = show(store, writer="curie")
    assert "No model registered yet" in words(at)
    assert at.selectbox(key="promote-run").options[0].startswith("unet-")
    assert at.code[0].value == f"cytolapse promote {run.run_id}"
    assert list(at.dataframe[0].value["selection"]) == [0.5, 0.4], "the best on validation first"
    reader = show(store)
    assert not reader.button
    assert list(reader.dataframe[0].value["name"]) == list(at.dataframe[0].value["name"])


@pytest.mark.parametrize("page", sorted((ROOM / "views").glob("*.py")), ids=lambda page: page.stem)
def test_no_page_has_a_bare_string_which_streamlit_would_show(page):
    body = ast.parse(page.read_text()).body
    assert not [each.lineno for each in body[1:] if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)]


def test_a_policy_that_is_wrong_is_told_and_the_page_remains(show, monkeypatch, tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/discs.toml").write_text("margin = -1\n")
    monkeypatch.chdir(tmp_path)
    at = show()
    assert "margin is -1, where a number from 0 to 1 is expected" in at.error[0].value.replace("\\", "")
    assert "became champion" in words(at)


def test_the_evidence_says_what_was_decided_and_when(show):
    said = words(show(version="2")).replace("\\", "")
    assert re.search(r"Decided: promoted · At: \d{4}-\d\d-\d\d \d\d:\d\d UTC · By: bob", said)
    assert "Decided: refused" in words(show(version="1")), "the last decision about it"


def test_a_version_of_other_tools_and_a_deleted_run(show, store):
    with start_run(store, name="unet", tags={"cytolapse.dataset": "demo"}) as run:
        pass
    client = connect(store)
    client.create_registered_model("demo")
    client.create_model_version("demo", f"runs:/{run.run_id}/model", run.run_id, tags={"evidence": "no json"})
    client.set_registered_model_alias("demo", "champion", "1")
    at = show(store)
    assert "Champion: version 1" in words(at) and "carries no model card" in words(at)
    assert "Nothing was decided through the gate so far" in words(at)
    client.delete_run(run.run_id)
    at = show(store)
    assert not at.error and "a run that was deleted or archived" in words(at)


def test_pictures_in_a_card_are_not_loaded(show, store):
    with start_run(store, name="unet") as run:
        pass
    client = connect(store)
    client.create_registered_model("demo")
    client.create_model_version("demo", "s3://bucket/model", run.run_id, description="# Big\n![x](http://evil/x.png)")
    text = words(show(store))
    assert "#### Big" in text and r"!\[x](http://evil" in text


def frame(*decisions):
    return decisions_frame([("demo", each.key, each.to_json()) for each in decisions])


def step(event, version, before, number):
    return Decision(event, "champion", version, before, run_id="r", key=f"cytolapse.decision.{number}")


def test_the_timeline_names_each_kind_of_decision():
    made = frame(step(PROMOTED, "1", "", 1), step(LOST, "3", "1", 2), step(ROLLED_BACK, "1", "2", 3),
                 step(REFUSED, "", "", 4), step("odd", "", "", 5))  # fmt: skip
    heads = [line.head for line in history.timeline(made, {"r": "unet"})]
    assert heads[1].endswith("**unet was refused as champion**; nobody stayed")
    assert "**Version 1 is champion again**, rolled back from version 2" in heads[2]
    assert "**Version 3 came too late** to become champion" in heads[3]
    assert heads[0].strip() == "odd"


def test_what_a_roll_back_leads_to():
    made = frame(step(PROMOTED, "1", "", 1), step(PROMOTED, "2", "1", 2))
    table = pd.DataFrame({"version": [2, 1], "aliases": [["champion"], []]})
    assert history.previous(made, table, "champion") == "1"
    assert history.previous(made, table[:1], "champion") == "", "version 1 was deleted"
    assert history.previous(made, table, "challenger") == ""
    assert history.previous(frame(), table, "champion") == ""


def test_evidence_of_others_is_no_evidence_of_ours():
    assert versions.evidence({"tags.evidence": json.dumps([1])}) == {}
    assert versions.evidence({"tags.evidence": float("nan")}) == {}
    assert versions.evidence({}) == {}


def script(tmp_path, monkeypatch, code):
    (tmp_path / "cytolapse_fake.py").write_text(code)
    real = jobs.subprocess.Popen
    monkeypatch.setattr(
        jobs.subprocess, "Popen",
        lambda command, **given: real([sys.executable, str(tmp_path / "cytolapse_fake.py"), *command[3:]], **given),
    )  # fmt: skip


def test_a_job_shows_its_bar_and_gives_what_it_wrote(tmp_path, monkeypatch):
    code = (
        "import sys, pathlib\n"
        "print('decode: 100%|##|\\rcheck:  25%|#  | 1/4', file=sys.stderr, flush=True)\n"
        "pathlib.Path(sys.argv[-1].removeprefix('--json=')).write_text('{\"rules\": []}')\n"
        "print('done')\n"
    )
    script(tmp_path, monkeypatch, code)
    job = Job.start("x", ["promote", "run"], True)
    job.process.wait()
    assert job.progress == (0.25, "check")
    assert job.finish() == Done(True, "done", {"rules": []})
    assert not job.folder.exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('check: 1%|\\nerror: no such run\\n  failed  gold/seg')", "no such run\n  failed  gold/seg"),
        ("raise ValueError('odd')", "It ended with exit code 1: run the same command in a terminal to see why."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "It was stopped."),
    ],
)
def test_a_job_that_fails_says_so_in_a_line_without_a_traceback(tmp_path, monkeypatch, code, said):
    script(tmp_path, monkeypatch, code)
    assert Job.start("x", ["rollback"]).finish() == Done(False, said, {})


def test_a_job_can_be_stopped(tmp_path, monkeypatch):
    script(tmp_path, monkeypatch, "import time; time.sleep(100)")
    job = Job.start("x", ["rollback"])
    assert job.running and job.progress == (0.0, "")
    job.stop()
    assert not job.finish().good
