"""`cytolapse train`, `evaluate` and `log-masks`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytolapse.commands.parameters import Count, Setting, Text
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
@click.option("--seeds", type=Count(), help="So many trainings, with --seed and those after it.  [default: 1]")
@ignore
@tracking
@settings
def train(
    recipe: str,
    data: Path,
    resumed: str | None,
    init: str | None,
    seeds: int | None,
    ignore: str | None,
    tracking: str,
    **given: Any,
) -> None:
    """Train RECIPE (unet, distance_unet, flow_unet, convlstm_unet, mask_rcnn, classical); the last line says the run.

    With --seeds 3 that is the parent of three runs; its report.md has their scores and their spread.

    \b
    Examples:
      cytolapse train unet --data data/PhC-C2DH-U373
      cytolapse train unet --data data/demo --preset quick --seed 1
      cytolapse train unet --data data/demo --seeds 3
      cytolapse train unet --data data/demo --resume RUN_ID
    """
    from trainers import experiment
    from trainers import seeds as several
    from trainers.recipes import RECIPES

    config = Config.resolve(dict(RECIPES[recipe].presets), recipe, given)
    ignored = None if ignore is None else read_ignore(Path(ignore))
    if resumed is not None and init is not None:
        raise CytolapseError("--init can't be given with --resume: that run has weights of its own; leave it out")
    if resumed is not None and several.is_parent(resumed, tracking):
        given |= {"recipe": recipe, "seeds": seeds}
        _end(*several.resume_seeds(resumed, data, tracking, given, ignored))
    elif resumed is not None and seeds is not None:
        raise CytolapseError(f"--seeds can't be given with --resume {resumed}, which is one training: leave it out")
    elif resumed is not None:
        click.echo(experiment.resume(resumed, data, tracking, {**given, "recipe": recipe}, ignored))
    elif seeds is not None and seeds > 1:
        _end(*several.train_seeds(several.Plan(config, seeds, init or ""), data, tracking, ignored))
    else:
        click.echo(experiment.train(config, data, tracking, init, ignore=ignored))


def _end(line: str, failed: int) -> None:
    """Say where the parent is; exit code 1 where a child failed."""
    click.echo(line)
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("run")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A data set in CTC layout.")
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="Which part.")
@ignore
@tracking
def evaluate(run: str, data: Path, split: str, ignore: str | None, tracking: str) -> None:
    """Score the model of RUN (id or spool folder); masks, tables and curves go to the run.

    Of a training with --seeds, every seed is scored, and the table of the parent is renewed.

    \b
    Example:
      cytolapse evaluate RUN_ID --data data/PhC-C2DH-U373
    """
    from trainers.evaluate import evaluate_run
    from trainers.seeds import evaluate_seeds, is_parent

    ignored = None if ignore is None else read_ignore(Path(ignore))
    score = evaluate_seeds if is_parent(run, tracking) else evaluate_run
    click.echo(score(run, data, split, tracking, ignored))


@click.command("log-masks")
@click.argument("prediction", metavar="PRED", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The data set, in CTC layout.")
@click.option("--name", required=True, help="What made the masks; tables show it in the place of a recipe.")
@click.option("--sequence", type=Text(), default=None, help="Which sequence PRED is of, as 02; where that isn't plain.")
@click.option("--test-sequence", "--test_sequence", type=Text(), default=None, help="As in `train`.")
@click.option("--param", "settings", metavar="KEY=VALUE", multiple=True, help="A setting of the tool; may be repeated.")
@ignore
@tracking
def log_masks(
    prediction: Path, data: Path, name: str, settings: tuple[str, ...], tracking: str, **which: str | None
) -> None:
    """Log the masks in PRED, whoever made them, as a run like ours: scored, and comparable with trained models.

    PRED holds label images (0 = background, one id a cell) of one sequence: a folder of TIFF or PNG files with the
    frame number in their names, or one TIFF stack; or a folder with NN_RES or NN for several. What `train` would test
    on is scored, and its validation part where PRED has it. No model is stored: such a run can't be promoted.

    \b
    Examples:
      cytolapse log-masks results/02_RES --data data/PhC-C2DH-U373 --name cellpose --param diameter=60
      cytolapse log-masks masks.tif --data data/my-cells --name stardist --sequence 02
    """
    from trainers.log_masks import Prediction, settings_of
    from trainers.log_masks import log_masks as log

    sequence, tested, ignored = (which[each] or "" for each in ("sequence", "test_sequence", "ignore"))
    given = Prediction(prediction, name, sequence, settings_of(settings))
    click.echo(log(given, data, tested, read_ignore(Path(ignored)) if ignored else None, tracking))


@click.group()
def trainers() -> None:
    """Train and evaluate."""


trainers.add_command(train)
trainers.add_command(evaluate)
trainers.add_command(log_masks)
