"""What a person calls a run: its id, the first digits of it, or its name."""

from __future__ import annotations

import re

from cytolapse.errors import CytolapseError
from cytolapse.tracking.store import open_store

_ID = re.compile(r"[0-9a-f]{32}")
_LEAST = 6


def run_id_of(reference: str, uri: str) -> str:
    """The id of the run that is meant; what is found nowhere is given back as it is.

    Args:
        reference: an id, at least six of its first digits, or a run's name.
        uri: address of the store.

    Raises:
        CytolapseError: several runs are called so.
    """
    if _ID.fullmatch(reference):
        return reference
    runs = open_store(uri).runs()
    called = runs["name"] == reference
    if len(reference) >= _LEAST:
        called |= runs["run_id"].str.startswith(reference)
    found = runs[called]
    if len(found) > 1:
        those = ", ".join(f"{row.run_id[:12]} ({row.name})" for row in found.itertuples(index=False))
        raise CytolapseError(f"{reference!r} means several runs: {those}; give more of the id")
    return reference if found.empty else str(found["run_id"].iloc[0])
