"""The report of one evaluation, to be read in any browser of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytolapse.metrics.bootstrap import UNDEFINED
from cytolapse.metrics.mistakes import bin_table, kinds_table, worst_table
from cytolapse.metrics.seams import DISTANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cytolapse.data import DataSet
    from cytolapse.metrics import Interval, Result
    from trainers.masks import MaskSource

SIDES = ("near", "away_from")
THRESHOLDS = (0.25, 0.50, 0.75)
WORST = 5


def report(
    part: str,
    dataset: DataSet,
    masks: MaskSource,
    results: dict[str, Result],
    seams: Mapping[str, Mapping[str, float | None]],
) -> str:
    """Markdown: what was scored against which truth, with each number's n; `seams` is empty where nothing is tiled."""
    lines = [f"# {masks.name} on the {part} part of {dataset.name}", "", masks.origin, ""]
    if seams:
        tiling = masks.tiling(next(iter(dataset.movies.values())).frames.shape[1:])
        lines += [f"Segmented in tiles of {tiling.tile} x {tiling.tile} px, put together by `{tiling.stitch}`.", ""]
    for name, result in results.items():
        lines += [f"## Against {name} truth", "", _counts(result, dataset.border), "", *_table(result), ""]
        if name in seams:
            lines += [_seams(seams[name]), ""]
        lines += [*_errors(result), ""]
    lines += ["SEG does not count false positives: read it beside DET and precision."]
    return "\n".join(lines) + "\n"


def _counts(result: Result, border: int) -> str:
    full = f"{result.full_frames} of them fully annotated; only those count false positives"
    band = f"; objects that lie entirely in the outer {border} px are ignored" if border else ""
    said = f"{result.frames} frames ({full}), {result.n_truth} cells in the truth, {result.n_pred} predicted{band}."
    if result.ignored_truth or result.ignored_pred:
        out = f"{result.ignored_truth} objects of the truth and {result.ignored_pred} predictions"
        said += f" The ignore list leaves out {out}."
    return said


def _seams(row: Mapping[str, float | None]) -> str:
    near, away = (f"{number(row[f'iou_{side}_seams'])} (n = {row[f'n_{side}_seams']:g})" for side in SIDES)
    return (
        f"Mean IoU of the truth's cells: {near} within {DISTANCE} px of a seam between tiles, {away} away from them. "
        "Which cells come near a seam is no matter of chance: compare with a run on whole frames."
    )


def _errors(result: Result) -> list[str]:
    """Kinds, the five worst frames, and scores by bin."""
    bins, remarks = bin_table(result.objects)
    return [
        "### What went wrong",
        "",
        *kinds_table(result.by_frame).markdown(),
        "",
        f"The {min(WORST, result.frames)} worst frames; errors are cells and predictions without a match:",
        "",
        *worst_table(result.by_frame, WORST).markdown(),
        "",
        "Cells by bin:",
        "",
        *bins.markdown(),
        *(line for remark in remarks for line in ("", f"{remark}.")),
    ]


def _table(result: Result) -> list[str]:
    known = result.intervals
    rows = ["| score | value [95 % interval] |", "|---|---|"]
    rows += [f"| {name} | {number(value, known.get(name))} |" for name, value in result.scores.items()]
    rows += ["", "| IoU threshold | precision | recall | F1 |", "|---|---|---|---|"]
    for threshold in THRESHOLDS:
        row = result.at(threshold)
        cells = [number(row[key], known.get(f"{key}_iou_{threshold:.2f}")) for key in ("precision", "recall", "f1")]
        rows.append(f"| {threshold:.2f} | {' | '.join(cells)} |")
    reasons = sorted({each.reason for each in known.values() if each.reason not in ("", UNDEFINED)})
    return rows + [line for reason in reasons for line in ("", f"No interval: {reason}.")]


def number(value: float | None, interval: Interval | None = None) -> str:
    """`0.812 [0.780, 0.840]`; without brackets where there is no interval."""
    if value is None:
        return "not defined"
    limits = "" if interval is None or interval.low is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{value:.3f}{limits}"
