"""What an earlier table of runs spares the next reading: most runs of a store ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cytolapse.tracking.frames import RUN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cytolapse.tracking.frames import RunRow

ENDED = ("FINISHED", "FAILED", "KILLED")
GROUPS = ("metrics.", "params.", "tags.")


def unchanged(rows: Sequence[RunRow], known: pd.DataFrame) -> set[str]:
    """Ids of the runs that had ended in an earlier table, and have the same end now: a run taken up gets another."""
    ended = known[known["status"].isin(ENDED) & known["finished"].notna()]
    ends = ended["finished"].dt.as_unit("ms").astype("int64")
    before = dict(zip(ended["run_id"].tolist(), zip(ended["status"].tolist(), ends.tolist(), strict=True), strict=True))
    return {row.run_id for row in rows if before.get(row.run_id) == (row.status, row.finished)}


def completed(frame: pd.DataFrame, known: pd.DataFrame, same: set[str]) -> pd.DataFrame:
    """A table with the metrics and parameters of some runs from an earlier one.

    Args:
        frame: `runs_frame` of all runs, read without the metrics and parameters of those in `same`.
        known: the earlier table.
        same: run ids.
    """
    import numpy as np
    import pandas as pd

    there = known[known["run_id"].isin(same)]
    place = {run_id: number for number, run_id in enumerate(frame["run_id"])}
    lines = [place[run_id] for run_id in there["run_id"]]
    columns: dict[str, Any] = {}
    for name in [name for name in known if name.startswith(GROUPS[:2])]:
        values = there[name].to_numpy()
        if name in frame or pd.notna(values).any():
            fresh = frame[name].to_numpy().copy() if name in frame else np.full(len(frame), np.nan, values.dtype)
            fresh[lines] = values
            columns[name] = fresh
    others = frame[[name for name in frame if name not in columns]]
    return in_order(pd.concat([others, pd.DataFrame(columns, index=frame.index)], axis=1))


def joined(fresh: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The runs of an earlier table, and those read anew in their stead or beside them; newest first."""
    import pandas as pd

    table = pd.concat([fresh, known[~known["run_id"].isin(fresh["run_id"])]], ignore_index=True)
    table = table.sort_values(["started", "run_id"], ascending=[False, True], kind="stable", ignore_index=True)
    return in_order(table)


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The columns as every table of runs has them: the usual ones, then metrics, params and tags by their keys."""
    groups = [sorted(name for name in table if name.startswith(group)) for group in GROUPS]
    return table[[*RUN_COLUMNS, *groups[0], *groups[1], *groups[2]]]
