"""`cytolapse train` and `cytolapse evaluate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytolapse.commands.parameters import Setting, Text
from cytolapse.config import Config
from cytolapse.data.ignore import read_ignore
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Callable


def settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every field of Config, in the spelling `--some-field` and `--some_field`."""
    for each in reversed(dataclasses.fields(Config)):
        if each.name == "recipe":
            continue
        names = dict.fromkeys([f"--{each.name.replace('_', '-')}", f"--{each.name}"])
        text = f"{each.metadata['help']}  [default: {each.default}]"
        kind = Text() if each.name == "preset" else Setting(str(each.type))
        command = click.option(*names, each.name, type=kind, default=None, help=text)(command)
    return command


tracking = click.option(
    "--tracking", default="", help="spool:DIR writes events to DIR without MLflow; `cytolapse sync DIR` delivers them."
)


ignore = click.option(
    "--ignore", type=Text(), default=None, help="An ignore list (audit.csv of `cytolapse audit`) of the silver truth."
)


@click.command()
@click.argument("recipe")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A data set in CTC layout.")
@click.option("--resume", "resumed", type=Text(), default=None, help="A run (id or spool folder) that was cut: go on.")
@click.option(
    "--init", type=Text(), default=None, help="A model to start from: models:/NAME@ALIAS, runs:/..., a folder."
)
@ignore
@tracking
@settings
def train(
    recipe: str, data: Path, resumed: str | None, init: str | None, ignore: str | None, tracking: str, **given: Any
) -> None:
    """Train RECIPE (unet, distance_unet, flow_unet, convlstm_unet, mask_rcnn, classical); the last line says the run.

    \b
    Examples:
      cytolapse train unet --data data/PhC-C2DH-U373
      cytolapse train unet --data data/demo --preset quick --seed 1
      cytolapse train unet --data data/demo --resume RUN_ID
    """
    from trainers import experiment
    from trainers.recipes import RECIPES

    config = Config.resolve(dict(RECIPES[recipe].presets), recipe, given)
    ignored = None if ignore is None else read_ignore(Path(ignore))
    if resumed is None:
        click.echo(experiment.train(config, data, tracking, init, ignore=ignored))
        return
    if init is not None:
        raise CytolapseError("--init can't be given with --resume: that run has weights of its own; leave it out")
    click.echo(experiment.resume(resumed, data, tracking, {**given, "recipe": recipe}, ignored))


@click.command()
@click.argument("run")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A data set in CTC layout.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Which part.")
@ignore
@tracking
def evaluate(run: str, data: Path, split: str, ignore: str | None, tracking: str) -> None:
    """Score the model of RUN (id or spool folder); masks, tables and curves go to the run.

    \b
    Example:
      cytolapse evaluate RUN_ID --data data/PhC-C2DH-U373
    """
    from trainers.evaluate import evaluate_run

    ignored = None if ignore is None else read_ignore(Path(ignore))
    click.echo(evaluate_run(run, data, split, tracking, ignored))


@click.group()
def trainers() -> None:
    """Train and evaluate."""


trainers.add_command(train)
trainers.add_command(evaluate)
