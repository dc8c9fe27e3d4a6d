"""Scene: one sequence with its silver masks and the masks of each model; how much each model's word counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tqdm import tqdm

from cytolapse.audit.consensus import Consensus, consensus
from cytolapse.errors import CytolapseError
from cytolapse.metrics import match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.data.tiff import Array

WEIGHED = 100
"""Frames on which models are weighed, at most."""
PERCENT = 50


@dataclass(frozen=True, eq=False)
class Scene:
    """One sequence: its silver masks, and what each model makes of its frames.

    Attributes:
        sequence: its name.
        silver: frame number -> labels (Y, X).
        models: one mapping like that for each model, in the order of `names`; not all need to hold the same frames.
        names: what to call the models.
        border: objects entirely inside this many px along the edge are left out.
    """

    sequence: str
    silver: Mapping[int, Array]
    models: Sequence[Mapping[int, Array]]
    names: Sequence[str]
    border: int = 0

    @cached_property
    def numbers(self) -> list[int]:
        """The frames that silver and at least two models know."""
        held = Counter(number for masks in self.models for number in masks)
        return sorted(number for number in self.silver if held[number] > 1)

    def masks(self, number: int) -> dict[int, Array]:
        """Model -> labels of one frame.

        Raises:
            CytolapseError: a mask is of another size than silver.
        """
        found = {model: masks[number] for model, masks in enumerate(self.models) if number in masks}
        shape = self.silver[number].shape
        for model, labels in found.items():
            if labels.shape != shape:
                raise CytolapseError(
                    f"{self.names[model]}: its mask of frame {number} of sequence {self.sequence} is "
                    f"{' x '.join(map(str, labels.shape))} px, the silver mask {' x '.join(map(str, shape))}: "
                    "evaluate the run again on these data"
                )
        return found

    def agreed(self, number: int, weights: Sequence[float]) -> Consensus:
        """What the models agree on in one frame."""
        return consensus(self.masks(number), weights, self.border)


def f1_of_models(scenes: Sequence[Scene]) -> list[float]:
    """F1 of each model against silver at IoU 0.5, on at most about 100 frames, evenly spread.

    Raises:
        CytolapseError: no frame is known to two models, or none of them finds anything that silver has.
    """
    frames = [(scene, number) for scene in scenes for number in scene.numbers]
    if not frames:
        raise CytolapseError("no frame has a silver mask and masks of two of these runs: give runs of the same frames")
    found, objects = Counter[int](), Counter[int]()
    chosen = frames[:: max(1, -(-len(frames) // WEIGHED))]
    for scene, number in tqdm(chosen, desc="weighing the models", unit="frame", leave=False, dynamic_ncols=True):
        for model, labels in scene.masks(number).items():
            compared = match(scene.silver[number], labels, scene.border)
            found[model] += 2 * len(compared.matched(PERCENT))
            objects[model] += compared.n_truth + compared.n_pred
    if not found.total():
        raise CytolapseError(
            "no model has any object that silver has too (IoU 0.5): are silver or the runs of other frames?"
        )
    return [found[model] / max(objects[model], 1) for model in range(len(scenes[0].names))]


def weights_of(f1: Sequence[float]) -> list[float]:
    """How much each model's word counts: the square of its F1, so that a weak one spoils nothing."""
    return [max(each * each, 1e-6) for each in f1]
