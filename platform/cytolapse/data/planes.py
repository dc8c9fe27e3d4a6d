"""Planes: the images in a file of another program, TIFF or PNG, with the channels they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from PIL import Image

from cytolapse.data.tiff import Array, opened, read_stack
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_picture(path: Path) -> Array:
    """The image in a TIFF or PNG file of one image: (Y, X), or (Y, X, C) where it has channels.

    Raises:
        CytolapseError: the file can't be read, or holds several images.
    """
    if path.suffix.lower() == ".png":
        return _read_png(path)
    count = count_planes(path)
    if count != 1:
        raise CytolapseError(f"{path} holds {count} images, where one is expected: give the file itself as a stack")
    return next(read_planes(path))


def read_planes(path: Path) -> Iterator[Array]:
    """The images in a TIFF file one by one: (Y, X) each, or (Y, X, C) where they have channels.

    Raises:
        CytolapseError: as `count_planes`.
    """
    if len(_shape(path)) == 3:
        yield from read_stack(path)
        return
    with opened(path) as file:
        series = file.series[0]
        whole = series.asarray(out="memmap")
        axes = {axis: place for place, axis in enumerate(series.axes) if axis in "YX" or series.shape[place] > 1}
        channel = axes["C"] if "C" in axes else axes["S"]
        whole = np.moveaxis(whole, (axes["Y"], axes["X"], channel), (-3, -2, -1))
        yield from whole.reshape(-1, *whole.shape[-3:])


def count_planes(path: Path) -> int:
    """How many images a TIFF file holds, channels not counted; its pixels are not read.

    Raises:
        CytolapseError: the file is absent, truncated or unreadable, has several slices, or axes that tell nothing.
    """
    return _shape(path)[0]


def _shape(path: Path) -> tuple[int, ...]:
    """(T, Y, X), or (T, Y, X, C) where there are channels."""
    with opened(path) as file:
        if len(file.series) != 1:
            raise CytolapseError(f"{path} holds images of different sizes or types: save each in a file of its own")
        axes, shape = file.series[0].axes, file.series[0].shape
    sizes = {axis: size for axis, size in zip(axes, shape, strict=True) if size > 1 or axis in "YX"}
    times = [axis for axis in axes if axis in sizes and axis not in "ZYXCS"]
    channels = [axis for axis in axes if axis in sizes and axis in "CS"]
    need_flat(path, sizes.get("Z", 1))
    if len(times) > 1 or len(channels) > 1:
        raise CytolapseError(f"{path} has the axes {axes} {shape}, where TYX or TCYX is expected: save it as such")
    return (sizes[times[0]] if times else 1, sizes["Y"], sizes["X"], *(sizes[axis] for axis in channels))


def need_flat(path: Path, slices: int) -> None:
    """Refuse a volume.

    Raises:
        CytolapseError: there are several slices.
    """
    if slices > 1:
        raise CytolapseError(
            f"{path} has {slices} slices (axis Z), where a movie in 2-D is expected: save one slice, or a projection; "
            "where the slices are times, make them frames in ImageJ (Image > Properties) and save again"
        )


def _read_png(path: Path) -> Array:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode == "P":  # the numbers, whatever colours they are shown in
                return np.asarray(image)
            opaque = len(image.getbands()) - image.mode.endswith("A")
        decoded: Array = imagecodecs.png_decode(path.read_bytes())
    except (OSError, SyntaxError, ValueError, imagecodecs.PngError) as error:
        raise CytolapseError(f"{path} can't be read as a PNG ({error}): copy or export it again") from error
    return decoded if decoded.ndim == 2 else decoded[..., :opaque].squeeze()
