"""`cytolapse sync` and `runs`: what was logged."""

from __future__ import annotations

from pathlib import Path

import click

from cytolapse.errors import CytolapseError

TRACKING = click.option(
    "--tracking", default="", help="The store; default MLFLOW_TRACKING_URI, else mlflow.db in the current folder."
)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@TRACKING
def sync(folder: Path, tracking: str) -> None:
    """Deliver spooled runs to the tracking store, once.

    DIR is the folder of one spool or one above several. A sync that was interrupted is simply started again.

    \b
    Example:
      cytolapse train unet --data data/demo --tracking spool:outputs/night
      cytolapse sync outputs/night --tracking http://tracking.lab:5000
    """
    from tqdm import tqdm

    from cytolapse.tracking.spool import EVENTS
    from cytolapse.tracking.sync import spools
    from cytolapse.tracking.sync import sync as deliver

    found = spools(folder)
    failed = []
    with tqdm(
        total=sum((each / EVENTS).stat().st_size for each in found), unit="B", unit_scale=True, desc="sync"
    ) as bar:
        for each in found:
            try:
                click.echo(f"run_id: {deliver(each, tracking, bar.update)}")
            except CytolapseError as error:
                failed.append(str(error))
    if failed:
        raise CytolapseError("\n".join([*failed, f"{len(failed)} of {len(found)} spools were not delivered"]))


@click.command()
@click.option("--dataset", default="", help="Only runs on this data set.")
@click.option("--limit", default=20, show_default=True, help="Rows at most, newest first; 0 shows all.")
@TRACKING
def runs(dataset: str, limit: int, tracking: str) -> None:
    """Show the runs as a table, newest first.

    `stale` stands for a run that says it is running and has been silent for five minutes: it was killed.

    \b
    Example:
      cytolapse runs --dataset PhC-C2DH-U373
    """
    from cytolapse.metrics import SELECTION
    from cytolapse.tracking import open_store

    table = open_store(tracking).runs()
    table = table[table["dataset"] == dataset] if dataset else table
    if table.empty:
        raise CytolapseError("no runs" + (f" on {dataset}" if dataset else "") + ": `cytolapse train` makes one")
    scores = [name for name in (f"metrics.val/silver/{SELECTION}", "metrics.test/gold/seg") if name in table]
    table = table[["run_id", "name", "status", "started", "dataset", *scores]].head(limit or None)
    table["started"] = table["started"].dt.tz_convert(None).dt.strftime("%Y-%m-%d %H:%M")
    table.columns = [str(name).removeprefix("metrics.") for name in table.columns]
    click.echo(table.to_string(index=False, na_rep="-", float_format="{:.4f}".format))
