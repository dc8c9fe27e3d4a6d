"""Objects and what went wrong with each, at one-to-one IoU >= 0.5."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Ints, Objects

PERCENT = 50
TRUTH_KINDS = ("matched", "merged", "split", "missed")
PRED_KINDS = ("matched", "merging", "fragment", "spurious")
UNJUDGED = "unjudged"


@dataclass(frozen=True)
class Kinds:
    """The kind of each object of one frame: truth (n_truth,) of TRUTH_KINDS, prediction (n_pred,) of PRED_KINDS."""

    truth: list[str]
    prediction: list[str]


def kinds(matching: Matching) -> Kinds:
    """Sort the objects of one frame; of the kinds that hold for an object, the first in the list counts.

    merged: the prediction that covers the truth object covers another one too (such a prediction is merging);
    split: two or more predictions lie mostly inside it (each of them is a fragment); missed, spurious: none of it.
    """
    table, pairs = matching.table, matching.matched(PERCENT)
    inside = np.bincount(table.rows[matching.lies_in], minlength=matching.n_truth)
    in_merge = matching.covers & (matching.covered[table.columns] > 1)
    in_split = matching.lies_in & (inside[table.rows] > 1)
    merged, split = table.rows[in_merge], table.rows[in_split]
    merging, fragment = table.columns[in_merge], table.columns[in_split]
    return Kinds(
        _names(TRUTH_KINDS, matching.n_truth, (table.rows[pairs], merged, split)),
        _names(PRED_KINDS, matching.n_pred, (table.columns[pairs], merging, fragment)),
    )


def _names(names: tuple[str, ...], count: int, members: tuple[Ints, ...]) -> list[str]:
    kind = np.full(count, len(members))
    for position, objects in reversed(list(enumerate(members))):
        kind[objects] = position
    return [names[each] for each in kind]


def count_kinds(matchings: Iterable[Matching]) -> dict[str, int]:
    """Kind -> number of objects; "matched" counts truth objects, and predictions are counted on full frames only."""
    counts = Counter(dict.fromkeys((*TRUTH_KINDS, *PRED_KINDS), 0))
    for matching in matchings:
        found = kinds(matching)
        counts.update(found.truth)
        if matching.full:
            counts.update(kind for kind in found.prediction if kind != "matched")
    return dict(counts)


def object_rows(matching: Matching) -> Iterator[dict[str, Any]]:
    """One row per object of a frame, truth objects first.

    `truth` and `prediction` are ids: the object's own and its partner's, which is its match, or else the object of
    largest IoU (`iou` is with that one), or None with IoU 0. Predictions without a match are "unjudged" where the
    truth does not hold every cell of the frame. `area` is in pixels, `y` and `x` are its centre in pixels.
    """
    table, found = matching.table, kinds(matching)
    sides = (
        ("truth", table.truth, table.prediction, found.truth, (table.rows, table.columns)),
        ("prediction", table.prediction, table.truth, found.prediction, (table.columns, table.rows)),
    )
    for side, own, other, kind, (mine, theirs) in sides:
        other_side = "prediction" if side == "truth" else "truth"
        judged = matching.full or side == "truth"
        for position, (partner, iou) in enumerate(_partners(matching, own, mine)):
            yield {
                "sequence": matching.sequence,
                "frame": matching.frame,
                "side": side,
                side: int(own.ids[position]),
                other_side: None if partner < 0 else int(other.ids[theirs[partner]]),
                "iou": iou,
                "area": int(own.areas[position]),
                "kind": kind[position] if judged or kind[position] == "matched" else UNJUDGED,
                "y": float(own.centres[position, 0]),
                "x": float(own.centres[position, 1]),
            }


def _partners(matching: Matching, own: Objects, mine: Ints) -> Iterator[tuple[int, float]]:
    """The pair that stands for each object of one side, -1 for none, and its IoU."""
    pair = np.full(len(own.ids), -1)
    rising = np.argsort(matching.iou, kind="stable")
    for chosen in (rising, matching.matched(PERCENT)):
        pair[mine[chosen]] = chosen
    for each in pair:
        yield int(each), float(matching.iou[each]) if each >= 0 else 0.0
