"""Pictures: the images of one movie as another program left them, a folder of files or one stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import imagecodecs
import numpy as np
from PIL import Image

from cytolapse.data import ctc
from cytolapse.data.tiff import SUFFIXES, Array, as_labels, opened, read_stack
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

IMAGES = (*SUFFIXES, ".png")
MASKS = re.compile(r"_masks$")
"""How Cellpose ends the names of masks: `img_masks.tif`, `img_cp_masks.png`."""
BY_PRODUCTS = re.compile(r"_(masks|flows\w*|cellprob|cp_output|outlines\w*)$")
NUMBER = re.compile(r"\d+")


class Pictures(Protocol):
    """Images of one movie, read one by one."""

    @property
    def path(self) -> Path:
        """What they are read from, for messages."""
        ...

    @property
    def positional(self) -> bool:
        """The numbers are places in a stack, which do not say what the frames are called."""
        ...

    @property
    def numbers(self) -> Sequence[int]:
        """Frame numbers, or places in the stack; ascending."""
        ...

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """Images of these numbers, ascending, each with its file: (Y, X), or (Y, X, C) where it has channels."""
        ...


@dataclass(frozen=True)
class Folder:
    """One file a frame."""

    path: Path
    files: Mapping[int, Path]
    positional: bool = False

    @property
    def numbers(self) -> Sequence[int]:
        """See `Pictures.numbers`."""
        return list(self.files)

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """See `Pictures.read`."""
        return ((self.files[number], read_picture(self.files[number])) for number in numbers)


@dataclass(frozen=True)
class Stack:
    """One file with all frames."""

    path: Path
    count: int
    positional: bool = True

    @property
    def numbers(self) -> Sequence[int]:
        """See `Pictures.numbers`."""
        return range(self.count)

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """See `Pictures.read`."""
        wanted = set(numbers)
        return ((self.path, image) for place, image in enumerate(_planes(self.path)) if place in wanted)


def open_pictures(path: Path, masks: bool = False) -> Pictures:
    """The images in a folder of TIFF and PNG files, or in one TIFF stack.

    Of names with several numbers the last that is not the same in all is the frame's. Beside Cellpose's masks
    (`img_cp_masks.png`) these are the masks, and not the frames.

    Args:
        path: the folder or file.
        masks: they are label images.

    Raises:
        CytolapseError: there is nothing to read, or it can't be told which image is which frame.
    """
    need_there(path)
    if path.is_dir():
        return Folder(path, _files(path, masks))
    if path.suffix.lower() not in SUFFIXES:
        raise CytolapseError(f"{path} is no TIFF stack: give a folder of TIFF or PNG files, or one TIFF stack")
    with opened(path):
        return Stack(path, _axes(path)[1][0])


def need_there(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        CytolapseError: nothing is there.
    """
    if not path.exists():
        raise CytolapseError(f"{path} does not exist: give a folder of TIFF or PNG files, or one TIFF stack")


def _files(folder: Path, masks: bool) -> dict[int, Path]:
    every = [each for each in folder.iterdir() if each.suffix.lower() in IMAGES and not each.name.startswith(".")]
    if masks:
        named = [each for each in every if MASKS.search(each.stem) and "_outlines" not in each.stem]
        found = named or every
    else:
        found = [each for each in every if not BY_PRODUCTS.search(each.stem)]
    if found:
        return _by_number(folder, found)
    if masks and any(each.name.endswith("_seg.npy") for each in folder.iterdir()):
        raise CytolapseError(
            f"{folder} has Cellpose's masks as _seg.npy, a format that can run code when it is read: save them as "
            "TIFF or PNG (`cellpose --save_tif`, or File > Save masks in its window)"
        )
    if any(ctc.SEQUENCE.fullmatch(each.name) for each in folder.iterdir() if each.is_dir()):
        raise CytolapseError(f"{folder} is a data set: give the folder of one sequence, {folder}/01 or the like")
    raise CytolapseError(f"{folder} holds no TIFF or PNG (.tif, .tiff, .png): give a folder of images, one a frame")


