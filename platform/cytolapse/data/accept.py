"""What another program's images may be: grey frames, and masks in which each cell has an id of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cytolapse.data.check import components, look_binary, present
from cytolapse.data.masks import HIGHEST
from cytolapse.data.tiff import Array, as_labels, in_words
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from pathlib import Path


ENOUGH = 1000
MIXED = 0.25
PICTURE = "looks like a picture: neighbours differ all over; give label images as masks"


def as_mask(path: Path, image: Array, shape: tuple[int, ...]) -> Array:
    """The image as labels, as `as_labels`; one that is grey in the guise of colour is taken as grey.

    Args:
        path: its file, for messages.
        image: (Y, X) or (Y, X, C).
        shape: of its frame, (Y, X).

    Raises:
        CytolapseError: it is no label image, of another size than its frame, or has ids above 65535.
    """
    grey = _one_channel(image)
    if grey is None:
        raise CytolapseError(
            f"{path} is colour ({image.shape[2]} values a pixel), where labels are whole numbers, one a cell: "
            "save the label image, not a picture of it"
        )
    labels = as_labels(path, grey)
    if labels.shape != shape:
        raise CytolapseError(
            f"{path} is {in_words(labels.shape)}, but its frame is {in_words(shape)}: a mask has its frame's size"
        )
    if labels.max(initial=0) > HIGHEST:
        raise CytolapseError(f"{path} has the label {labels.max()}, where {HIGHEST} is the most: number them anew")
    return labels


def as_grey(path: Path, image: Array, channel: int | None = None) -> Array:
    """One channel of an image: (Y, X), in its own dtype.

    Args:
        path: its file, for messages.
        image: (Y, X) or (Y, X, C).
        channel: which, from 0; None takes the only one, or any where all are equal.

    Raises:
        CytolapseError: it can't be told which channel, or there is none of that number.
    """
    count = 1 if image.ndim == 2 else image.shape[2]
    if channel is not None:
        if not 0 <= channel < count:
            raise CytolapseError(f"--channel is {channel}: {path} has {count}, counted from 0")
        return image if image.ndim == 2 else image[..., channel]
    grey = _one_channel(image)
    if grey is None:
        raise CytolapseError(
            f"{path} has {count} channels that differ: say which is the frame, --channel 0 to {count - 1}"
        )
    return grey


def _one_channel(image: Array) -> Array | None:
    if image.ndim == 2:
        return image
    first: Array = image[..., 0]
    return first if (image == first[..., None]).all() else None


def like_a_picture(labels: Array) -> bool:
    """Whether too many neighbours differ for them to be labels: in real frames 30 % and more do."""
    left, right = labels[:, :-1], labels[:, 1:]
    both = (left > 0) & (right > 0)
    return bool(both.sum() >= ENOUGH and np.count_nonzero((left != right) & both) > MIXED * both.sum())


@dataclass(frozen=True)
class Seen:
    """What the masks of a movie hold, noted as they pass.

    Attributes:
        ids: frame number -> the labels of its mask.
        files: frame number -> the file.
        blobs: frame number -> separate objects, of the masks with one label.
    """

    ids: dict[int, set[int]] = field(default_factory=dict)
    files: dict[int, Path] = field(default_factory=dict)
    blobs: dict[int, int] = field(default_factory=dict)

    def add(self, number: int, path: Path, labels: Array) -> None:
        """Note one mask.

        Raises:
            CytolapseError: the first looks like a frame.
        """
        if not self.ids and like_a_picture(labels):
            raise CytolapseError(f"{path} {PICTURE}")
        self.note(number, path, labels)

    def note(self, number: int, path: Path, labels: Array) -> None:
        """Note one mask, whatever it looks like."""
        self.ids[number], self.files[number] = present(labels), path
        if len(self.ids[number]) == 1:
            self.blobs[number] = components(labels)

    @property
    def binary(self) -> str:
        """In words, that masks tell cell from background but not cell from cell; "" where they tell both."""
        several = look_binary(self.ids, self.blobs)
        if not several:
            return ""
        number = min(several)
        return (
            f"{self.files[number]} looks binary: one value ({max(self.ids[number])}) on {self.blobs[number]} "
            f"separate objects in frame {number}: give each cell an id of its own"
        )

    def need_instances(self) -> None:
        """Refuse masks that tell cell from background, but not cell from cell.

        Raises:
            CytolapseError: they are such.
        """
        if self.binary:
            raise CytolapseError(self.binary)


def rescaled(path: Path, image: Array, limits: tuple[float, float]) -> tuple[Array, int]:
    """The image (Y, X) as uint16, in which `limits` are 0 and 65535; and how many pixels lay outside.

    Raises:
        CytolapseError: a pixel is no number.
    """
    low, high = limits
    if not np.isfinite(image).all():
        raise CytolapseError(f"{path} has pixels that are no numbers (NaN or infinite): correct them first")
    scaled = np.rint((image.astype(np.float64) - low) * (HIGHEST / (high - low)))
    outside = np.count_nonzero((scaled < 0) | (scaled > HIGHEST))
    return np.clip(scaled, 0, HIGHEST).astype(np.uint16), int(outside)
