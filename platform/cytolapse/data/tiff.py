"""TIFF files in: one grey image or a stack of them, or an error that names the file and what is wrong with it."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Array: TypeAlias = NDArray[Any]

SUFFIXES = (".tif", ".tiff")
LARGEST = np.iinfo(np.int32).max
COARSEST = 20.0
"""um per pixel; what is coarser is a printer's or a screen's resolution (1200 dpi = 21 um), not a microscope's."""
_UM = {"um": 1.0, "µm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}
_JPEG = (6, 7, 34892)  # Compression: old JPEG, JPEG, lossy JPEG of DNG
_TAG_UM = {2: 25400.0, 3: 1e4, 4: 1e3, 5: 1.0}  # ResolutionUnit: inch, centimetre, millimetre, micrometre


def read_image(path: Path, exact: bool = False) -> Array:
    """The grey image in a TIFF file of one page: (Y, X), the file's dtype.

    Args:
        path: the file.
        exact: refuse JPEG compression, which changes numbers.

    Raises:
        CytolapseError: the file is absent, truncated or unreadable, holds colour or more than one image.
    """
    images = list(read_stack(path, exact))
    if len(images) != 1:
        raise CytolapseError(
            f"{path} holds {len(images)} images, where one is expected: save each in a file of its own"
        )
    return images[0]


def read_stack(path: Path, exact: bool = False) -> Iterator[Array]:
    """The grey images in a TIFF file one by one: (Y, X) each, the file's dtype; `exact` as in `read_image`.

    Raises:
        CytolapseError: the file is absent, truncated or unreadable, or holds colour, channels or slices.
    """
    with opened(path) as file:
        count, height, width = _shape(path, file)
        if exact and file.pages[0].aspage().compression in _JPEG:
            raise CytolapseError(f"{path} is JPEG-compressed, which changes ids: save labels with LZW or deflate")
        if len(file.pages) == count:
            for page in file.pages:
                yield page.asarray()
        else:  # ImageJ and others write a large stack as one page with all images behind it
            yield from file.series[0].asarray().reshape(count, height, width)


def stack_shape(path: Path) -> tuple[int, ...]:
    """(T, Y, X) of a TIFF file, without reading its pixels.

    Raises:
        CytolapseError: as `read_stack`.
    """
    with opened(path) as file:
        return _shape(path, file)


def read_um(path: Path) -> float | None:
    """The um per pixel that a TIFF file states, as ImageJ writes it or in its resolution tags; None where it does not.

    Raises:
        CytolapseError: the file is absent, truncated or unreadable.
    """
    with opened(path) as file:
        page = file.pages[0].aspage()
        if file.imagej_metadata is None:
            unit = _TAG_UM.get(int(page.resolutionunit))
        else:
            unit = _UM.get(str(file.imagej_metadata.get("unit", "")).lower())
        x, y = page.resolution
    if unit is None or min(x, y) <= 0 or not math.isclose(x, y, rel_tol=0.01):
        return None
    return unit / x if unit / x < COARSEST else None


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """An open TIFF file, whole.

    Raises:
        CytolapseError: the file is absent, truncated or unreadable, also where that shows only inside the block.
    """
    try:
        with tifffile.TiffFile(path) as file:
            if _truncated(file):
                size = file.filehandle.size
                raise CytolapseError(f"{path} is truncated at {size} bytes: copy or export it again")
            yield file
    except CytolapseError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise CytolapseError(
            f"{path} can't be read ({reason}): see that it is there and that you may read it"
        ) from error
    # The codecs raise what they like (struct.error, RuntimeError, IndexError ...) for damaged files.
    except Exception as error:
        raise CytolapseError(f"{path} can't be read as a TIFF ({error}): copy or export it again") from error


def _truncated(file: tifffile.TiffFile) -> bool:
    # Where the end is missing, tifffile logs a line and returns fewer pages, or zeros: neither must pass for a movie.
    for page in file.pages:
        for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
            if size == 0 or offset + size > file.filehandle.size:
                return True
    end = file.pages.next_page_offset
    if end is not None:
        file.filehandle.seek(end)
        if any(file.filehandle.read(file.tiff.offsetsize)):
            return True
    images = (file.imagej_metadata or {}).get("images", 1)
    return len(file.pages) == 1 and file.series[0].size < images * file.pages[0].size


def _shape(path: Path, file: tifffile.TiffFile) -> tuple[int, ...]:
    values = file.pages[0].aspage().samplesperpixel
    if values > 1:
        raise CytolapseError(f"{path} is colour ({values} values a pixel), where grey is expected: save it as grey")
    if len(file.series) != 1:
        raise CytolapseError(f"{path} holds images of different sizes or types: save each in a file of its own")
    shape = file.series[0].shape
    if len(shape) not in (2, 3):
        axes = file.series[0].axes
        raise CytolapseError(f"{path} has the axes {axes} {shape}, where YX or TYX is expected: save one channel")
    return (1, *shape)[-3:]


def as_frame(path: Path, image: Array) -> Array:
    """The image, where it can be a frame.

    Raises:
        CytolapseError: its dtype is neither uint8 nor uint16.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise CytolapseError(f"{path} is {image.dtype}, where frames are uint8 or uint16: convert it")
    return image.astype(image.dtype.newbyteorder("="), copy=False)


def as_labels(path: Path, image: Array) -> Array:
    """The image as labels: (Y, X) uint16, or int32 where the file holds wider numbers; 0 = background.

    Raises:
        CytolapseError: it is no label image: not whole numbers, or ids below 0 or above 2^31 - 1.
    """
    if image.dtype.kind not in "ui":
        raise CytolapseError(
            f"{path} is no label image but {image.dtype}: save whole numbers, 0 = background and one id a cell"
        )
    if image.size and (image.min() < 0 or image.max() > LARGEST):
        raise CytolapseError(
            f"{path} has ids from {image.min()} to {image.max()}, where 0 to {LARGEST} is allowed: number them anew"
        )
    return image.astype(np.uint16 if image.dtype.itemsize <= 2 else np.int32, copy=False)


def in_words(shape: tuple[int, ...]) -> str:
    """A shape as people write it.

    >>> in_words((520, 696))
    '520 x 696'
    """
    return " x ".join(map(str, shape))
