"""The pages Overview and Runs, over every state of a store."""

from __future__ import annotations

import json
import shutil

import pytest
import streamlit as st
import test_dashboard
from dashboard_world import running, seeds, tags
from pages import pushed
from test_dashboard import link, register, words
from test_player import fetch

from cytolapse.tracking import open_store, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.marks import add_tag, archive
from dashboard import reads

show, world = test_dashboard.show, test_dashboard.world
PAGES = ["overview", "runs"]


@pytest.fixture
def lab(store, monkeypatch):
    """A store with seeds of one training, a running run and an archived one; the writer is ada: uri, ids."""
    monkeypatch.setenv("CYTOLAPSE_WRITERS", "local")
    monkeypatch.setenv("LOGNAME", "ada")
    parent, children = seeds(store)
    ids = {"parent": parent, "seeds": children, "live": running(store)}
    with start_run(store, experiment="demo", name="old", tags=tags("classical", "classical")) as run:
        run.params({"cfg.recipe": "classical", "cfg.batch": 8})
    ids["old"] = run.run_id
    archive([run.run_id], "bob", store)
    return store, ids


def names(at) -> list[str]:
    return [str(name) for table in at.dataframe if "status" in table.value for name in table.value["name"]]


@pytest.mark.parametrize("page", PAGES)
def test_every_state_of_a_run(show, store, page):
    running(store, step=0)
    running(store, beat_s=120)
    running(store, beat_s=3000)
    with pytest.raises(RuntimeError), start_run(store, experiment="demo", name="failed", tags=tags("unet", "flow")):
        raise RuntimeError("planned")
    with pytest.raises(KeyboardInterrupt), start_run(store, experiment="demo", name="killed", tags=tags("unet", "")):
        raise KeyboardInterrupt
    with start_run(store, name="bare"):
        pass
    at = show(store, page)
    assert not at.error
    assert not at.warning
    told = [text for table in at.dataframe for text in table.value["state" if page == "overview" else "status"]]
    expected = {
        "overview": ["▸ silent for 2 min", "▸ starting", "? stale", "✕ failed", "■ killed", "✓ finished"],
        "runs": ["▸ running", "? stale", "✕ failed", "■ killed", "✓ finished"],
    }
    assert all(any(text.startswith(part) for text in told) for part in expected[page]), told


def test_the_overview_shows_champion_newest_and_changes(show, world):
    uri, ids = world
    at = show(uri, "overview")
    assert not at.error
    assert "Champion: version 1" in words(at)
    assert "Since yesterday: " in words(at)
    assert "version 1 became champion" in words(at)
    assert {metric.label for metric in at.metric} == {"SEG", "OP_CSB", "F1 @ 0.5"}
    assert "No picture" in words(at)
    newest = at.dataframe[0].value
    assert [name.split("-")[0] for name in newest["name"]] == ["failed", "classical", "unet"]
    assert newest["open"].iloc[2] == f"runs?dataset=demo&run={ids['unet']}"
    assert len(newest["loss"].iloc[2]) == 5
    assert "Nothing runs at the moment" in words(at)
    assert len(at.get("echarts_chart")) == 1


def test_the_overview_without_a_champion_says_how_one_is_made(show, lab):
    uri, ids = lab
    at = show(uri, "overview")
    assert "No champion yet" in words(at)
    best = ids["seeds"][-1]
    assert at.code[0].value == f"cytolapse promote {best[:8]}"
    assert at.dataframe[0].value["state"].iloc[0].startswith("▸ step 300/1200, 30 min left")
    assert "Updated every few seconds" in words(at)
    assert "old" not in {name.split("-")[0] for name in at.dataframe[0].value["name"]}, "it is archived"


def test_the_first_page_is_found_under_its_name_too():
    status, headers, _ = fetch("/overview")
    assert (status, headers["location"]) == (307, "./")


def test_pages_poll_only_while_something_runs(show, store, monkeypatch):
    plain, asked = st.fragment, []

    def fragment(function, *, run_every=None, **more):
        asked.append(run_every)
        return plain(function, run_every=run_every, **more)

    monkeypatch.setattr(st, "fragment", fragment)
    run_id = running(store)
    assert "Updated every few seconds" in words(show(store, "overview"))
    assert 0 < asked.pop() <= 5, "every few seconds"
    assert reads.LIVE_SECONDS < 5, "and what it then reads is as young"
    connect(store).set_terminated(run_id)
    assert "Nothing runs at the moment" in words(show(store, "overview"))
    assert asked[-1] is None


def test_the_overview_survives_a_deleted_champion_run_and_a_damaged_picture(show, store, tmp_path):
    with start_run(store, experiment="demo", name="unet", tags=tags("unet", "boundary")) as run:
        run.metrics({"val/silver/op_csb_masks": 0.5, "test/gold/seg": 0.5})
        (tmp_path / "overlay.webp").write_bytes(b"cut")
        run.artifact(tmp_path / "overlay.webp", "test")
    register(store, run.run_id)
    assert "No picture" in words(show(store, "overview"))
    shutil.rmtree(open_store(store).artifact(run.run_id, "test/overlay.webp").parent)
    at = show(store, "overview")
    assert not at.error
    with start_run(store, experiment="demo", name="next", tags=tags("unet", "boundary")):
        pass
    connect(store).delete_run(run.run_id)
    at = show(store, "overview")
    assert "Its run was deleted or archived" in words(at)


