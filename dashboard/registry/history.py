"""The history of a registered model as lines of a timeline, and what a version comes from; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from cytolapse.tracking.decisions import LOST, PROMOTED, REFUSED, ROLLED_BACK, Decision, earlier
from dashboard.tables import text
from dashboard.words import plain, short

if TYPE_CHECKING:
    from collections.abc import Mapping

ICONS = {
    PROMOTED: ":green[:material/workspace_premium:]",
    REFUSED: ":red[:material/block:]",
    LOST: ":orange[:material/flag:]",
    ROLLED_BACK: ":blue[:material/undo:]",
}
NOT_KNOWN = "not known"


class Line(NamedTuple):
    """One decision: what was decided, by whom and when, what the gate said, why; Markdown."""

    head: str
    detail: str
    gate: str
    reason: str


def timeline(decisions: pd.DataFrame, names: Mapping[str, str]) -> list[Line]:
    """The decisions about one model, newest first.

    Args:
        decisions: its rows of `RunStore.decisions()`.
        names: run id -> name.
    """
    return [_line(row, names) for row in decisions.to_dict("records")]


def _line(row: Mapping[Any, Any], names: Mapping[str, str]) -> Line:
    event, alias = str(row["event"]), plain(row["alias"])
    run = plain(row["run"] or names.get(str(row["run_id"]), ""))
    version, before = (f"version {plain(row[name])}" if row[name] else "" for name in ("version", "before"))
    before_it = f", before it {before}" if before else ""
    heads = {
        PROMOTED: f"**{version.capitalize()} became {alias}**{before_it}",
        REFUSED: f"**{run or version or 'A run'} was refused as {alias}**; {before or 'nobody'} stayed",
        LOST: f"**{version.capitalize()} came too late** to become {alias}",
        ROLLED_BACK: f"**{version.capitalize()} is {alias} again**, rolled back from {before}",
    }
    when = "" if pd.isna(row["at"]) else f"{row['at']:%Y-%m-%d %H:%M} UTC"
    shown = "" if event == REFUSED else run
    detail = " · ".join(filter(None, (when, f"by {plain(row['by'])}" if row["by"] else "", shown)))
    gate = f"Gate: {plain(row['gate'])}" if row["gate"] else ""
    reason = f"“{plain(row['reason'])}”" if row["reason"] else ""
    return Line(f"{ICONS.get(event, '')} {heads.get(event, plain(event))}", detail, gate, reason)


def previous(decisions: pd.DataFrame, versions: pd.DataFrame, alias: str) -> str:
    """The version that a roll back would give the alias to; "" where there is none."""
    there = {str(version) for version in versions["version"]}
    holders = [str(row["version"]) for row in versions.to_dict("records") if alias in row["aliases"]]
    if not holders:
        return ""
    known = [Decision(**{str(key): row[key] for key in _FIELDS}) for row in decisions[::-1].to_dict("records")]
    past = [version for version in earlier(known, alias, holders[0]) if version in there]
    return past[-1] if past else ""


_FIELDS = ("event", "alias", "version", "before", "key")


def lineage(version: Mapping[str, Any], runs: pd.DataFrame) -> dict[str, str]:
    """What a version is made of: data, digest, commit, run, model; a run that is gone leaves them unknown."""
    run = runs[runs["run_id"].astype(str) == str(version["run_id"])]
    tags = {
        name: text(run, f"tags.cytolapse.{tag}").iloc[0] if len(run) else NOT_KNOWN
        for name, tag in (("Data", "dataset"), ("Data digest", "digest"), ("Git commit", "git_commit"))
    }
    commit = tags["Git commit"]
    if commit.endswith("+"):
        tags["Git commit"] = f"{commit[:10]} with changes"
    elif len(commit) == 40:
        tags["Git commit"] = commit[:10]
    name = str(run["name"].iloc[0]) if len(run) else "deleted or archived"
    return {**tags, "Run": name, "Model": short(str(version["source"]).removeprefix("models:/"), 24)}
