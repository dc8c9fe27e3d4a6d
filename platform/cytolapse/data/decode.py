"""Files to arrays: what the cache holds of one movie, written image by image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cytolapse.data.cache import Build, write_stack
from cytolapse.data.ctc import Sources, read_tracks
from cytolapse.data.tiff import Array, as_frame, as_labels, in_words, read_image, read_stack, stack_shape
from cytolapse.errors import CytolapseError
from cytolapse.metrics import is_full

NARROW = np.iinfo(np.uint16).max

Images = Iterator[tuple[int, Path, Array]]


def sequence(sources: Sources, title: str) -> Build:
    """What builds the entry of one sequence: frames, numbers and, where they exist, masks, markers and tracks.

    Masks and markers of frames that do not exist are left out.
    """

    def build(folder: Path) -> None:
        numbers = list(sources.frames)
        masks = {name: _of(files, numbers) for name, files in sources.masks.items()}
        markers = _of(sources.markers, numbers)
        np.save(folder / "numbers.npy", np.array(numbers))
        total = len(numbers) + len(markers) + sum(map(len, masks.values()))
        with tqdm(total=total, desc=f"{title}: decoding", unit="image", leave=False) as bar:
            shape = write_frames(folder / "frames.npy", len(numbers), _read(sources.frames, numbers, bar))
            for name, files in masks.items():
                write_labels(folder / f"{name}.npy", shape, _read(files, numbers, bar))
                known = np.isin(numbers, list(files))
                np.save(folder / f"{name}_known.npy", known)
                full = known if name == "silver" or not sources.markers else full_frames(numbers, files, markers)
                np.save(folder / f"{name}_full.npy", full)
            if markers:
                write_labels(folder / "markers.npy", shape, _read(markers, numbers, bar))
        if sources.tracks:
            np.save(folder / "tracks.npy", read_tracks(sources.tracks))

    return build


def stack(path: Path) -> Build:
    """What builds the entry of one multi-page stack; its frames are numbered from 0."""

    def build(folder: Path) -> None:
        count = stack_shape(path)[0]
        images = tqdm(read_stack(path), total=count, desc=f"{path.name}: decoding", unit="image", leave=False)
        write_frames(folder / "frames.npy", count, ((position, path, image) for position, image in enumerate(images)))
        np.save(folder / "numbers.npy", np.arange(count))

    return build


def write_frames(target: Path, count: int, images: Images) -> tuple[int, ...]:
    """Write frames, all of the first one's size and dtype; returns their shape (T, Y, X).

    Raises:
        CytolapseError: a frame is neither uint8 nor uint16, or unlike the first.
    """
    position, path, image = next(images)
    dtype, shape = as_frame(path, image).dtype, image.shape

    def checked() -> Iterator[tuple[int, Array]]:
        yield position, image
        for place, other, frame in images:
            if (as_frame(other, frame).dtype, frame.shape) != (dtype, shape):
                said = f"{other} is {in_words(frame.shape)} {frame.dtype}, but {path.name}"
                raise CytolapseError(
                    f"{said} is {in_words(shape)} {dtype}: frames of a movie are alike; export it again"
                )
            yield place, frame

    write_stack(target, (count, *shape), dtype, checked())
    return (count, *shape)


def write_labels(target: Path, shape: tuple[int, ...], images: Images) -> None:
    """Write label images at their positions into (T, Y, X) of this shape; zeros elsewhere.

    Raises:
        CytolapseError: an image is no label image, of another size than the frames, or has ids too large for the
            first one's dtype.
    """
    position, path, image = next(images, (0, target, np.zeros(shape[1:], np.uint16)))
    first = as_labels(path, image)

    def checked() -> Iterator[tuple[int, Array]]:
        yield position, _fitting(path, image, shape, first.dtype)
        for place, other, labels in images:
            yield place, _fitting(other, labels, shape, first.dtype)

    write_stack(target, shape, first.dtype, checked())


def full_frames(numbers: list[int], gold: Mapping[int, Path], markers: Mapping[int, Path]) -> Array:
    """Which frames have a gold cell for every tracking marker: (T,) bool; False where either file is absent."""
    both = (number in gold and number in markers for number in numbers)
    return np.array(
        [each and is_full(read_image(gold[n]), read_image(markers[n])) for n, each in zip(numbers, both, strict=True)]
    )


def _fitting(path: Path, image: Array, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    labels = as_labels(path, image)
    if labels.shape != shape[1:]:
        raise CytolapseError(
            f"{path} is {in_words(labels.shape)}, but its frame is {in_words(shape[1:])}: a mask has its frame's size"
        )
    if labels.max(initial=0) > NARROW and dtype == np.uint16:
        raise CytolapseError(
            f"{path} has ids up to {labels.max()}, but the masks before it are 16 bit: save all as one type"
        )
    return labels


def _of(files: Mapping[int, Path], numbers: list[int]) -> dict[int, Path]:
    return {number: files[number] for number in numbers if number in files}


def _read(files: Mapping[int, Path], numbers: list[int], bar: tqdm) -> Images:
    for position, number in enumerate(numbers):
        if number in files:
            yield position, files[number], read_image(files[number])
            bar.update()
