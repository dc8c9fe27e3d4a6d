"""Previews: one stored zip per sequence with small encoded frames and labels, written and read here only."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

JPEG_LIMIT = 65500
ABOUT = "about.json"
VERSION = 3
"""Of the zip. 1 and 2 had images as WebP and labels as PNG, 1 no `about.json`: they are read all the same."""
RUNS = ".runs"
QUALITY = 90
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class FrameView:
    """What is needed to show one frame.

    Attributes:
        number: the frame number of the file name.
        image: (Y, X) uint8 grey values for display.
        prediction: (Y, X) integer labels, 0 = background.
        references: "silver" or "gold" -> (Y, X) integer labels; only those known in this frame.
    """

    number: int
    image: NDArray[np.uint8]
    prediction: NDArray[Any]
    references: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def display_limits(frames: NDArray[Any]) -> tuple[float, float]:
    """Grey values shown as black and as white: the 0.01 and 99.99 percentile of at most 16 frames.

    Args:
        frames: (T, Y, X) grey values; one pair for the whole movie, so that brightness does not flicker.
    """
    sample = np.asarray(frames[:: max(1, -(-len(frames) // 16))])
    low, high = np.percentile(sample, [0.01, 99.99])
    return float(low), float(high)


def to_display(frame: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Stretch a (Y, X) frame to uint8 between the limits of `display_limits`."""
    low, high = limits
    stretched = (frame.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
    shown: NDArray[np.uint8] = np.clip(stretched + 0.5, 0, 255).astype(np.uint8)
    return shown


class Stored(NamedTuple):
    """One encoded image of a zip.

    Attributes:
        name: in the zip.
        mark: changes with the content: two images of one mark are the same.
    """

    name: str
    mark: str


def write_previews(path: Path, frames: Iterable[FrameView], minutes: float | None = None) -> None:
    """Write frames, one after the other, to a zip that is there whole or not at all.

    Args:
        path: of the zip.
        frames: in the order in which they are shown.
        minutes: between two frames, where it is known.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            # A fixed date: the same frames give the same bytes.
            archive.writestr(zipfile.ZipInfo(ABOUT, _EPOCH), json.dumps({"version": VERSION, "minutes": minutes}))
            for frame in frames:
                for name, content in _encoded(frame):
                    packed = zipfile.ZIP_DEFLATED if name.endswith(RUNS) else zipfile.ZIP_STORED
                    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, packed)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class Previews:
    """The frames of a zip that `write_previews` wrote, read or decoded one at a time; several threads may read.

    Attributes:
        path: of the zip, which stays open: what is written there later is not seen.
        stored: "image", "prediction", "silver", "gold" -> frame number -> the encoded image.
        numbers: the frame numbers, ascending.
        minutes: between two frames; None where it is not known.

    Raises:
        CytolapseError: the file is absent, no such zip, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
            entries = self._archive.infolist()
            about = json.loads(self._archive.read(ABOUT)) if any(each.filename == ABOUT for each in entries) else {}
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise CytolapseError(f"{path} holds no previews ({error}): evaluate the run again") from error
        if about.get("version", 1) > VERSION:
            raise CytolapseError(
                f"{path} is of version {about['version']}, this cytolapse reads up to {VERSION}: update it"
            )
        self.minutes: float | None = about.get("minutes")
        self.stored: dict[str, dict[int, Stored]] = {}
        for entry in entries:
            kind, _, stem = entry.filename.partition(".")[0].partition("/")
            if stem.isdecimal():
                mark = f"{entry.CRC:08x}{entry.file_size:x}"
                self.stored.setdefault(kind, {})[int(stem)] = Stored(entry.filename, mark)
        self.numbers = sorted(set().union(*self.stored.values()))

    def read(self, kind: str, number: int) -> bytes:
        """One image as it is stored (JPEG, WebP or PNG), or labels as `to_runs` writes them.

        Raises:
            KeyError: there is no such image.
            CytolapseError: it is damaged.
        """
        name = self.stored[kind][number].name
        try:
            content = self._archive.read(name)
            return content if kind == "image" or name.endswith(RUNS) else to_runs(_decode(content))
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            raise CytolapseError(f"{name} of {self.path} is damaged ({error}): evaluate the run again") from error

    def frame(self, number: int) -> FrameView:
        """Decode one frame.

        Raises:
            CytolapseError: there is no such frame, or its images are damaged.
        """
        if number not in self.numbers:
            known = f"{self.numbers[0]} to {self.numbers[-1]}" if self.numbers else "none"
            raise CytolapseError(f"{self.path.name} has no frame {number}: its frames are {known}")
        try:
            kinds = [kind for kind, frames in self.stored.items() if number in frames]
            planes = {kind: self._plane(kind, number) for kind in kinds}
            image, prediction = planes.pop("image"), planes.pop("prediction")
        except (OSError, KeyError, ValueError) as error:
            raise CytolapseError(
                f"frame {number} of {self.path} is damaged ({error}): evaluate the run again"
            ) from error
        return FrameView(number, image, prediction, planes)

    def _plane(self, kind: str, number: int) -> NDArray[Any]:
        content = self.read(kind, number)
        return _decode(content) if kind == "image" else from_runs(content)


def to_runs(labels: NDArray[Any]) -> bytes:
    """Labels as runs: quick to make, to read and to outline where most of a frame is background.

    Args:
        labels: (Y, X) ids of at most 32 bit.

    Returns:
        Unsigned little-endian numbers of 32 bit: height, width, then length and id of each run, row after row.
    """
    flat = labels.ravel()
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    runs = np.column_stack([np.diff(starts, append=flat.size), flat[starts]])
    return np.append(labels.shape, runs.ravel()).astype("<u4").tobytes()


def from_runs(content: bytes) -> NDArray[np.int32]:
    """The (Y, X) labels that `to_runs` wrote.

    Raises:
        ValueError: they were cut.
    """
    numbers = np.frombuffer(content, "<u4")
    return np.repeat(numbers[3::2], numbers[2::2]).astype(np.int32).reshape(*numbers[:2])


def _encoded(frame: FrameView) -> Iterable[tuple[str, bytes]]:
    """Names and contents; browsers decode a grey JPEG in a third of the time that WebP takes them."""
    image, lossy = Image.fromarray(frame.image), max(frame.image.shape) <= JPEG_LIMIT
    content = _bytes(image, "JPEG", quality=QUALITY) if lossy else _bytes(image, "PNG", compress_level=3)
    yield f"image/{frame.number:04d}.{'jpg' if lossy else 'png'}", content
    for kind, labels in {"prediction": frame.prediction, **frame.references}.items():
        yield f"{kind}/{frame.number:04d}{RUNS}", to_runs(labels)


def _bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _decode(content: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as image:
        if image.mode == "RGBA":  # ids above 16 bit in a zip of version 2
            return np.asarray(image).view("<i4")[..., 0].astype(np.int32)
        return np.asarray(image if image.mode.startswith("I") else image.convert("L"))
