"""Frames: what is said of each frame, which are the worst, and averages over frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cytolapse.metrics.kinds import PERCENT, PRED_KINDS, TRUTH_KINDS, count_kinds
from cytolapse.metrics.scores import SCORES, Pool, all_scores, mean, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.metrics.matching import Matching

Row = dict[str, Any]

BINS = {"0": (0, 0), "1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), ">=10": (10, None)}
"""Frames by their number of truth cells: name -> fewest, most."""


def frame_rows(pool: Pool) -> list[Row]:
    """One row per frame.

    `tp`, `fp`, `fn` at IoU 0.5; the number of objects of each error kind; `errors` = fn + fp; `rank`, 1 = the worst of
    all frames of the pool: most errors, then lowest SEG; every score. What needs every cell of the frame in the truth
    is None where some are not, and `errors` is fn alone.
    """
    markers = {(each.sequence, each.frame): each for each in pool.markers}
    rows = []
    for each in pool.masks:
        marker = markers.get((each.sequence, each.frame))
        rows.append(_frame_row(each) | all_scores(Pool([each], [marker] if marker else [])))
    for rank, row in enumerate(sorted(rows, key=_badness), 1):
        row["rank"] = rank
    return rows


def _frame_row(matching: Matching) -> Row:
    tp, full = len(matching.matched(PERCENT)), matching.full
    fp, fn = matching.n_pred - tp if full else None, matching.n_truth - tp
    found = count_kinds([matching])
    return {
        "sequence": matching.sequence,
        "frame": matching.frame,
        "full": full,
        "n_truth": matching.n_truth,
        "n_pred": matching.n_pred,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        **{kind: found[kind] for kind in TRUTH_KINDS[1:]},
        **{kind: found[kind] if full else None for kind in PRED_KINDS[1:]},
        "errors": fn + (fp or 0),
        "rank": 0,
        "f1": ratio(2 * tp, matching.n_truth + matching.n_pred) if full else None,
    }


def _badness(row: Mapping[str, Any]) -> tuple[int, float]:
    return -row["errors"], 2 if row["seg"] is None else row["seg"]


def frame_bins(rows: Sequence[Row]) -> dict[str, Row]:
    """Averages over frames by their number of truth cells, each over the frames where the score is defined."""
    return {name: _bin(rows, *limits) for name, limits in BINS.items()}


def _bin(rows: Sequence[Row], fewest: int, most: int | None) -> Row:
    chosen = [row for row in rows if fewest <= row["n_truth"] and (most is None or row["n_truth"] <= most)]
    counts = {name: sum(row[name] for row in chosen) for name in ("n_truth", "n_pred")}
    return {
        "frames": len(chosen),
        **counts,
        **{name: mean(*(row[name] for row in chosen if row[name] is not None)) for name in ("f1", *SCORES)},
    }
