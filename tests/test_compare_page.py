"""The Compare page over its states."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from dashboard_world import log_scores, log_training, long_movie, tags
from test_dashboard import link, show, words  # noqa: F401 - `show` is a fixture

from cytolapse.tracking import open_store, start_run
from dashboard import colours, plots
from dashboard.compare.compared import AXES

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


@pytest.fixture(scope="module")
def long_world(module_store):
    """Nine runs with enough blocks of frames for intervals."""
    return module_store, [log_long(module_store, number) for number in range(9)]


def log_long(uri: str, number: int) -> str:
    """Only the first three are scored, the third on fewer frames."""
    environment = {"cytolapse.git_commit": "abc", "cytolapse.versions": json.dumps({"torch": f"2.{number}"})}
    with start_run(uri, experiment="demo", name="unet", tags={**tags("unet", "boundary"), **environment}) as run:
        run.params({"cfg.seed": number, "cfg.batch": 4, "cfg.clip": 1 + number, "cfg.crop": 64})
        if number < 3:
            log_training(run)
            log_scores(run, long_movie(1 + 2 * (number == 1), 90 - 5 * (number == 2)), "test")
    return run.run_id


def figure(at: AppTest, place: int) -> dict:
    return json.loads(at.get("plotly_chart")[place].proto.spec)


def test_two_runs_have_every_section(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:2])
    assert not at.error
    assert not at.warning
    assert len(at.get("plotly_chart")) == 4
    pr, sweep = figure(at, 0)["data"], figure(at, 1)["data"]
    assert sum("fill" in trace for trace in pr) == 2, "a band for each run"
    assert sum("fill" in trace for trace in sweep) == 6
    drawn = {trace["legendgroup"]: trace["marker"]["color"] for trace in sweep if "marker" in trace}
    assert drawn == dict(zip(ids[:2], colours.PALETTE, strict=False))
    scores, differences, parameters, environment = (at.dataframe[place].value for place in range(4))
    assert "[" in scores.loc["SEG"].iloc[0]
    assert differences.loc["SEG"].iloc[1].startswith("-0.")
    assert differences.loc["SEG"].iloc[1].endswith("wins 0%")
    assert list(parameters.index) == ["clip", "seed"]
    assert list(environment.index) == ["versions: torch"]
    assert "2 equal ones hidden" in words(at)
    at.toggle(key="equal").set_value(True).run()
    assert set(at.dataframe[2].value.index) == {"batch", "clip", "crop", "seed"}


def test_every_figure_can_be_saved_as_png_svg_and_csv(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:2])
    saved = ["pr", "sweep", "bins", "training"]
    assert [button.proto.label for button in at.get("download_button")] == ["CSV"] * 5, "and the paired differences"
    assert [chart.proto.id.rsplit("-", 1)[-1] for chart in at.get("plotly_chart")] == saved
    assert len(at.get("bidi_component")) == len(saved)
    for name in plots.FORMATS:
        assert f'data-format="{name}"' in plots.BUTTONS


def test_another_baseline_turns_the_differences(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:2], baseline=ids[1])
    assert at.selectbox(key="baseline").value == ids[1]
    assert at.dataframe[1].value.loc["SEG"].iloc[1].endswith("wins 100%")


def test_runs_on_other_frames_are_not_compared_and_say_why(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=[*ids[:3], ids[4]])
    told = [warning.value for warning in at.warning]
    assert any("different frames" in text and "5 only in" in text for text in told)
    assert any("was not evaluated on test" in text for text in told)
    other = next(text for text in told if "different frames" in text).replace("\\", "")
    assert "`cytolapse compare A B --rescore DATA`" in other, "what a person can type, not a switch without its command"
    assert len(at.dataframe[1].value.columns) == 2, "the baseline, and the one that can be compared with it"


def test_one_run_has_nothing_to_differ_from(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:1])
    assert "by how much it differs" in words(at)
    assert "in what they differ" in words(at)
    assert len(at.get("plotly_chart")) == 4


def test_eight_runs_all_differ_in_colour_and_a_ninth_is_left_out(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids)
    assert at.multiselect(key="run").value == ids[:8]
    assert "8 runs at a time: of the 9" in at.warning[0].value
    assert len(set(at.session_state["colours"].values())) == 8


@pytest.mark.parametrize(
    ("axis", "title"), [("step", "step"), ("minutes", "minutes since the first point"), ("frames", "frames seen")]
)
def test_the_axis_of_training(show, long_world, axis, title):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:2], axis=axis)
    drawn = figure(at, 3)
    assert drawn["layout"]["xaxis"]["title"]["text"] == AXES[axis]
    assert link(at, "axis") == [axis]


def test_a_clicked_point_opens_its_run(show, long_world):  # noqa: F811
    uri, ids = long_world
    at = show(uri, "compare", run=ids[:2])
    at.session_state[plots.OPENED] = ids[1]
    at.run()
    assert not at.exception
    assert at.title[0].value == "Runs"
    assert link(at, "run") == [ids[1]]


def test_a_click_is_remembered_by_its_run(monkeypatch):
    state: dict = {}
    monkeypatch.setattr(st, "session_state", state)
    plots.clicked({"selection": {"points": [{"legendgroup": "a", "x": 0.5}]}})
    assert state == {plots.OPENED: "a"}
    state.clear()
    plots.clicked({"selection": {"points": []}})
    assert state == {}


def test_runs_whose_files_are_gone_keep_what_the_store_has(show, long_world, tmp_path):  # noqa: F811
    uri, ids = long_world
    folder = Path(open_store(uri).artifact(ids[0], "curves/test-gold.json")).parents[1]
    folder.rename(tmp_path / "away")
    try:
        at = show(uri, "compare", run=ids[:2])
        assert not at.error
        assert sum("fill" in trace for trace in figure(at, 1)["data"]) == 3, "bands of the other run alone"
        assert "was not evaluated on test" in at.warning[0].value
    finally:
        (tmp_path / "away").rename(folder)


def test_a_damaged_result_is_told(show, store, tmp_path):  # noqa: F811
    with start_run(store, name="damaged") as run:
        log_scores(run, long_movie(1, 20), "test")
    Path(open_store(store).artifact(run.run_id, "curves/test-gold.json")).write_text("cut")
    with start_run(store, name="whole") as other:
        log_scores(other, long_movie(1, 20), "test")
    at = show(store, "compare", run=[run.run_id, other.run_id])
    said = words(at).replace("\\", "")
    assert not at.error, "the other run is shown all the same"
    assert re.search(r"The stored results of damaged-\w+ are damaged", said)
    assert "Expecting value" not in said
    assert re.search(r"curves/test-gold.json of run damaged-\w+ is damaged: evaluate the run again", said)
