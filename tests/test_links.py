from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

EVIL = [
    "[x](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "a&run=b#c?d=%00",
    "two\nlines",
    "ü ☃ \U0001f9ec",
    " ",
]


def page() -> None:
    """One of each kind of selection; what the links answered is left in `answers`."""
    import pandas as pd
    import streamlit as st

    from dashboard import links

    numbers = ["1", "2", "3"] if st.query_params.get("colour", "red") == "red" else ["1"]
    st.session_state["answers"] = {
        "colour": links.one(st.selectbox, "Colour", "colour", ["red", "blue"]),
        "size": links.one(st.segmented_control, "Size", "size", ["s", "m"], "m", required=True),
        "runs": links.many("Runs", "run", ["a", "b", "c"], ["a"]),
        "free": links.many("Free", "free", ["x", "y"]),
        "errors": links.flag("Errors", "errors"),
        "number": links.stepper("Number", "number", numbers, "1"),
    }
    links.rows("first", "row", ["r1", "r2"], pd.DataFrame({"n": [1, 2]}))
    links.rows("second", "row", ["r3"], pd.DataFrame({"n": [3]}))
    st.session_state["answers"]["rows"] = links.asked("Rows", "row", ["r1", "r2", "r3"])
    st.button("row 2", on_click=links.put_row, args=("number", "clicked", [1, 2, 3]))
    links.commit()


@pytest.fixture
def show():
    def opened(**query) -> AppTest:
        at = AppTest.from_function(page)
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return opened


def link(at: AppTest) -> dict[str, list[str]]:
    return {key: [value] if isinstance(value, str) else list(value) for key, value in at.query_params.items()}


DEFAULTS = {"colour": ["red"], "size": ["m"], "run": ["a"], "errors": ["1"], "number": ["1"]}
CHOSEN = {
    "colour": ["red"],
    "size": ["s"],
    "run": ["c", "a"],
    "free": ["y"],
    "errors": ["0"],
    "number": ["3"],
    "row": ["r1", "r3"],
}


def test_defaults_stand_in_the_url_so_that_a_link_means_the_same_later(show):
    at = show()
    assert link(at) == DEFAULTS
    assert not at.warning


def test_a_link_is_restored_whole_and_stays_as_it_is(show):
    at = show(**CHOSEN)
    assert not at.warning
    assert link(at) == CHOSEN
    answers = at.session_state["answers"]
    assert (answers["size"], answers["runs"], answers["free"]) == ("s", ["c", "a"], ["y"])
    assert (answers["errors"], answers["number"], answers["rows"]) == (False, "3", ["r1", "r3"])
    assert at.multiselect(key="run").value == ["c", "a"], "in the order in which they were picked"
    assert at.select_slider(key="number").value == "3"
    assert link(show(**link(at))) == CHOSEN


def test_what_a_person_picks_is_written_and_the_rest_stays(show):
    at = show(**CHOSEN)
    at.segmented_control(key="size").set_value("m").run()
    at.multiselect(key="run").set_value(["b"]).run()
    at.toggle(key="errors").set_value(True).run()
    assert link(at) == {**CHOSEN, "size": ["m"], "run": ["b"], "errors": ["1"]}
    assert at.session_state["answers"]["runs"] == ["b"]


def test_an_emptied_choice_stays_empty(show):
    at = show()
    at.multiselect(key="run").set_value([]).run()
    assert link(at)["run"] == [""]
    assert at.session_state["answers"]["runs"] == []
    again = show(**link(at))
    assert again.session_state["answers"]["runs"] == [], "the default does not come back with the link"
    assert not again.warning


def test_the_stepper_goes_back_and_forth_and_ends_at_the_ends(show):
    at = show(number="2")
    at.button(key="number-right").click().run()
    assert link(at)["number"] == ["3"]
    assert at.button(key="number-right").disabled
    at.button(key="number-left").click().run()
    at.button(key="number-left").click().run()
    assert link(at)["number"] == ["1"]
    assert at.button(key="number-left").disabled


@pytest.mark.parametrize(
    ("key", "value"),
    [*((key, "gone") for key in ("colour", "size", "number", "row")), *(("run", name) for name in EVIL)],
)
def test_what_is_not_here_is_told_without_its_markup_and_replaced(show, key, value):
    at = show(**{key: value})
    assert len(at.warning) == 1
    told = at.warning[0].value
    assert told.startswith("The link asks for what is not here: ")
    assert not re.search(r"(?<!\\)[<\[:$&]|\n", told.removeprefix("The link asks for what is not here:"))
    assert link(at) == (DEFAULTS | {"run": [""]} if key == "run" else DEFAULTS)


def test_of_several_runs_those_that_exist_remain(show):
    at = show(run=["b", "gone", "b", "a", "lost"])
    assert at.session_state["answers"]["runs"] == ["b", "a"]
    assert at.warning[0].value.endswith("runs gone, lost.")


@pytest.mark.parametrize("value", ["0", "yes", "", "<b>"])
def test_a_flag_is_on_for_1_only(show, value):
    at = show(errors=value)
    assert at.session_state["answers"]["errors"] is False
    assert link(at)["errors"] == ["0"]


def test_unknown_keys_leave_the_url(show):
    assert link(show(utm="x", **CHOSEN)) == CHOSEN


def test_a_persons_own_choice_that_makes_another_void_is_no_broken_link(show):
    at = show(number="3")
    at.selectbox(key="colour").set_value("blue").run()
    assert link(at)["number"] == ["1"], "number 3 exists in red only"
    assert not at.warning
    assert show(number="3", colour="blue").warning, "the same as a link is told"


def test_rows_that_the_url_names_are_ticked_in_their_tables(show):
    at = show(row=["r3", "r2"])
    assert at.session_state["first"]["selection"]["rows"] == [1]
    assert at.session_state["second"]["selection"]["rows"] == [0]
    assert link(at)["row"] == ["r3", "r2"]


def test_a_clicked_row_becomes_the_selection(show):
    at = show()
    at.session_state["clicked"] = {"selection": {"rows": [1]}}
    at.button[-1].click().run()
    assert link(at)["number"] == ["2"]
