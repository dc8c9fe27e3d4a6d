"""The tables of the Registry page: versions, the rules that one was judged by, and its tags; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.scores import LEADERBOARD, TRUTH
from dashboard.tables import leaderboard, text, utc
from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping


def version_table(registered: pd.DataFrame, runs: pd.DataFrame, source: str) -> pd.DataFrame:
    """Registered versions with the scores of the runs they came from.

    Args:
        registered: rows of `RunStore.versions()`.
        runs: `RunStore.runs()`.
        source: whose scores, as `test-gold`.
    """
    known = leaderboard(runs, source) if len(runs) else pd.DataFrame(index=pd.Index([], dtype=str))
    table = pd.DataFrame({"version": pd.to_numeric(registered["version"]), "run_id": registered["run_id"].astype(str)})
    table["aliases"] = [_listed(aliases) for aliases in registered["aliases"]]
    table["run"] = [str(known["name"].get(run, run)) if len(known) else run for run in table["run_id"]]
    for name in ("selection", *(score.key for score in (*LEADERBOARD, TRUTH))):
        table[name] = table["run_id"].map(known[name]) if len(known) else float("nan")
    table["created"] = utc(registered["created"])
    table["curves"] = [f"compare?run={run_id}" for run_id in table["run_id"]]
    table["movie"] = [f"movie?run={run_id}" for run_id in table["run_id"]]
    table["source"] = text(registered, "source")
    return table.sort_values("version", ascending=False).reset_index(drop=True)


OUTCOMES = {"passed": "✓ passed", "failed": "✕ failed", "not enough evidence": "? not enough evidence"}


def evidence(version: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence of the last decision about a version; {} where it carries none of ours."""
    try:
        found = json.loads(version.get("tags.evidence") or "{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("rules", []), list) else {}


def when(at: object) -> str:
    """`2026-01-31T12:00:00+00:00` as `2026-01-31 12:00 UTC`."""
    found = pd.to_datetime(str(at), utc=True, errors="coerce")
    return "not known" if pd.isna(found) else f"{found:%Y-%m-%d %H:%M} UTC"


def rules_table(evidence: Mapping[str, Any]) -> pd.DataFrame:
    """The rules of a decision, in Markdown's plain words; what was not passed comes first."""
    rules = sorted(evidence.get("rules", []), key=lambda rule: rule["outcome"] == "passed")
    rows = [(OUTCOMES.get(rule["outcome"], ""), plain(rule["name"]), plain(rule["said"])) for rule in rules]
    table = pd.DataFrame(rows, columns=["Outcome", "Rule", "What was found"])
    return table.set_index("Outcome")


def tags_table(version: pd.DataFrame) -> pd.DataFrame:
    """The tags of one version, one per row; a tag that holds JSON gives a row for each of its entries."""
    stored = {name.removeprefix("tags."): version[name].iloc[0] for name in version if name.startswith("tags.")}
    tags = {place: entry for name, value in stored.items() for place, entry in _entries(name, value).items()}
    known = {name: str(value) for name, value in tags.items() if value is not None and value == value and value != ""}
    return pd.DataFrame({"Tag": list(known), "Value": list(known.values())})


def _entries(name: str, value: Any) -> dict[str, Any]:
    found = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            return {name: value}
    if not isinstance(found, dict):
        return {name: value}
    return {place: entry for key, held in found.items() for place, entry in _entries(f"{name}: {key}", held).items()}


def _listed(aliases: Any) -> list[str]:
    if isinstance(aliases, str):
        return [alias.strip() for alias in aliases.split(",") if alias.strip()]
    return [str(alias) for alias in aliases] if aliases is not None else []
