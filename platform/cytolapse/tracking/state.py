"""How far a spool was delivered to a store: `delivered.json` beside it, one entry per store."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cytolapse.tracking.spool import replace_text
from cytolapse.tracking.uri import shown

if TYPE_CHECKING:
    from pathlib import Path

STATE = "delivered.json"
_LOG = logging.getLogger("cytolapse.tracking")


@dataclass
class State:
    """What one store has of one spool.

    Attributes:
        run_id: the run in the store; empty before it exists.
        offset: bytes of the spool that the store has.
        models: name -> id of the logged model that now has it; "" where the run has none.
        inputs: context -> (name, digest) of the data set as the store knows it.
        ended: the run's end was delivered.
        refused: events that the store will never take, with its reason.
    """

    run_id: str = ""
    experiment_id: str = ""
    offset: int = 0
    models: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    ended: bool = False
    refused: list[str] = field(default_factory=list)


def load_state(folder: Path, uri: str) -> State:
    """The state of one store; a fresh one where nothing was delivered."""
    entry = _read(folder).get(_key(uri))
    return State() if entry is None else State(**{k: v for k, v in entry.items() if k != "store"})


def save_state(folder: Path, uri: str, state: State) -> None:
    """Write the state of one store, whole or not at all."""
    entries = _read(folder)
    entries[_key(uri)] = {"store": shown(uri), **dataclasses.asdict(state)}
    replace_text(folder / STATE, json.dumps(entries, indent=1))


def run_ids(folder: Path) -> set[str]:
    """Ids that this spool's run has in the stores it was delivered to."""
    return {entry["run_id"] for entry in _read(folder).values()}


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / STATE
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        _LOG.warning("%s is damaged: what is spooled there is delivered from the start, which repeats nothing", path)
        return {}
    return entries


def _key(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:16]
