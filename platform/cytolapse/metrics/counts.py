"""Counts: every score here is a ratio of sums over frames, so each frame is reduced to its counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.metrics.scores import MISS_COST, SPLIT_COST, SPURIOUS_COST

if TYPE_CHECKING:
    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats

PERCENTS = (25, 50, 75)
OF_ALL = ("frames", "truth", "seg", *(f"recalled_{percent}" for percent in PERCENTS))
OF_FULL = ("full", "shared", "areas", "full_truth", "full_pred", "splits", "missed", "spurious")
OF_MARKERS = ("marked", "markers", "marker_splits", "marker_missed", "marker_spurious")
COUNTS = (*OF_ALL, *OF_FULL, *(f"matched_{percent}" for percent in PERCENTS), *OF_MARKERS)
OF_TRUTH = ("frames", "truth", "full", "full_truth", "marked", "markers")
KINDS = {"frames": "scored frames", "full": "fully annotated frames", "marked": "frames with tracking markers"}
"""Count -> what such frames are called."""
MARKED = {"det": ("marked",), "op_csb": ("frames", "marked")}
"""Score that reads markers -> the kinds of frames it needs. Their frames and those with masks are not the same."""
LOWER = ("false_per_frame",)
"""Scores of which less is better."""


def count(masks: Matching | None, markers: Matching | None = None) -> dict[str, Any]:
    """What the scores of one frame are made of, with `sequence` and `frame`; sums over frames give pooled scores.

    `seg` is the summed IoU of covered truth objects, `areas` px of both sides together, `recalled` and `matched` are
    one-to-one matches at IoU 0.25, 0.50 and 0.75. What OF_FULL names is 0 where the truth does not hold every cell.

    Args:
        masks: truth masks against predictions; None where the frame has none.
        markers: tracking markers of the same frame against predictions; None where it has none.
    """
    either = masks or markers
    assert either is not None, "a frame has masks or markers"
    of_masks = {} if masks is None else _of_masks(masks)
    of_markers = {} if markers is None else _of_markers(markers)
    place = {"sequence": either.sequence, "frame": either.frame}
    return {**place, **dict.fromkeys(COUNTS, 0.0), **of_masks, **of_markers}


def _of_masks(each: Matching) -> dict[str, float]:
    matches = {percent: int(each.sweep.matches[percent]) for percent in PERCENTS}
    row = {"frames": 1, "truth": each.n_truth, "seg": float(each.iou[each.covers].sum())}
    row |= {f"recalled_{percent}": matches[percent] for percent in PERCENTS}
    if each.full:
        table = each.table
        row |= {"full": 1, "full_truth": each.n_truth, "full_pred": each.n_pred}
        row |= {"shared": int(table.shared.sum())}
        row |= {"areas": int(table.truth.areas.sum() + table.prediction.areas.sum())}
        row |= {"splits": each.splits, "missed": each.missed, "spurious": each.spurious}
        row |= {f"matched_{percent}": matches[percent] for percent in PERCENTS}
    return row


def _of_markers(each: Matching) -> dict[str, float]:
    errors = {"marker_splits": each.splits, "marker_missed": each.missed, "marker_spurious": each.spurious}
    return {"marked": 1, "markers": each.n_truth, **errors}


def kinds_of(score: str) -> tuple[str, ...]:
    """The kinds of frames that a score is read from, keys of KINDS."""
    of_all = score == "seg" or score.startswith("recall")
    return MARKED.get(score, ("frames",) if of_all else ("full",))


def scores_of(totals: Floats) -> dict[str, Floats]:
    """Scores of summed counts (R, counts), as `metrics/scores.py` and the curve define them: (R,) each."""
    of = dict(zip(COUNTS, totals.T, strict=True))
    seg = _ratio(of["seg"], of["truth"])
    det_masks = _detection(of["full_truth"], of["splits"], of["missed"], of["spurious"])
    det = _detection(*(of[name] for name in OF_MARKERS[1:]))
    scores = {"pixel_iou": _ratio(of["shared"], of["areas"] - of["shared"]), "seg": seg, "det_masks": det_masks}
    scores |= {"det": det, "op_csb_masks": (seg + det_masks) / 2, "op_csb": (seg + det) / 2}
    scores["false_per_frame"] = _ratio(of["full_pred"] - of["matched_50"], of["full"])
    for percent in PERCENTS:
        matched, at = of[f"matched_{percent}"], f"iou_{percent / 100:.2f}"
        scores[f"precision_{at}"] = _ratio(matched, of["full_pred"])
        scores[f"recall_{at}"] = _ratio(of[f"recalled_{percent}"], of["truth"])
        scores[f"f1_{at}"] = _ratio(2 * matched, of["full_truth"] + of["full_pred"])
    return scores


def _detection(truth: Floats, splits: Floats, missed: Floats, spurious: Floats) -> Floats:
    worst = MISS_COST * truth
    cost = SPLIT_COST * splits + MISS_COST * missed + SPURIOUS_COST * spurious
    return _ratio(worst - np.minimum(cost, worst), worst)


def _ratio(part: Floats, whole: Floats) -> Floats:
    values: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return values
