"""Promote: a run's model becomes a version, and an alias points to it, if the gate lets it pass."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.tracking.candidates import Candidate, best, candidate, of_version
from cytolapse.tracking.client import as_global, explained, reach
from cytolapse.tracking.decisions import LONGEST, PROMOTED, REFUSED, Decision
from cytolapse.tracking.logged import Logged, logged
from cytolapse.tracking.pairs import evaluated
from cytolapse.tracking.promotion import evidence
from cytolapse.tracking.promotion.card import card, facts_of
from cytolapse.tracking.promotion.gate import LOADS, UNKNOWN, Rule, Verdict, judge
from cytolapse.tracking.promotion.load_check import load_check
from cytolapse.tracking.promotion.policy import policy_of
from cytolapse.tracking.promotion.seat import Lost, Seat
from cytolapse.tracking.reference import run_id_of
from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

    from cytolapse.tracking.promotion.policy import Policy

CHAMPION = "champion"
FIRST, FREE, OVERRIDDEN = "first champion", "not asked", "overridden"


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        references: run ids or versions (`3`, `name/3`); of several the best on validation is taken.
        alias: champion is gated, any other alias is free.
        reason: kept with the decision.
        override: why the gate's objections don't count; "" = they do.
        data: folder of the data set, for the load check; "" = where the run read it.
        policy: a TOML file; "" = the data set's own, or the built-in one.
        by: who decides; "" = the user of this machine.
    """

    references: Sequence[str]
    alias: str = CHAMPION
    reason: str = ""
    override: str = ""
    data: str = ""
    policy: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        for name, text in (("--reason", self.reason), ("--override", self.override), ("--by", self.by)):
            if len(text) > LONGEST:
                raise CytolapseError(f"{name} has {len(text)} characters: {LONGEST} are kept, say it shorter")
        if self.override and not self.override.strip():
            raise CytolapseError("--override is blank: say why the gate's objections do not count")
        if self.alias != CHAMPION and self.alias.lower() == CHAMPION:  # some databases do not tell them apart
            raise CytolapseError(f"--alias is {self.alias!r}: write {CHAMPION}, which is gated, or take another name")

    @property
    def why(self) -> str:
        """The reasons that were given."""
        return "; ".join(filter(None, (self.reason, self.override)))


@dataclass(frozen=True)
class Outcome:
    """What was decided.

    Attributes:
        lines: for a terminal.
        evidence: for a program; {} where nothing had to be decided.
    """

    lines: Sequence[str]
    evidence: dict[str, Any]


class Refused(CytolapseError):
    """The gate refuses; `evidence` holds every rule."""

    def __init__(self, message: str, evidence: dict[str, Any]) -> None:
        super().__init__(message)
        self.evidence = evidence


@dataclass(frozen=True)
class Case:
    """Who wants to sit where, and by which rules."""

    client: MlflowClient
    wish: Wish
    seat: Seat
    chosen: Candidate
    current: Candidate | None
    policy: Policy


def promote(wish: Wish, tracking: str = "") -> Outcome:
    """Register the best of the candidates under its data set's name and point the alias to it.

    Raises:
        Refused: the gate refuses; the message names the rules.
        CytolapseError: a candidate has no segmenter, or somebody else moved the alias meanwhile.
    """
    uri = store_uri(tracking)
    with explained(uri, "promotion"):
        client = reach(uri)
        chosen, rivals = best([candidate(client, run_id_of(reference, uri)) for reference in wish.references])
        seat = Seat.read(client, chosen.name, wish.alias)
        current = None if seat.holder is None else of_version(client, chosen.name, seat.holder)
        if current is not None and current.model_id == chosen.model_id:
            return Outcome([f"{chosen} is already {wish.alias} of {chosen.name} (version {seat.holder})"], {})
        case = Case(client, wish, seat, chosen, current, policy_of(chosen.name, wish.policy))
        verdict = _verdict(case) if wish.alias == CHAMPION else Verdict(())
        found = evidence.evidence(seat, chosen, current, verdict.rules, case.policy)
        found |= {"over": rivals, "readings": evidence.readings(uri, chosen, current)}
        if verdict.objections and (not wish.override or any(each.name == LOADS for each in verdict.objections)):
            raise _refused(case, verdict, found)
        return _promoted(case, verdict, found)


