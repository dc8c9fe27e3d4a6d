"""Pictures: the images of one movie as another program left them: a folder of files, one stack, or OME-Zarr."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cytolapse.data import ctc
from cytolapse.data.ome_zarr import Zarr, is_zarr, open_zarr
from cytolapse.data.planes import count_planes, read_picture, read_planes
from cytolapse.data.tiff import SUFFIXES, Array, read_um
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

IMAGES = (*SUFFIXES, ".png")
FORMS = "a folder of TIFF or PNG files, one TIFF stack, or an OME-Zarr image"
MASKS = re.compile(r"(_cp)?_masks$")
"""How Cellpose ends the names of masks: `img_masks.tif`, `img_cp_masks.png`."""
BY_PRODUCTS = re.compile(r"_(masks|flows(_\w+)?|cellprob|cp_output|outlines\w*)$")
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

    @property
    def um(self) -> float | None:
        """Um per pixel, where they say it."""
        ...

    @property
    def minutes(self) -> float | None:
        """Minutes from frame to frame, where they say it."""
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
    minutes: float | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """See `Pictures.numbers`."""
        return list(self.files)

    @property
    def um(self) -> float | None:
        """See `Pictures.um`."""
        first = self.files[self.numbers[0]]
        return read_um(first) if first.suffix.lower() in SUFFIXES else None

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """See `Pictures.read`."""
        return ((self.files[number], read_picture(self.files[number])) for number in numbers)


@dataclass(frozen=True)
class Stack:
    """One file with all frames."""

    path: Path
    count: int
    positional: bool = True
    minutes: float | None = None

    @property
    def numbers(self) -> Sequence[int]:
        """See `Pictures.numbers`."""
        return range(self.count)

    @property
    def um(self) -> float | None:
        """See `Pictures.um`."""
        return read_um(self.path)

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """See `Pictures.read`."""
        wanted = set(numbers)
        return ((self.path, image) for place, image in enumerate(read_planes(self.path)) if place in wanted)


def open_pictures(path: Path, masks: bool = False) -> Pictures:
    """The images in a folder of TIFF and PNG files, in one TIFF stack, or in an OME-Zarr.

    Of names with several numbers the last that is not the same in all is the frame's. Where Cellpose's masks
    (`img_cp_masks.png`) lie beside images, these are the masks, and not the frames.

    Args:
        path: the folder or file.
        masks: they are label images.

    Raises:
        CytolapseError: there is nothing to read, or it can't be told which image is which frame.
    """
    need_there(path)
    if is_zarr(path):
        return open_zarr(path, masks)
    if path.is_dir():
        return Folder(path, by_number(path, _files(path, masks)))
    if path.suffix.lower() not in SUFFIXES:
        raise CytolapseError(f"{path} is no TIFF stack: give {FORMS}")
    return Stack(path, count_planes(path))


def need_there(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        CytolapseError: nothing is there.
    """
    if not path.exists():
        raise CytolapseError(f"{path} does not exist: give {FORMS}")


def has_masks(frames: Pictures) -> bool:
    """Whether masks lie with the frames: Cellpose's in the same folder, or the labels of an OME-Zarr image."""
    if isinstance(frames, Zarr):
        return (frames.path / "labels").is_dir()
    return isinstance(frames, Folder) and bool(_named_masks(frames.path))


def _named_masks(folder: Path) -> list[Path]:
    return [each for each in _images(folder) if MASKS.search(each.stem) and "_outlines" not in each.stem]


def stem(path: Path) -> str:
    """A file's name without its ending and without what says that it is a mask."""
    return MASKS.sub("", path.stem)


def _images(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.suffix.lower() in IMAGES and not each.name.startswith(".")]


def _files(folder: Path, masks: bool) -> list[Path]:
    every = _images(folder)
    if masks:
        found = _named_masks(folder) or every
    else:
        found = [each for each in every if not BY_PRODUCTS.search(each.stem)]
    if found:
        return found
    inside = list(folder.iterdir())
    if masks and any(each.name.endswith("_seg.npy") for each in inside):
        raise CytolapseError(
            f"{folder} has Cellpose's masks as _seg.npy, a format that can run code when it is read: save them as "
            "TIFF or PNG (`cellpose --save_tif`, or File > Save masks in its window)"
        )
    if any(ctc.SEQUENCE.fullmatch(each.name) for each in inside if each.is_dir()):
        raise CytolapseError(f"{folder} is a data set: give the folder of one sequence, {folder}/01 or the like")
    raise CytolapseError(f"{folder} holds no TIFF or PNG (.tif, .tiff, .png): give a folder of images, one a frame")


def by_number(folder: Path, files: list[Path]) -> dict[int, Path]:
    """Frame number -> file, ascending; nothing is read, names are enough.

    Of names with several numbers the last that is not the same in all is the frame's.

    Args:
        folder: where they are, for messages.
        files: the images of one movie.

    Raises:
        CytolapseError: a name has no number, or two files have the same.
    """
    numbers = {}
    for each in sorted(files):
        numbers[each] = [int(digits) for digits in NUMBER.findall(each.stem)]
        if not numbers[each]:
            raise CytolapseError(f"{each} has no frame number in its name: name it like t0000.tif, or remove it")
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
