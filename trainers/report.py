"""The report of one evaluation, to be read in any browser of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cytolapse.data import DataSet
    from cytolapse.metrics import Interval, Result
    from cytolapse.segmenter import Segmenter

THRESHOLDS = (0.25, 0.50, 0.75)


def report(part: str, dataset: DataSet, segmenter: Segmenter, results: dict[str, Result]) -> str:
    """Markdown: what was scored against which truth, with each number's n."""
    point = ", ".join(f"{name} {value:g}" for name, value in segmenter.point.items())
    lines = [f"# {segmenter.config.recipe} on the {part} part of {dataset.name}", "", f"Operating point: {point}.", ""]
    for name, result in results.items():
        lines += [f"## Against {name} truth", "", _counts(result, dataset.border), "", *_table(result), ""]
    lines += ["SEG does not count false positives: read it beside DET and precision."]
    return "\n".join(lines) + "\n"


def _counts(result: Result, border: int) -> str:
    full = f"{result.full_frames} of them fully annotated; only those count false positives"
    band = f"; objects that lie entirely in the outer {border} px are ignored" if border else ""
    return f"{result.frames} frames ({full}), {result.n_truth} cells in the truth, {result.n_pred} predicted{band}."


def _table(result: Result) -> list[str]:
    known = result.intervals
    rows = ["| score | value [95 % interval] |", "|---|---|"]
    rows += [f"| {name} | {number(value, known.get(name))} |" for name, value in result.scores.items()]
    rows += ["", "| IoU threshold | precision | recall | F1 |", "|---|---|---|---|"]
    for threshold in THRESHOLDS:
        row = result.at(threshold)
        cells = [number(row[key], known.get(f"{key}_iou_{threshold:.2f}")) for key in ("precision", "recall", "f1")]
        rows.append(f"| {threshold:.2f} | {' | '.join(cells)} |")
    reasons = sorted({each.reason for each in known.values() if each.reason})
    return rows + [line for reason in reasons for line in ("", f"No interval: {reason}.")]


def number(value: float | None, interval: Interval | None = None) -> str:
    """`0.812 [0.780, 0.840]`; without brackets where there is no interval."""
    if value is None:
        return "not defined"
    limits = "" if interval is None or interval.low is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{value:.3f}{limits}"
