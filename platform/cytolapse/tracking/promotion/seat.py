"""Seat: an alias of a registered model, taken by one at a time though MLflow knows only `set`, last writer wins.

On one host a lock beside the store decides. A server has none: everybody writes the decision down first, looks, sets
the alias, and looks again; of those who meet the earliest decision wins, the others put the alias back and are told.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from cytolapse.errors import CytolapseError
from cytolapse.tracking.decisions import of_tags
from cytolapse.tracking.uri import shown, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from mlflow import MlflowClient

    from cytolapse.tracking.decisions import Decision

PATIENCE_S = 60


class Lost(CytolapseError):
    """Somebody else was first; `decision` is what became of one's own."""

    def __init__(self, message: str, decision: Decision) -> None:
        super().__init__(message)
        self.decision = decision


@dataclass(frozen=True)
class Seat:
    """An alias as it was when it was looked at.

    Attributes:
        name: the registered model.
        alias: as champion.
        holder: the version that it points to; None where there is none.
        decisions: what had been decided about the model by then.
        exists: the model is registered.
    """

    name: str
    alias: str
    holder: str | None
    decisions: tuple[Decision, ...]
    exists: bool = True

    @classmethod
    def read(cls, client: MlflowClient, name: str, alias: str) -> Seat:
        """As it is now; a model that is not registered has nothing."""
        models = {each.name: each for each in client.search_registered_models(f"name = '{name}'")}
        if name not in models:
            return cls(name, alias, None, (), exists=False)
        holder = models[name].aliases.get(alias)
        return cls(name, alias, None if holder is None else str(holder), tuple(of_tags(models[name].tags)))

    def record(self, client: MlflowClient, decision: Decision) -> None:
        """Write a decision into the model's history."""
        client.set_registered_model_tag(self.name, decision.key, decision.to_json())

    def take(self, client: MlflowClient, decision: Decision) -> None:
        """Point the alias to the decision's version, if it still is as it was read.

        Raises:
            Lost: somebody else moved it meanwhile; the decision then stands in the history as lost.
        """
        with _held(client.tracking_uri):
            self.record(client, decision)
            winner = self._rival(client, decision)
            if winner is None:
                client.set_registered_model_alias(self.name, self.alias, decision.version)
                winner = self._rival(client, decision, decision.version)
        if winner is not None:
            lost = decision.lost(winner)
            self.record(client, lost)
            was, now = (f"version {each}" if each else "nobody" for each in (self.holder, winner))
            raise Lost(
                f"{self.alias} of {self.name} was moved from {was} to {now} meanwhile, not to version "
                f"{decision.version}; the history shows both: look at it, then try again",
                lost,
            )

    def _rival(self, client: MlflowClient, mine: Decision, version: str | None = None) -> str | None:
        """The version that has the alias in place of mine; None where nobody else wants it.

        Args:
            client: of the store.
            mine: what I have written down.
            version: what I have set; None where I haven't yet.
        """
        now, before = Seat.read(client, self.name, self.alias), {each.key for each in self.decisions}
        rivals = [each for each in now.decisions if each.alias == self.alias and each.moved and each.key not in before]
        first = min(rivals, key=lambda each: each.key, default=mine)
        if version is None:
            if now.holder != self.holder:
                return now.holder or ""
            return None if first.key == mine.key else first.version
        if first.key != mine.key or (now.holder != version and now.holder in [each.version for each in rivals]):
            client.set_registered_model_alias(self.name, self.alias, first.version)
            return None if first.key == mine.key else first.version
        return None if now.holder == version else now.holder or ""


@contextmanager
def _held(uri: str) -> Iterator[None]:
    """The lock beside a store that is a file; nothing for a server."""
    file = sqlite_file(uri)
    lock: AbstractContextManager[object] = nullcontext()
    if file is not None:
        lock = FileLock(f"{file}.promotion.lock", timeout=PATIENCE_S)
    try:
        with lock:
            yield
    except Timeout:
        raise CytolapseError(
            f"another promotion in {shown(uri)} holds {file}.promotion.lock since {PATIENCE_S} s: let it finish"
        ) from None
