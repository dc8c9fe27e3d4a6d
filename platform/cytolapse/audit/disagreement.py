"""Disagreement: the silver mask of one frame against what models agree on, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cytolapse.metrics import match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.audit.consensus import Consensus

KINDS = ("absent", "spurious", "merged", "split", "boundary")


class Case(NamedTuple):
    """A cell of one frame as silver and the models see it, or several cells where the two tell them apart differently.

    Attributes:
        kind: absent (only the models have it), spurious (only silver does), merged (silver has fewer objects than the
            models), split (silver has more), or boundary (both have it).
        silver: labels of the silver objects.
        seen: labels of the consensus.
        iou: of all silver with all seen pixels.
        agreement: of the models with each other, 0 ... 1, the mean over what is seen; where silver alone has an object,
            the share of the models' weight that sees background there.
    """

    kind: str
    silver: tuple[int, ...]
    seen: tuple[int, ...]
    iou: float
    agreement: float

    @property
    def amount(self) -> float:
        """How much silver and the models disagree: 1 about the number of cells, else 1 - IoU."""
        return 1 - self.iou if self.kind == "boundary" else 1.0


def cases(silver: NDArray[np.integer], agreed: Consensus, border: int = 0) -> list[Case]:
    """Every object of a frame, of silver and of the consensus; those of which one lies mostly in the other are a case.

    Args:
        silver: (Y, X) labels, 0 = background.
        agreed: what the models agree on in that frame.
        border: objects entirely inside this many px along the edge are left out.

    Raises:
        CytolapseError: silver and the consensus differ in size.
    """
    compared = match(silver, agreed.labels, border)
    table, n = compared.table, compared.n_truth
    together = compared.covers | compared.lies_in
    edges = (np.ones(int(together.sum())), (table.rows[together], n + table.columns[together]))
    _, part = connected_components(coo_array(edges, shape=(n + compared.n_pred,) * 2), directed=False)
    found = []
    for each in range(part.max(initial=-1) + 1):
        rows, columns = np.flatnonzero(part[:n] == each), np.flatnonzero(part[n:] == each)
        shared = table.shared[np.isin(table.rows, rows) & np.isin(table.columns, columns)].sum()
        union = table.truth.areas[rows].sum() + table.prediction.areas[columns].sum() - shared
        labels = tuple(table.truth.ids[rows].tolist()), tuple(table.prediction.ids[columns].tolist())
        iou = float(shared / union)
        found.append(Case(_kind(*map(len, labels)), *labels, iou, _agreement(silver, agreed, *labels)))
    return found


def _kind(silver: int, seen: int) -> str:
    if not seen:
        return "spurious"
    if not silver:
        return "absent"
    return "boundary" if silver == seen else "merged" if silver < seen else "split"


def _agreement(silver: NDArray[np.integer], agreed: Consensus, labels: tuple[int, ...], seen: tuple[int, ...]) -> float:
    if seen:
        return float(np.mean([agreed.agreement[each - 1] for each in seen]))
    return float(agreed.empty[np.isin(silver, labels)].mean())
