"""`cytolapse errors`: what a run gets wrong, and where to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytolapse.commands.runs import TRACKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cytolapse.tracking.tables import Tables

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("run", metavar="RUN_ID")
@click.option("--split", type=click.Choice(["test", "val"]), help="Default: test, if it was evaluated.")
@click.option("--reference", type=click.Choice(["gold", "silver"]), help="Which truth; default: gold, if there is any.")
@click.option("--top", default=20, show_default=True, type=click.IntRange(min=1), help="Frames to show.")
@click.option("--pictures", type=PATH, help="Also draw the worst frames and cells into this new folder.")
@click.option("--json", "json_file", type=PATH, help="Also write everything to this file.")
@click.option("--csv", "csv_folder", type=PATH, help="Also write objects, frames and bins into this new folder.")
@TRACKING
def errors(run: str, split: str | None, reference: str | None, tracking: str, **wishes: Any) -> None:
    """Rank what an evaluated run gets wrong: kinds of errors, worst frames, scores by bin.

    RUN_ID is a run's id or its first digits, its name, or spool:DIR. The worst frame is the one with most cells and
    predictions without a match at IoU 0.5, and of those the one of lowest SEG. `docs/metrics.md` says what the kinds
    and bins are; the tables themselves are `objects.parquet` and `frames.parquet` of the run.

    \b
    Example:
      cytolapse errors unet-boundary-2f31 --split val --reference silver --pictures worst
    """
    from cytolapse.tracking import logged
    from cytolapse.tracking.tables import stored_tables

    tables = stored_tables(logged(run, tracking), split or "", reference or "")
    _write(tables, **wishes)
    for line in _lines(tables, wishes["top"]):
        click.echo(line)


def _write(tables: Tables, top: int, pictures: Path | None, json_file: Path | None, csv_folder: Path | None) -> None:
    if pictures is not None:
        from cytolapse.pictures import save_pictures

        names = save_pictures(tables, top, pictures)
        click.echo(f"{len(names)} pictures in {pictures}", err=True)
    if csv_folder is not None:
        _write_csv(tables, csv_folder)
    if json_file is not None:
        from cytolapse.commands.score import write_json

        write_json(json_file, json.dumps(summary(tables, top), indent=1, allow_nan=False))


def summary(tables: Tables, top: int) -> dict[str, Any]:
    """What --json writes: kinds by side, the worst frames, scores by bin."""
    from cytolapse.metrics.bins import by_bin, median_area
    from cytolapse.metrics.mistakes import count_frames, worst

    truth = [row for row in tables.objects if row["side"] == "truth"]
    return {
        "schema_version": 1,
        "run": tables.run.reference,
        "name": tables.run.name,
        "split": tables.part,
        "reference": tables.reference,
        "frames": len(tables.frames),
        "n_truth": len(truth),
        "n_pred": len(tables.objects) - len(truth),
        "median_area": median_area(truth),
        "kinds": count_frames(tables.frames),
        "worst": worst(list(tables.frames), top),
        "by_bin": by_bin(tables.objects),
    }


def _write_csv(tables: Tables, out: Path) -> None:
    import pandas as pd

    from cytolapse.data.masks import new_mask_folder
    from cytolapse.metrics.bins import by_bin

    found = by_bin(tables.objects)
    bins = [{"kind": kind, "bin": name, **row} for kind, rows in found.items() for name, row in rows.items()]
    with new_mask_folder(out) as folder:
        for name, rows in (("objects", tables.objects), ("frames", tables.frames), ("bins", bins)):
            table = pd.DataFrame(list(rows), dtype=object)
            table.to_csv(folder / f"{name}.csv", index=False)


def _lines(tables: Tables, top: int) -> Iterator[str]:
    from cytolapse.metrics.mistakes import bin_table, kinds_table, worst_table

    frames, full = tables.frames, sum(bool(row["full"]) for row in tables.frames)
    cells = sum(row["n_truth"] for row in frames)
    yield f"{tables.run.name}: {tables.part} against {tables.reference} truth, {len(frames)} frames, {cells} cells"
    if full < len(frames):
        yield f"{full} of these frames hold every cell of theirs; predictions are judged in those only"
    for other in tables.others:
        yield f"(--reference {other} shows the errors against {other} truth)"
    yield from ("", *kinds_table(frames).text())
    yield from ("", f"Worst frames ({min(top, len(frames))} of {len(frames)})", *worst_table(list(frames), top).text())
    bins, remarks = bin_table(tables.objects)
    yield "errors: cells and predictions without a match" + ("" if full else " (no frame holds every cell: cells only)")
    yield from ("", "Cells by bin", *bins.text(), *remarks)
