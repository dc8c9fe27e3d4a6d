"""Roll back: an alias points again to the version that held it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import explained, reach
from cytolapse.tracking.decisions import LONGEST, ROLLED_BACK, Decision, earlier
from cytolapse.tracking.load import load_folder
from cytolapse.tracking.promotion.decide import CHAMPION, user
from cytolapse.tracking.promotion.evidence import keep
from cytolapse.tracking.promotion.seat import Seat
from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Back:
    """What is asked for.

    Attributes:
        name: the registered model; "" where there is only one.
        alias: the alias to move.
        reason: kept with the decision.
        by: who decides; "" = the user of this machine.
    """

    name: str = ""
    alias: str = CHAMPION
    reason: str = ""
    by: str = ""


def rollback(back: Back, tracking: str = "") -> list[str]:
    """Point the alias to the version that held it before; says what was done.

    Raises:
        CytolapseError: there is no such model, alias or earlier version, that version does not load, or somebody else
            moved the alias meanwhile.
    """
    if len(back.reason) > LONGEST:
        raise CytolapseError(f"--reason has {len(back.reason)} characters: {LONGEST} are kept, say it shorter")
    uri = store_uri(tracking)
    with explained(uri, "rollback"):
        client = reach(uri)
        name = back.name or _only_model(client)
        seat = Seat.read(client, name, back.alias)
        if seat.holder is None:
            raise CytolapseError(f"registered model {name!r} has no {back.alias}: nothing to roll back")
        versions = {str(each.version): each for each in client.search_model_versions(f"name = '{name}'")}
        past = [each for each in earlier(seat.decisions, back.alias, seat.holder) if each in versions]
        if not past:
            raise CytolapseError(
                f"version {seat.holder} is the first {back.alias} of {name!r}: there is none to go back to"
            )
        _need_model(f"models:/{name}/{past[-1]}", uri)
        run_id = str(versions[past[-1]].run_id or "")
        decision = Decision(
            ROLLED_BACK, back.alias, past[-1], seat.holder, run_id, by=back.by or user(), reason=back.reason
        )
        seat.take(client, decision)
        keep(client, name, decision, {"schema_version": 1, "model": name, "alias": back.alias})
    return [f"{back.alias} of {name} is again version {decision.version} (was version {seat.holder})"]


def _need_model(model: str, uri: str) -> None:
    from cytolapse.segmenter import Segmenter

    try:
        Segmenter.load(load_folder(model, uri))
    except CytolapseError as error:
        raise CytolapseError(
            f"nothing was rolled back: {model}, which held the alias before, does not load ({error}); promote another "
            "version with `cytolapse promote VERSION`"
        ) from error


def _only_model(client: MlflowClient) -> str:
    names = sorted(model.name for model in client.search_registered_models())
    if len(names) != 1:
        raise CytolapseError(f"say which registered model: {', '.join(names) or 'there is none'}")
    return str(names[0])
