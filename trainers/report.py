"""The report of one evaluation, to be read in any browser of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cytolapse.data import DataSet
    from cytolapse.metrics import Result
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
    rows = ["| score | value |", "|---|---|"]
    rows += [f"| {name} | {_number(value)} |" for name, value in result.scores.items()]
    rows += ["", "| IoU threshold | precision | recall | F1 |", "|---|---|---|---|"]
    for threshold in THRESHOLDS:
        row = result.at(threshold)
        rows.append(
            f"| {threshold:.2f} | " + " | ".join(_number(row[key]) for key in ("precision", "recall", "f1")) + " |"
        )
    return rows


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
