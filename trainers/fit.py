"""The one training loop, on Lightning Fabric."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning_fabric import Fabric
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from cytolapse.errors import CytolapseError
from cytolapse.learner import Clip
from cytolapse.segmenter import pick_device
from trainers import checkpoint
from trainers.clips import Clips
from trainers.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cytolapse.data import Movie
    from cytolapse.learner import Learner
    from cytolapse.networks import State
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import Run
    from trainers.validate import Validation

log = logging.getLogger("cytolapse.train")
MAX_NORM = 10.0
MEND = "use a lower --learning-rate or --precision 32-true"
PROGRESS = ("step", "best", "best_step", "stale", "latest", "best_weights", "carried")


@dataclass
class Fit:
    """A training: what it needs, and how far it is.

    Attributes:
        segmenter: what is validated and saved.
        model: the segmenter's model, trained in place.
        train: the movies of the training part.
        validation: scores the model on the validation part.
        run: where events go; checkpoints lie in its folder.
        digest: of the data set, so that a resumed training can be told from one on other data.
        step: optimiser steps done.
        best: the highest selection score so far.
        best_step: when that was.
        stale: validations since then.
        latest: the selection score of the last validation.
        best_weights: the model's weights then.
        carried: the state that a recurrent network goes on with at the next clip.
    """

    segmenter: Segmenter
    model: Learner
    train: Sequence[Movie]
    validation: Validation
    run: Run
    digest: str
    step: int = 0
    best: float = -1.0
    best_step: int = 0
    stale: int = 0
    latest: float = 0.0
    best_weights: dict[str, Any] = field(default_factory=dict)
    carried: State = None
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def last_path(self) -> Path:
        """The checkpoint to resume from."""
        return self.run.folder / "checkpoints" / "last.pt"

    @property
    def last_model(self) -> Path:
        """The folder of the segmenter as it was at the last validation."""
        return self.run.folder / "last"

    @property
    def finished(self) -> bool:
        """All steps are done, or validation has not improved for `patience` times in the second half."""
        config = self.segmenter.config
        return self.step >= config.train_steps or 0 < config.patience <= self.stale

    @cached_property
    def clips(self) -> Clips:
        """What is learned from."""
        return Clips(self.train, self.model.encode, self.segmenter.config)

    def where(self) -> str:
        """The step that is being done and the frames it learns from."""
        size = self.segmenter.config.batch
        frames = (self.clips.where(n) for n in range(self.step * size, (self.step + 1) * size))
        return f"at step {self.step + 1}, on frames {', '.join(frames)}"

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs to go on bit-identically."""
        progress = {name: getattr(self, name) for name in PROGRESS}
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        config = self.segmenter.config.as_dict()
        facts = {"config": config, "digest": self.digest, "random": torch.get_rng_state()}
        return {**facts, "progress": progress, "parts": parts}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for name, value in state["progress"].items():
            setattr(self, name, value)
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        torch.set_rng_state(state["random"])


def fit(job: Fit, resume: Path | None = None) -> None:
    """Train until all steps are done or validation stops improving; the model ends with its best weights.

    Raises:
        CytolapseError: loss or gradient is not finite, or the memory does not suffice.
    """
    try:
        _fit(job, resume)
    except torch.OutOfMemoryError as error:
        raise CytolapseError("out of memory: use a smaller --batch, --crop or --widths") from error


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
        started = time.perf_counter()
        for clip in _batches(fabric, job):
            learner.train()
            loss = _step(job, fabric, learner, optimizer, clip)
            scheduler.step()
            job.step += 1
            speed = clip.frames.shape[:2].numel() / (time.perf_counter() - started)
            _report(job, bar, loss, speed)
            if job.step % config.validate_every == 0 or job.step == config.train_steps:
                _validate(job)
            if job.finished:
                break
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
        raise CytolapseError(f"the loss became {value} {job.where()}: {MEND}")
    fabric.backward(loss)
    norm = fabric.clip_gradients(learner, optimizer, max_norm=MAX_NORM, error_if_nonfinite=False)
    if norm is not None and not math.isfinite(float(norm)):
        raise CytolapseError(f"the gradient became {float(norm)} {job.where()}: {MEND}")
    optimizer.step()
    return value


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
    selection = job.latest = job.validation.run(job.segmenter, job.model, job.run, job.step)
    # The first half is not counted: while the learning rate is high, a validation says little about the end.
    job.stale += job.step > job.segmenter.config.train_steps // 2
    if selection > job.best:
        job.best, job.best_step, job.stale = selection, job.step, 0
        weights = job.parts["model"].state_dict()
        job.best_weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
    job.segmenter.save(job.last_model)
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


def _batch(fabric: Fabric, job: Fit, size: int) -> Clip:
    parts = zip(*(job.clips[n] for n in range(size)), strict=True)
    return Clip(*(torch.stack(part).to(fabric.device) for part in parts))
