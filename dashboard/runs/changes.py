"""What a writer changes from a page: through the platform, signed, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cytolapse.errors import CytolapseError
from dashboard import reads, writers
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID = "changes.said"


def do(said: str, change: Callable[..., Any], *given: Any) -> None:
    """A button's callback: make the change as the writer, and say so on the page that comes.

    Args:
        said: the line for a change that worked.
        change: a function of the platform that takes `who` and `uri`.
        given: its other arguments.
    """
    who = writers.writer()
    if who is None:  # the page was drawn for someone who may no longer write
        st.session_state[_SAID] = (False, "Nothing was changed: you may not write here.")
        return
    try:
        change(*given, who=who, uri=reads.address())
    except CytolapseError as error:
        st.session_state[_SAID] = (False, str(error))
        return
    reads.forget_runs()
    st.session_state[_SAID] = (True, said)


def waiting() -> bool:
    """Whether the page has still to tell of a change, and to show it: a part of it alone does neither."""
    return _SAID in st.session_state


def tell() -> None:
    """What became of the last change, once."""
    if _SAID in st.session_state:
        good, line = st.session_state.pop(_SAID)
        if good:
            st.toast(plain(line), icon=":material/check:")
        else:
            st.error(plain(line), icon=":material/error:")
