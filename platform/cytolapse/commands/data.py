"""`cytolapse simulate`, `fetch` and `check`: data sets made, downloaded and examined."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

if TYPE_CHECKING:
    from cytolapse.data.simulate.write import Measures

PRESETS = ("musc", "hsc", "demo")
SPLITS = ("train", "test")
FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--preset", type=click.Choice(PRESETS), default="demo", show_default=True, help="What to imitate.")
@click.option("--frames", type=click.IntRange(min=1), help="Frames per sequence; the preset's number by default.")
@click.option("--sequences", type=click.IntRange(1, 99), help="Number of sequences; the preset's by default.")
@click.option("--size", type=(click.IntRange(min=1), click.IntRange(min=1)), metavar="H W", help="Frame size in px.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same data set.")
@click.option(
    "--gold-frames", type=click.IntRange(min=1), help="Frames per sequence with exact masks; the preset's by default."
)
def simulate(out: Path, preset: str, **measures: Unpack[Measures]) -> None:
    """Write a simulated data set into the folder OUT.

    \b
    Example:
      cytolapse simulate data/demo --preset demo --seed 1
    """
    from cytolapse.data.simulate import write_dataset

    write_dataset(out, preset, **measures)
    click.echo(f"wrote {out}")


@click.command()
@click.argument("name")
@click.option("--to", type=FOLDER, metavar="DIR", required=True, help="Where the folder NAME is put.")
@click.option("--base-url", metavar="URL", help="Another server that holds the official archives.")
@click.option("--split", type=click.Choice(SPLITS), default="train", help="test: without truth, put into DIR/test.")
def fetch(name: str, to: Path, base_url: str | None, split: str) -> None:
    """Download the official data set NAME of the Cell Tracking Challenge; mind its conditions of use.

    A download that was cut goes on where it stopped when the command runs again.

    \b
    Example:
      cytolapse fetch BF-C2DL-MuSC --to data
    """
    from cytolapse.data import fetch as fetching

    folder = fetching.target(name, to, split)
    there = folder.exists()
    fetching.fetch(name, to, base_url or fetching.BASE_URL, split)
    click.echo(f"{folder} is already there" if there else f"wrote {folder}")


@click.command()
@click.argument("data", type=FOLDER)
@click.pass_context
def check(context: click.Context, data: Path) -> None:
    """Read every file of the data set DATA and say what is wrong, one line a problem; exit 1 if anything is.

    \b
    Example:
      cytolapse check data/BF-C2DL-MuSC
    """
    context.exit(1 if tell_problems(data) else 0)


def tell_problems(data: Path) -> int:
    """Show what is wrong with a data set; how many problems there are."""
    from cytolapse.data.check import check_dataset
    from cytolapse.data.findings import count

    found = check_dataset(data)
    for finding in found:
        click.echo(str(finding))
    problems = sum(not finding.note for finding in found)
    click.echo(f"{data}: {count(problems, 'problem') if problems else 'no problems'}")
    return problems
