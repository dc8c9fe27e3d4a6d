"""`cytolapse study`: every recipe on one data set, in one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cytolapse.commands.parameters import Count, Setting, Text
from trainers.commands import tracking
from trainers.recipe import BUDGETS

SCALE = "Side of your frames as a share of the published 1036x1070: presets that resize shrink alike.  [default: 1]"

WIDTH = "Channels of every network as a share of its preset's; less where there is no GPU.  [default: 1]"


class Names(click.ParamType[tuple[str, ...] | None]):
    """Names with commas between; empty means "not given", as MLproject's defaults say it."""

    name = "names"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...] | None:
        """The names, or None."""
        return tuple(name.strip() for name in value.split(",") if name.strip()) or None


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A data set in CTC layout.")
@click.option(
    "--budget", type=Text(), help=f"Steps of each row: {', '.join(BUDGETS)} (its recipe's own).  [default: 10min]"
)
@click.option("--rows", type=Names(), help="Names of rows, with commas between.  [default: all]")
@click.option("--seeds", type=Count(), help="Trainings of each row, with the seeds 0, 1, ...  [default: 1]")
@click.option("--device", type=Text(), help="auto, cpu or cuda.  [default: auto]")
@click.option("--test-sequence", "--test_sequence", type=Text(), help="Test on this one.  [default: the last]")
@click.option("--scale", type=Setting("float"), help=SCALE)
@click.option("--width", type=Setting("float"), help=WIDTH)
@click.option("--resume", "resumed", type=Text(), default=None, help="A study (id or spool:DIR) that was cut: go on.")
@tracking
def study(data: Path, resumed: str | None, tracking: str, **given: Any) -> None:
    """Train and evaluate every recipe on a data set; report.html of the run has the table.

    Steps decide, never the clock: the same budget gives the same trainings on any machine. What gets fewer steps than
    its recipe takes is shown as not trained and is not ranked. The last line says the run; exit code 1 if a row failed.

    \b
    Examples:
      cytolapse study --data data/demo --budget 10min
      cytolapse study --data data/BF-C2DL-MuSC --budget full --seeds 3
      cytolapse study --data data/demo --resume RUN_ID
    """
    from trainers.study import run

    line, failed = run.study(data, given, tracking, resumed)
    click.echo(line)
    sys.exit(1 if failed else 0)
