"""Evidence: what a decision rests on, as JSON on the run and as tags on the version."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cytolapse import __version__
from cytolapse.tracking.decisions import ROLLED_BACK
from cytolapse.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from cytolapse.tracking.candidates import Candidate
    from cytolapse.tracking.decisions import Decision
    from cytolapse.tracking.promotion.gate import Rule
    from cytolapse.tracking.promotion.policy import Policy
    from cytolapse.tracking.promotion.seat import Seat

FOLDER = "promotion"
"""Of a run's artifacts."""
READINGS = "test/readings"


def evidence(
    seat: Seat, chosen: Candidate, current: Candidate | None, rules: tuple[Rule, ...], policy: Policy
) -> dict[str, Any]:
    """What is known before anything is decided."""
    return {
        "schema_version": 1,
        "model": seat.name,
        "alias": seat.alias,
        "candidate": chosen.evidence(),
        "champion": None if current is None else current.evidence() | {"version": seat.holder},
        "policy": policy.as_dict(),
        "rules": [each.as_dict() for each in rules],
        "decisions_before": sum(each.alias == seat.alias and each.event != ROLLED_BACK for each in seat.decisions),
        "cytolapse": __version__,
    }


def readings(uri: str, chosen: Candidate, current: Candidate | None) -> dict[str, int]:
    """How often the test part was read: by the runs that are compared, and by all runs on these data."""
    store = open_store(uri)
    runs = store.runs()
    if f"metrics.{READINGS}" not in runs or "tags.cytolapse.digest" not in runs:
        return {"candidate": 0, "champion": 0, "all_runs": 0}
    digest = chosen.digest.partition("+")[0]
    same = (runs["dataset"] == chosen.dataset) & (runs["tags.cytolapse.digest"] == digest)
    counted = runs.loc[same & runs[f"metrics.{READINGS}"].notna(), "run_id"]
    by_run = store.series(list(counted), READINGS)["run_id"].value_counts()
    of_champion = 0 if current is None else int(by_run.get(current.run_id, 0))
    return {"candidate": int(by_run.get(chosen.run_id, 0)), "champion": of_champion, "all_runs": int(by_run.sum())}


def keep(client: MlflowClient, model: str, decision: Decision, found: dict[str, Any]) -> None:
    """Store a decision with its evidence on its run, and as tags of its version where there is one.

    `found` gets what was decided, by whom, when and why. A run that is gone for good keeps no file. What a version was
    judged by stays on it when it is rolled back to.
    """
    from mlflow.exceptions import MlflowException

    of_decision = {name: value for name, value in asdict(decision).items() if name not in ("key", "alias")}
    found |= {**of_decision, "decision": of_decision.pop("event")}
    name = decision.key.rpartition(".decision.")[2].replace(".", "")
    path = f"{FOLDER}/{name}-{decision.event.replace(' ', '-')}.json"
    try:
        client.log_text(decision.run_id, json.dumps(found, indent=1, allow_nan=False) + "\n", path)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        path = ""
    if decision.version:
        verb = decision.event.replace(" ", "_")
        tags = {f"{verb}_by": decision.by, f"{verb}_at": decision.at, f"{verb}_from": decision.before}
        tags |= {"reason": decision.reason, "evidence_file": path}
        if decision.event != ROLLED_BACK:
            tags |= {"gate": decision.gate, "evidence": json.dumps(found, allow_nan=False)}
        for key, value in tags.items():
            client.set_model_version_tag(model, decision.version, key, value)
