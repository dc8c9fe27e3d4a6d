"""`cytolapse audit`: where independent models agree with each other against the silver truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cytolapse.commands.runs import TRACKING

if TYPE_CHECKING:
    from cytolapse.data import DataSet

RUNS = "--runs"


class SeveralRuns(click.Command):
    """A command of which `--runs` takes all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Make `--runs A --runs B` of `--runs A B`."""
        spelled: list[str] = []
        many = False
        for word in args:
            if word.startswith("-"):
                many = word == RUNS
                spelled += [] if many else [word]
            else:
                spelled += [RUNS, word] if many else [word]
        return super().parse_args(ctx, spelled)


@click.command(cls=SeveralRuns)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(RUNS, multiple=True, required=True, metavar="RUN_ID...", help="Two runs or more: ids, names or spools.")
@click.option(
    "--split",
    type=click.Choice(["test", "val", "all"]),
    default="test",
    show_default=True,
    help="Which of the runs' masks; no run has any of frames that it learned from.",
)
@click.option("--top", type=click.IntRange(min=1), default=50, show_default=True, help="Findings at most.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder; default audit-<name of the data set>.")
@click.option("--log", is_flag=True, help="Also log OUT as a run, for the dashboard's page of errors.")
@TRACKING
def audit(data: Path, runs: tuple[str, ...], split: str, top: int, out: Path | None, log: bool, tracking: str) -> None:
    """Find errors of the silver truth in DATA: cells about which independent models agree with each other against it.

    Evaluate two runs or more on the same part first (better three; different recipes or seeds). OUT gets audit.csv, the
    findings by falling score; a contact sheet for each in findings/; index.html to go through them; and frames.csv.
    Delete from audit.csv the rows in which silver is right, then give it to `cytolapse train` and `cytolapse evaluate`
    as --ignore. Every score is explained in docs/audit.md.

    \b
    Example:
      cytolapse audit data/PhC-C2DH-U373 --runs UNET_RUN FLOW_RUN MASK_RCNN_RUN
      cytolapse evaluate RUN_ID --data data/PhC-C2DH-U373 --ignore audit-PhC-C2DH-U373/audit.csv
    """
    from cytolapse.audit.rank import rank
    from cytolapse.audit.report import write_audit
    from cytolapse.audit.runs import scenes_of
    from cytolapse.audit.scene import f1_of_models, weights_of
    from cytolapse.data import open_dataset
    from cytolapse.data.masks import need_new

    dataset = open_dataset(data)
    out = out or Path(f"audit-{dataset.name}")
    need_new(out)
    scenes = scenes_of(dataset, runs, split, tracking)
    f1 = f1_of_models(scenes)
    frames = sum(len(scene.numbers) for scene in scenes)
    click.echo(f"{dataset.name}: {frames} frames with silver truth and masks of two runs or more ({split})")
    for name, score in zip(scenes[0].names, f1, strict=True):
        weak = "   weak beside the best: its word counts little" if score < max(f1) / 2 else ""
        click.echo(f"  {name:<30} F1 against silver {score:.3f}{weak}")
    weights = weights_of(f1)
    rows = write_audit(out, dataset, scenes, weights, rank(scenes, weights), top)
    kinds = Counter(row["kind"] for row in rows)
    click.echo(f"{len(rows)} findings: " + (", ".join(f"{n} {kind}" for kind, n in kinds.most_common()) or "none"))
    for row in rows[:10]:
        label = row["label"] and f"silver {row['label']}"
        click.echo(f"  {row['rank']:>3}  {row['score']}  {row['kind']:<9} {row['sequence']}/{row['frame']:<5} {label}")
    if log:
        click.echo(_logged(dataset, out, len(rows), tracking))
    click.echo(f"look at {out / 'index.html'}; {out / 'audit.csv'} is the list for --ignore")


def _logged(dataset: DataSet, out: Path, findings: int, tracking: str) -> str:
    """Log the folder of an audit as a run of its data set; the line that says where it is."""
    from cytolapse.tracking import start_run
    from cytolapse.tracking.marks import AUDIT

    tags = {"cytolapse.dataset": dataset.name, "cytolapse.digest": dataset.digest, AUDIT: findings}
    with start_run(tracking, dataset.name, f"audit-{dataset.name}", tags) as run:
        run.input(dataset.name, dataset.digest, "test", str(dataset.path.resolve()))
        for path in sorted(out.iterdir()):
            run.artifact(path, "audit")
    return run.closing_line()
