"""What an audit leaves behind: the ignore list, the table of frames, a sheet for each finding, a page with all."""

from __future__ import annotations

import csv
import html
import io
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from cytolapse.audit.rank import Finding, by_frame
from cytolapse.audit.sheet import Sheets, box_of
from cytolapse.data.ignore import BOX, Box, data_key
from cytolapse.data.masks import new_mask_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cytolapse.audit.scene import Scene
    from cytolapse.data import DataSet

PLACE = ("rank", "kind", "score", "sequence", "frame", "label", *BOX)
COLUMNS = (*PLACE, "iou", "agreement", "persistence", "models", "data")
TEXTS = {
    "absent": "the models see a cell where silver has none",
    "spurious": "silver has a cell ({silver}) where the models see background",
    "merged": "the models see {n} cells where silver has {m} ({silver})",
    "split": "silver has {m} cells ({silver}) where the models see {n}",
    "boundary": "silver outlines {silver} otherwise than the models do, IoU {iou:.2f}",
}
Row = dict[str, Any]


def write_audit(
    out: Path,
    dataset: DataSet,
    scenes: Sequence[Scene],
    weights: Sequence[float],
    found: Sequence[Finding],
    top: int,
) -> list[Row]:
    """Write the folder; the rows of `audit.csv`.

    Args:
        out: a folder that does not exist, or is empty; it is there whole or not at all.
        dataset: what was audited.
        scenes: its sequences.
        weights: how much each model's word counts.
        found: every case, by falling score.
        top: how many of them are findings, at most.

    Raises:
        CytolapseError: the folder exists or can't be written.
    """
    sheets = {scene.sequence: Sheets(dataset.movies[scene.sequence], scene, weights) for scene in scenes}
    rows: list[Row] = []
    texts: list[str] = []
    with new_mask_folder(out) as folder:
        (folder / "findings").mkdir()
        shown = [each for each in found[:top] if each.score > 0]
        for each in tqdm(shown, desc="sheets", unit="finding", dynamic_ncols=True):
            where = sheets[each.sequence].where(each)
            rows.append(_row(len(rows) + 1, each, box_of(where), data_key(dataset)))
            texts.append(caption(rows[-1], each))
            sheet = sheets[each.sequence].draw(each.frame, where, texts[-1])
            Image.fromarray(sheet).save(folder / "findings" / f"{len(rows):04d}.png")
        frames = [(sequence, number, f"{score:.4f}", cases) for sequence, number, score, cases in by_frame(found)]
        for name, text in (
            ("audit.csv", table(COLUMNS, [list(row.values()) for row in rows])),
            ("frames.csv", table(("sequence", "frame", "score", "cases"), frames)),
            ("index.html", page(dataset.name, rows, texts)),
        ):
            (folder / name).write_text(text, encoding="utf-8")
    return rows


def caption(row: Row, finding: Finding) -> str:
    """A finding in words: a line about what it is, and one about its score."""
    case = finding.case
    silver = ", ".join(map(str, case.silver))
    what = TEXTS[case.kind].format(silver=silver, n=len(case.seen), m=len(case.silver), iou=case.iou)
    numbers = (
        f"score {finding.score:.2f} = agreement of the models {case.agreement:.2f} x disagreement {case.amount:.2f}"
    )
    numbers += f" x (1 - persistence {finding.persistence:.2f})"
    return f"#{row['rank']}  sequence {finding.sequence}, frame {finding.frame}: {what}\n{numbers}"


def _row(rank: int, finding: Finding, place_px: Box, data: str) -> Row:
    case, box = finding.case, dict(zip(BOX, place_px, strict=True))
    values = {"score": finding.score, "iou": case.iou, "agreement": case.agreement, "persistence": finding.persistence}
    rounded = {name: f"{value:.4f}" for name, value in values.items()}
    place = {"rank": rank, "kind": case.kind, "sequence": finding.sequence, "frame": finding.frame}
    names = {"label": " ".join(map(str, case.silver)), "models": " ".join(finding.models), "data": data}
    whole = {**place, **box, **rounded, **names}
    return {column: whole[column] for column in COLUMNS}


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([columns, *rows])
    return file.getvalue()


def page(name: str, rows: Sequence[Row], texts: Sequence[str]) -> str:
    """A page with all sheets; what is ticked there can be saved as the ignore list."""
    header, *lines = table(COLUMNS, [list(row.values()) for row in rows]).splitlines()
    figures = [
        f'<figure><label><input type="checkbox" checked data-row="{html.escape(line)}"> wrong in silver: ignore it'
        f'</label><img loading="lazy" src="findings/{row["rank"]:04d}.png" alt="{html.escape(text)}"></figure>'
        for row, line, text in zip(rows, lines, texts, strict=True)
    ]
    return PAGE.format(name=html.escape(name), header=html.escape(header), figures="\n".join(figures), n=len(rows))


PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Audit of {name}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1160px; padding: 1em; }}
figure {{ border-top: 1px solid #999; margin: 0; padding: .8em 0; }}
img {{ display: block; max-width: 100%; }}
header {{ background: white; position: sticky; top: 0; padding: .4em 0; }}
</style>
<header><b>Audit of {name}: {n} findings.</b> Untick where silver is right, then
<button id="save">save the ignore list</button> and give it to <code>--ignore</code>.</header>
<main data-header="{header}">
{figures}
</main>
<script>
document.getElementById("save").onclick = () => {{
  const rows = [...document.querySelectorAll("input:checked")].map((box) => box.dataset.row);
  const text = [document.querySelector("main").dataset.header, ...rows].join("\\n") + "\\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {{type: "text/csv"}}));
  link.download = "ignore.csv";
  link.click();
}};
</script>
"""
