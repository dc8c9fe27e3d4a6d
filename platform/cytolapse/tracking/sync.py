"""Sync: what was spooled without a store is delivered later, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError
from cytolapse.tracking.client import explained
from cytolapse.tracking.deliver import Delivery
from cytolapse.tracking.spool import EVENTS, last_time
from cytolapse.tracking.uri import store_uri

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 10.0  # a run that has just ended may still be letting go of its spool


def spools(folder: Path) -> list[Path]:
    """The spool in a folder, or all spools below it, oldest first.

    Raises:
        CytolapseError: there is none.
    """
    found = sorted((file.parent for file in folder.rglob(EVENTS)), key=lambda each: (each / EVENTS).stat().st_mtime)
    if not found:
        raise CytolapseError(
            f"{folder} holds no spool ({EVENTS}): give the folder of --tracking spool:DIR, or one above"
        )
    return found


def sync(folder: Path, tracking: str = "", progress: Callable[[int], object] | None = None) -> str:
    """Deliver one spool; returns the run's id. Harmless to repeat, also after a kill.

    Raises:
        CytolapseError: the store can't be reached or refuses the run; the spool stays as it is.
    """
    uri = store_uri(tracking)
    delivery = Delivery(folder, uri, PATIENCE_S)
    try:
        with explained(uri, f"spool {folder}"):
            delivery.deliver(progress)
            delivery.beat(last_time(folder))
    finally:
        delivery.close()
    return delivery.state.run_id
