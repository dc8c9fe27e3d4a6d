"""Objects and what went wrong with each, at one-to-one IoU >= 0.5."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.spatial import KDTree

from cytolapse.metrics.context import Note
from cytolapse.metrics.scores import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cytolapse.metrics.context import Context
    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats, Ints, Objects

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


def object_rows(matching: Matching, context: Context | None = None) -> Iterator[dict[str, Any]]:
    """One row per object of a frame, truth objects first.

    `truth` and `prediction` are ids: the object's own and its partner's, which is its match, or else the object of
    largest IoU (`iou` is with that one), or None with IoU 0. `seg` is what a truth object adds to SEG: the IoU with
    the prediction that covers it, else 0. Predictions without a match are "unjudged" where the truth does not hold
    every cell of the frame. `area` is in pixels, `y` and `x` are its centre, `major` and `minor` the axes of
    `Objects.axes` and `nearest` the distance to the next centre of the same side, all in pixels; `aspect` is major /
    minor. The rest is what `context` knows of truth objects (`Note`).
    """
    table, found = matching.table, kinds(matching)
    seg = np.zeros(matching.n_truth)
    seg[table.rows[matching.covers]] = matching.iou[matching.covers]
    ids = table.truth.ids.tolist()
    notes = context.notes(matching.sequence, matching.frame, ids) if context else [Note()] * len(ids)
    unjudged = [each if matching.full or each == "matched" else UNJUDGED for each in found.prediction]
    blank = [Note()] * matching.n_pred
    sides = (
        _Side("truth", table.truth, table.rows, found.truth, seg.tolist(), notes),
        _Side("prediction", table.prediction, table.columns, unjudged, [None] * matching.n_pred, blank),
    )
    for side, other in (sides, sides[::-1]):
        yield from _rows(matching, side, other)


class _Side(NamedTuple):
    """One side of a frame: its objects, their positions in the pairs (M,), and what is known of each object."""

    name: str
    objects: Objects
    positions: Ints
    kinds: list[str]
    seg: Sequence[float | None]
    notes: list[Note]


def _rows(matching: Matching, side: _Side, other: _Side) -> Iterator[dict[str, Any]]:
    own = side.objects
    centres, axes, nearest = own.centres.tolist(), own.axes.tolist(), _nearest(own.centres)
    for position, (partner, iou) in enumerate(_partners(matching, own, side.positions)):
        major, minor = axes[position]
        yield {
            "sequence": matching.sequence,
            "frame": matching.frame,
            "side": side.name,
            side.name: int(own.ids[position]),
            other.name: None if partner < 0 else int(other.objects.ids[other.positions[partner]]),
            "iou": iou,
            "seg": side.seg[position],
            "kind": side.kinds[position],
            "area": int(own.areas[position]),
            "major": major,
            "minor": minor,
            "aspect": ratio(major, minor),
            "y": centres[position][0],
            "x": centres[position][1],
            "nearest": nearest[position],
            **side.notes[position]._asdict(),
        }


def _nearest(centres: Floats) -> list[float] | list[None]:
    """Distance from each (y, x) to the next one; None for one that is alone."""
    if len(centres) < 2:
        return [None] * len(centres)
    distances: list[float] = KDTree(centres).query(centres, k=2)[0][:, 1].tolist()
    return distances


def _partners(matching: Matching, own: Objects, mine: Ints) -> Iterator[tuple[int, float]]:
    """The pair that stands for each object of one side, -1 for none, and its IoU."""
    pair = np.full(len(own.ids), -1)
    rising = np.argsort(matching.iou, kind="stable")
    for chosen in (rising, matching.matched(PERCENT)):
        pair[mine[chosen]] = chosen
    for each in pair:
        yield int(each), float(matching.iou[each]) if each >= 0 else 0.0
