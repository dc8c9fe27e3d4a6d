"""Reading all files of a data set beside the pages: what is wrong with it, and the cells of its truth."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from cytolapse.data.check import check_dataset
from cytolapse.data.movie import read_digest
from cytolapse.data.tiff import Array, as_labels, read_image
from cytolapse.errors import CytolapseError
from cytolapse.metrics import is_full
from dashboard.data.annotated import Annotated, annotated

if TYPE_CHECKING:
    from pathlib import Path

    from cytolapse.data.findings import Finding
    from dashboard.data.datasets import Listed

PATIENCE_S = 60
"""After so long without a visitor a reading stops."""
MOST = 8
_LOG = logging.getLogger(__name__)


class _UnwantedError(Exception):
    """Nobody waits for the rest."""


class Reading:
    """All files of one folder, read once in a thread of its own.

    Attributes:
        listed: the folder when it began.
        state: waiting, reading, done, stopped (nobody looked), or failed.
        done: images that were read.
        total: images that there are.
        found: the truth of the frames read so far.
        full: sequence, gold frame -> whether every cell of it has a mask, where markers tell.
        findings: of the check, once it is done.
        digest: of the content, as runs note it; "" where it can't be told.
        asked: when somebody last looked, in seconds of the monotonic clock.
    """

    def __init__(self, listed: Listed, turn: threading.Lock) -> None:
        self.listed = listed
        self.state = "waiting"
        self.done = 0
        self.found: list[Annotated] = []
        self.full: dict[tuple[str, int], bool] = {}
        self.findings: list[Finding] = []
        self.digest = ""
        self.asked = time.monotonic()
        self._turn = turn
        self._places = {
            path: (each.name, kind, number)
            for each in listed.sequences.values()
            for kind, files in each.files.items()
            for number, path in files.items()
        }
        self.total = len(self._places)

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self.state not in ("waiting", "reading")

    def start(self) -> None:
        """Begin, once no other folder is being read."""
        threading.Thread(target=self._read, name=f"reading {self.listed.root.name}", daemon=True).start()

    def _read(self) -> None:
        try:
            with self._turn:
                self.state = "reading"
                self.findings = check_dataset(self.listed.root, self._see)
                with suppress(CytolapseError):  # files that can't be read are among the findings
                    self.digest = read_digest(self.listed.root)
            self.state = "done"
        except _UnwantedError:
            self.state = "stopped"
        except CytolapseError:  # the folder is gone
            self.state = "failed"
        except Exception:
            _LOG.exception("%s can't be read", self.listed.root)
            self.state = "failed"

    def _see(self, path: Path, image: Array | None) -> None:
        if time.monotonic() - self.asked > PATIENCE_S:
            raise _UnwantedError
        self.done += 1
        sequence, kind, number = self._places.get(path, ("", "frames", 0))
        if image is None or kind == "frames":
            return
        self.found.append(annotated(sequence, kind, number, image))
        gold = self.listed.sequences[sequence].files.get("gold", {}).get(number)
        if kind == "TRA" and gold is not None:
            try:
                self.full[sequence, number] = is_full(as_labels(gold, read_image(gold)), image)
            except CytolapseError:  # a mask that is told among the findings
                return


class Desk:
    """The readings of a server, one for each folder, shared by all visitors; one is read at a time."""

    def __init__(self) -> None:
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._readings: dict[Path, Reading] = {}

    def reading(self, listed: Listed) -> Reading:
        """That of a folder as it is now; begun where there is none yet, or a file changed."""
        with self._lock:
            kept = self._readings.pop(listed.root, None)
            if kept is None or kept.listed.stamp != listed.stamp or kept.state == "stopped":
                _drop(kept)
                kept = Reading(listed, self._turn)
                kept.start()
            kept.asked = time.monotonic()
            self._readings[listed.root] = kept  # the last one is the one asked for last
            while len(self._readings) > MOST:
                _drop(self._readings.pop(next(iter(self._readings))))
            return kept

    def forget(self, root: Path) -> None:
        """Read a folder anew when it is asked for."""
        with self._lock:
            _drop(self._readings.pop(root, None))


def _drop(reading: Reading | None) -> None:
    if reading is not None:
        reading.asked = -PATIENCE_S - 1.0
