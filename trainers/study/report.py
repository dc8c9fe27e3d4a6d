"""The report of a study: one list of sections, written as Markdown and as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from cytolapse.metrics import SELECTION
from cytolapse.metrics.bootstrap import UNDEFINED
from trainers import provenance
from trainers.study import figures, published
from trainers.study.tables import Table, choice_table, flat, pair_table, seed_table, source_table, test_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytolapse.data import DataSet
    from cytolapse.tracking import Run
    from trainers.study.lines import Line
    from trainers.study.plan import Wish

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:84rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem;
text-align:left;border-bottom:1px solid #ddd}th{border-bottom:2px solid #888}img{max-width:100%}"""
CHOICE = (
    f"Rows are ranked by {SELECTION} on the validation part alone. A row with fewer steps than its recipe takes is not "
    "trained: its scores are shown, it is never ranked, and nothing follows from them."
)
AS_PUBLISHED = (
    "Precision and recall count as the published table counts them: an object is found when any object of the other "
    f"side reaches the IoU. The published rows are of {published.DATASET}, silver truth and a split of their own"
)


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        text: one paragraph.
        table: names of columns, and rows; None where there is none.
        figure: file name and PNG; None where there is none.
    """

    title: str
    text: str
    table: Table | None = None
    figure: tuple[str, bytes] | None = None


def write_report(run: Run, dataset: DataSet, wish: Wish, lines: Sequence[Line]) -> None:
    """Write report.md, report.html, table.csv, table.json and the figures to the run."""
    title = f"Study of {dataset.name}, budget {wish.budget}"
    sections = report_sections(lines, dataset.name)
    where = _shown_on(lines)
    curves = ("curves.png", figures.curves(lines, where))
    sections.append(Section("Curves", f"One-to-one, on {where}.", figure=curves))
    sheet = figures.contact(lines, dataset, wish.test_sequence)
    if sheet is not None:
        sections.append(Section("One frame", sheet[0], figure=("contact.png", sheet[1])))
    sections.append(Section("Made with", f"{provenance.machine()}; commit {provenance.commit() or 'unknown'}."))
    for section in sections:
        if section.figure is not None:
            path = run.folder / section.figure[0]
            path.write_bytes(section.figure[1])
            run.artifact(path, folder="figures")
    run.text(markdown(title, sections), "report.md")
    run.text(page(title, sections), "report.html")
    table = flat(lines)
    run.json(table, "table.json")
    run.text(pd.DataFrame(table).to_csv(index=False), "table.csv")


def report_sections(lines: Sequence[Line], name: str) -> list[Section]:
    """The tables of the report.

    Args:
        lines: the rows.
        name: of the data set.
    """
    reference = _shown_on(lines).partition("/")[2]
    other = "" if name == published.DATASET else f"; these are other data ({name}), so they are no yardstick here"
    sections = [
        Section("Ranking", CHOICE, choice_table(lines)),
        Section(
            f"Test, {reference} truth, as published", AS_PUBLISHED + other + ".", source_table(lines, reference, False)
        ),
        Section(
            f"Test, {reference} truth, one to one", "Each object is matched once.", source_table(lines, reference, True)
        ),
        Section("Test, gold and silver", "SEG does not count false positives: read it beside DET.", test_table(lines)),
    ]
    pairs, seeds = pair_table(lines, reference), seed_table(lines)
    if pairs[1]:
        sections.append(Section("Against the best on validation", "Above 0: better than the best.", pairs))
    if seeds[1]:
        sections.append(Section("Seeds", "How much chance there is in one training.", seeds))
    short = sorted({reason for line in lines for reason in _reasons(line)})
    if short:
        shown = ["part and truth", "reason"], [list(each) for each in short]
        sections.append(Section("No interval", "Frames minutes apart are not independent, so blocks count.", shown))
    return sections


def _shown_on(lines: Sequence[Line]) -> str:
    """The truth of the tables: silver, as published, else gold."""
    return "test/silver" if any("test/silver" in line.results for line in lines) else "test/gold"


def _reasons(line: Line) -> list[tuple[str, str]]:
    return [
        (where, each["reason"])
        for where, result in line.results.items()
        for each in result.get("intervals", {}).values()
        if each["reason"] not in ("", UNDEFINED)
    ]


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The report as Markdown; figures are files beside it."""
    lines = [f"# {title}", ""]
    for section in sections:
        lines += [f"## {section.title}", "", section.text, ""]
        if section.table is not None:
            head, rows = section.table
            shown = [head, ["---"] * len(head), *rows]
            lines += [*(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in shown), ""]
        if section.figure is not None:
            lines += [f"![{section.title}](figures/{section.figure[0]})", ""]
    return "\n".join(lines)


def page(title: str, sections: Sequence[Section]) -> str:
    """The report as one HTML file: figures are inside, nothing is fetched, nothing runs."""
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        parts += [f"<h2>{html.escape(section.title)}</h2>", f"<p>{html.escape(section.text)}</p>"]
        if section.table is not None:
            head, rows = section.table
            parts += ["<table>", _row(head, "th"), *(_row(row, "td") for row in rows), "</table>"]
        if section.figure is not None:
            data = base64.b64encode(section.figure[1]).decode()
            parts.append(f'<img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}">')
    top = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{top}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
