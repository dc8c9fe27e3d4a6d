"""Two predictions of the same frames, compared: every score with its paired difference, in all and by cells a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytolapse.metrics.bootstrap import UNDEFINED, Blocks, Difference, Interval, paired
from cytolapse.metrics.frames import BINS
from cytolapse.metrics.result import NO_SUM
from cytolapse.metrics.scores import SCORES

IN_BINS = ("seg", "op_csb_masks", "f1_iou_0.50", "false_per_frame")
"""The scores that are compared by number of cells."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """What one prediction is worth against one truth.

    Attributes:
        counts: one row per frame, as `count` makes them.
        scores: score -> its value; None = undefined.
    """

    counts: Sequence[Row]
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """Two predictions of the same frames.

    Attributes:
        frames: frames with truth masks.
        full: those whose truth holds every cell.
        marked: frames with tracking markers.
        blocks: blocks of time that hold truth masks.
        scores: score -> A, B and their difference.
    """

    frames: int
    full: int
    marked: int
    blocks: int
    scores: Mapping[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """All numbers; None = undefined."""
        counts = {"frames": self.frames, "full_frames": self.full, "marked_frames": self.marked, "blocks": self.blocks}
        return {**counts, "scores": {name: _flat(each) for name, each in self.scores.items()}}


def _flat(each: Difference) -> dict[str, Any]:
    values = {"a": each.a, "b": each.b, "difference": each.difference}
    return {**values, **each.interval._asdict(), "b_wins": each.wins}


def compare(a: Scored, b: Scored) -> Comparison:
    """Every score of A and B on the same frames; those that are no sums over frames have no interval.

    Raises:
        CytolapseError: the frames or their truth are not the same.
    """
    found = paired(a.counts, b.counts)
    whole = {
        name: _without_interval(a.scores.get(name), b.scores.get(name)) for name in dict.fromkeys([*found, *SCORES])
    }
    return _comparison(a.counts, whole | found)


def compare_bins(a: Scored, b: Scored, names: Sequence[str] = IN_BINS) -> dict[str, Comparison]:
    """Bin of BINS -> the scores `names` over the frames with so many truth cells; bins without a frame are left out.

    Raises:
        CytolapseError: the frames or their truth are not the same.
    """
    found = {}
    for name, limits in BINS.items():
        one, other = (_with_cells(side.counts, *limits) for side in (a, b))
        if one:
            differences = paired(one, other)
            found[name] = _comparison(one, {score: differences[score] for score in names})
    return found


def _without_interval(a: float | None, b: float | None) -> Difference:
    if a is None or b is None:
        return Difference(a, b, None, Interval(reason=UNDEFINED), None)
    return Difference(a, b, b - a, Interval(reason=NO_SUM), None)


def _with_cells(rows: Sequence[Row], fewest: int, most: int | None) -> list[Row]:
    """The rows of frames with truth masks that hold so many cells."""
    return [row for row in rows if row["frames"] and fewest <= row["truth"] and (most is None or row["truth"] <= most)]


def _comparison(rows: Sequence[Row], scores: Mapping[str, Difference]) -> Comparison:
    blocks = Blocks.of(rows)
    frames, full, marked = (blocks.total(kind) for kind in ("frames", "full", "marked"))
    return Comparison(frames, full, marked, blocks.held("frames"), scores)