def test_a_store_with_many_data_sets_folds_the_older_ones(show, store):
    for number in range(6):
        with start_run(store, name="r", tags=tags("unet", "boundary", f"set-{number}")):
            pass
    at = show(store, "overview")
    assert [head.value for head in at.subheader] == [rf"set\-{number}" for number in (5, 4, 3, 2)]
    assert [fold.label for fold in at.expander] == [r"set\-1", r"set\-0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "recipe=unet batch<5"}, 3),
        ({"q": "night"}, 1),
        ({"status": "RUNNING"}, 1),
        ({"recipe": "unet"}, 5),
        ({"recipe": "unet", "status": ["RUNNING", "FAILED"]}, 1),
        ({"param": "params.cfg.seed", "value": ["1", "2"]}, 2),
        ({"since": "2100-01-01"}, 0),
        ({"until": "2100-01-01"}, 5),
        ({"archived": "1"}, 6),
        ({"archived": "1", "q": "classical"}, 1),
        ({"q": "nonsense=1"}, 0),
    ],
)
def test_filters_come_from_the_link(show, lab, query, expected):
    at = show(lab[0], "runs", **query)
    assert not at.error
    assert not at.warning
    assert len(names(at)) == expected
    for key, value in query.items():
        assert link(at, key) == ([value] if isinstance(value, str) else value)
    if not expected:
        assert "No run fits the filter" in words(at)
    if "nonsense" in query.get("q", ""):
        assert "No run has a field nonsense" in words(at)


def test_filters_are_written_to_the_link_and_cleared(show, lab):
    at = pushed(show(lab[0], "runs"), "filters")
    at.text_input(key="q").set_value("seed").run()
    at.multiselect(key="recipe").set_value(["unet"]).run()
    assert (link(at, "q"), link(at, "recipe")) == (["seed"], ["unet"])
    assert "Only: search seed; recipe unet" in words(at).replace("\\", "")
    at.button(key="clear").click().run()
    assert "q" not in at.query_params
    assert "recipe" not in at.query_params
    assert len(names(at)) == 5


def test_columns_are_chosen_and_remembered(show, lab):
    at = show(lab[0], "runs")
    assert "columns" not in at.query_params, "the usual ones need no word"
    pushed(at, "all-columns").multiselect(key="columns").set_value(
        ["seg", "params.cfg.batch", "metrics.test/gold/seg_low"]
    ).run()
    assert link(at, "columns") == ["seg", "params.cfg.batch", "metrics.test/gold/seg_low"]
    table = show(lab[0], "runs", columns=["params.cfg.batch", "seg_interval"]).dataframe[0].value
    assert table["params.cfg.batch"].dropna().tolist() == [2, 2, 2]
    assert table["seg_interval"].iloc[0] == "0.700 to 0.850"
    assert "nonsense" in show(lab[0], "runs", columns="nonsense").warning[0].value


def test_groups_have_mean_and_spread_and_lead_to_their_runs(show, lab):
    uri = lab[0]
    for by, group_name in (("parent", "unet-boundary-3-seeds"), ("settings", "unet boundary")):
        at = show(uri, "runs", group=by)
        table = at.dataframe[0].value
        assert table["name"].iloc[0].startswith(group_name)
        assert table["n"].iloc[0] == 3
        assert table["seg"].iloc[0] == pytest.approx(0.75)
        assert table["seg_sd"].iloc[0] == pytest.approx(0.05)
        group = str(table.index[0])
        at = show(uri, "runs", group=by, of=group)
        assert len(names(at)) == 3
        assert link(at, "of") == [group]
        assert "one group" in words(at)
    assert "No run here has a parent" in words(show(uri, "runs", group="parent", q="night"))


def test_the_bars_tell_of_intervals(show, lab):
    at = show(lab[0], "runs", bars="seg")
    chart = at.get("plotly_chart")[0]
    figure = json.loads(chart.proto.spec or chart.proto.figure.spec)
    assert figure["data"][0]["error_x"]["type"] == "data"
    assert "95 % intervals" in words(at)
    assert "No run here has Pixel IoU" in words(show(lab[0], "runs", bars="pixel_iou"))


def test_a_run_is_trained_again_by_a_line_to_copy(show, lab, store):
    uri, ids = lab
    connect(store).set_tag(ids["live"], "cytolapse.command", json.dumps(["train", "unet", "--data", "my data"]))
    connect(store).set_tag(ids["live"], "cytolapse.git_commit", "c" * 40)
    at = show(uri, "runs", run=[ids["live"], ids["parent"]])
    assert not at.code, "nothing is written before someone asks"
    pushed(at, "train-again")
    assert at.code[0].value == f"git checkout {'c' * 40}\ncytolapse train unet --data 'my data'"
    assert "It trained nothing" in words(at)


