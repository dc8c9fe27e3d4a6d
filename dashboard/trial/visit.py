"""What a person's visit has running; it is ended when the visit ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.trial.desk import Desk

if TYPE_CHECKING:
    from dashboard.trial.desk import Trial


@dataclass
class Mine:
    """The one trial of a person's visit."""

    trial: Trial | None = None
    model: str = ""

    def close(self) -> None:
        """End it and remove its files; also when the visit ends."""
        if self.trial is not None:
            desk().close(self.trial)
        self.trial = None


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The trials of this server."""
    return Desk()


@st.cache_resource(scope="session", on_release=Mine.close, show_spinner=False)
def mine() -> Mine:
    """What this visit has running."""
    return Mine()
