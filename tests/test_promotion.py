"""Promotion through the command line: the gate, what is written down, who wins a race, and back again."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tifffile
from compared_world import write_discs
from conftest import ROOT
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from promotion_world import METRIC, trained
from tracking_world import model_folder

from cytolapse.errors import CytolapseError
from cytolapse.tracking import load_folder, logged, open_store, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.client_store import ClientStore
from cytolapse.tracking.decisions import Decision, earlier, of_tags
from cytolapse.tracking.promotion import Back, Refused, Wish, decide, promote, rollback
from cytolapse.tracking.promotion.seat import Lost, Seat

EVENTS = ["name", "event", "alias", "version", "before"]


@pytest.fixture(scope="module")
def world(tmp_path_factory, empty_database):
    """A folder with data, a store, and runs "poor", "fair" and "good"; "bare" was not evaluated."""
    folder = tmp_path_factory.mktemp("world")
    data = write_discs(folder / "discs")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTOLAPSE_HOME", str(folder / "home"))
        ids = {name: trained(uri, data, name, folder) for name in ("poor", "fair", "good")}
        ids["bare"] = trained(uri, data, "good", folder, evaluate=False)
    return folder, ids


@pytest.fixture
def runs(world, store, tmp_path, monkeypatch):
    """Their ids, in a store of one's own with files of one's own."""
    shutil.copy(world[0] / "mlflow.db", tmp_path / "mlflow.db")
    shutil.copytree(world[0] / "mlruns", tmp_path / "mlruns")
    _artifact_repos_cache.clear()  # mlflow remembers where files of these run ids were
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        for table, column in (
            ("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"),
        ):  # fmt: skip
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(world[0]), str(tmp_path)))
    database.close()
    monkeypatch.setenv("CYTOLAPSE_HOME", str(world[0] / "home"))
    return world[1]


def said(cli, *words):
    code, out, err = cli(*words)
    assert code == 0, err
    return out


def refusal(cli, *words):
    code, out, err = cli(*words)
    assert (code, out) == (1, "") and "Traceback" not in err
    return err


def champion(store):
    return str(connect(store).get_model_version_by_alias("discs", "champion").version)


def history(store):
    return open_store(store).decisions()[EVENTS].values.tolist()


def test_the_first_champion_needs_only_the_load_check(runs, store, cli, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    text = said(cli, "promote", runs["poor"], "--reason", "first light")
    assert text.startswith("champion of discs is now version 1: run poor-")
    assert re.search(r"\n  passed +loads: classical, m-[0-9a-f]{32}\n", text)
    assert re.search(r"\n  passed +reproduces: PQ 1.0000 over 4 frames of test \(02: 0-3\), at least 0.98\n", text)
    tags = connect(store).get_model_version("discs", "1").tags
    assert (tags["promoted_by"], tags["reason"], tags["gate"]) == ("ada", "first light", "first champion")
    found = json.loads(tags["evidence"])
    assert [each["name"] for each in found["rules"]] == ["loads", "reproduces"]
    assert found["readings"] == {"candidate": 1, "champion": 0, "all_runs": 3}
    assert (found["champion"], found["decisions_before"], found["policy"]["margin"]) == (None, 0, 0.01)
    artifact = logged(runs["poor"], store).artifact(tags["evidence_file"])
    assert json.loads(artifact.read_text()) == found
    assert load_folder("models:/discs@champion").is_dir()
    assert history(store) == [["discs", "promoted", "champion", "1", ""]]
    assert "is already champion of discs (version 1)" in said(cli, "promote", runs["poor"])
    assert len(history(store)) == 1


def test_a_better_run_takes_the_place_and_every_rule_is_kept(runs, store, cli, tmp_path):
    said(cli, "promote", runs["poor"])
    text = said(cli, "promote", runs["good"], "--json", "out.json", "--by", "bob@lab")
    assert text.startswith("champion of discs is now version 2 (was version 1): run good-")
    assert re.search(r"passed +gold/seg: 0.591, champion 0.310, difference \+0.281 \[\+0\.\d+, \+0\.\d+\]: its", text)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found == json.loads(connect(store).get_model_version("discs", "2").tags["evidence"])
    assert {each["outcome"] for each in found["rules"]} == {"passed"}
    assert (found["by"], found["gate"], found["before"]) == ("bob@lab", "passed", "1")
    assert (found["champion"]["run_id"], found["decisions_before"]) == (runs["poor"], 1)
    assert {"loads", "reproduces", "gold/seg", "gold/f1_iou_0.75", "gold/seg by cells", "same digest"} <= {
        each["name"] for each in found["rules"]
    }


def test_a_worse_run_is_refused_by_rule_and_margin_and_that_is_kept_too(runs, store, cli, tmp_path):
    said(cli, "promote", runs["good"])
    message = refusal(cli, "promote", runs["poor"], "--json", "out.json", "--reason", "try")
    assert re.search(r"error: run poor-\w+ \(\w{8}, \S+ 0.5000\) does not become champion of discs, version 1", message)
    assert re.search(r"\n  failed +gold/seg: 0.310, champion 0.591, .*: its lower end is not above -0.01\n", message)
    assert re.search(
        r"\n  failed +gold/seg by cells: worst in frames with 1 cells \(3\): .* more than -0.05\n", message
    )
    assert "--alias challenger" in message and "--override REASON" in message
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["decision"], found["reason"], found["version"]) == ("refused", "try", "")
    assert "loads" not in {each["name"] for each in found["rules"]}, "nothing is loaded in vain"
    stored = [each for each in logged(runs["poor"], store).artifacts("promotion") if each.endswith("-refused.json")]
    assert json.loads(logged(runs["poor"], store).artifact(stored[0]).read_text()) == found
    assert history(store)[0] == ["discs", "refused", "champion", "", "1"]
    assert (champion(store), len(open_store(store).versions())) == ("1", 1)
    said(cli, "promote", runs["poor"], "--alias", "challenger")
    assert "not enough" not in refusal(cli, "promote", "2")
    assert connect(store).get_model_version("discs", "2").tags["gate"].startswith("failed: gold/seg")


def test_an_override_needs_a_reason_and_says_what_it_overrode(runs, store, cli):
    said(cli, "promote", runs["good"])
    code, _, err = cli("promote", runs["poor"], "--override")
    assert code == 2 and "'--override' requires an argument" in err
    text = said(cli, "promote", runs["poor"], "--override", "the other one leaks")
    assert text.endswith("the gate was overridden: the other one leaks\n") and "  failed " in text
    tags = connect(store).get_model_version("discs", "2").tags
    assert (tags["promoted_from"], tags["reason"]) == ("1", "the other one leaks")
    assert tags["gate"] == "overridden: gold/seg, gold/seg by cells"
    assert "--override has 2000 characters: 1000 are kept" in refusal(cli, "promote", "1", "--override", "x" * 2000)


def test_not_enough_evidence_says_what_would_give_it(runs, cli):
    said(cli, "promote", runs["fair"])
    message = refusal(cli, "promote", runs["bare"])
    assert ": not enough evidence\n  not enough evidence  candidate scored on test: good-" in message
    assert f"was not evaluated on test: `cytolapse evaluate {runs['bare']} --data DATA --split test`" in message
    text = said(cli, "promote", runs["bare"], "--override", "it is the same model")
    assert re.search(r"failed +reproduces: run good-\w+ has no stored masks", text)


def test_a_policy_file_of_the_data_set_rules(runs, cli, tmp_path):
    said(cli, "promote", runs["good"])
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/discs.toml").write_text("margin = 0.5\nbin_loss = 0.5\n")
    text = said(cli, "promote", runs["fair"], "--json", "out.json")
    assert "its lower end is above -0.5" in text
    assert json.loads((tmp_path / "out.json").read_text())["policy"]["source"] == "policies/discs.toml"
    (tmp_path / "strict.toml").write_text("margin = 0\n")
    assert "not above -0\n" in refusal(cli, "promote", runs["poor"], "--policy", "strict.toml")
    assert "policy nowhere.toml can't be read" in refusal(cli, "promote", runs["poor"], "--policy", "nowhere.toml")


def test_of_several_the_best_on_validation_is_judged(runs, store, cli):
    said(cli, "promote", runs["poor"], runs["fair"], runs["good"])
    version = connect(store).get_model_version("discs", "1")
    assert version.run_id == runs["fair"]
    assert json.loads(version.tags["evidence"])["over"] == {runs["poor"]: 0.5, runs["good"]: 0.6}


def test_a_model_that_does_not_make_its_masks_again_is_refused(runs, store, cli, tmp_path):
    path = logged(runs["good"], store).artifact("test/masks/02.zip")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            tifffile.imwrite(tmp_path / "mask.tif", np.eye(48, dtype=np.uint16))
            archive.write(tmp_path / "mask.tif", name)
    message = refusal(cli, "promote", runs["good"])
    assert re.search(r"failed +reproduces: PQ 0.0000 over 4 frames of test \(02: 0-3\), less than 0.98", message)
    assert "there is no champion" in message and open_store(store).versions().empty
    assert "overridden" in said(cli, "promote", runs["good"], "--override", "masks were redrawn by hand")


def test_a_model_that_does_not_load_is_refused_whatever_is_said(runs, store, cli):
    folder = load_folder(f"runs:/{runs['good']}/segmenter")
    (folder / "config.json").write_text("{}")
    message = refusal(cli, "promote", runs["good"], "--override", "I am sure")
    assert re.search(r"failed +loads: .*config.json: format 1 is needed", message)
    assert "--override" not in message


@pytest.fixture
def moved(world):
    """Where the data lie that the runs read from somewhere else."""
    (world[0] / "discs").rename(world[0] / "moved")
    yield world[0] / "moved"
    (world[0] / "moved").rename(world[0] / "discs")


def test_frames_that_are_elsewhere_are_named_with_data(world, moved, runs, cli, tmp_path):
    message = refusal(cli, "promote", runs["good"])
    assert f"reproduces: the frames of discs are not at {world[0]}/discs: say where with --data DATA" in message
    shutil.copytree(moved, tmp_path / "discs")
    assert "is now version 1" in said(cli, "promote", runs["good"], "--data", "discs")
    tifffile.imwrite(tmp_path / "discs/02/t000.tif", np.zeros((48, 48), np.uint8))
    text = said(cli, "promote", runs["fair"], "--override", "x", "--data", "discs")
    assert re.search(r"failed +reproduces: discs is discs \(digest \w+\), the run was trained on discs \(", text)


def test_what_cannot_be_promoted(store, cli, tmp_path):
    tags = {"cytolapse.dataset": "discs"}
    with start_run(store, name="none", tags=tags) as none:
        pass
    with start_run(store, name="nameless") as nameless:
        nameless.model(model_folder(tmp_path / "model"), "segmenter")
    with start_run(store, name="unscored", tags=tags) as unscored:
        unscored.model(model_folder(tmp_path / "model"), "segmenter")
    assert "has no segmenter with its weights" in refusal(cli, "promote", none.run_id)
    assert "has no tag cytolapse.dataset" in refusal(cli, "promote", nameless.run_id)
    assert f"has no {METRIC}: it can't be compared" in refusal(cli, "promote", unscored.run_id, unscored.run_id)
    assert "promotion: not in sqlite:///" in refusal(cli, "promote", "nothing")
    assert "version 7 is not one version: none exists" in refusal(cli, "promote", "7")
    connect(store).delete_run(none.run_id)
    assert f"run {none.run_id} was deleted" in refusal(cli, "promote", none.run_id)
    assert open_store(store).versions().empty and open_store(store).decisions().empty


def test_a_champion_whose_run_is_gone_can_be_replaced_by_override(runs, store, cli):
    said(cli, "promote", runs["poor"])
    client = connect(store)
    client.delete_run(runs["poor"])
    client._tracking_client.store._hard_delete_run(runs["poor"])
    assert "not enough evidence  champion scored on test: run" in refusal(cli, "promote", runs["good"])
    assert "is now version 2" in said(cli, "promote", runs["good"], "--override", "the old run was removed")


RACE = """
import sys, time
from pathlib import Path
from cytolapse.cli import main
from cytolapse.tracking.promotion import decide

