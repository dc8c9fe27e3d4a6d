"""The one training loop, on Lightning Fabric."""

from __future__ import annotations

import logging
import math
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning_fabric import Fabric
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from cytolapse.errors import CytolapseError, is_out_of_memory
from cytolapse.learner import Clip
from cytolapse.segmenter import pick_device
from trainers import checkpoint
from trainers.estimate import estimate
from trainers.job import DivergedError, Fit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cytolapse.config import Config
    from cytolapse.networks import State

log = logging.getLogger("cytolapse.train")
MAX_NORM = 10.0
MEND = "use a lower --learning-rate or --precision 32-true"


def fit(job: Fit, resume: Path | None = None) -> None:
    """Train until all steps are done or validation stops improving; the model ends with its best weights.

    Raises:
        CytolapseError: loss or gradient is not finite, or the memory does not suffice.
    """
    try:
        _fit(job, resume)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise CytolapseError(f"out of memory {job.where()}: {_smaller(job.segmenter.config)}") from error


def _smaller(config: Config) -> str:
    """What takes half the memory."""
    if config.batch > 1:
        return f"--batch {config.batch // 2} takes half of it; a smaller --crop or --widths less, too"
    return f"use a --crop smaller than {config.crop}, or smaller --widths"


def _fit(job: Fit, resume: Path | None) -> None:
    config, model = job.segmenter.config, job.model
    fabric = Fabric(accelerator=pick_device(config.device), devices=1, precision=cast("Any", config.precision))
    model.to(fabric.device)  # before a state is restored: the optimiser's goes where the weights are
    optimizer = AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    scheduler = OneCycleLR(optimizer, max_lr=config.learning_rate, total_steps=config.train_steps, pct_start=0.15)
    job.parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    if resume is None:
        _announce(fabric, job)
        checkpoint.save(job.last_path, job.state())  # so that a training can go on whenever it is cut
    else:
        job.restore(checkpoint.load(resume))
        job.segmenter.save(job.last_model)  # the run's folder may be a new one, on another machine
    learner, optimizer = fabric.setup(model, optimizer)
    with _bar(job) as bar:
        begun = time.perf_counter() - job.seconds
        started = time.perf_counter()
        for clip in _batches(fabric, job):
            learner.train()
            loss = _step(job, fabric, learner, optimizer, clip)
            scheduler.step()
            job.step += 1
            job.seconds = time.perf_counter() - begun
            speed = clip.frames.shape[:2].numel() / (time.perf_counter() - started)
            _report(job, bar, loss, speed)
            if job.step % config.validate_every == 0 or job.step == config.train_steps:
                _check_weights(job, fabric)
                _validate(job)
            if job.finished:
                break
            job.run.stop_if_asked(lambda: checkpoint.save(job.last_path, job.state()))
            started = time.perf_counter()
    model.load_state_dict(job.best_weights)


def _batches(fabric: Fabric, job: Fit) -> Iterator[Clip]:
    config = job.segmenter.config
    workers = 0 if fabric.device.type == "cpu" else 4
    rest = Subset(job.clips, range(job.step * config.batch, len(job.clips)))
    # A loader draws a number when it starts: not from the state that a resumed training restores.
    own = torch.Generator()
    loader = DataLoader(rest, config.batch, num_workers=workers, pin_memory=workers > 0, generator=own)
    return (Clip(*(each.to(fabric.device) for each in batch)) for batch in ([] if job.finished else loader))


def _step(job: Fit, fabric: Fabric, learner: Any, optimizer: Any, clip: Clip) -> float:
    optimizer.zero_grad(set_to_none=True)
    loss, carried = learner(clip, _cut(job.carried, fabric.device))
    job.carried = _cut(carried, fabric.device)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise DivergedError(f"the loss became {value} {job.where()}: {MEND}")
    fabric.backward(loss)
    norm = fabric.clip_gradients(learner, optimizer, max_norm=MAX_NORM, error_if_nonfinite=False)
    if norm is not None and not math.isfinite(float(norm)):
        raise DivergedError(f"the gradient became {float(norm)} {job.where()}: {MEND}")
    optimizer.step()
    return value


def _check_weights(job: Fit, fabric: Fabric) -> None:
    """Refuse weights that give no loss at the next step: the checkpoint before them is the last good one.

    Raises:
        DivergedError: they do.
    """
    config = job.segmenter.config
    trial, first = deepcopy(job.model).train(), job.step % config.train_steps * config.batch
    with torch.no_grad(), fabric.autocast():
        loss = float(trial(_batch(fabric, job, config.batch, first))[0])
    if not math.isfinite(loss):
        raise DivergedError(f"the loss became {loss} after step {job.step}: {MEND}")


def _cut(state: State, device: torch.device) -> State:
    """The state without its history (truncated back-propagation), where the weights are."""
    return None if state is None else tuple(each.detach().to(device) for each in state)


def _bar(job: Fit) -> tqdm[Any]:
    return tqdm(total=job.segmenter.config.train_steps, initial=job.step, desc="train", unit="step", dynamic_ncols=True)


def _report(job: Fit, bar: tqdm[Any], loss: float, speed: float) -> None:
    bar.update()
    best = "-" if job.best < 0 else f"{job.best:.3f}"
    bar.set_postfix(loss=f"{loss:.3f}", frames_per_s=f"{speed:.1f}", best=best, refresh=False)
    job.run.metrics({"train/loss": loss, "train/frames_per_second": speed}, step=job.step)


def _validate(job: Fit) -> None:
    started = time.perf_counter()
    selection = job.latest = job.validation.run(job.segmenter, job.model, job.run, job.step)
    # The first half is not counted: while the learning rate is high, a validation says little about the end.
    job.stale += job.step > job.segmenter.config.train_steps // 2
    if selection > job.best:
        job.best, job.best_step, job.stale = selection, job.step, 0
        weights = job.parts["model"].state_dict()
        job.best_weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
    job.segmenter.save(job.last_model)
    job.seconds += time.perf_counter() - started
    checkpoint.save(job.last_path, job.state())


def _announce(fabric: Fabric, job: Fit) -> None:
    """Say what the training takes, before it starts.

    Raises:
        CytolapseError: a batch does not fit into the memory.
    """
    config = job.segmenter.config
    one = estimate(fabric, job.model, _batch(fabric, job, 1))
    one.check_fits(config.batch, fabric.device)
    guess = estimate(fabric, job.model, _batch(fabric, job, config.batch))
    minutes = guess.seconds_per_step * config.train_steps / 60
    log.info(
        "%d steps of %d clips: about %.1f min without validation, %.2f GB of memory, on %s",
        *(config.train_steps, config.batch, minutes, guess.bytes / 1e9, fabric.device),
    )
    job.run.tags({"cytolapse.estimate_minutes": f"{minutes:.2f}", "cytolapse.estimate_gb": f"{guess.bytes / 1e9:.2f}"})


def _batch(fabric: Fabric, job: Fit, size: int, first: int = 0) -> Clip:
    parts = zip(*(job.clips[n] for n in range(first, first + size)), strict=True)
    return Clip(*(torch.stack(part).to(fabric.device) for part in parts))
