"""The masks that an evaluation stored on a run, read back frame by frame; those of a spool without mlflow."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tifffile

from cytolapse.data.ctc import read_tracks
from cytolapse.data.masks import TRACKS
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from cytolapse.data.tiff import Array
    from cytolapse.tracking.logged import Logged

_MASK = re.compile(r"mask(\d+)\.tif")
PARTS = ("test", "val")


class StoredMasks(Mapping[int, "Array"]):
    """Frame number -> labels (Y, X) uint16, 0 = background, of one sequence; decoded when they are read.

    Args:
        path: the zip that an evaluation wrote.

    Raises:
        CytolapseError: it is no such zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._files = {int(found[1]): found[0] for name in archive.namelist() if (found := _MASK.match(name))}
        except (OSError, zipfile.BadZipFile) as error:
            raise CytolapseError(f"{path} holds no masks ({error}): evaluate the run again") from error

    def __getitem__(self, number: int) -> Array:
        try:
            with zipfile.ZipFile(self.path) as archive:
                content = archive.read(self._files[number])
            labels: Array = tifffile.imread(io.BytesIO(content))
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise CytolapseError(f"frame {number} of {self.path} is damaged: evaluate the run again") from error
        return labels

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)

    @property
    def tracks(self) -> Array | None:
        """(N, 4) int64 rows of label, first frame, last frame, parent (0 = none); None where they are not linked."""
        place = zipfile.Path(self.path, TRACKS)
        return read_tracks(place) if place.exists() else None


def stored_masks(run: Logged, part: str) -> dict[str, StoredMasks]:
    """Sequence -> the masks of one part ("test", "val") of a run.

    Raises:
        CytolapseError: the run holds none of that part; the message says of which it does.
    """
    paths = run.artifacts(f"{part}/masks")
    if not paths:
        others = [other for other in PARTS if other != part and run.artifacts(f"{other}/masks")]
        instead = f"; it has those of {' and '.join(others)}" if others else ""
        raise CytolapseError(
            f"run {run.name} has no masks of {part}{instead}: `cytolapse evaluate {run.reference} --data DATA "
            f"--split {part}` writes them"
        )
    return {Path(path).stem: StoredMasks(run.artifact(path)) for path in sorted(paths)}
