"""The least that any Streamlit page with a table costs: what benchmarks/dashboard.py measures beside the dashboard."""

import numpy as np
import pandas as pd
import streamlit as st

st.set_page_config(layout="wide")
st.title("Bare")
numbers = pd.DataFrame(np.random.default_rng(0).random((100, 12)), columns=[f"column {n}" for n in range(12)])
state = st.dataframe(numbers, on_select="rerun", selection_mode="multi-row", key="table")
if state["selection"]["rows"]:
    st.write("Compare this run")
