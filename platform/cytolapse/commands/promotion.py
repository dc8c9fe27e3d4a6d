"""`cytolapse promote` and `rollback`: which model is the champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cytolapse.commands.runs import TRACKING

BY = click.option("--by", default="", metavar="NAME", help="Who decides; default: the user of this machine.")
REASON = click.option("--reason", default="", help="Why; kept with the decision.")


@click.command()
@click.argument("references", metavar="RUN_ID|VERSION...", nargs=-1, required=True)
@click.option("--alias", default="champion", show_default=True, help="champion is gated; any other is free.")
@REASON
@click.option("--override", default="", metavar="REASON", help="Promote although the gate refuses, for this reason.")
@click.option("--data", default="", help="Where the run's data set lies now; default: where the run read it.")
@click.option("--policy", default="", metavar="FILE", help="Default: policies/MODEL.toml, else the built-in rules.")
@BY
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the evidence to this file.")
@TRACKING
def promote(references: tuple[str, ...], tracking: str, json_file: Path | None, **wishes: Any) -> None:
    """Make the best of the given runs the champion of its data set.

    Of several runs the one that is best on validation is taken. Its segmenter becomes a version of the registered
    model that has the data set's name. It replaces a champion only if, on the same test frames, it is not worse by more
    than the policy's margin, and if the model loads and makes its stored masks again; the first champion needs only
    the latter. A refusal names the rules and exits with 1. docs/promotion.md has the rules.

    \b
    Example:
      cytolapse promote RUN_ID --reason "three seeds agree"
      cytolapse promote RUN_ID --override "the old one was trained on the wrong pixel size"
    """
    from cytolapse.tracking.promotion import Refused, Wish
    from cytolapse.tracking.promotion import promote as do

    try:
        outcome = do(Wish(references, **wishes), tracking)
    except Refused as refusal:
        _write(json_file, refusal.evidence)
        raise
    _write(json_file, outcome.evidence)
    click.echo("\n".join(outcome.lines))


def _write(path: Path | None, evidence: dict[str, Any]) -> None:
    if path is not None:
        from cytolapse.commands.score import write_json

        write_json(path, json.dumps(evidence, indent=1, allow_nan=False))


@click.command()
@click.argument("name", required=False, default="")
@click.option("--alias", default="champion", show_default=True, help="The alias to move back.")
@REASON
@BY
@TRACKING
def rollback(tracking: str, **back: str) -> None:
    """Give the alias back to the version that held it before.

    NAME is the registered model; it may be left out where there is only one.

    \b
    Example:
      cytolapse rollback PhC-C2DH-U373 --reason "it merges cells in the new movies"
    """
    from cytolapse.tracking.promotion import Back
    from cytolapse.tracking.promotion import rollback as do

    click.echo("\n".join(do(Back(**back), tracking)))
