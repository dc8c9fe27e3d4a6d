"""What an evaluation found, as it was stored on a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import reads

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAMES = ("by_frame", "curve")
"""Parts that are large, and that the store has, too."""


def of(run_ids: Sequence[str], source: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Run id -> `Result.to_json` without FRAMES, of runs that have one; and the runs whose file is damaged.

    Args:
        run_ids: whose.
        source: like test-gold.
    """
    path = f"curves/{source}.json"
    there = [run_id for run_id in run_ids if path in reads.files(run_id, "curves")]
    found = {run_id: _result(reads.address(), run_id, path) for run_id in there}
    return {run_id: each for run_id, each in found.items() if each}, [each for each in there if not found[each]]


@st.cache_data(ttl=reads.SECONDS, show_spinner=False)
def _result(uri: str, run_id: str, path: str) -> dict[str, Any]:
    """{} where it is damaged."""
    try:
        found: dict[str, Any] = json.loads(reads.file(run_id, path).read_text())
        return {name: value for name, value in found.items() if name not in FRAMES}
    except (OSError, ValueError, AttributeError, CytolapseError):
        return {}
