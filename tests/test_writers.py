from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.writers import allowed, refusal

ADA = {"is_logged_in": True, "email": "Ada@lab.org", "name": "Grace", "preferred_username": "ada"}


@pytest.mark.parametrize(
    ("writers", "person", "here", "expected"),
    [
        ("", {}, True, None),
        (" , ", ADA, True, None),
        ("local", {}, False, None),
        ("local", ADA, True, "Ada@lab.org"),
        ("ada@lab.org, bob@lab.org", ADA, False, "Ada@lab.org"),
        ("ADA", ADA, False, "ada"),
        ("bob@lab.org", ADA, True, None),
        ("grace", ADA, True, None),
        ("ada@lab.org", {**ADA, "is_logged_in": False}, True, None),
        ("ada@lab.org", {"email": "ada@lab.org"}, True, None),
        ("ada@lab.org", {**ADA, "email_verified": False}, True, None),
        ("true", ADA, True, None),
    ],
)
def test_who_may_write(writers, person, here, expected):
    assert allowed(writers, person, here) == expected


def test_a_local_writer_signs_with_the_account(monkeypatch):
    monkeypatch.setenv("LOGNAME", "curie")
    assert allowed("local", {}, here=True) == "curie"


def test_why_not():
    assert "CYTOLAPSE_WRITERS=local" in refusal("promote a model", "", {})
    assert "Ada@lab.org is not among CYTOLAPSE_WRITERS" in refusal("promote a model", "bob", ADA)
    assert "only those whom CYTOLAPSE_WRITERS names may promote" in refusal("promote a model", "bob", {})


def page() -> None:
    import streamlit as st

    from dashboard.writers import writer_or_note

    st.write(f"writer: {writer_or_note('stop a run')}")


def test_a_page_says_in_one_line_how_to_switch_writing_on(monkeypatch):
    monkeypatch.delenv("CYTOLAPSE_WRITERS", raising=False)
    at = AppTest.from_function(page).run()
    assert at.markdown[0].value == "writer: None"
    assert "to stop a run, start the dashboard" in at.caption[0].value
    assert not at.button, "no login is set up"
    monkeypatch.setenv("CYTOLAPSE_WRITERS", "local")
    monkeypatch.setenv("LOGNAME", "curie")
    at = AppTest.from_function(page).run()
    assert at.markdown[0].value == "writer: curie"
    assert not at.caption


def test_through_a_proxy_nobody_is_local(monkeypatch):
    import streamlit as st

    from dashboard import writers

    monkeypatch.setenv("CYTOLAPSE_WRITERS", "local")
    monkeypatch.setattr(type(st.context), "headers", {"X-Forwarded-For": "10.0.0.7"})
    at = AppTest.from_function(page).run()
    assert at.markdown[0].value == "writer: None"
    assert writers.LOCAL == "local"


def test_a_log_in_button_where_a_login_is_set_up(monkeypatch):
    import streamlit as st

    monkeypatch.setenv("CYTOLAPSE_WRITERS", "ada@lab.org")
    monkeypatch.setattr(type(st.user), "to_dict", lambda self: {"is_logged_in": False})
    at = AppTest.from_function(page).run()
    assert at.button[0].label == "Log in"
    assert at.markdown[0].value == "writer: None"
