"""The list of pages. Started by `cytolapse dashboard`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import links, parts

HERE = Path(__file__).parent
# Not called `pages`: beside a folder of that name Streamlit would run the first deep link without this script.
VIEWS = HERE / "views"

st.set_page_config(page_title="cytolapse", page_icon=str(HERE / "icon.png"), layout="wide")
st.html(HERE / "style.css")
st.logo(HERE / "logo.svg", size="large")
page = st.navigation(
    [
        st.Page(VIEWS / "overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page(VIEWS / "runs.py", title="Runs", icon=":material/leaderboard:"),
        st.Page(VIEWS / "compare.py", title="Compare", icon=":material/ssid_chart:"),
        st.Page(VIEWS / "movie.py", title="Movie", icon=":material/movie:"),
        st.Page(VIEWS / "errors.py", title="Errors", icon=":material/pest_control:"),
        st.Page(VIEWS / "try_it.py", title="Try it", icon=":material/upload_file:"),
        st.Page(VIEWS / "registry.py", title="Registry", icon=":material/workspace_premium:"),
        st.Page(VIEWS / "data.py", title="Data", icon=":material/dataset:"),
    ],
    position="top",
)
links.begin()
try:
    page.run()
except CytolapseError as error:
    parts.failed(error, "page")
finally:
    links.commit()
