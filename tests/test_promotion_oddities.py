"""Promotion where something is odd: files are gone or damaged, facts are not known, reasons are blank."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from test_promotion import champion, history, refusal, runs, said, world  # noqa: F401 - two are fixtures

from cytolapse.tracking import load_folder, logged
from cytolapse.tracking.client import connect


def test_a_blank_override_is_no_reason(runs, store, cli):  # noqa: F811
    said(cli, "promote", runs["good"])
    assert "--override is blank: say why" in refusal(cli, "promote", runs["poor"], "--override", "  ")
    assert champion(store) == "1"


def test_an_alias_that_some_databases_take_for_champion_is_refused(runs, store, cli):  # noqa: F811
    said(cli, "promote", runs["good"])
    assert "--alias is 'Champion': write champion" in refusal(cli, "promote", runs["poor"], "--alias", "Champion")
    assert set(connect(store).get_registered_model("discs").aliases) == {"champion"}
    assert "'latest' alias name (case insensitive) is reserved" in refusal(
        cli, "promote", runs["poor"], "--alias", "latest"
    )


@pytest.mark.parametrize("name", ["test/counts.parquet", "curves/test-gold.json"])
@pytest.mark.parametrize("whose", ["good", "poor"])
def test_a_damaged_file_is_not_enough_evidence_and_is_named(runs, store, cli, name, whose):  # noqa: F811
    said(cli, "promote", runs["poor"])
    logged(runs[whose], store).artifact(name).write_bytes(b"xx")
    message = refusal(cli, "promote", runs["good"])
    who = "candidate" if whose == "good" else "champion"
    assert f"  not enough evidence  {who} scored on test: {name} of run {whose}-" in message
    assert "is damaged: evaluate the run again" in message
    assert history(store)[0][:2] == ["discs", "refused"]
    assert "is now version 2" in said(cli, "promote", runs["good"], "--override", "the disk broke")


@pytest.mark.parametrize("name", ["test/counts.parquet", "curves/test-gold.json"])
def test_a_file_that_is_gone_is_not_enough_evidence(runs, store, cli, name):  # noqa: F811
    said(cli, "promote", runs["poor"])
    logged(runs["good"], store).artifact(name).unlink()
    message = refusal(cli, "promote", runs["good"])
    assert "not enough evidence  candidate scored on test: " in message and name in message


def test_scores_whose_data_are_not_known_are_not_compared(runs, cli, tmp_path):  # noqa: F811
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("DELETE FROM tags WHERE key = 'cytolapse.digest'")
    database.close()
    said(cli, "promote", runs["poor"], "--override", "no digest")
    message = refusal(cli, "promote", runs["good"])
    assert "not enough evidence  same digest: not known of both: evaluate again" in message
    assert "gold/seg" not in message


def test_a_run_that_was_scored_with_another_ignore_list_is_refused(runs, cli, tmp_path):  # noqa: F811
    said(cli, "promote", runs["poor"])
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute(
            "UPDATE tags SET value = 'deadbeef' WHERE key = 'cytolapse.ignore.test' AND run_uuid = ?", [runs["good"]]
        )
    database.close()
    message = refusal(cli, "promote", runs["good"])
    assert "failed               same ignore list: deadbeef, the champion was scored with none" in message


def test_rollback_to_a_version_whose_run_is_gone_for_good(runs, store, cli):  # noqa: F811
    for name in ("poor", "good"):
        said(cli, "promote", runs[name])
    client = connect(store)
    client.delete_run(runs["poor"])
    client._tracking_client.store._hard_delete_run(runs["poor"])
    _artifact_repos_cache.clear()  # as in a process of its own
    assert said(cli, "rollback", "--by", "eve") == "champion of discs is again version 1 (was version 2)\n"
    assert champion(store) == "1"
    tags = client.get_model_version("discs", "1").tags
    assert (tags["rolled_back_by"], tags["evidence_file"]) == ("eve", "")


def test_rollback_to_a_version_whose_model_does_not_load_moves_nothing(runs, store, cli):  # noqa: F811
    for name in ("poor", "good"):
        said(cli, "promote", runs[name])
    before = history(store)
    shutil.rmtree(load_folder("models:/discs/1"))
    message = refusal(cli, "rollback")
    assert "nothing was rolled back: models:/discs/1, which held the alias before, does not load" in message
    assert (champion(store), history(store)) == ("2", before)


def test_what_a_version_was_judged_by_stays_when_it_is_rolled_back_to(runs, store, cli):  # noqa: F811
    for name in ("poor", "fair", "good"):
        said(cli, "promote", runs[name], "--reason", f"{name} is tried")
    said(cli, "rollback", "--reason", "it merges cells")
    tags = connect(store).get_model_version("discs", "2").tags
    found = json.loads(tags["evidence"])
    assert (found["decision"], found["reason"], tags["gate"]) == ("promoted", "fair is tried", "passed")
    assert "gold/seg" in {each["name"] for each in found["rules"]}
    assert (tags["reason"], tags["evidence_file"].rpartition("-rolled-back")[2]) == ("it merges cells", ".json")
    said(cli, "rollback")
    assert champion(store) == "1"
    assert "version 1 is the first champion of 'discs'" in refusal(cli, "rollback")
    assert [each[1] for each in history(store)] == ["rolled back", "rolled back", "promoted", "promoted", "promoted"]


def test_the_policy_that_ruled_is_said(runs, cli, tmp_path):  # noqa: F811
    (tmp_path / "rules.toml").write_text("margin = 0.02\n")
    assert said(cli, "promote", runs["good"]).endswith("\npolicy: built in\n")
    assert "\npolicy: rules.toml\n" in refusal(cli, "promote", runs["poor"], "--policy", "rules.toml")
