"""The weights that a training starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.learner import Learner
from cytolapse.pixel_size import warn_of_scale
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import load_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


def start(segmenter: Segmenter, init: str | None) -> Mapping[str, str]:
    """Give the model the weights it starts from, where there are any; tags that say so.

    Args:
        segmenter: what is to be trained.
        init: a model to start from, as `load_folder` takes it.

    Raises:
        CytolapseError: there is no such model, or it is built otherwise.
    """
    if init is None:
        return segmenter.model.published() if isinstance(segmenter.model, Learner) else {}
    if segmenter.config.pretrained == "yes":
        raise CytolapseError(f"--pretrained yes can't be given with --init {init}, which has weights: leave out one")
    start_from(segmenter, init)
    return {}


def start_from(segmenter: Segmenter, init: str) -> None:
    """Take over the weights of a model that is built alike.

    Raises:
        CytolapseError: as `start`.
    """
    other = Segmenter.load(load_folder(init), device="cpu")
    for name in ("model", "network", "head", "widths", "anchors"):
        mine, theirs = getattr(segmenter.config, name), getattr(other.config, name)
        if mine != theirs:
            raise CytolapseError(f"--init {init} has {name} {theirs!r}, this training {mine!r}: give --{name} {theirs}")
    warn_of_scale(f"--init {init}", other.um, "the data", segmenter.um)
    if isinstance(segmenter.model, Learner) and isinstance(other.model, Learner):
        try:
            segmenter.model.load_state_dict(other.model.state_dict())
        except RuntimeError as error:
            raise CytolapseError(f"--init {init} has weights of other shapes: give the settings it has") from error
