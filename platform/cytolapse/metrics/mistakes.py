"""Mistakes: kinds, worst frames and scores by bin as small tables of text, for the terminal and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.metrics.bins import NEAR_DIVISION, UNKNOWN, by_bin, median_area
from cytolapse.metrics.kinds import PRED_KINDS, TRUTH_KINDS
from cytolapse.metrics.seams import DISTANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]

MEANING = {
    "matched": "a prediction of IoU 0.5 or more",
    "merged": "one prediction covers it and another cell",
    "split": "two or more predictions lie mostly inside it",
    "missed": "none of these: no prediction, or one of lower IoU",
    "merging": "covers two cells or more",
    "fragment": "lies mostly inside a cell, as others do",
    "spurious": "none of these: no cell, or one of lower IoU",
}
WORST = {
    "sequence": "sequence",
    "frame": "frame",
    "errors": "errors",
    "n_truth": "cells",
    "missed": "missed",
    "merged": "merged",
    "split": "split",
    "spurious": "spurious",
    "seg": "SEG",
}
BINNED = {
    "n": "cells",
    "seg": "SEG",
    "recall_iou_0.50": "recall@.50",
    "recall_iou_0.75": "recall@.75",
    "merged": "merged",
    "split": "split",
    "missed": "missed",
}
NOBODY_KNOWS = {
    "division": "unknown: the truth has no tracking markers with tracks",
    "seam": "no frame was cut into tiles",
}


class Table(NamedTuple):
    """Text in rows and columns; the first column stands left, numbers stand right."""

    columns: list[str]
    rows: list[list[str]]

    def text(self) -> list[str]:
        """Aligned lines for a terminal."""
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        numeric = [all(_is_number(cell) for cell in cells) for cells in zip(*self.rows, strict=True)]
        numeric = numeric or [False] * len(widths)
        return [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(cells, widths, numeric, strict=True)
            ).rstrip()
            for cells in (self.columns, *self.rows)
        ]

    def markdown(self) -> list[str]:
        """The lines of a Markdown table."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return [f"| {' | '.join(cells)} |" for cells in lines]


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.removesuffix(" %").replace(".", "", 1).replace(",", "").isdecimal()


def count_frames(frames: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Side -> kind -> number of objects; predictions of full frames only.

    Args:
        frames: the rows of `Result.by_frame`.
    """
    full = [row for row in frames if row["full"]]
    truth = {kind: sum(row[kind] for row in frames) for kind in TRUTH_KINDS[1:]}
    pred = {kind: sum(row[kind] for row in full) for kind in PRED_KINDS[1:]}
    return {
        "truth": {"matched": sum(row["tp"] for row in frames), **truth},
        "prediction": {"matched": sum(row["tp"] for row in full), **pred},
    }


def kinds_table(frames: Sequence[Mapping[str, Any]]) -> Table:
    """What became of cells and of predictions, with the share of all of their side."""
    rows = []
    for side, counts in count_frames(frames).items():
        for kind, count in counts.items():
            share = _percent(count / sum(counts.values()) if any(counts.values()) else None)
            rows.append(["cells" if side == "truth" else "predictions", kind, str(count), share, MEANING[kind]])
    return Table(["of the", "kind", "n", "share", "what it is, at IoU 0.5"], rows)


def worst(frames: Sequence[Row], top: int) -> list[Row]:
    """The frames of rank 1, 2, ... `top`."""
    return sorted(frames, key=lambda row: row["rank"])[:top]


def worst_table(frames: Sequence[Row], top: int) -> Table:
    """The worst frames, the worst one first."""
    rows = [[_cell(name, row[name]) for name in WORST] for row in worst(frames, top)]
    return Table(list(WORST.values()), rows)


def bin_table(objects: Sequence[Mapping[str, Any]]) -> tuple[Table, list[str]]:
    """How cells fare by kind of bin and bin, those that hold nothing left out, and why a kind of bin is absent."""
    rows, remarks, titles = [], [], _titles(objects)
    for kind, bins in by_bin(objects).items():
        filled = {name: row for name, row in bins.items() if row["n"]}
        if set(filled) == {UNKNOWN} and kind in NOBODY_KNOWS:
            remarks.append(f"By {titles[kind]}: {NOBODY_KNOWS[kind]}")
        else:
            first = next(iter(filled), "")
            for name, row in filled.items():
                rows.append([titles[kind] if name == first else "", name, *(_cell(key, row[key]) for key in BINNED)])
    return Table(["by", "bin", *BINNED.values()], rows), remarks


def _titles(objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    median = median_area([row for row in objects if row["side"] == "truth"])
    return {
        "cells": "cells in the frame",
        "size": "size / median" + ("" if median is None else f" of {median:,.0f} px"),
        "aspect": "major / minor axis",
        "division": f"division within {NEAR_DIVISION} frames",
        "seam": f"seam within {DISTANCE} px",
    }


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return _percent(value) if name in ("merged", "split", "missed") else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
