"""The slow obvious twin of the metrics: sets of pixels, exact fractions, every possible matching tried."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

Cells = dict[int, set[tuple[int, int]]]


def boxes(seed, count, size=(13, 17), largest=8):
    """Random rectangles, later ones over earlier ones, with sparse ids: they touch, overlap and fall apart."""
    rng = np.random.default_rng(seed)
    image = np.zeros(size, np.uint16)
    for label in rng.choice(np.arange(1, 65536), count, replace=False):
        y, x = rng.integers(0, size[0] - 1), rng.integers(0, size[1] - 1)
        height, width = rng.integers(2, largest, 2)
        image[y : y + height, x : x + width] = label
    return image


def cells(image, border=0) -> Cells:
    """Id -> its pixels; objects that never leave the border band are left out."""
    height, width = image.shape
    found: Cells = {}
    for y in range(height):
        for x in range(width):
            if image[y, x]:
                found.setdefault(int(image[y, x]), set()).add((y, x))
    return {
        label: pixels
        for label, pixels in found.items()
        if any(border <= y < height - border and border <= x < width - border for y, x in pixels)
    }


def iou(one, other) -> Fraction:
    return Fraction(len(one & other), len(one | other))


def passing(truth: Cells, pred: Cells, percent: int) -> dict[tuple[int, int], Fraction]:
    pairs = {(t, p): iou(truth[t], pred[p]) for t in truth for p in pred if truth[t] & pred[p]}
    return {pair: value for pair, value in pairs.items() if 100 * value >= percent}


def best(truth: Cells, pred: Cells, percent: int) -> tuple[int, Fraction, tuple]:
    """Number of matches, summed IoU and the pairs of the best one-to-one matching, by trying all of them."""
    pairs = passing(truth, pred, percent)

    def extend(left: list[int], used: frozenset[int]):
        if not left:
            return (0, Fraction(0), ())
        options = [extend(left[1:], used)]
        for p in pred:
            if p not in used and (left[0], p) in pairs:
                count, total, chosen = extend(left[1:], used | {p})
                options.append((count + 1, total + pairs[left[0], p], ((left[0], p), *chosen)))
        return max(options, key=lambda option: option[:2])

    return extend(list(truth), frozenset())


def over(part, whole):
    return None if whole == 0 else float(Fraction(part) / Fraction(whole))


def row(worlds: list[tuple[Cells, Cells]], percent: int) -> dict:
    """One row of the curve, pooled over frames that are all full."""
    tp = fp = fn = pred_any = truth_any = 0
    total = Fraction(0)
    for truth, pred in worlds:
        count, summed, _ = best(truth, pred, percent)
        tp, fp, fn, total = tp + count, fp + len(pred) - count, fn + len(truth) - count, total + summed
        pairs = passing(truth, pred, percent)
        truth_any += len({t for t, _ in pairs})
        pred_any += len({p for _, p in pairs})
    return {
        "threshold": percent / 100,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "precision": over(tp, tp + fp),
        "recall": over(tp, tp + fn),
        "f1": over(2 * tp, 2 * tp + fp + fn),
        "ap": over(tp, tp + fp + fn),
        "pq": over(total, tp + Fraction(fp + fn, 2)),
        "precision_any": over(pred_any, tp + fp),
        "recall_any": over(truth_any, tp + fn),
    }


def covering(truth: Cells, pred: Cells) -> dict[int, int]:
    """Truth id -> the prediction that covers it."""
    return {t: p for t in truth for p in pred if 2 * len(truth[t] & pred[p]) > len(truth[t])}


def scores(worlds: list[tuple[Cells, Cells]]) -> dict:
    shared = union = ns = fn = fp = n = 0
    jaccard = Fraction(0)
    for truth, pred in worlds:
        left, right = set().union(*truth.values()), set().union(*pred.values())
        shared, union = shared + len(left & right), union + len(left | right)
        found = covering(truth, pred)
        jaccard += sum(iou(truth[t], pred[p]) for t, p in found.items())
        for p in pred:
            count = list(found.values()).count(p)
            ns, fp = ns + max(count - 1, 0), fp + (count == 0)
        n, fn = n + len(truth), fn + len(truth) - len(found)
    seg = over(jaccard, n)
    det = None if n == 0 else float(1 - Fraction(min(5 * ns + 10 * fn + fp, 10 * n), 10 * n))
    both = None if seg is None or det is None else (seg + det) / 2
    return {"pixel_iou": over(shared, union), "seg": seg, "det_masks": det, "op_csb_masks": both}


def kinds(truth: Cells, pred: Cells) -> tuple[dict[int, str], dict[int, str]]:
    """The kind of each truth object and of each prediction."""
    found = covering(truth, pred)
    inside = {t: [p for p in pred if 2 * len(truth[t] & pred[p]) > len(pred[p])] for t in truth}
    pairs = best(truth, pred, 50)[2]
    matched_truth, matched_pred = {t for t, _ in pairs}, {p for _, p in pairs}
    merging = {p for p in pred if list(found.values()).count(p) > 1}
    fragments = {p for group in inside.values() if len(group) > 1 for p in group}
    of_truth, of_pred = {}, {}
    for t in truth:
        merged, split = found.get(t) in merging, len(inside[t]) > 1
        of_truth[t] = "matched" if t in matched_truth else "merged" if merged else "split" if split else "missed"
    for p in pred:
        kind = "merging" if p in merging else "fragment" if p in fragments else "spurious"
        of_pred[p] = "matched" if p in matched_pred else kind
    return of_truth, of_pred
