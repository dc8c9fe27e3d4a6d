"""One experiment from data to a logged, evaluated segmenter."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning_fabric import seed_everything

from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.heads import ceiling
from cytolapse.learner import Learner
from cytolapse.metrics import SELECTION
from cytolapse.metrics.movies import known
from cytolapse.postprocess import apply_steps
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import Parent, Run, resume_run, start_run
from trainers import checkpoint, provenance
from trainers.evaluate import evaluate_split, log_ignore
from trainers.fit import fit
from trainers.job import DivergedError, Fit
from trainers.masks import Segmented
from trainers.opening import need_same_settings, open_for_training, own_list
from trainers.precision import settled
from trainers.recipes import RECIPES
from trainers.reproduce import COMMAND, command
from trainers.search import search
from trainers.starting import start
from trainers.validate import Validation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cytolapse.data import DataSet, Movie, Split
    from cytolapse.data.ignore import IgnoreList

log = logging.getLogger("cytolapse.train")
CEILING_FRAMES = 20
STRETCH = 8
"""Frames in a row on which a recurrent network is validated."""


def train(
    config: Config,
    data: Path,
    tracking: str = "",
    init: str | None = None,
    parent: Parent | None = None,
    ignore: IgnoreList | None = None,
) -> str:
    """Train, choose the operating point, evaluate on validation; the line that says where the run is.

    Args:
        config: the experiment.
        data: a data set in CTC layout.
        tracking: the store, or `spool:DIR`.
        init: a model to start from, as `load_folder` takes it.
        parent: the run that this one is a part of.
        ignore: what of the silver truth is neither learned nor scored.

    Raises:
        CytolapseError: the data or the config can't work.
    """
    segmenter, dataset, split, started = prepared(config, data, init, ignore)
    with start_run(tracking=tracking, experiment=dataset.name, name=run_name(config), parent=parent) as run:
        _log_setup(run, segmenter, dataset, split)
        again = command(segmenter.config, data, init, ignore is not None)
        run.tags({"cytolapse.init": init or "", COMMAND: again, **started})
        _train(run, segmenter, dataset, split)
    return run.closing_line()


def prepared(
    config: Config, data: Path, init: str | None, ignore: IgnoreList | None
) -> tuple[Segmenter, DataSet, Split, Mapping[str, str]]:
    """The untrained segmenter, its data, their split and tags that say what it starts from; no run is opened yet.

    Raises:
        CytolapseError: the data or the config can't work.
    """
    config = settled(config)
    segmenter = _build(config)
    dataset, split = open_for_training(config, data, ignore)
    segmenter = replace(_adapted(segmenter, split.movies(dataset, "train")), um=dataset.um)
    return segmenter, dataset, split, start(segmenter, init)


def run_name(config: Config) -> str:
    """What runs of a config are called, before their short id."""
    return "-".join(filter(None, (config.recipe, config.head)))


def resume(
    reference: str,
    data: Path,
    tracking: str = "",
    given: Mapping[str, Any] | None = None,
    ignore: IgnoreList | None = None,
) -> str:
    """Go on with a run that was cut, as if it had not been.

    Args:
        reference: the run, as `resume_run` takes it.
        data: the data set it was trained on.
        tracking: the store, or `spool:DIR`.
        given: fields of Config that were named again; they must be the run's own (None = not given).
        ignore: the ignore list, where it is named again; it must be the run's own.

    Raises:
        CytolapseError: the run left no checkpoint, the data are not those it was trained on, or a setting differs.
    """
    run = resume_run(reference, tracking=tracking)
    try:
        path = run.fetch("checkpoints/last.pt")
        state = checkpoint.load(path)
        config = Config.from_dict(state["config"])
        need_same_settings(config, given or {})
        dataset, split = open_for_training(config, data, own_list(state.get("ignore", ""), ignore))
        if dataset.digest != state["digest"]:
            raise CytolapseError(f"{data} is not what {reference} was trained on: give those data, or train a new run")
        segmenter = replace(_build(config), um=dataset.um)
    except CytolapseError:
        run.close()
        raise
    with run:
        _train(run, segmenter, dataset, split, path)
    return run.closing_line()


def _build(config: Config) -> Segmenter:
    """The untrained segmenter; before data are read and a run is opened, so that a wrong name costs nothing."""
    seed_everything(config.seed, verbose=False)
    segmenter = Segmenter.build(config)
    own = Config.resolve(dict(RECIPES[config.recipe].presets), config.recipe, {"preset": config.preset}).model
    if config.model != own:
        raise CytolapseError(f"--model is {config.model}: {config.recipe} is a recipe for {own}; leave it out")
    return segmenter


def _adapted(segmenter: Segmenter, movies: Sequence[Movie]) -> Segmenter:
    adapt = RECIPES[segmenter.config.recipe].adapt
    config = segmenter.config if adapt is None else adapt(segmenter.config, movies)
    return segmenter if config == segmenter.config else _build(config)


def _train(run: Run, segmenter: Segmenter, dataset: DataSet, split: Split, path: Path | None = None) -> None:
    config, model = segmenter.config, segmenter.model
    movies = [movie for movie in split.movies(dataset, "validation") if config.train_on in movie.references]
    stretch = STRETCH if model.recurrent else 1
    validation = Validation(movies, config.train_on, dataset.border, config.validate_frames, stretch)
    step = 0
    if isinstance(model, Learner):
        job = Fit(segmenter, model, split.movies(dataset, "train"), validation, run, dataset.digest)
        job.ignore = "" if dataset.ignore is None else dataset.ignore.text
        _fit(job, path)
        step = job.best_step
    started = time.perf_counter()
    table = search(segmenter, validation.cached(segmenter))
    segmenter = segmenter.at(table.chosen)
    log.info("%s, %.0f s", table, time.perf_counter() - started)
    run.json(table.rows, "operating-points.json")
    run.text(table.csv, "operating-points.csv")
    run.metrics({"train/peak_memory_gb": provenance.peak_memory_gb()})
    segmenter.save(run.folder / "segmenter")
    run.model(run.folder / "segmenter", name="segmenter", step=step, kind="segmenter")
    evaluate_split(Segmented(segmenter), dataset, split, "val", run)


def _fit(job: Fit, path: Path | None) -> None:
    run = job.run
    log.info("%s starts; its events are kept in %s", run.name, run.folder)
    try:
        fit(job, path)
    except BaseException as error:
        _say_how_to_go_on(job, isinstance(error, DivergedError))
        raise
    finally:
        if job.last_path.is_file():
            run.artifact(job.last_path, folder="checkpoints")
    run.model(job.last_model, name="last", step=job.step, kind="checkpoint")
    run.metrics({f"val/{SELECTION}": job.latest}, step=job.step, model="last")
    log.info("best validation at step %d of %d", job.best_step, job.step)
    took = {"train/steps": job.step, "train/minutes": job.seconds / 60}
    run.metrics({"train/best_step": job.best_step, **took})


def _say_how_to_go_on(job: Fit, diverged: bool) -> None:
    """From the last checkpoint where there is one; of a training that diverged, only its weights are of use."""
    config, where = job.segmenter.config, job.run.run_id or f"spool:{job.run.folder}"
    if diverged and job.last_model.is_dir():
        mend = f"--init {job.last_model} --learning-rate {config.learning_rate / 10:g} --data DATA"
        log.warning("weights of the last good validation: cytolapse train %s %s", config.recipe, mend)
    elif job.last_path.is_file() and not diverged:
        log.warning("stopped at step %d; go on with: cytolapse train %s --resume %s", job.step, config.recipe, where)


def _log_setup(run: Run, segmenter: Segmenter, dataset: DataSet, split: Split) -> None:
    config = segmenter.config
    run.params({f"cfg.{name}": value for name, value in config.as_dict().items()})
    run.tags(
        {
            **provenance.tags(dataset, split),
            "cytolapse.recipe": config.recipe,
            "cytolapse.head": config.head,
            "cytolapse.seed": str(config.seed),
        }
    )
    run.input(dataset.name, dataset.digest, context="training", source=str(dataset.path.resolve()))
    log_ignore(run, dataset)
    run.metrics({"ceiling/seg": _ceiling(segmenter, dataset, split)})


def _ceiling(segmenter: Segmenter, dataset: DataSet, split: Split) -> float | None:
    model = segmenter.model
    if not isinstance(model, Learner):
        return None
    frames = []
    for movie in split.movies(dataset, "validation"):
        name = segmenter.config.train_on
        frames += [np.asarray(movie.references[name].labels[t]) for t in np.flatnonzero(known(movie, name))]
    shown = frames[:: max(1, -(-len(frames) // CEILING_FRAMES))]
    return ceiling(lambda labels: apply_steps(model.redraw(labels), segmenter.steps), shown)
