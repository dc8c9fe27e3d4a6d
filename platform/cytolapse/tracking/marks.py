"""What people write on runs afterwards: archived, tags of their own, and the wish that a running one stops."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import explained, reach
from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

STOP = "cytolapse.stop_requested"
"""Who asked a running run to stop, and when: the run reads it every few seconds (live.py)."""
ARCHIVED = "cytolapse.archived"
"""Who archived the run, and when; such runs are left out of tables until they are asked for."""
TAG = "cytolapse.tag."
"""Followed by the word; the value says who gave it, and when."""
CHANGED = "cytolapse.changed"
"""The last of these changes, with who made it."""
AUDIT = "cytolapse.audit"
"""How many findings an audit of silver truth has: such a run holds that audit and is no experiment."""
_WORD = re.compile(r"^[\w][\w.\- /:]{0,59}$")


def archive(run_ids: Sequence[str], who: str, uri: str = "") -> None:
    """Leave the runs out of tables; nothing of them is lost.

    Raises:
        CytolapseError: from each function here: the store has no such run, or can't be reached.
    """
    _set(run_ids, ARCHIVED, "archived", who, uri)


def restore(run_ids: Sequence[str], who: str, uri: str = "") -> None:
    """The inverse of `archive`."""
    _clear(run_ids, ARCHIVED, "restored", who, uri)


def add_tag(run_ids: Sequence[str], word: str, who: str, uri: str = "") -> None:
    """Give the runs a tag, a word of one's own.

    Raises:
        CytolapseError: the word is none.
    """
    _set(run_ids, TAG + _checked(word), f"tagged {word.strip()}", who, uri)


def remove_tag(run_ids: Sequence[str], word: str, who: str, uri: str = "") -> None:
    """The inverse of `add_tag`; a run without the tag stays as it is."""
    _clear(run_ids, TAG + _checked(word), f"untagged {word.strip()}", who, uri)


def ask_to_stop(run_id: str, who: str, uri: str = "") -> None:
    """Ask a running run to stop: it ends as KILLED within seconds, wherever it runs, and can go on with `--resume`.

    Raises:
        CytolapseError: it does not run.
    """
    uri = store_uri(uri)
    with explained(uri, f"run {run_id}"):
        info = reach(uri).get_run(run_id).info
    if info.status != "RUNNING":
        raise CytolapseError(f"run {info.run_name} is {info.status.lower()}: only a running one can be stopped")
    _set([run_id], STOP, "asked to stop", who, uri)


def _checked(word: str) -> str:
    word = word.strip()
    if not _WORD.match(word):
        raise CytolapseError(f"{word!r} can't be a tag: use up to 60 letters, digits, spaces and _ - . : /")
    return word


def _set(run_ids: Sequence[str], name: str, what: str, who: str, uri: str) -> None:
    from mlflow.entities import RunTag

    uri, signed = store_uri(uri), _signed(who)
    tags = [RunTag(name, signed), RunTag(CHANGED, f"{what} by {signed}")]
    with explained(uri, "the change"):
        client = reach(uri)
        for run_id in run_ids:
            client.log_batch(run_id, tags=tags, synchronous=True)


def _clear(run_ids: Sequence[str], name: str, what: str, who: str, uri: str) -> None:
    uri, signed = store_uri(uri), _signed(who)
    with explained(uri, "the change"):
        client = reach(uri)
        for run_id in run_ids:
            if name in client.get_run(run_id).data.tags:
                client.delete_tag(run_id, name)
                client.set_tag(run_id, CHANGED, f"{what} by {signed}")


def _signed(who: str) -> str:
    who = " ".join(who.split())
    if not who:
        raise CytolapseError("nobody signs this change: a name is needed")
    return f"{who}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