run, mine, other = sys.argv[1:]
real = decide.load_check

def both(*words):
    rules = real(*words)
    Path(mine).touch()
    while not Path(other).exists():
        time.sleep(0.05)
    return rules

decide.load_check = both
sys.argv = ["cytolapse", "promote", run]
main()
"""


def test_of_two_processes_that_promote_at_once_one_loses_and_is_told(runs, store, cli, tmp_path):
    said(cli, "promote", runs["poor"])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, runs[name], f"ready-{number}", f"ready-{1 - number}"], text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/platform:{ROOT}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number, name in enumerate(("fair", "good"))
    ]  # fmt: skip
    told = [process.communicate(timeout=200) for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], told
    won, lost = codes.index(0), codes.index(1)
    winner = champion(store)
    assert f"champion of discs is now version {winner} (was version 1)" in told[won][0]
    message = f"error: champion of discs was moved from version 1 to version {winner} meanwhile, not to version "
    assert message in told[lost][1] and "the history shows both" in told[lost][1]
    events = open_store(store).decisions()
    assert sorted(events["event"]) == ["lost", "promoted", "promoted"]
    loser = events[events["event"] == "lost"].iloc[0]
    assert loser["gate"] == f"version {winner} was first"
    assert connect(store).get_model_version("discs", loser["version"]).tags["lost_by"] == loser["by"]
    assert said(cli, "rollback").startswith("champion of discs is again version 1")


class Server:
    """A store without a lock: what others do comes between two calls of mine."""

    tracking_uri = "http://tracking.lab"

    def __init__(self, client, **between):
        self.client, self.between = client, between

    def __getattr__(self, name):
        call = getattr(self.client, name)

        def made(*words, **named):
            if name in self.between:
                self.between.pop(name)()
            return call(*words, **named)

        return made


def rival(client, key, version, move=True):
    """What another process writes that saw no champion either."""
    other = Decision("promoted", "champion", version, "", by="bob", key=key)
    Seat.read(client, "discs", "champion").record(client, other)
    if move:
        client.set_registered_model_alias("discs", "champion", version)


EARLY, LATE = "cytolapse.decision.20000101T000000.0Z-a", "cytolapse.decision.29990101T000000.0Z-z"


@pytest.fixture
def versions(runs, store):
    """A client of a store with versions 1 and 2 and no champion."""
    for name in ("fair", "good"):
        promote(Wish([runs[name]], alias="challenger"), store)
    client = connect(store)
    client.delete_registered_model_alias("discs", "challenger")
    return client


def take(client, version="1", **between):
    seat = Seat.read(client, "discs", "champion")
    mine = Decision("promoted", "champion", version, "", by="ada")
    seat.take(Server(client, **between), mine)
    return mine


def champions(client):
    found = of_tags(client.get_registered_model("discs").tags)
    holder = str(client.get_registered_model("discs").aliases["champion"])
    return holder, {(each.by, each.event) for each in found if each.alias == "champion"}


def test_on_a_server_who_comes_second_sees_it_before_setting(versions):
    with pytest.raises(Lost, match="was moved from nobody to version 2 meanwhile, not to version 1"):
        take(versions, search_registered_models=lambda: rival(versions, LATE, "2"))
    assert champions(versions) == ("2", {("ada", "lost"), ("bob", "promoted")})


def test_on_a_server_who_was_overwritten_by_an_earlier_decision_is_told_after_setting(versions):
    with pytest.raises(Lost, match="to version 2 meanwhile"):
        take(versions, set_registered_model_alias=lambda: rival(versions, EARLY, "2", move=False))
    assert champions(versions) == ("2", {("ada", "lost"), ("bob", "promoted")}), "and the alias is put back"


def after_set(client, then):
    """A server on which something happens right after the alias was first set."""
    server, real, waiting = Server(client), client.set_registered_model_alias, [then]

    def set_alias(*words):
        real(*words)
        if waiting:
            waiting.pop()()

    server.set_registered_model_alias = set_alias
    return server


def test_on_a_server_the_earlier_decision_stands_though_a_later_one_was_set_last(versions):
    server = after_set(versions, lambda: rival(versions, LATE, "2"))
    Seat.read(versions, "discs", "champion").take(server, Decision("promoted", "champion", "1", "", by="ada"))
    assert champions(versions)[0] == "1", "the other will see that it came second"


def test_on_a_server_an_alias_that_was_set_by_hand_is_left_and_told(versions):
    server = after_set(versions, lambda: versions.set_registered_model_alias("discs", "champion", "2"))
    with pytest.raises(Lost, match="to version 2 meanwhile"):
        Seat.read(versions, "discs", "champion").take(server, Decision("promoted", "champion", "1", "", by="ada"))
    assert champions(versions) == ("2", {("ada", "lost")})


def test_rollback_goes_back_step_by_step(runs, store, cli):
    assert "say which registered model: there is none" in refusal(cli, "rollback")
    for name in ("poor", "fair", "good"):
        said(cli, "promote", runs[name])
    said(cli, "promote", runs["poor"], "--override", "again")
    out = said(cli, "rollback", "--reason", "it merges cells", "--by", "eve")
    assert out == "champion of discs is again version 3 (was version 1)\n"
    tags = connect(store).get_model_version("discs", "3").tags
    assert (tags["rolled_back_by"], tags["rolled_back_from"], tags["reason"]) == ("eve", "1", "it merges cells")
    found = json.loads(logged(runs["good"], store).artifact(tags["evidence_file"]).read_text())
    assert (found["decision"], found["version"], found["before"]) == ("rolled back", "3", "1")
    connect(store).delete_model_version("discs", "2")
    assert said(cli, "rollback", "discs") == "champion of discs is again version 1 (was version 3)\n"
    assert "version 1 is the first champion of 'discs'" in refusal(cli, "rollback")
    assert "registered model 'discs' has no challenger" in refusal(cli, "rollback", "--alias", "challenger")
    assert "'nothing' has no champion: nothing to roll back" in refusal(cli, "rollback", "nothing")


def test_rollback_of_an_alias_that_was_moved_by_hand(runs, store, cli):
    said(cli, "promote", runs["poor"])
    said(cli, "promote", runs["good"], "--alias", "challenger")
    connect(store).set_registered_model_alias("discs", "champion", "2")
    assert said(cli, "rollback") == "champion of discs is again version 1 (was version 2)\n"


def test_what_held_an_alias_before_is_read_from_the_history():
    def told(*steps):
        return [Decision(event, "champion", version, before) for event, version, before in steps]

    one, two = ("promoted", "1", ""), ("promoted", "2", "1")
    assert earlier(told(one), "champion", "1") == []
    assert earlier(told(one, two), "champion", "2") == ["1"]
    assert earlier(told(one, two, ("lost", "3", "1"), ("refused", "", "2")), "champion", "2") == ["1"]
    assert earlier(told(one, two, ("rolled back", "1", "2")), "champion", "1") == []
    assert earlier(told(one, two, ("rolled back", "1", "2"), ("promoted", "3", "1")), "champion", "3") == ["1"]
    assert earlier(told(one, two), "champion", "7") == ["1", "2"], "moved by hand"
    assert earlier(told(one, two, ("promoted", "3", "2")), "champion", "2") == ["1"], "killed before it was set"


def test_every_version_carries_a_model_card(runs, store, cli, tmp_path):
    said(cli, "promote", runs["good"], "--alias", "challenger")
    card = open_store(store).versions()["description"][0]
    assert card == ClientStore(store).versions()["description"][0]
    assert card == logged(runs["good"], store).artifact("promotion/model-card.md").read_text()
    assert card.startswith("# discs, version 1\n\nLabels cells in time-lapse frames: run `good-")
    assert "- Pixel size: 0.65 um\n- Learned from and chosen on: silver truth" in card
    assert "- Test: frames 0 to 89 of 02, counted from 0" in card
    assert re.search(
        r"\| Test \| gold: 30 frames, \d+ cells \| silver: 90 frames, \d+ cells \|\n\|---\|---\|---\|", card
    )
    assert re.search(r"\| `seg` \| 0\.591 \[0\.\d+, 0\.\d+\] \| 0\.\d+ \[", card)
    assert "- Gold truth: no test frame holds 5-9 or >=10 cells; nothing is known there." in card
    assert "cytolapse segment models:/discs/1 FRAMES MASKS --um UM_PER_PIXEL" in card
    assert "- Commit c0ffee" in card and f"- Run {runs['good']}" in card
    said(cli, "promote", runs["bare"], "--alias", "other")
    assert "Not evaluated on test frames" in open_store(store).versions()["description"][0]


def test_decisions_read_alike_through_both_back_ends(runs, store, cli):
    said(cli, "promote", runs["poor"])
    refusal(cli, "promote", runs["bare"])
    direct, client = open_store(store).decisions(), ClientStore(store).decisions()
    assert direct.equals(client) and list(direct["event"]) == ["refused", "promoted"]
    assert direct["at"].dt.tz is not None
    assert of_tags({"cytolapse.decision.x": "no json", "cytolapse.decision.y": "[1]"}) == []


def test_the_python_door_raises_what_the_command_prints(runs, store):
    promote(Wish([runs["good"]]), store)
    with pytest.raises(Refused) as refused:
        promote(Wish([runs["poor"]]), store)
    assert refused.value.evidence["decision"] == "refused"
    with pytest.raises(CytolapseError, match="--reason has 1001 characters"):
        rollback(Back(reason="x" * 1001), store)
    assert decide.user()
