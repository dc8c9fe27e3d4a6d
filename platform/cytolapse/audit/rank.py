"""Ranking: what is unusual about a frame counts, not what goes on from frame to frame.

Models that learned from the same data are wrong in the same way: all of them take debris that never moves for a cell,
and all lose the same thin processes. Such a disagreement stands in the frames before and after as well. An error of the
silver mask mostly does not: there, silver and the models agree about the same cell.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from cytolapse.audit.disagreement import Case, cases
from cytolapse.metrics import match

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cytolapse.audit.scene import Scene

REACH = 2
"""Frames before and after in which a cell is looked up."""
Links = dict[int, int]
"""Label in one frame -> label of the object in another that shares most pixels with it."""


class Finding(NamedTuple):
    """A case and how unusual it is.

    Attributes:
        sequence: where it is.
        frame: its number.
        case: what it is.
        persistence: 0 ... 1: how much silver and the models disagree about the cell in the frames before and after.
        models: names of the models that agree.
    """

    sequence: str
    frame: int
    case: Case
    persistence: float
    models: tuple[str, ...]

    @property
    def score(self) -> float:
        """0 ... 1: agreement of the models * their disagreement with silver * (1 - persistence)."""
        return self.case.agreement * self.case.amount * (1 - self.persistence)


def rank(scenes: Sequence[Scene], weights: Sequence[float]) -> list[Finding]:
    """Every case of every frame, by falling score.

    Args:
        scenes: the sequences.
        weights: how much each model's word counts.

    Raises:
        CytolapseError: a mask is of another size than silver, or can't be read.
    """
    found: list[Finding] = []
    with tqdm(total=sum(len(scene.numbers) for scene in scenes), desc="audit", unit="frame", dynamic_ncols=True) as bar:
        for scene in scenes:
            story = _Story()
            for number in scene.numbers:
                story.add(scene, number, weights)
                bar.update()
            found += story.findings(scene)
    return sorted(found, key=lambda each: (-each.score, each.sequence, each.frame, each.case))


def by_frame(found: Sequence[Finding]) -> list[tuple[str, int, float, int]]:
    """Sequence, frame, summed score and number of cases with a score, of every frame, by falling score."""
    scores: dict[tuple[str, int], list[float]] = defaultdict(list)
    for each in found:
        scores[each.sequence, each.frame].append(each.score)
    rows = [(*place, sum(each), sum(score > 0 for score in each)) for place, each in scores.items()]
    return sorted(rows, key=lambda row: (-row[2], row[:2]))


@dataclass
class _Story:
    """The frames of one sequence so far: their cases, and which object is which from frame to frame."""

    cases: dict[int, list[Case]] = field(default_factory=dict)
    models: dict[int, list[tuple[str, ...]]] = field(default_factory=dict)
    amounts: dict[int, dict[int, float]] = field(default_factory=dict)
    links: dict[tuple[str, int, int], Links] = field(default_factory=dict)
    last: tuple[int, dict[str, NDArray[np.integer]]] | None = None

    def add(self, scene: Scene, number: int, weights: Sequence[float]) -> None:
        """Take in the next frame."""
        silver, agreed = scene.silver[number], scene.agreed(number, weights)
        found = self.cases[number] = cases(silver, agreed, scene.border)
        self.amounts[number] = {label: case.amount for case in found for label in case.seen}
        self.models[number] = [
            tuple(scene.names[model] for model in sorted(set().union(*(agreed.groups[n - 1] for n in case.seen))))
            if case.seen
            else tuple(scene.names[model] for model in scene.masks(number))
            for case in found
        ]
        now = {"silver": silver, "seen": agreed.labels}
        if self.last is not None and self.last[0] == number - 1:
            for side, labels in now.items():
                self.links[side, number - 1, 1], self.links[side, number, -1] = _links(self.last[1][side], labels)
        self.last = number, now

    def findings(self, scene: Scene) -> Iterator[Finding]:
        """A finding for each case of each frame."""
        for number, found in self.cases.items():
            for case, models in zip(found, self.models[number], strict=True):
                yield Finding(scene.sequence, number, case, self._persistence(number, case), models)

    def _persistence(self, number: int, case: Case) -> float:
        """Mean disagreement about what the models see, 1 where they lose it; of several objects, of the clearest one.

        Where silver alone has an object: in how many of the frames it has it.
        """
        if case.seen:
            values = [
                [1.0 if label is None else self.amounts[at][label] for at, label in self._near("seen", number, each)]
                for each in case.seen
            ]
        else:
            values = [
                [float(label is not None) for _, label in self._near("silver", number, each)] for each in case.silver
            ]
        return min((float(np.mean(each)) for each in values if each), default=0.0)

    def _near(self, side: str, number: int, label: int) -> Iterator[tuple[int, int | None]]:
        """Frames around and the object's label there, followed from frame to frame; None where it ends."""
        for way in (1, -1):
            at, now = number, label
            for _ in range(REACH):
                links = self.links.get((side, at, way))
                if links is None:
                    break
                at, after = at + way, links.get(now)
                yield at, after
                if after is None:
                    break
                now = after


def _links(one: NDArray[np.integer], other: NDArray[np.integer]) -> tuple[Links, Links]:
    """Forth and back."""
    table = match(one, other).table
    rising = np.argsort(table.shared, kind="stable")
    left, right = table.truth.ids[table.rows[rising]].tolist(), table.prediction.ids[table.columns[rising]].tolist()
    return dict(zip(left, right, strict=True)), dict(zip(right, left, strict=True))
