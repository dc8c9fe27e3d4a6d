"""Counts: every score here is a ratio of sums over frames, so each frame is reduced to its counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.metrics.scores import MISS_COST, SPLIT_COST, SPURIOUS_COST, detection_cost

if TYPE_CHECKING:
    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats
    from cytolapse.metrics.tracks import Links

PERCENTS = (25, 50, 75)
OF_ALL = ("frames", "truth", "seg", *(f"recalled_{percent}" for percent in PERCENTS))
OF_FULL = ("full", "shared", "areas", "full_truth", "full_pred", "splits", "missed", "spurious")
OF_MARKERS = ("marked", "markers", "marker_cost")
OF_TRACKS = ("tracked", "link_cost", "link_worst", "track_cost", "track_worst")
COUNTS = (*OF_ALL, *OF_FULL, *(f"matched_{percent}" for percent in PERCENTS), *OF_MARKERS, *OF_TRACKS)
OF_TRUTH = ("frames", "truth", "full", "full_truth", "marked", "markers")
"""What predictions have no part in."""
KINDS = {
    "frames": "scored frames",
    "full": "fully annotated frames",
    "marked": "frames with tracking markers",
    "tracked": "frames with linked tracks",
}
"""Count -> what such frames are called."""
MARKED = {
    "det": ("marked",),
    "op_csb": ("frames", "marked"),
    "tra": ("tracked",),
    "lnk": ("tracked",),
    "op_ctb": ("frames", "tracked"),
}
"""Score that reads markers -> the kinds of frames it needs. Their frames and those with masks are not the same."""
LOWER = ("false_per_frame",)
"""Scores of which less is better."""


def count(masks: Matching | None, markers: Matching | None = None, links: Links | None = None) -> dict[str, Any]:
    """What the scores of one frame are made of, with `sequence` and `frame`; sums over frames give pooled scores.

    `seg` is the summed IoU of covered truth objects, `areas` px of both sides together, `recalled` and `matched` are
    one-to-one matches at IoU 0.25, 0.50 and 0.75. What OF_FULL names is 0 where the truth does not hold every cell.
    `track_cost` is that of correcting objects and links, `track_worst` that of adding all of them.

    Args:
        masks: truth masks against predictions; None where the frame has none.
        markers: tracking markers of the same frame against predictions; None where it has none.
        links: of its markers, where there are tracks: those that end in this frame.
    """
    either = masks or markers
    assert either is not None, "a frame has masks or markers"
    of_masks = {} if masks is None else _of_masks(masks)
    of_markers = {} if markers is None else _of_markers(markers)
    of_tracks = {} if markers is None or links is None else _of_tracks(markers, links)
    place = {"sequence": either.sequence, "frame": either.frame}
    return {**place, **dict.fromkeys(COUNTS, 0.0), **of_masks, **of_markers, **of_tracks}


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
    return {"marked": 1, "markers": each.n_truth, "marker_cost": detection_cost([each])[0]}


def _of_tracks(each: Matching, links: Links) -> dict[str, float]:
    cost, worst = detection_cost([each])
    row = {"tracked": 1, "link_cost": links.cost, "link_worst": links.worst}
    return {**row, "track_cost": cost + links.cost, "track_worst": worst + links.worst}


def kinds_of(score: str) -> tuple[str, ...]:
    """The kinds of frames that a score is read from, keys of KINDS."""
    of_all = score == "seg" or score.startswith("recall")
    return MARKED.get(score, ("frames",) if of_all else ("full",))


def scores_of(totals: Floats) -> dict[str, Floats]:
    """Scores of summed counts (R, counts), as `metrics/scores.py` and the curve define them: (R,) each."""
    of = dict(zip(COUNTS, totals.T, strict=True))
    seg = _ratio(of["seg"], of["truth"])
    cost = SPLIT_COST * of["splits"] + MISS_COST * of["missed"] + SPURIOUS_COST * of["spurious"]
    det_masks = _left(cost, MISS_COST * of["full_truth"])
    det = _left(of["marker_cost"], MISS_COST * of["markers"])
    lnk, tra = _left(of["link_cost"], of["link_worst"]), _left(of["track_cost"], of["track_worst"])
    scores = {"pixel_iou": _ratio(of["shared"], of["areas"] - of["shared"]), "seg": seg, "det_masks": det_masks}
    scores |= {"det": det, "op_csb_masks": (seg + det_masks) / 2, "op_csb": (seg + det) / 2}
    scores |= {"tra": tra, "lnk": lnk, "op_ctb": (seg + tra) / 2}
    scores["false_per_frame"] = _ratio(of["full_pred"] - of["matched_50"], of["full"])
    for percent in PERCENTS:
        matched, at = of[f"matched_{percent}"], f"iou_{percent / 100:.2f}"
        scores[f"precision_{at}"] = _ratio(matched, of["full_pred"])
        scores[f"recall_{at}"] = _ratio(of[f"recalled_{percent}"], of["truth"])
        scores[f"f1_{at}"] = _ratio(2 * matched, of["full_truth"] + of["full_pred"])
    return scores


def _left(cost: Floats, worst: Floats) -> Floats:
    """1 - min(cost, worst) / worst."""
    return _ratio(worst - np.minimum(cost, worst), worst)


def _ratio(part: Floats, whole: Floats) -> Floats:
    values: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return values
