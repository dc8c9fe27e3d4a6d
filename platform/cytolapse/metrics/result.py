"""Result: everything that is said about a pool of matchings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.errors import CytolapseError
from cytolapse.metrics.assignment import THRESHOLDS
from cytolapse.metrics.bands import Band, bands
from cytolapse.metrics.bins import by_bin
from cytolapse.metrics.bootstrap import Interval, intervals
from cytolapse.metrics.counts import count
from cytolapse.metrics.frames import frame_bins, frame_rows
from cytolapse.metrics.kinds import count_kinds, object_rows
from cytolapse.metrics.scores import SCORES, Pool, all_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.metrics.context import Context
    from cytolapse.metrics.matching import Matching
    from cytolapse.metrics.overlap import Floats
    from cytolapse.metrics.tracks import Tracks

METRIC_SCHEMA_VERSION = 1
NO_SUM = "the score is not read from sums over frames, so blocks of frames can't be resampled"

Row = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The scores of a pool, its curve, and where they come from; each part is computed when first read.

    Args:
        pool: the matchings.
        ignored: predictions for which there was no truth frame.
        context: what is known of truth objects beside their pixels.
    """

    pool: Pool
    ignored: int = 0
    context: Context | None = None

    @property
    def frames(self) -> int:
        """Frames with truth."""
        return len(self.pool.masks)

    @property
    def full_frames(self) -> int:
        """Frames whose truth holds every cell: those over which false positives are counted."""
        return len(self.pool.full)

    @property
    def n_truth(self) -> int:
        """Truth objects."""
        return sum(each.n_truth for each in self.pool.masks)

    @property
    def n_pred(self) -> int:
        """Predicted objects."""
        return sum(each.n_pred for each in self.pool.masks)

    @property
    def ignored_truth(self) -> int:
        """Truth objects that an ignore list has left out."""
        return sum(each.ignored_truth for each in self.pool.masks)

    @property
    def ignored_pred(self) -> int:
        """Predictions that were left out with them."""
        return sum(each.ignored_pred for each in self.pool.masks)

    @property
    def border(self) -> int:
        """Width in px of the band whose objects were dropped."""
        return max((each.border for each in self.pool.masks), default=0)

    @cached_property
    def scores(self) -> dict[str, float | None]:
        """Every score of SCORES; None = undefined."""
        return all_scores(self.pool)

    @cached_property
    def counts(self) -> list[Row]:
        """One row per frame with masks or markers: what intervals and paired comparisons sum."""
        masks = {(each.sequence, each.frame): each for each in self.pool.masks}
        markers = {(each.sequence, each.frame): each for each in self.pool.markers}
        links, frames = self.pool.links_by_frame, sorted({*masks, *markers})
        return [count(masks.get(frame), markers.get(frame), links.get(frame)) for frame in frames]

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Score -> its 95 % interval by bootstrap over time blocks, or why not; thresholds as `f1_iou_0.50`."""
        return dict.fromkeys(SCORES, Interval(reason=NO_SUM)) | intervals(self.counts)

    @cached_property
    def by_sequence(self) -> dict[str, dict[str, float | None]]:
        """Sequence -> every score, over its frames alone."""
        names = sorted({each.sequence for each in self.pool.masks})
        return {name: all_scores(self.pool.only(name)) for name in names}

    @cached_property
    def curve(self) -> list[Row]:
        """One row per threshold 0, 0.01 ... 1; None = undefined."""
        return curve(self.pool)

    @cached_property
    def bands(self) -> dict[str, Band]:
        """Precision, recall, f1 -> its 95 % interval at every threshold of the curve."""
        return bands(self.pool.masks)

    def at(self, threshold: float) -> Row:
        """The row of the curve at one threshold.

        Raises:
            CytolapseError: the threshold is no whole percentage.
        """
        percent = round(threshold * 100)
        if not 0 <= percent < THRESHOLDS or abs(threshold * 100 - percent) > 1e-9:
            raise CytolapseError(f"no row for IoU threshold {threshold}: the curve has 0, 0.01, 0.02 ... 1")
        return self.curve[percent]

    @cached_property
    def by_frame(self) -> list[Row]:
        """One row per frame: counts, what went wrong, its rank among the worst, and every score."""
        return frame_rows(self.pool)

    @cached_property
    def bins(self) -> dict[str, Row]:
        """Averages over frames by their number of truth cells, each over the frames where the score is defined."""
        return frame_bins(self.by_frame)

    @cached_property
    def errors(self) -> dict[str, int]:
        """Error kind -> number of objects."""
        return count_kinds(self.pool.masks)

    @cached_property
    def objects(self) -> list[Row]:
        """One row per truth or predicted object."""
        return [row for each in self.pool.masks for row in object_rows(each, self.context)]

    @cached_property
    def by_bin(self) -> dict[str, dict[str, Row]]:
        """How truth objects fare by kind of bin and bin (`GROUPS`)."""
        return by_bin(self.objects)

    def to_json(self) -> Row:
        """What `cytolapse score --json` writes."""
        return {
            "schema_version": METRIC_SCHEMA_VERSION,
            "frames": self.frames,
            "full_frames": self.full_frames,
            "ignored_predictions": self.ignored,
            "n_truth": self.n_truth,
            "n_pred": self.n_pred,
            "ignored_truth": self.ignored_truth,
            "ignored_pred": self.ignored_pred,
            "border": self.border,
            "scores": self.scores,
            "intervals": {name: interval._asdict() for name, interval in self.intervals.items()},
            "by_sequence": self.by_sequence,
            "curve": self.curve,
            "bands": {name: band._asdict() for name, band in self.bands.items()},
            "by_frame": self.by_frame,
            "bins": self.bins,
            "by_bin": self.by_bin,
            "errors": self.errors,
        }


def summarise(
    matchings: Sequence[Matching],
    markers: Sequence[Matching] = (),
    ignored: int = 0,
    context: Context | None = None,
    tracks: Mapping[str, Tracks] | None = None,
) -> Result:
    """Pool the matchings of frames, of one sequence or several.

    Args:
        matchings: truth masks against predictions, one per frame.
        markers: TRA markers against predictions, for `det` and `op_csb`.
        ignored: predictions for which there was no truth frame.
        context: what is known of truth objects beside their pixels.
        tracks: sequence -> tracks of its markers and of its predictions, for `tra`, `lnk` and `op_ctb`.

    Raises:
        CytolapseError: the matchings do not share one border.
    """
    borders = sorted({each.border for each in (*matchings, *markers)})
    if len(borders) > 1:
        raise CytolapseError(f"frames were compared with borders of {borders} px: pool only frames with one border")
    return Result(Pool(tuple(matchings), tuple(markers), tracks or {}), ignored, context)


def curve(pool: Pool) -> list[Row]:
    """Precision, recall and their kin at 101 thresholds; recall over all frames, all else over full frames."""
    full = pool.full
    n_truth, n_pred = sum(each.n_truth for each in full), sum(each.n_pred for each in full)
    n_all = sum(each.n_truth for each in pool.masks)
    tp = _total([each.sweep.matches for each in full])
    tp_all = _total([each.sweep.matches for each in pool.masks])
    fp, fn = n_pred - tp, n_truth - tp
    columns = {
        "threshold": np.arange(THRESHOLDS) / 100,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "precision": _ratios(tp, tp + fp),
        "recall": _ratios(tp_all, n_all),
        "f1": _ratios(2 * tp, 2 * tp + fp + fn),
        "ap": _ratios(tp, tp + fp + fn),
        "pq": _ratios(_total([each.sweep.iou for each in full]), tp + fp / 2 + fn / 2),
        "precision_any": _ratios(_total([each.pred_found for each in full]), n_pred),
        "recall_any": _ratios(_total([each.truth_found for each in pool.masks]), n_all),
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _total(series: list[Any]) -> Any:
    return np.sum(series, axis=0) if series else np.zeros(THRESHOLDS, np.int64)


def _ratios(part: Floats, whole: Any) -> Any:
    """Part / whole by threshold, None where whole is 0: (101,) object."""
    whole = np.broadcast_to(whole, part.shape)
    values = np.full(part.shape, None, dtype=object)
    values[whole > 0] = (part[whole > 0] / whole[whole > 0]).tolist()
    return values