def _verdict(case: Case) -> Verdict:
    """All rules; the model is loaded last, and only where that can still help."""
    run, wish = logged(case.chosen.run_id, case.client.tracking_uri), case.wish
    rules = [] if case.current is None else _against(case, run, case.current)
    if not wish.override and Verdict(tuple(rules)).objections:
        return Verdict(tuple(rules))
    return Verdict((*rules, *load_check(case.client, run, case.chosen.model_id, wish.data, case.policy)))


def _against(case: Case, run: Logged, current: Candidate) -> list[Rule]:
    """The rules that need a champion."""
    found = []
    for who, run_id in (("champion", current.run_id), ("candidate", run.reference)):
        try:
            found.append(evaluated(logged(run_id, case.client.tracking_uri), "test"))
        except CytolapseError as error:
            return [Rule(f"{who} scored on test", UNKNOWN, str(error))]
    return judge(found[0], found[1], case.policy)


def _refused(case: Case, verdict: Verdict, found: dict[str, Any]) -> Refused:
    names = ", ".join(each.name for each in verdict.objections)
    decision = _decision(case, REFUSED, _version(case) or "", f"{verdict.outcome}: {names}")
    if case.seat.exists:
        case.seat.record(case.client, decision)
    evidence.keep(case.client, case.seat.name, decision, found)
    holder = "there is no champion" if case.seat.holder is None else f"version {case.seat.holder} stays"
    lines = [f"{case.chosen} does not become champion of {case.seat.name}, {holder}: {verdict.outcome}"]
    lines += [f"  {each}" for each in verdict.objections]
    lines += [f"policy: {case.policy.source}"]
    final = any(each.name == LOADS for each in verdict.objections)
    mend = "" if final else "; to promote it all the same: --override REASON"
    return Refused("\n".join([*lines, f"to try it beside the champion: --alias challenger{mend}"]), found)


def _promoted(case: Case, verdict: Verdict, found: dict[str, Any]) -> Outcome:
    client, seat, chosen = case.client, case.seat, case.chosen
    version = _version(case) or _register(case)
    names = ", ".join(each.name for each in verdict.objections)
    gate = FIRST if case.current is None else verdict.outcome
    gate = FREE if not verdict.rules else f"{OVERRIDDEN}: {names}" if names else gate
    text = card(facts_of(client, seat.name, version, logged(chosen.run_id, client.tracking_uri), chosen.model_id))
    client.update_model_version(seat.name, version, text)
    client.log_text(chosen.run_id, text, f"{evidence.FOLDER}/model-card.md")
    decision = _decision(case, PROMOTED, version, gate)
    try:
        seat.take(client, decision)
    except Lost as lost:
        evidence.keep(client, seat.name, lost.decision, found)
        raise
    evidence.keep(client, seat.name, decision, found)
    before = f" (was version {seat.holder})" if seat.holder else ""
    lines = [f"{seat.alias} of {seat.name} is now version {version}{before}: {chosen}"]
    lines += [f"  {each}" for each in verdict.rules]
    lines += [f"policy: {case.policy.source}"] if verdict.rules else []
    return Outcome([*lines, *([f"the gate was overridden: {case.wish.override}"] if names else [])], found)


def _decision(case: Case, event: str, version: str, gate: str) -> Decision:
    wish, chosen = case.wish, case.chosen
    return Decision(
        event=event,
        alias=wish.alias,
        version=version,
        before=case.seat.holder or "",
        run_id=chosen.run_id,
        run=chosen.run_name,
        by=wish.by or user(),
        reason=wish.why,
        gate=gate[:LONGEST],
    )


def _version(case: Case) -> str | None:
    """The version that the model is already registered as."""
    source = f"models:/{case.chosen.model_id}"
    found = case.client.search_model_versions(f"name = '{case.seat.name}'")
    return next((str(each.version) for each in found if each.source == source), None)


def _register(case: Case) -> str:
    from mlflow.exceptions import MlflowException

    client, name, chosen = case.client, case.seat.name, case.chosen
    if not client.search_registered_models(f"name = '{name}'"):
        try:
            client.create_registered_model(name, tags={"cytolapse.dataset": chosen.dataset})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another promotion made it at this moment
                raise
    with as_global(client.tracking_uri):  # a database registry looks the model up in the global store
        made = client.create_model_version(name, f"models:/{chosen.model_id}", chosen.run_id, model_id=chosen.model_id)
    return str(made.version)


def user() -> str:
    """The user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
