"""The list of pages. Started by `cytolapse dashboard`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import links, reads
from dashboard.words import plain

HERE = Path(__file__).parent

st.set_page_config(page_title="cytolapse", page_icon=":material/biotech:", layout="wide")
st.html(HERE / "style.css")
st.logo(HERE / "logo.svg", size="large", icon_image=HERE / "logo.svg")
page = st.navigation(
    [
        st.Page(HERE / "pages" / "runs.py", title="Runs", icon=":material/leaderboard:", default=True),
        st.Page(HERE / "pages" / "compare.py", title="Compare", icon=":material/ssid_chart:"),
        st.Page(HERE / "pages" / "frames.py", title="Frames", icon=":material/filter_center_focus:"),
        st.Page(HERE / "pages" / "registry.py", title="Registry", icon=":material/workspace_premium:"),
    ],
    position="top",
)
try:
    page.run()
except CytolapseError as error:
    st.error(plain(error), icon=":material/cloud_off:")
    if st.button("Try again", icon=":material/refresh:"):
        reads.forget()
finally:
    links.commit()
