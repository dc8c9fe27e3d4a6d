"""Tracks compared: how many links it takes to turn the predicted tracks into those of the truth.

Both sides are graphs: a node is an object in a frame, an edge joins it to itself in the next frame (a track link) or a
parent to its daughter (a parent link). A predicted node stands for the truth node that it covers, where it covers just
one; predicted edges between such nodes are compared with the truth's.
Source: Matula et al. 2015, Cell tracking accuracy measurement based on comparison of acyclic oriented graphs.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Ints

REDUNDANT_COST, ABSENT_COST, WRONG_KIND_COST = 1.0, 1.5, 1.0

Node = tuple[int, int]
"""Frame number and id of an object."""


class Tracks(NamedTuple):
    """The tracks of one sequence: (N, 4) int64 each, rows of label, first frame, last frame, parent (0 = none)."""

    truth: Ints
    prediction: Ints


class Links(NamedTuple):
    """Corrections of the predicted links: to take away, to add, of the wrong kind; and how many the truth has."""

    redundant: int = 0
    absent: int = 0
    wrong_kind: int = 0
    truth: int = 0

    @property
    def cost(self) -> float:
        """What the corrections cost."""
        return REDUNDANT_COST * self.redundant + ABSENT_COST * self.absent + WRONG_KIND_COST * self.wrong_kind

    @property
    def worst(self) -> float:
        """What it costs to add every link of the truth."""
        return ABSENT_COST * self.truth


def compare_links(markers: Iterable[Matching], tracks: Mapping[str, Tracks]) -> dict[tuple[str, int], Links]:
    """Sequence and frame -> the corrections of the links that end there; every frame of sequences that have tracks.

    Args:
        markers: TRA markers against predictions; the tracks of a sequence count in these frames only.
        tracks: sequence -> both sides' tracks.
    """
    frames: dict[str, list[Matching]] = {name: [] for name in tracks}
    for each in sorted(markers, key=lambda each: each.frame):
        if each.sequence in frames:
            frames[each.sequence].append(each)
    return {(name, frame): links for name in tracks for frame, links in _compare(frames[name], *tracks[name]).items()}


def total(links: Iterable[Links]) -> Links:
    """Their sum."""
    return Links(*(sum(counts) for counts in zip(Links(), *links, strict=True)))


def _compare(frames: Sequence[Matching], truth: Ints, prediction: Ints) -> dict[int, Links]:
    """The corrections of one sequence, its frames in order."""
    expected = edges({each.frame: set(each.table.truth.ids.tolist()) for each in frames}, truth)
    linked = edges({each.frame: set(each.table.prediction.ids.tolist()) for each in frames}, prediction)
    stands_for = {node: other for each in frames for node, other in _pairs(each)}
    found = {
        (stands_for[start], stands_for[end]): kind
        for (start, end), kind in linked.items()
        if start in stands_for and end in stands_for
    }
    both = expected.keys() & found.keys()
    wrong = {edge for edge in both if expected[edge] != found[edge]}
    counted = [Counter(end[0] for _, end in those) for those in (found.keys() - both, expected.keys() - both, wrong)]
    counted.append(Counter(end[0] for _, end in expected))
    return {each.frame: Links(*(counts[each.frame] for counts in counted)) for each in frames}


def edges(ids: Mapping[int, set[int]], tracks: Ints) -> dict[tuple[Node, Node], bool]:
    """Every link -> whether it is a parent's.

    A track that is absent from a frame has no link across it; a parent link needs the parent in its last frame and the
    daughter in her first one.

    Args:
        ids: frame number -> labels in that frame, in order of time.
        tracks: (N, 4), as in `Tracks`.
    """
    found = {
        ((frame, label), (following, label)): False
        for (frame, labels), (following, others) in pairwise(ids.items())
        for label in labels & others
    }
    ends = {label: last for label, _, last, _ in tracks.tolist()}
    for label, first, _, parent in tracks.tolist():
        last = ends.get(parent) if parent else None
        if last is not None and parent in ids.get(last, ()) and label in ids.get(first, ()):
            found[(last, parent), (first, label)] = True
    return found


def _pairs(matching: Matching) -> Iterable[tuple[Node, Node]]:
    """Each predicted object that covers just one truth object, with that one."""
    table, alone = matching.table, matching.covers & (matching.covered[matching.table.columns] == 1)
    of_pred, of_truth = table.prediction.ids[table.columns[alone]], table.truth.ids[table.rows[alone]]
    for one, other in zip(of_pred.tolist(), of_truth.tolist(), strict=True):
        yield (matching.frame, one), (matching.frame, other)
