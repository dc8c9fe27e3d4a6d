"""Child runs: below their parent in the store, however and whenever they get there."""

from __future__ import annotations

import shutil

import pytest

from cytolapse.errors import CytolapseError
from cytolapse.tracking import CHILDREN, children, logged, open_store, resume_run, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.sync import spools, sync

PARENT = "mlflow.parentRunId"


def tags_of(store, name):
    runs = open_store(store).runs()
    (found,) = runs[runs["name"].str.startswith(name)]["run_id"]
    return found, connect(store).get_run(found).data.tags


def spooled_family(folder):
    with start_run(f"spool:{folder}", "toy", "parent") as parent:
        for role in ("a", "b"):
            place = f"spool:{folder}/{CHILDREN}/{role}"
            with start_run(place, "toy", f"child-{role}", parent=parent.child(role)) as child:
                child.metrics({"x": 1.0})
                child.text("hello", "notes/a.txt")
                child.tags({"seed": 1})
    return parent


def test_a_live_child_lies_below_its_parent(store):
    with start_run(store, "toy", "parent") as parent, start_run(store, "toy", "child", parent=parent.child("a")):
        pass
    above, _ = tags_of(store, "parent")
    _, tags = tags_of(store, "child")
    assert (tags[PARENT], tags["cytolapse.role"]) == (above, "a")
    assert [each.role for each in children(logged(above, store))] == ["a"]


def test_a_child_does_not_take_the_run_that_mlflow_run_made_for_its_parent(store, monkeypatch):
    client = connect(store)
    made = client.create_run(client.create_experiment("toy")).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    with start_run(store, "toy", "parent") as parent, start_run(store, "toy", "child", parent=parent.child("a")):
        pass
    assert parent.run_id == made
    found, tags = tags_of(store, "child")
    assert found != made and tags[PARENT] == made


@pytest.mark.parametrize("order", [1, -1], ids=["parent-first", "children-first"])
def test_spooled_children_are_delivered_below_their_parent_in_any_order(order, store, tmp_path):
    spooled_family(tmp_path / "s")
    found = sorted(spools(tmp_path / "s"), key=lambda each: len(each.parts))[::order]
    assert len(found) == 3
    for each in found * 2:  # the second time changes nothing
        sync(each, store)
    above, _ = tags_of(store, "parent")
    assert {tags_of(store, f"child-{role}")[1][PARENT] for role in "ab"} == {above}
    assert len(children(logged(above, store))) == 2


def test_a_spool_and_the_store_tell_the_same_of_children(store, tmp_path):
    parent = spooled_family(tmp_path / "s")
    here = children(logged(str(parent.folder)))
    for each in spools(tmp_path / "s"):
        sync(each, store)
    there = children(logged(tags_of(store, "parent")[0], store))
    for one, other in zip(here, there, strict=True):
        assert (one.role, one.status, one.metrics) == (other.role, other.status, other.metrics)
        assert one.status == "FINISHED" and one.tags["seed"] == other.tags["seed"] == "1"
        assert one.artifact("notes/a.txt").read_text() == other.artifact("notes/a.txt").read_text()


def test_children_of_a_parent_that_went_on_elsewhere_are_its_children_too(store, tmp_path, home):
    with start_run(store, "toy", "parent") as parent:
        pass
    shutil.rmtree(home / "spool")
    with (
        resume_run(parent.run_id, store) as again,
        start_run(store, "toy", "child", parent=again.child("a")),
    ):
        pass
    assert tags_of(store, "child")[1][PARENT] == parent.run_id


def test_a_file_that_a_run_has_not_is_named(tmp_path):
    parent = spooled_family(tmp_path / "s")
    with pytest.raises(CytolapseError, match=r"has no file 'b\.txt'"):
        logged(str(parent.folder)).artifact("b.txt")


def test_a_run_without_children_has_none(store):
    with start_run(store, "toy", "alone") as run:
        pass
    assert children(logged(run.run_id, store)) == []