def _by_number(folder: Path, files: list[Path]) -> dict[int, Path]:
    numbers = {}
    for each in sorted(files):
        numbers[each] = [int(digits) for digits in NUMBER.findall(each.stem)]
        if not numbers[each]:
            raise CytolapseError(f"{each} has no frame number in its name: name it like mask0000.tif, or remove it")
    place = _telling(list(numbers.values()))
    found: dict[int, Path] = {}
    for each, parts in numbers.items():
        if parts[place] in found:
            raise CytolapseError(
                f"{folder}: {found[parts[place]].name} and {each.name} are both frame {parts[place]}: remove one"
            )
        found[parts[place]] = each
    return dict(sorted(found.items()))


def _telling(numbers: list[list[int]]) -> int:
    """Place of the last number that is not the same in all names; -1 is the last."""
    least = min(map(len, numbers))
    if least < max(map(len, numbers)):
        return -1
    varying = [place for place in range(least) if len({parts[place] for parts in numbers}) > 1]
    return varying[-1] if varying else -1


def read_picture(path: Path) -> Array:
    """The image in a TIFF or PNG file of one image: (Y, X), or (Y, X, C) where it has channels.

    Raises:
        CytolapseError: the file can't be read, or holds several images.
    """
    if path.suffix.lower() == ".png":
        return _read_png(path)
    with opened(path):
        count = _axes(path)[1][0]
    if count != 1:
        raise CytolapseError(f"{path} holds {count} images, where one is expected: give the file itself as a stack")
    return next(_planes(path))


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


def _axes(path: Path) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of a TIFF file as TYX or TYXC.

    Raises:
        CytolapseError: it has several slices, or axes that tell nothing.
    """
    with opened(path) as file:
        if len(file.series) != 1:
            raise CytolapseError(f"{path} holds images of different sizes or types: save each in a file of its own")
        axes, shape = file.series[0].axes, file.series[0].shape
    sizes = {axis: size for axis, size in zip(axes, shape, strict=True) if size > 1 or axis in "YX"}
    if sizes.get("Z", 1) > 1:
        raise CytolapseError(
            f"{path} has {sizes['Z']} slices (axis Z), where a movie in 2-D is expected: save one slice, or a "
            "projection; where the slices are times, make them frames in ImageJ (Image > Properties) and save again"
        )
    rest = [axis for axis in axes if axis in sizes and axis not in "YXCS"]
    channels = [axis for axis in axes if axis in sizes and axis in "CS"]
    if len(rest) > 1 or len(channels) > 1:
        raise CytolapseError(f"{path} has the axes {axes} {shape}, where TYX or TCYX is expected: save it as such")
    times = sizes[rest[0]] if rest else 1
    found = (times, sizes["Y"], sizes["X"], *(sizes[axis] for axis in channels))
    return "TYXC"[: len(found)], found


def _planes(path: Path) -> Iterator[Array]:
    if len(_axes(path)[0]) == 3:
        yield from read_stack(path)
        return
    with opened(path) as file:
        series = file.series[0]
        whole = series.asarray(out="memmap")
        order = {axis: place for place, axis in enumerate(series.axes) if axis in "YXCS" and series.shape[place] > 1}
        channel = next(order[axis] for axis in "CS" if axis in order)
        whole = np.moveaxis(whole, (order["Y"], order["X"], channel), (-3, -2, -1))
        yield from whole.reshape(-1, *whole.shape[-3:])


def as_label_image(path: Path, image: Array) -> Array:
    """The image as labels, as `as_labels`; one that is grey in the guise of colour is taken as grey.

    Raises:
        CytolapseError: it is no label image.
    """
    grey = one_channel(image)
    if grey is None:
        raise CytolapseError(
            f"{path} is colour ({image.shape[2]} values a pixel), where labels are whole numbers, one a cell: "
            "save the label image, not a picture of it"
        )
    return as_labels(path, grey)


def one_channel(image: Array) -> Array | None:
    """The image (Y, X) where it has one channel, or all are equal; None where they differ."""
    if image.ndim == 2:
        return image
    first: Array = image[..., 0]
    return first if (image == first[..., None]).all() else None
