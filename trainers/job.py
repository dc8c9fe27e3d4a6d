"""A training in progress: what it needs, how far it is, and what a checkpoint holds of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from cytolapse.errors import CytolapseError
from trainers.clips import Clips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cytolapse.data import Movie
    from cytolapse.learner import Learner
    from cytolapse.networks import State
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import Run
    from trainers.validate import Validation

PROGRESS = ("step", "seconds", "best", "best_step", "stale", "latest", "best_weights", "carried")


class DivergedError(CytolapseError):
    """Loss or gradient is no number: going on would end the same way."""


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
        ignore: text of the ignore list; "" where there is none.
        step: optimiser steps done.
        seconds: that they took, with validation, in all processes that had a part in it.
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
    ignore: str = ""
    step: int = 0
    seconds: float = 0.0
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
        facts = {"config": config, "digest": self.digest, "ignore": self.ignore, "random": torch.get_rng_state()}
        return {**facts, "progress": progress, "parts": parts}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`.

        Raises:
            CytolapseError: it is the state of another architecture.
        """
        for name, value in state["progress"].items():
            setattr(self, name, value)
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state["parts"][name])
        except (RuntimeError, KeyError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise CytolapseError(f"the checkpoint is of another architecture ({reason}): train a new run") from error
        torch.set_rng_state(state["random"])
