"""One experiment from data to a logged, evaluated segmenter."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import numpy as np
from lightning_fabric import seed_everything

from cytolapse.config import Config
from cytolapse.data import DataSet, Split, default_split, open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.heads import ceiling
from cytolapse.metrics import METRIC_SCHEMA_VERSION
from cytolapse.models import MapModel
from cytolapse.segmenter import Segmenter, pick_device
from cytolapse.tracking import Run, load_folder, resume_run, start_run
from trainers import checkpoint, provenance
from trainers.evaluate import evaluate_split
from trainers.fit import Fit
from trainers.recipes import RECIPES
from trainers.validate import Validation

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("cytolapse.train")
CEILING_FRAMES = 20


def train(config: Config, data: Path, tracking: str = "", init: str | None = None) -> str:
    """Train, choose the operating point, evaluate on validation; the line that says where the run is.

    Args:
        config: the experiment.
        data: a data set in CTC layout.
        tracking: the store, or `spool:DIR`.
        init: a model to start from, as `load_folder` takes it.

    Raises:
        CytolapseError: the data or the config can't work.
    """
    dataset, split = _open(config, data)
    segmenter = _build(config, dataset)
    if init is not None:
        _start_from(segmenter, init)
    name = "-".join(filter(None, (config.recipe, config.head)))
    with start_run(tracking=tracking, experiment=dataset.name, name=name) as run:
        _log_setup(run, segmenter, dataset, split)
        run.tags({"cytolapse.init": init or ""})
        _train(run, segmenter, dataset, split)
    return run.closing_line()


def resume(reference: str, data: Path, tracking: str = "") -> str:
    """Go on with a run that was cut, as if it had not been.

    Raises:
        CytolapseError: the run left no checkpoint, or the data are not those it was trained on.
    """
    run = resume_run(reference, tracking=tracking)
    path = run.fetch("checkpoints/last.pt")
    config = Config.from_dict(checkpoint.load(path)["config"])
    dataset, split = _open(config, data)
    segmenter = _build(config, dataset)
    with run:
        _train(run, segmenter, dataset, split, path)
    return run.closing_line()


def _open(config: Config, data: Path) -> tuple[DataSet, Split]:
    pick_device(config.device)
    dataset = open_dataset(data)
    dataset.need_truth(config.train_on)
    return dataset, default_split(dataset)


def _build(config: Config, dataset: DataSet) -> Segmenter:
    """The untrained segmenter; before any run is opened, so that a wrong name leaves none behind."""
    seed_everything(config.seed, verbose=False)
    return Segmenter.build(config, um=dataset.um)


def _start_from(segmenter: Segmenter, init: str) -> None:
    other = Segmenter.load(load_folder(init), device="cpu")
    for name in ("model", "network", "head", "widths"):
        mine, theirs = getattr(segmenter.config, name), getattr(other.config, name)
        if mine != theirs:
            raise CytolapseError(f"--init {init} has {name} {theirs!r}, this training {mine!r}: give --{name} {theirs}")
    if isinstance(segmenter.model, MapModel) and isinstance(other.model, MapModel):
        segmenter.model.load_state_dict(other.model.state_dict())


def _train(run: Run, segmenter: Segmenter, dataset: DataSet, split: Split, path: Path | None = None) -> None:
    config = segmenter.config
    movies = split.movies(dataset, "validation")
    validation = Validation(movies, config.train_on, dataset.border, config.validate_frames)
    job = Fit(segmenter, split.movies(dataset, "train"), validation, run)
    recipe = RECIPES[config.recipe]
    if recipe.fit is not None:
        try:
            recipe.fit(job, path)
        finally:
            if job.last_path.is_file():
                run.artifact(job.last_path, folder="checkpoints")
        run.model(job.last_model, name="last", step=job.step, kind="checkpoint")
        log.info("best validation at step %d of %d", job.best_step, job.step)
        run.metrics({"train/best_step": job.best_step, "train/steps": job.step})
    segmenter, table = validation.choose_point(segmenter)
    run.json(table, "operating-points.json")
    segmenter.save(run.folder / "segmenter")
    run.model(run.folder / "segmenter", name="segmenter", step=job.best_step, kind="segmenter")
    evaluate_split(segmenter, dataset, split, "val", run)


def _log_setup(run: Run, segmenter: Segmenter, dataset: DataSet, split: Split) -> None:
    config = segmenter.config
    run.params({f"cfg.{name}": value for name, value in config.as_dict().items()})
    run.tags(
        {
            "cytolapse.dataset": dataset.name,
            "cytolapse.digest": dataset.digest,
            "cytolapse.recipe": config.recipe,
            "cytolapse.head": config.head,
            "cytolapse.split": json.dumps(split.as_dict()),
            "cytolapse.machine": provenance.machine(),
            "cytolapse.seed": str(config.seed),
            "cytolapse.git_commit": provenance.commit(),
            "cytolapse.versions": json.dumps(provenance.versions()),
            "metric_schema_version": str(METRIC_SCHEMA_VERSION),
        }
    )
    run.input(dataset.name, dataset.digest, context="training", source=str(dataset.path))
    run.metrics({"ceiling/seg": _ceiling(segmenter, dataset, split)})


def _ceiling(segmenter: Segmenter, dataset: DataSet, split: Split) -> float | None:
    model = segmenter.model
    if not isinstance(model, MapModel):
        return None
    frames = []
    for movie in split.movies(dataset, "validation"):
        truth = movie.references[segmenter.config.train_on]
        frames += [np.asarray(truth.labels[t]) for t in np.flatnonzero(truth.known)]
    return ceiling(model.head, frames[:: max(1, len(frames) // CEILING_FRAMES)])
