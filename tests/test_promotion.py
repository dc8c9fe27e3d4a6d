"""Promotion: the best on validation, gated, written down, and back again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from tracking_world import model_folder

from cytolapse.cli import cytolapse
from cytolapse.errors import CytolapseError
from cytolapse.tracking import load_folder, open_store, promotion, start_run
from cytolapse.tracking.client import connect

if TYPE_CHECKING:
    from pathlib import Path

METRIC = "val/silver/op_csb_masks"
TAGS = {"cytolapse.dataset": "my cells/2", "cytolapse.digest": "abc", "metric_schema_version": "1"}


def trained(tmp_path: Path, score: float | None, model: bool = True, **tags: str) -> str:
    """Id of a run that has that score on validation."""
    named = {**TAGS, **{key.replace("_", ".", 1): value for key, value in tags.items()}}
    with start_run(experiment="toy", name="unet", tags=named) as run:
        if model:
            run.model(model_folder(tmp_path / f"model-{score}", f"{score}".encode()), "segmenter", step=1)
        run.metrics({METRIC: score, "test/gold/op_csb_masks": 1 - (score or 0)}, step=1, model="segmenter")
    assert run.closing_line().startswith("run_id: ")
    return run.run_id


def cli(*words: str) -> Result:
    return CliRunner().invoke(cytolapse, list(words))


def said(*words: str) -> str:
    done = cli(*words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def refusal(*words: str) -> str:
    done = cli(*words)
    assert isinstance(done.exception, CytolapseError), done.output
    return str(done.exception)


def champion(store: str) -> str:
    return str(connect(store).get_model_version_by_alias("my-cells-2", "champion").version)


def test_a_run_that_learned_from_gold_alone_is_judged_on_gold(store: str, tmp_path: Path) -> None:
    with start_run(experiment="toy", name="unet", tags=TAGS) as run:
        run.params({"cfg.train_on": "gold"})
        run.model(model_folder(tmp_path / "gold", b"gold"), "segmenter", step=1)
        run.metrics({"val/gold/op_csb_masks": 0.7}, step=1, model="segmenter")
    assert "val/gold/op_csb_masks 0.7000" in said("promote", run.run_id)
    assert "different data or by different rules" in refusal("promote", run.run_id, trained(tmp_path, 0.9))


def test_the_best_on_validation_is_promoted_and_it_is_written_down(store: str, tmp_path: Path) -> None:
    worse, better = trained(tmp_path, 0.6), trained(tmp_path, 0.8)
    text = said("promote", worse, better, "--reason", "first light")
    assert text.startswith("champion of my-cells-2 is now version 1: run unet-")
    assert f"({better[:8]}, {METRIC} 0.8000)" in text
    version = connect(store).get_model_version("my-cells-2", "1")
    assert version.run_id == better
    assert version.tags["reason"] == "first light"
    assert {"promoted_by", "promoted_at", "promoted_from"} <= set(version.tags)
    evidence = json.loads(version.tags["evidence"])
    assert evidence["score"] == 0.8
    assert evidence["over"] == {worse: 0.6}
    assert evidence["champion"] is None
    assert (load_folder("models:/my-cells-2@champion") / "weights.safetensors").read_bytes() == b"0.8"
    assert "is already champion of my-cells-2 (version 1)" in said("promote", better)
    row = open_store(store).versions().iloc[0]
    assert (row["name"], row["aliases"], row["run_id"]) == ("my-cells-2", ["champion"], better)


def test_a_worse_run_is_refused_with_both_numbers_and_a_way_out(store: str, tmp_path: Path) -> None:
    said("promote", trained(tmp_path, 0.8))
    worse = trained(tmp_path, 0.7)
    message = refusal("promote", worse)
    assert f"{METRIC} 0.7000) is not better than the champion run unet-" in message
    assert f"{METRIC} 0.8000)" in message
    assert "--alias challenger" in message
    assert "--force --reason TEXT" in message
    assert len(open_store(store).versions()) == 1
    assert "challenger of my-cells-2 is now version 2" in said("promote", worse, "--alias", "challenger")
    assert champion(store) == "1"
    assert "--force overrides the gate: say why with --reason TEXT" in refusal("promote", worse, "--force")
    text = said("promote", worse, "--force", "--reason", "the other one leaks")
    assert "champion of my-cells-2 is now version 2 (was version 1)" in text
    assert "the gate was overridden" in text
    tags = connect(store).get_model_version("my-cells-2", "2").tags
    assert (tags["promoted_from"], tags["reason"]) == ("1", "the other one leaks")
    evidence = json.loads(tags["evidence"])
    assert evidence["champion"]["score"] == 0.8
    assert "is not better than" in evidence["overridden"]


def test_a_store_that_is_not_the_default_one(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = trained(tmp_path, 0.5)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "is now version 1" in said("promote", run_id, "--tracking", store)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:9"
    assert load_folder("models:/my-cells-2@champion", store).is_dir()


def test_one_version_per_run(store: str, tmp_path: Path) -> None:
    first, second = trained(tmp_path, 0.6), trained(tmp_path, 0.8)
    for reference in (first, second, second, "2", "my-cells-2/2"):
        said("promote", reference)
    assert sorted(open_store(store).versions()["version"]) == [1, 2]
    assert champion(store) == "2"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"cytolapse_digest": "xyz"}, "can't be compared with the champion .*: data 'xyz' is not 'abc'"),
        ({"metric_schema_version": "2"}, "metric_schema_version '2' is not '1'"),
    ],
)
def test_scores_on_other_data_or_by_other_rules_are_not_compared(
    store: str, tmp_path: Path, tags: dict[str, str], message: str
) -> None:
    named = {**TAGS, **{key.replace("cytolapse_", "cytolapse."): value for key, value in tags.items()}}
    first = trained(tmp_path, 0.5)
    with start_run(experiment="toy", tags=named) as run:
        run.model(model_folder(tmp_path / "other"), "segmenter")
        run.metrics({METRIC: 0.9})
    said("promote", first)
    with pytest.raises(CytolapseError, match=message):
        promotion.promote(promotion.Wish([run.run_id]))
    with pytest.raises(CytolapseError, match="were scored on different data or by different rules: promote one"):
        promotion.promote(promotion.Wish([first, run.run_id]))


def test_what_cannot_be_promoted(store: str, tmp_path: Path) -> None:
    assert "has no val/silver/op_csb_masks: it can't be compared" in refusal("promote", trained(tmp_path, None))
    assert "has no segmenter with its weights" in refusal("promote", trained(tmp_path, 0.5, model=False))
    assert "has no tag cytolapse.dataset" in refusal("promote", trained(tmp_path, 0.5, cytolapse_dataset=""))
    assert "promotion: not in sqlite:///" in refusal("promote", "nothing")
    assert "version 7 is not one version: none exists" in refusal("promote", "7")
    deleted = trained(tmp_path, 0.9)
    connect(store).delete_run(deleted)
    assert f"run {deleted} was deleted" in refusal("promote", deleted)
    assert open_store(store).versions().empty


def test_a_champion_whose_run_is_gone_can_be_replaced_by_force(store: str, tmp_path: Path) -> None:
    gone, new = trained(tmp_path, 0.5), trained(tmp_path, 0.6)
    said("promote", gone)
    client = connect(store)
    client.delete_run(gone)
    client._tracking_client.store._hard_delete_run(gone)
    assert "can't be compared with the champion run" in refusal("promote", new)
    assert "is now version 2" in said("promote", new, "--force", "--reason", "the old run was removed")


def test_an_alias_that_was_moved_meanwhile_is_left_alone(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said("promote", trained(tmp_path, 0.5))
    said("promote", trained(tmp_path, 0.9), "--alias", "challenger")
    register: Any = promotion._register

    def slow(client: Any, chosen: Any) -> str:
        version = str(register(client, chosen))
        client.set_registered_model_alias("my-cells-2", "champion", "2")
        return version

    monkeypatch.setattr(promotion, "_register", slow)
    message = refusal("promote", trained(tmp_path, 0.6))
    assert message == "champion of my-cells-2 was moved from version 1 to 2 meanwhile: try again"
    assert champion(store) == "2"


def test_rollback_goes_back_step_by_step(store: str, tmp_path: Path) -> None:
    assert "say which registered model: there is none" in refusal("rollback")
    runs = [trained(tmp_path, score) for score in (0.5, 0.6, 0.7)]
    for run_id in runs:
        said("promote", run_id)
    said("promote", runs[0], "--force", "--reason", "again")
    assert said("rollback") == "champion of my-cells-2 is again version 3 (was version 1)\n"
    assert {"rolled_back_by", "rolled_back_at"} <= set(connect(store).get_model_version("my-cells-2", "1").tags)
    connect(store).delete_model_version("my-cells-2", "2")
    assert said("rollback", "my-cells-2") == "champion of my-cells-2 is again version 1 (was version 3)\n"
    assert "version 1 is the first champion of 'my-cells-2'" in refusal("rollback")
    assert "registered model 'my-cells-2' has no challenger" in refusal("rollback", "--alias", "challenger")
    assert "'nothing' has no champion: nothing to roll back" in refusal("rollback", "nothing")
