"""Who may write: promote, tag, archive, stop, upload. Reading needs nothing."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "CYTOLAPSE_WRITERS"
LOCAL = "local"
HOW = f"start the dashboard with {VARIABLE}={LOCAL} on your own machine, or name those who log in (docs/dashboard.md)."


def writer() -> str | None:
    """The name that a change is signed with; None where whoever looks at this page may not write."""
    return allowed(os.environ.get(VARIABLE, ""), st.user.to_dict(), _is_here())


def writer_or_note(what: str) -> str | None:
    """Like `writer`; where nobody may write, one line says how that is switched on.

    Args:
        what: what the page would offer, as "promote a model".
    """
    name = writer()
    if name is None:
        person = st.user.to_dict()
        st.caption(f":material/lock: {plain(refusal(what, os.environ.get(VARIABLE, ''), person))}")
        if person.get("is_logged_in") is False:
            st.button("Log in", key="writers-login", icon=":material/login:", on_click=st.login)
    return name


def allowed(writers: str, person: Mapping[str, Any], here: bool) -> str | None:
    """Who of the writers this is.

    A person is known by an e-mail address that the login did not call unverified, or by the login's user name; not by
    the name shown, which people choose themselves.

    Args:
        writers: comma-separated; `local` = whoever reaches this server on this machine.
        person: the claims of the OIDC login; empty where none is set up.
        here: whether the page is looked at on this machine.
    """
    listed = {entry.strip().casefold() for entry in writers.split(",") if entry.strip()}
    for name in _names(person):
        if name.casefold() in listed:
            return name
    if LOCAL in listed and here:
        return next(iter(_names(person)), "") or _account()
    return None


def refusal(what: str, writers: str, person: Mapping[str, Any]) -> str:
    """Why nothing can be written here, and what changes that."""
    if not writers.strip():
        return f"Read-only: to {what}, {HOW}"
    if person.get("is_logged_in"):
        who = next(iter(_names(person)), "your login")
        return f"Read-only: {who} is not among {VARIABLE}, whose members may {what}."
    return f"Read-only: only those whom {VARIABLE} names may {what}."


def _names(person: Mapping[str, Any]) -> list[str]:
    if not person.get("is_logged_in"):
        return []
    email = person.get("email") if person.get("email_verified", True) in (True, "true") else None
    return [str(name) for name in (email, person.get("preferred_username")) if name]


def _is_here() -> bool:
    """Whether the browser runs on this machine: it came from its own address, through no proxy."""
    headers = st.context.headers
    passed_on = any(name in headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded"))
    return not isinstance(st.context.ip_address, str) and not passed_on


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
