"""`cytolapse sync`, `runs`, `promote` and `rollback`: what was logged, and which model is the champion."""

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


@click.command()
@click.argument("references", metavar="RUN_ID|VERSION...", nargs=-1, required=True)
@click.option("--alias", default="champion", show_default=True, help="champion is gated; challenger is free.")
@click.option("--reason", default="", help="Why; kept with the version.")
@click.option("--force", is_flag=True, help="Promote although the gate refuses; needs --reason.")
@TRACKING
def promote(references: tuple[str, ...], alias: str, reason: str, force: bool, tracking: str) -> None:
    """Make the best of the given runs the champion of its data set.

    Of several runs the one that is best on validation is taken. Its segmenter becomes a version of the registered
    model that has the data set's name. A champion is only replaced by a run that is at least as good on the same data.

    \b
    Example:
      cytolapse promote RUN_ID OTHER_RUN_ID --reason "three seeds agree"
    """
    from cytolapse.tracking.promotion import Wish
    from cytolapse.tracking.promotion import promote as do

    for line in do(Wish(references, alias, reason, force), tracking):
        click.echo(line)


@click.command()
@click.argument("name", required=False)
@click.option("--alias", default="champion", show_default=True, help="The alias to move back.")
@TRACKING
def rollback(name: str | None, alias: str, tracking: str) -> None:
    """Give the alias back to the version that held it before.

    NAME is the registered model; it may be left out where there is only one.

    \b
    Example:
      cytolapse rollback PhC-C2DH-U373
    """
    from cytolapse.tracking.promotion import rollback as do

    for line in do(name, alias, tracking):
        click.echo(line)