def test_without_a_writer_nothing_can_be_changed(show, lab, monkeypatch):
    uri, ids = lab
    at = show(uri, "runs", run=ids["live"])
    assert {"archive", f"stop-{ids['live']}"} <= {button.key for button in at.button}
    monkeypatch.delenv("CYTOLAPSE_WRITERS")
    at.button(key="archive").click().run()
    assert "you may not write here" in at.error[0].value
    at = show(uri, "runs", run=ids["live"])
    assert not {"archive", "tag", f"stop-{ids['live']}"} & {button.key for button in at.button}
    assert "to tag, archive and stop runs, start the dashboard with CYTOLAPSE" in words(at).replace("\\", "")
    assert "cytolapse.archived" not in connect(uri).get_run(ids["live"]).data.tags


def test_a_writer_archives_tags_and_stops(show, lab):
    uri, ids = lab

    def tags_now(run_id):
        return connect(uri).get_run(run_id).data.tags

    at = show(uri, "runs", run=ids["live"])
    at.button(key=f"stop-{ids['live']}").click().run()
    assert tags_now(ids["live"])["cytolapse.stop_requested"].startswith("ada, ")
    assert "▸ stopping" in set(at.dataframe[0].value["status"])
    assert f"stop-{ids['live']}" not in {button.key for button in at.button}
    at.text_input(key="new-tag").set_value("figure 2")
    next(button for button in at.button if button.label == "Tag 1 run").click().run()
    assert tags_now(ids["live"])["cytolapse.tag.figure 2"].startswith("ada, ")
    at.text_input(key="new-tag").set_value("<b>")
    next(button for button in at.button if button.label == "Tag 1 run").click().run()
    assert "can't be a tag" in at.error[0].value.replace("\\", "")
    at.button(key="untag-0").click().run()
    assert "cytolapse.tag.figure 2" not in tags_now(ids["live"])
    at.button(key="archive").click().run()
    assert "cytolapse.archived" in tags_now(ids["live"])
    assert "night-run" not in names(at)
    at.button(key="restore").click().run()
    assert "cytolapse.archived" not in tags_now(ids["live"])
    assert "night-run" in names(at)


def test_a_change_that_the_store_refuses_is_told(show, lab):
    uri, ids = lab
    at = show(uri, "runs", run=ids["live"])
    connect(uri).set_terminated(ids["live"])
    at.button(key=f"stop-{ids['live']}").click().run()
    assert "is finished: only a running one can be stopped" in at.error[0].value.replace("\\", "")


def test_a_long_table_comes_in_pages_and_the_export_is_whole(show, lab, monkeypatch):
    uri, _ = lab
    add_tag([open_store(uri).runs()["run_id"].iloc[0]], "x", "ada", uri)
    monkeypatch.setattr("dashboard.runs.board.PAGE", 2)
    at = show(uri, "runs")
    assert (len(names(at)), len(at.get("pagination"))) == (2, 1)
    assert "1-2 of 5" in words(at)
    assert "page" not in at.query_params
    first = set(names(at))

    def turn(number: str) -> list[str]:
        at.query_params["page"] = number
        at.run()
        assert not at.warning
        return names(at)

    last = turn("3")
    assert len(last) == 1
    assert not set(last) & first
    assert link(at, "page") == ["3"]
    assert "5-5 of 5" in words(at)
    assert turn("99") == last, "as after a search that leaves fewer"
    assert link(at, "page") == ["3"]
    for odd in ("0", "-1", "x", ""):
        assert set(turn(odd)) == first
    assert not show(uri, "runs", q="night").get("pagination")


def test_runs_come_in_the_order_of_the_link(show, lab):
    uri, _ = lab
    at = show(uri, "runs", sort="name")
    assert names(at) == sorted(names(at), key=str.casefold)
    at.selectbox(key="sort").set_value("started").run()
    assert link(at, "sort") == ["started"]
    started = at.dataframe[0].value["started"]
    assert started.is_monotonic_decreasing


def test_a_section_stays_as_it_was_left(show, store, monkeypatch):
    """Where all runs don't fit on a page: whatever the section's title and the ticks say later."""
    monkeypatch.setattr("dashboard.runs.board.PAGE", 1)
    ids = []
    for dataset in ("first", "second"):
        for _ in range(2):
            with start_run(store, experiment="e", tags=tags("unet", "flow", dataset)) as run:
                pass
            ids.append(run.run_id)
    at = show(store, "runs")
    assert [each.label for each in at.expander][:2] == ["**second**: 2 runs", "**first**: 2 runs"]
    assert len(at.dataframe) == 1, "the one worked on last"
    at.session_state["sections"] = {"first": True}  # as a click on its title leaves it
    at.run()
    assert len(at.dataframe) == 2
    at.query_params["run"] = ids[0]
    at.run()
    del at.query_params["run"]
    at.run()
    assert len(at.dataframe) == 2, "ticking and unticking a run closes nothing"
    at = show(store, "runs", **{"page-first": "2"})
    assert len(at.dataframe) == 2, "a page in the link opens its section"
