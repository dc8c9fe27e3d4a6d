"""Search of the operating point: which parameters of decoding and numbers of steps score best on cached raw output."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cytolapse.heads import REACH
from cytolapse.metrics import SCORES, SELECTION, Pool, Truth
from trainers.spread import spread
from trainers.squeeze import Kept, keep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from cytolapse.heads import Point, Space
    from cytolapse.metrics import Matching
    from cytolapse.postprocess import Step
    from cytolapse.segmenter import Segmenter

CANDIDATES = 200
"""Points tried at most."""


@dataclass(frozen=True)
class Cached:
    """One frame of the validation part: raw output, truth, and the border in px that is left out."""

    raw: Any
    truth: Truth
    border: int = 0

    def only(self, kept: Kept) -> Cached:
        """What of it is kept."""
        labels = kept.of(self.truth.labels)
        return replace(self, raw=kept.of(self.raw), truth=self.truth._replace(labels=labels))


@dataclass(frozen=True)
class Table:
    """What was tried.

    Attributes:
        points: in the order of trying, the default first.
        scores: of each point; 0 where it is undefined.
        frames: on how many frames each was scored.
    """

    points: Sequence[Point]
    scores: Sequence[float]
    frames: int

    @cached_property
    def order(self) -> list[int]:
        """Positions by falling score; of equals the earlier comes first."""
        return sorted(range(len(self.points)), key=lambda index: -self.scores[index])

    @property
    def chosen(self) -> Point:
        """The best."""
        return self.points[self.order[0]]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The point, its score, its frames, whether it is the default and whether it is chosen; the best first."""
        return [
            {**self.points[i], SELECTION: self.scores[i], "frames": self.frames}
            | {"default": i == 0, "chosen": i == self.order[0]}
            for i in self.order
        ]

    @property
    def csv(self) -> str:
        """The rows as CSV."""
        text: str = pd.DataFrame(self.rows).to_csv(index=False)
        return text

    def __str__(self) -> str:
        """One line for the log."""
        point = ", ".join(f"{name} {value:g}" for name, value in self.chosen.items()) or "nothing to choose"
        best, default = self.scores[self.order[0]], self.scores[0]
        tried = f"{len(self.points)} candidates on {self.frames} frames"
        return f"operating point: {point}: {best:.3f} (default {default:.3f}), {tried}"


def search(segmenter: Segmenter, frames: Iterable[Cached]) -> Table:
    """Score the candidates on every frame, on all cores.

    Args:
        segmenter: whose model decodes and whose space is searched.
        frames: one by one; where the head tells its foreground, only what is near it is kept in memory.
    """
    points = candidates(segmenter.space)
    job = _Job(segmenter, points)
    cached = [job.squeezed(frame) for frame in frames]
    found = list(tqdm(spread(job, cached), "operating point", len(cached), unit="frame", dynamic_ncols=True))
    score = SCORES[SELECTION]
    scores = [score(Pool(matchings)) or 0.0 for matchings in zip(*found, strict=True)]
    return Table(points, scores, len(cached))


def candidates(space: Space, most: int = CANDIDATES, seed: int = 0) -> list[dict[str, float]]:
    """The default point, then all others, or as many of them as fit, drawn without repetition; in the space's order."""
    sizes = [len(values) for values in space.values()]
    total = math.prod(sizes)
    numbers = range(total)
    drawn = sorted(random.Random(seed).sample(numbers[1:], most - 1)) if total > most else numbers[1:]
    places = [np.unravel_index(number, sizes) if sizes else () for number in (0, *drawn)]
    return [{name: values[at] for (name, values), at in zip(space.items(), place, strict=True)} for place in places]


@dataclass(frozen=True)
class _Job:
    """All candidates on one frame; each decoding, step and comparison that several of them share is done once."""

    segmenter: Segmenter
    points: Sequence[Point]

    @cached_property
    def margin(self) -> float:
        """How far around a cell must be kept, in px, so that the steps do the same; inf: whole frames."""
        steps = self.segmenter.steps
        return REACH + max(sum(step.at(point).reach for step in steps) for point in self.points)

    def squeezed(self, frame: Cached) -> Cached:
        """What of a frame is near its truth or its model's foreground; all of it where that can't be told."""
        where = self.segmenter.model.foreground(frame.raw) if self.margin < math.inf else None
        if where is None:
            return frame
        return frame.only(keep(where | (frame.truth.labels > 0), math.ceil(self.margin), frame.border))

    def __call__(self, frame: Cached) -> list[Matching]:
        """The matching of every candidate on one frame."""
        found: dict[int, Matching] = {}
        for head, members in self._heads.items():
            labels, truth = self.segmenter.model.decode(frame.raw, dict(head)), frame.truth
            if self.margin < math.inf:
                kept = keep((labels > 0) | (truth.labels > 0), math.ceil(self.margin), frame.border)
                labels, truth = kept.of(labels), truth._replace(labels=kept.of(truth.labels))
            for after, indices in _branches(labels, self.segmenter.steps, members):
                found |= dict.fromkeys(indices, truth.match(after, frame.border))
        return [found[index] for index in range(len(self.points))]

    @cached_property
    def _heads(self) -> Mapping[tuple[tuple[str, float], ...], dict[int, Point]]:
        """Parameters of decoding -> the candidates that have them, by position."""
        names = list(self.segmenter.model.space)
        groups: dict[tuple[tuple[str, float], ...], dict[int, Point]] = {}
        for index, point in enumerate(self.points):
            head = tuple((name, point[name]) for name in names)
            groups.setdefault(head, {})[index] = point
        return groups


def _branches(
    labels: NDArray[np.int32], steps: Sequence[Step], points: Mapping[int, Point]
) -> Iterator[tuple[NDArray[np.int32], list[int]]]:
    """Labels after all steps, each with the positions of the points that lead to them."""
    if not steps:
        yield labels, list(points)
        return
    branches: list[tuple[NDArray[np.int32], dict[int, Point]]] = []
    by_number: dict[Step, dict[int, Point]] = {}
    for index, point in points.items():
        by_number.setdefault(steps[0].at(point), {})[index] = point
    for step, members in by_number.items():
        after = step(labels)
        same = next((there for other, there in branches if np.array_equal(other, after)), None)
        if same is None:
            branches.append((after, members))
        else:
            same.update(members)
    for after, members in branches:
        yield from _branches(after, steps[1:], members)
