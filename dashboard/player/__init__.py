"""The movie player: a canvas in the browser that fetches stored frames by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
SCRIPTS = ("planes", "movie", "paint", "strip", "controls", "player", "showing")
"""Files of one module, in this order; `labels.js` runs in workers of its own."""


class Panel(NamedTuple):
    """One of the movies that are shown side by side.

    Attributes:
        name: of the run.
        link: to its stored frames, of `dashboard.signing`; "" = it has none.
        note: what the panel says where there is nothing to see.
    """

    name: str
    link: str
    note: str = ""


class View(NamedTuple):
    """Where a person looks.

    Attributes:
        frame: its number.
        y: middle of the view in px of the frame; None = the frame's.
        x: likewise.
        zoom: 1 = the whole frame.
    """

    frame: int
    y: float | None = None
    x: float | None = None
    zoom: float = 1


def _script() -> str:
    workers = json.dumps((HERE / "labels.js").read_text())
    return "\n".join([f"const LABELS = {workers};", *((HERE / f"{name}.js").read_text() for name in SCRIPTS)])


_component = st.components.v2.component(
    "cytolapse.player",
    html=(HERE / "player.html").read_text(),
    css=(HERE / "player.css").read_text(),
    js=_script(),
)


def show(panels: Sequence[Panel], reference: str, view: View, key: str, moved: Callable[[], None]) -> None:
    """Show movies side by side.

    Args:
        panels: at most three.
        reference: against which truth cells are judged; "" = none.
        view: where to go where it is another than the player's own.
        key: of the session's state, in which the player leaves its `place` (a `View` as a dict).
        moved: called when that has changed.
    """
    data: dict[str, Any] = {
        "panels": [panel._asdict() for panel in panels],
        "reference": reference,
        "place": view._asdict(),
    }
    _component(data=data, key=key, on_place_change=moved, on_renew_change=lambda: None, on_ready_change=lambda: None)


def is_ready(key: str) -> bool:
    """Whether the player has shown a frame, so that the rest of the page may come."""
    return bool((st.session_state.get(key) or {}).get("ready"))
