"""Pages of the dashboard without a browser."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard

ROOM = Path(dashboard.__file__).parent


def opened(monkeypatch, uri: str, view: str, /, **query) -> AppTest:
    """A page of a store at a link; nothing on it may be an exception."""
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    at = AppTest.from_file(str(ROOM / "app.py"), default_timeout=60).run()
    at.switch_page(f"views/{view}.py")
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    """All that a page says."""
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.warning, at.error, at.code, at.success, at.info)
    said = [str(element.value) for kind in kinds for element in kind]
    return "\n".join(said + [each.proto.body for each in at.get("html")])


def pushed(at: AppTest, key: str) -> AppTest:
    """The page after a click on a popover's button: before, what it holds is not drawn."""
    at.session_state[key] = True
    return at.run()
