"""Decisions: the history of a registered model, one tag of it each, so that it outlives versions and runs.

A tag is written once, under a key of its own: whoever decides at the same moment takes nothing away from others.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

PREFIX = "cytolapse.decision."
PROMOTED, REFUSED, LOST, ROLLED_BACK = "promoted", "refused", "lost", "rolled back"
LONGEST = 1000
"""Characters of a reason or a name: a tag of a registered model holds 5,000 in some databases."""


def _new_key() -> str:
    return f"{PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Decision:
    """What was decided about an alias.

    Attributes:
        event: promoted, refused, lost (somebody else moved the alias first) or rolled back.
        alias: as champion.
        version: the version that holds the alias afterwards, or was to; "" where none was made.
        before: the version that held it; "" where none did.
        run_id: the run that the version is from.
        run: its name.
        by: who decided.
        reason: why.
        gate: what the gate said: passed, first champion, overridden ..., refused ..., or "" where it was not asked.
        at: UTC, as 2026-01-31T12:00:00+00:00.
        key: name of the tag; keys sort by time.
    """

    event: str
    alias: str
    version: str
    before: str
    run_id: str = ""
    run: str = ""
    by: str = ""
    reason: str = ""
    gate: str = ""
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    key: str = field(default_factory=_new_key)

    @property
    def moved(self) -> bool:
        """The alias was moved."""
        return self.event in (PROMOTED, ROLLED_BACK)

    def to_json(self) -> str:
        """The value of the tag."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "key" and value})

    def lost(self, winner: str) -> Decision:
        """The same, which came too late."""
        return replace(self, event=LOST, gate=f"version {winner} was first" if winner else self.gate)


COLUMNS = ["name", *(each.name for each in fields(Decision))]


def of_tags(tags: Mapping[str, str]) -> list[Decision]:
    """The decisions among the tags of a registered model, oldest first; what is none of ours is left out."""
    known = {each.name for each in fields(Decision)}
    found = []
    for key in sorted(name for name in tags if name.startswith(PREFIX)):
        try:
            values = {name: str(value) for name, value in json.loads(tags[key]).items() if name in known}
            found.append(Decision(**{"event": "", "alias": "", "version": "", "before": "", **values, "key": key}))
        except (ValueError, AttributeError):
            continue
    return found


def earlier(decisions: Iterable[Decision], alias: str, holder: str) -> list[str]:
    """The versions that held an alias before its holder, the last of them at the end."""
    past: list[str] = []
    now = ""
    moves = [each for each in decisions if each.alias == alias and each.moved]
    while moves and moves[-1].version != holder and moves[-1].before == holder:
        moves.pop()  # written down, and killed before the alias was set
    for each in moves:
        if each.event == ROLLED_BACK and each.version in past:
            del past[len(past) - 1 - past[::-1].index(each.version) :]
        elif each.before:
            past.append(each.before)
        now = each.version
    return past if now in ("", holder) else [*past, now]  # moved by other means than ours since


def decisions_frame(tags: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """One row per decision of (model, key, value): COLUMNS, `at` in UTC; by model, newest first."""
    import pandas as pd

    by_model: dict[str, dict[str, str]] = {}
    for name, key, value in tags:
        by_model.setdefault(name, {})[key] = value
    rows = [{"name": name, **asdict(each)} for name in sorted(by_model) for each in reversed(of_tags(by_model[name]))]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["at"] = pd.to_datetime(frame["at"], utc=True, errors="coerce")
    return frame
