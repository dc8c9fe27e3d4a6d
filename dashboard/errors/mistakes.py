"""What a run gets wrong: kinds of errors, and which objects a gallery shows; pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from cytolapse.metrics.bins import GROUPS, labelled, summarised
from cytolapse.metrics.kinds import UNJUDGED
from cytolapse.pictures import apart, side_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cytolapse.metrics.bins import Labelled

Row = dict[str, Any]
LOW = 0.75
"""Matched cells below this IoU are shown as a kind of their own."""
OF_TRUTH, OF_PREDICTION = ("missed", "merged", "split"), ("spurious", "merging", "fragment")
"""Kinds of errors of each side, as docs/metrics.md defines them."""
ALL = "all"
ZOOM = 3
"""How close the movie is opened at an object."""


class Kind(NamedTuple):
    """A kind of errors.

    Attributes:
        title: its name on the page.
        side: of which objects.
        kind: theirs in `objects.parquet`.
        text: what it is.
        by_error: colours say what became of an object, else which side it is of.
    """

    title: str
    side: str
    kind: str
    text: str
    by_error: bool = True


KINDS = {
    "missed": Kind("Missed", "truth", "missed", "Cells without a prediction of IoU 0.5 or more."),
    "merged": Kind("Merged", "truth", "merged", "Cells of which one prediction covers two or more."),
    "split": Kind("Split", "truth", "split", "Cells inside which two or more predictions lie."),
    "spurious": Kind("Spurious", "prediction", "spurious", "Predictions where no cell is, or one of IoU below 0.5."),
    "low": Kind("Low IoU", "truth", "matched", f"Cells that were found, with an IoU below {LOW}.", by_error=False),
}
BINS = {
    "size": ("Size", "Area over the median area of all cells."),
    "aspect": ("Elongation", "Major over minor axis."),
    "cells": ("Cells in frame", "True cells in the frame."),
    "division": ("Division", "Near: the first five frames after a division and the last five before one."),
    "seam": ("Tile seam", "Near: beside the seam of two tiles, where frames were cut into tiles."),
}
"""Kind of bin -> its title and definition, in the order of the filters."""


@dataclass(frozen=True)
class Wish:
    """Which objects are wanted.

    Attributes:
        sequence: its name, or ALL.
        area: least and most px.
        bins: kind of bin -> those that are wanted; a kind that is absent excludes nothing.
    """

    sequence: str = ALL
    area: tuple[float, float] = (0, float("inf"))
    bins: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def holds(self, each: Labelled) -> bool:
        """Whether an object is wanted."""
        row, bins = each
        if self.sequence not in (ALL, row["sequence"]) or not self.area[0] <= row["area"] <= self.area[1]:
            return False
        return all(bins[kind] in names for kind, names in self.bins.items())


class Mistakes:
    """The objects and frames of one part of a run against one truth.

    Attributes:
        frames: the rows of its frames.
        objects: its judged objects with their bins.
        by_frame: sequence, frame -> the rows of its judged objects.
        side: of cut-outs, in px.
    """

    def __init__(self, objects: Sequence[Row], frames: Sequence[Row], reference: str) -> None:
        self.frames = [row for row in frames if row["reference"] == reference]
        judged = (row for row in objects if row["reference"] == reference and row["kind"] != UNJUDGED)
        self.objects = labelled(judged)
        self.by_frame: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for row, _ in self.objects:
            self.by_frame[row["sequence"], row["frame"]].append(dict(row))
        self.side = side_of([row["major"] for row, _ in self.objects if row["side"] == "truth"])

    def of(self, kind: str, wish: Wish) -> list[Row]:
        """The wanted objects of a kind, lowest IoU and largest first."""
        rows = [dict(each[0]) for each in self.objects if _is(kind, each[0]) and wish.holds(each)]
        return sorted(rows, key=lambda row: (row["iou"], -row["area"]))

    def counts(self, wish: Wish) -> dict[str, int]:
        """Kind -> how many wanted objects are of it."""
        wanted = [each[0] for each in self.objects if wish.holds(each)]
        return {kind: sum(_is(kind, row) for row in wanted) for kind in KINDS}

    def total(self, side: str, sequence: str = ALL) -> int:
        """All judged objects of one side."""
        return sum(row["side"] == side and sequence in (ALL, row["sequence"]) for row, _ in self.objects)

    def places(self, rows: Sequence[Row]) -> list[Row]:
        """One of the objects that lie in one place in neighbouring frames."""
        return apart(rows, self.side / 2)

    def bins(self) -> dict[str, list[str]]:
        """Kind of bin -> its bins that hold an object; kinds of bin that tell nothing apart are left out."""
        held = {kind: {bins[kind] for _, bins in self.objects} for kind in BINS}
        ordered = {kind: [name for name in ("0", *GROUPS[kind]) if name in found] for kind, found in held.items()}
        return {kind: names for kind, names in ordered.items() if len(names) > 1}

    def areas(self) -> tuple[int, int]:
        """Smallest and largest area of an object in px."""
        areas = [row["area"] for row, _ in self.objects] or [0]
        return min(areas), max(areas)

    def scores(self, sequence: str) -> dict[str, dict[str, Row]]:
        """Kind of bin -> bin -> its scores, as `by_bin`; only bins that hold cells."""
        truth = [each for each in self.objects if each[0]["side"] == "truth" and sequence in (ALL, each[0]["sequence"])]
        found = {kind: {n: row for n, row in bins.items() if row["n"]} for kind, bins in summarised(truth).items()}
        return {kind: found[kind] for kind in BINS if len(found[kind]) > 1}

    def worst(self, sequence: str) -> list[Row]:
        """The frames with errors or a score, the worst first."""
        rows = [row for row in self.frames if sequence in (ALL, row["sequence"])]
        return sorted(rows, key=lambda row: row["rank"])


def _is(kind: str, row: Mapping[str, Any]) -> bool:
    wanted = KINDS[kind]
    return row["side"] == wanted.side and row["kind"] == wanted.kind and (kind != "low" or row["iou"] < LOW)


def kinds_of(frame: Mapping[str, Any]) -> str:
    """How many errors of which kind a frame has, the most first; they add up to its `errors`."""
    found = [(frame[kind] or 0, kind) for kind in (*OF_TRUTH, *OF_PREDICTION) if kind in frame]
    return ", ".join(f"{count} {kind}" for count, kind in sorted(found, key=lambda each: -each[0]) if count)


def movie(run_id: str, split: str, reference: str, row: Mapping[str, Any], close: bool = True) -> str:
    """Address of a frame in the movie; `close`: zoomed at the place of an object."""
    place = {"run": run_id, "split": split, "sequence": row["sequence"], "reference": reference, "frame": row["frame"]}
    at = {"y": round(row["y"]), "x": round(row["x"]), "zoom": ZOOM} if close else {}
    return f"movie?{urlencode({**place, **at})}"
