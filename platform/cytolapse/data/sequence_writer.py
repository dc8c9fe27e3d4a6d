"""SequenceWriter: frames, masks and tracks of one sequence, written in the CTC's layout."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tifffile
from tqdm import tqdm

from cytolapse.data import ctc
from cytolapse.data.accept import Seen, as_grey, as_mask, rescaled
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.masks import write_mask
from cytolapse.data.tiff import in_words
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cytolapse.data.pictures import Pictures
    from cytolapse.data.tiff import Array

log = logging.getLogger("cytolapse.import")
TRUTHS = {"silver": "ST", "gold": "GT"}
FRAME_TYPES = ("uint8", "uint16")


@dataclass(frozen=True)
class SequenceWriter:
    """Writes one sequence into a folder.

    Attributes:
        folder: of the data set.
        sequence: as "01".
        digits: of the frame numbers in file names.
    """

    folder: Path
    sequence: str
    digits: int

    def frames(
        self, frames: Pictures, channel: int | None, limits: tuple[float, float] | None
    ) -> tuple[tuple[int, ...], str]:
        """Write the frames; their shape (Y, X) and dtype.

        Args:
            frames: what is read.
            channel: which channel, from 0; None where there is one.
            limits: grey values that become 0 and 65535; None keeps uint8 and uint16 as they are.

        Raises:
            CytolapseError: one is colour, of a type that can't be kept, or unlike the first.
        """
        shape: tuple[int, ...] = ()
        dtype, outside, pixels = "", 0, 0
        with _bar(frames.read(frames.numbers), len(frames.numbers), "frames") as bar:
            for number, (path, image) in zip(frames.numbers, bar, strict=True):
                grey, more = _frame(path, as_grey(path, image, channel), limits)
                shape, dtype = shape or grey.shape, dtype or str(grey.dtype)
                if (grey.shape, str(grey.dtype)) != (shape, dtype):
                    raise CytolapseError(
                        f"{path} is {in_words(grey.shape)} {grey.dtype} in frame {number}, but the frames before it "
                        f"are {in_words(shape)} {dtype}: frames of a movie are alike; export it again"
                    )
                tifffile.imwrite(self._place("/t", number), grey, compression="zlib", metadata=None)
                outside, pixels = outside + more, pixels + grey.size
        if outside:
            log.warning("%.2g %% of the pixels lie outside --rescale and were clipped", 100 * outside / pixels)
        return shape, dtype

    def masks(
        self, masks: Pictures, pairs: Mapping[int, int], truth: str, shape: tuple[int, ...], tracks: Path | None
    ) -> None:
        """Write the masks; as markers, too, where there are tracks.

        Args:
            masks: what is read.
            pairs: frame number -> number of its mask.
            truth: "silver" or "gold".
            shape: of the frames.
            tracks: the track file of these masks.

        Raises:
            CytolapseError: one is no label image of the frames' size, or the tracks tell another story.
        """
        numbers, seen = sorted(pairs), Seen()
        with _bar(masks.read([pairs[number] for number in numbers]), len(numbers), "masks") as bar:
            for number, (path, image) in zip(numbers, bar, strict=True):
                labels = as_mask(path, image, shape)
                seen.add(number, path, labels)
                write_mask(self._place(f"_{TRUTHS[truth]}/SEG/man_seg", number), labels)
                if tracks is not None:
                    write_mask(self._place("_GT/TRA/man_track", number), labels)
        seen.need_instances()
        if tracks is not None:
            rows = ctc.read_tracks(tracks)
            need_valid(tracks, rows, seen.ids, gaps=True)
            text = "".join(f"{' '.join(map(str, row))}\n" for row in rows.tolist())
            (self.folder / f"{self.sequence}_GT" / "TRA" / "man_track.txt").write_text(text, encoding="ascii")

    def _place(self, kind: str, number: int) -> Path:
        path = self.folder / f"{self.sequence}{kind}{number:0{self.digits}d}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _bar(images: Iterator[tuple[Path, Array]], total: int, what: str) -> tqdm[tuple[Path, Array]]:
    return tqdm(images, total=total, desc=f"importing {what}", unit="image", dynamic_ncols=True)


def _frame(path: Path, grey: Array, limits: tuple[float, float] | None) -> tuple[Array, int]:
    """The frame as it is kept, and how many of its pixels lay outside the limits."""
    if limits is not None:
        return rescaled(path, grey, limits)
    if str(grey.dtype) not in FRAME_TYPES:
        low, high = grey.min(), grey.max()
        raise CytolapseError(
            f"{path} is {grey.dtype} with values from {low:g} to {high:g}, where frames are uint8 or uint16: say which "
            f"values become 0 and 65535 in all frames, --rescale LOW HIGH, as --rescale {low:g} {high:g}"
        )
    return grey.astype(grey.dtype.newbyteorder("="), copy=False), 0
