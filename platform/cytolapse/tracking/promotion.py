"""Promotion: which version of a registered model an alias points to, decided on validation and written down."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.tracking.candidates import Candidate, best, candidate, of_version
from cytolapse.tracking.client import as_global, explained, reach
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

CHAMPION = "champion"
_KEPT = 50  # earlier holders of an alias that are remembered


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        references: run ids or versions (`3`, `name/3`); of several the best on validation is taken.
        alias: champion is gated, any other alias is free.
        reason: kept with the version.
        force: promote to champion although the gate refuses; needs a reason.
    """

    references: Sequence[str]
    alias: str = CHAMPION
    reason: str = ""
    force: bool = False


def promote(wish: Wish, tracking: str = "") -> list[str]:
    """Register the best of the candidates under its data set's name and point the alias to it; says what was done.

    Raises:
        CytolapseError: a candidate has no segmenter or no validation score, the gate refuses, or somebody else moved
            the alias meanwhile.
    """
    if wish.force and not wish.reason:
        raise CytolapseError("--force overrides the gate: say why with --reason TEXT, it is kept with the version")
    uri = store_uri(tracking)
    with explained(uri, "promotion"):
        client = reach(uri)
        chosen, rivals = best([candidate(client, run_id_of(reference, uri)) for reference in wish.references])
        holder = _holder(client, chosen.name, wish.alias)
        current = None if holder is None else of_version(client, chosen.name, holder)
        if current is not None and current.model_id == chosen.model_id:
            return [f"{chosen} is already {wish.alias} of {chosen.name} (version {holder})"]
        objection = "" if current is None or wish.alias != CHAMPION else _objection(chosen, current)
        if objection and not wish.force:
            raise CytolapseError(
                f"{objection}; to try it beside the champion: --alias challenger, to promote it all the same: "
                "--force --reason TEXT"
            )
        version = _register(client, chosen)
        _move(client, chosen.name, wish.alias, holder, version)
        evidence = {**chosen.evidence(), "champion": None if current is None else current.evidence(), "over": rivals}
        _record(
            client,
            chosen.name,
            version,
            {
                "promoted_by": getpass.getuser(),
                "promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "promoted_from": holder or "",
                "reason": wish.reason,
                "evidence": json.dumps({**evidence, "overridden": objection or None}),
            },
        )
        _push(client, chosen.name, wish.alias, holder)
    before = f" (was version {holder})" if holder else ""
    lines = [f"{wish.alias} of {chosen.name} is now version {version}{before}: {chosen}"]
    return [*lines, *([f"the gate was overridden: {objection}"] if objection else [])]


def rollback(name: str | None = None, alias: str = CHAMPION, tracking: str = "") -> list[str]:
    """Point the alias to the version that held it before; says what was done.

    Args:
        name: the registered model; may be left out where there is only one.
        alias: the alias to move.
        tracking: the store, as for `start_run`.

    Raises:
        CytolapseError: there is no such model, alias or earlier version.
    """
    uri = store_uri(tracking)
    with explained(uri, "rollback"):
        client = reach(uri)
        name = name or _only_model(client)
        holder = _holder(client, name, alias)
        if holder is None:
            raise CytolapseError(f"registered model {name!r} has no {alias}: nothing to roll back")
        past = _past(client, name, alias)
        existing = {str(each.version) for each in client.search_model_versions(f"name = '{name}'")}
        while past and past[-1] not in existing:  # a version that was deleted since
            past.pop()
        if not past:
            raise CytolapseError(f"version {holder} is the first {alias} of {name!r}: there is none to go back to")
        version = past.pop()
        _move(client, name, alias, holder, version)
        client.set_registered_model_tag(name, _tag(alias), json.dumps(past))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _record(client, name, holder, {"rolled_back_by": getpass.getuser(), "rolled_back_at": now})
    return [f"{alias} of {name} is again version {version} (was version {holder})"]


def _objection(chosen: Candidate, current: Candidate) -> str:
    """Why the gate refuses; "" where it does not."""
    for what, new, old in (
        ("data", chosen.digest, current.digest),
        ("metric_schema_version", chosen.schema, current.schema),
        ("selection metric", chosen.metric, current.metric),
    ):
        if new != old:
            return f"{chosen} can't be compared with the champion {current}: {what} {new!r} is not {old!r}"
    if current.score is not None and chosen.score is not None and chosen.score < current.score:
        return f"{chosen} is not better than the champion {current}"
    return ""


def _holder(client: MlflowClient, name: str, alias: str) -> str | None:
    models = {model.name: model for model in client.search_registered_models(f"name = '{name}'")}
    number = models[name].aliases.get(alias) if name in models else None
    return None if number is None else str(number)


def _register(client: MlflowClient, chosen: Candidate) -> str:
    if not client.search_registered_models(f"name = '{chosen.name}'"):
        client.create_registered_model(chosen.name, tags={"cytolapse.dataset": chosen.dataset})
    source = f"models:/{chosen.model_id}"
    for each in client.search_model_versions(f"name = '{chosen.name}'"):
        if each.source == source:
            return str(each.version)
    with as_global(client.tracking_uri):  # a database registry looks the model up in the global store
        made = client.create_model_version(chosen.name, source, chosen.run_id, model_id=chosen.model_id)
    return str(made.version)


def _move(client: MlflowClient, name: str, alias: str, seen: str | None, version: str) -> None:
    """Set the alias if it still is where it was seen: mlflow itself knows no compare-and-set."""
    now = _holder(client, name, alias)
    if now != seen:
        raise CytolapseError(
            f"{alias} of {name} was moved from version {seen or 'none'} to {now or 'none'} meanwhile: try again"
        )
    client.set_registered_model_alias(name, alias, version)


def _record(client: MlflowClient, name: str, version: str, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)


def _tag(alias: str) -> str:
    return f"cytolapse.before.{alias}"


def _past(client: MlflowClient, name: str, alias: str) -> list[str]:
    return list(json.loads(client.get_registered_model(name).tags.get(_tag(alias), "[]")))


def _push(client: MlflowClient, name: str, alias: str, holder: str | None) -> None:
    if holder is not None:
        past = [*_past(client, name, alias), holder][-_KEPT:]
        client.set_registered_model_tag(name, _tag(alias), json.dumps(past))


def _only_model(client: MlflowClient) -> str:
    names = sorted(model.name for model in client.search_registered_models())
    if len(names) != 1:
        raise CytolapseError(f"say which registered model: {', '.join(names) or 'there is none'}")
    return str(names[0])
