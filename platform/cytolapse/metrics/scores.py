"""SCORES: name -> plain function over the matchings of a pool. A new score is one function and one line.

A score is None where its denominator is 0: there is nothing to measure. What counts false positives reads full frames.
Source: Maska et al. 2014 (SEG), Matula et al. 2015 (TRA, and the parts of it about detection, DET, and linking, LNK).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cytolapse.metrics.tracks import Links, Tracks, compare_links, total
from cytolapse.registry import Registry

if TYPE_CHECKING:
    from cytolapse.metrics.matching import Matching

SELECTION = "op_csb_masks"
"""The one score by which checkpoints and runs are chosen, on validation."""

SPLIT_COST, MISS_COST, SPURIOUS_COST = 5, 10, 1


@dataclass(frozen=True)
class Pool:
    """What a score is pooled over.

    Args:
        masks: truth masks against predictions, one matching per frame.
        markers: TRA markers against predictions, for `det`; empty where there are none.
        tracks: sequence -> tracks of its markers and of its predictions, for `tra`; empty where either are absent.
    """

    masks: Sequence[Matching]
    markers: Sequence[Matching] = ()
    tracks: Mapping[str, Tracks] = field(default_factory=dict)

    @property
    def full(self) -> list[Matching]:
        """The matchings of frames whose truth holds every cell."""
        return [each for each in self.masks if each.full]

    @cached_property
    def tracked(self) -> list[Matching]:
        """The matchings of markers in sequences that have tracks."""
        return [each for each in self.markers if each.sequence in self.tracks]

    @cached_property
    def links_by_frame(self) -> dict[tuple[str, int], Links]:
        """Sequence and frame -> the links of the truth that end there, and the corrections of the predicted ones."""
        return compare_links(self.tracked, self.tracks)

    @cached_property
    def links(self) -> Links:
        """The links of the truth, and the corrections that the predicted ones need."""
        return total(self.links_by_frame.values())

    def only(self, sequence: str) -> Pool:
        """The part of one sequence."""
        masks, markers = ([each for each in side if each.sequence == sequence] for side in (self.masks, self.markers))
        return Pool(masks, markers, {name: both for name, both in self.tracks.items() if name == sequence})


Score = Callable[[Pool], float | None]


def pixel_iou(pool: Pool) -> float | None:
    """Foreground shared by truth and prediction / foreground of either, over full frames."""
    shared = sum(int(each.table.shared.sum()) for each in pool.full)
    both = sum(int(each.table.truth.areas.sum() + each.table.prediction.areas.sum()) for each in pool.full)
    return ratio(shared, both - shared)


def seg(pool: Pool) -> float | None:
    """CTC SEG: mean over truth objects of the IoU with the prediction that covers each, else 0.

    False positives cost nothing.
    """
    total = sum(float(each.iou[each.covers].sum()) for each in pool.masks)
    return ratio(total, sum(each.n_truth for each in pool.masks))


def det_masks(pool: Pool) -> float | None:
    """The rule of DET on truth masks, over full frames."""
    return detection(pool.full)


def det(pool: Pool) -> float | None:
    """CTC DET: the rule of DET on TRA markers."""
    return detection(pool.markers)


def op_csb_masks(pool: Pool) -> float | None:
    """Mean of `seg` and `det_masks`."""
    return mean(seg(pool), det_masks(pool))


def op_csb(pool: Pool) -> float | None:
    """CTC OP_CSB: mean of `seg` and `det`."""
    return mean(seg(pool), det(pool))


def lnk(pool: Pool) -> float | None:
    """CTC LNK: 1 - min(A, A0) / A0, A being what correcting the links costs and A0 what adding all of them would."""
    return ratio(pool.links.worst - min(pool.links.cost, pool.links.worst), pool.links.worst)


def tra(pool: Pool) -> float | None:
    """CTC TRA: 1 - min(A, A0) / A0 with the cost of correcting objects (as in DET) and links together."""
    cost, worst = detection_cost(pool.tracked)
    cost, worst = cost + pool.links.cost, worst + pool.links.worst
    return ratio(worst - min(cost, worst), worst)


def op_ctb(pool: Pool) -> float | None:
    """CTC OP_CTB: mean of `seg` and `tra`."""
    return mean(seg(pool), tra(pool))


SCORES: Registry[Score] = Registry(
    "score",
    {
        "pixel_iou": pixel_iou,
        "seg": seg,
        "det_masks": det_masks,
        "det": det,
        "op_csb_masks": op_csb_masks,
        "op_csb": op_csb,
        "tra": tra,
        "lnk": lnk,
        "op_ctb": op_ctb,
    },
)


def all_scores(pool: Pool) -> dict[str, float | None]:
    """Every score of SCORES; None = undefined."""
    return {name: score(pool) for name, score in SCORES.items()}


def detection(matchings: Sequence[Matching]) -> float | None:
    """1 - min(5 NS + 10 FN + FP, 10 N) / (10 N), with "covers" = strictly more than half of the truth object.

    NS sums, over predictions, the truth objects each covers beyond the first; FN are truth objects that nothing covers,
    FP predictions that cover nothing.
    """
    cost, worst = detection_cost(matchings)
    return ratio(worst - min(cost, worst), worst)


def detection_cost(matchings: Sequence[Matching]) -> tuple[float, float]:
    """5 NS + 10 FN + FP and 10 N, of `detection`."""
    splits, missed = sum(each.splits for each in matchings), sum(each.missed for each in matchings)
    spurious = sum(each.spurious for each in matchings)
    cost = SPLIT_COST * splits + MISS_COST * missed + SPURIOUS_COST * spurious
    return cost, MISS_COST * sum(each.n_truth for each in matchings)


def ratio(part: float, whole: float) -> float | None:
    """Part / whole; None where whole is 0."""
    return part / whole if whole else None


def mean(*values: float | None) -> float | None:
    """The mean; None where a value is None."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
