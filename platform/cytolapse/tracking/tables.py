"""The tables of objects and frames that an evaluation stored on a run; those of a spool without mlflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError
from cytolapse.previews import Previews
from cytolapse.tracking.masks import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cytolapse.tracking.logged import Logged

Row = dict[str, Any]
REFERENCES = ("gold", "silver")
COLUMNS = {
    "objects": ("side", "kind", "iou", "seg", "area", "major", "aspect", "track", "since_division", "near_seam"),
    "frames": ("sequence", "frame", "full", "n_truth", "n_pred", "tp", "missed", "spurious", "errors", "rank", "seg"),
}
"""Table -> columns that are read; an older version of cytolapse wrote fewer."""
WHOLE = {"truth", "prediction", "track", "since_division", "until_division", "fp", "merging", "fragment", "spurious"}


@dataclass(frozen=True)
class Tables:
    """What became of one part of a data set, against one truth.

    Attributes:
        run: whose.
        part: "test" or "val".
        reference: "gold" or "silver".
        others: the other truths that the part was scored against.
        objects: the rows of `Result.objects`.
        frames: the rows of `Result.by_frame`.
    """

    run: Logged
    part: str
    reference: str
    others: Sequence[str]
    objects: Sequence[Row]
    frames: Sequence[Row]

    def previews(self, sequence: str) -> Previews:
        """The stored pictures of one sequence.

        Raises:
            CytolapseError: there are none.
        """
        return Previews(self.run.artifact(f"{self.part}/previews/{sequence}.zip"))


def stored_tables(run: Logged, part: str = "", reference: str = "") -> Tables:
    """The tables of one part, against one truth.

    Args:
        run: an evaluated run.
        part: "" is test, where that was evaluated, else val.
        reference: "" is gold, where there is such truth, else silver.

    Raises:
        CytolapseError: that part was not evaluated, or not against that truth, or by an older version, or a table is
            damaged.
    """
    evaluated = [each for each in PARTS if f"{each}/objects.parquet" in run.artifacts(each)]
    if (part or PARTS[0]) not in evaluated and (part or not evaluated):
        instead = f"; it was on {evaluated[0]}: --split {evaluated[0]}" if evaluated else ""
        raise CytolapseError(
            f"run {run.name} was not evaluated on its {part or PARTS[0]} part{instead}; `cytolapse evaluate "
            f"{run.reference} --data DATA --split {part or PARTS[0]}` does it"
        )
    part = part or evaluated[0]
    objects, frames = (_read(run, part, name) for name in ("objects", "frames"))
    known = [each for each in REFERENCES if any(row["reference"] == each for row in frames)]
    if (reference or known[0]) not in known:
        raise CytolapseError(
            f"the {part} part of run {run.name} has no {reference} truth; it was scored against {known[0]} truth: "
            f"--reference {known[0]}"
        )
    reference = reference or known[0]
    chosen = ([row for row in rows if row["reference"] == reference] for rows in (objects, frames))
    return Tables(run, part, reference, [each for each in known if each != reference], *chosen)


def _read(run: Logged, part: str, name: str) -> list[Row]:
    return read_rows(run.artifact(f"{part}/{name}.parquet"), name, f"{part}/{name}.parquet of run {run.name}")


def read_rows(file: Path, name: str, title: str) -> list[Row]:
    """The rows of a stored table.

    Args:
        file: the table.
        name: "objects" or "frames".
        title: what to call it in messages.

    Raises:
        CytolapseError: it is damaged, or was written by an older version.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise CytolapseError(f"{title} is damaged: evaluate the run again") from error
    missing = [column for column in ("reference", *COLUMNS[name]) if column not in table.column_names]
    if missing:
        raise CytolapseError(
            f"{title} was written by an older version of cytolapse, without {', '.join(missing)}: "
            "evaluate the run again"
        )
    # pandas wrote whole numbers as float where some are missing
    whole = [pyarrow.field(each.name, pyarrow.int64()) if each.name in WHOLE else each for each in table.schema]
    rows: list[Row] = table.cast(pyarrow.schema(whole)).to_pylist()
    return rows
