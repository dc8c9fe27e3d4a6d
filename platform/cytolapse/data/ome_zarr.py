"""OME-Zarr in: the images of a movie at full resolution, NGFF 0.4 (zarr v2) and 0.5 (zarr v3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cytolapse.data.planes import need_flat
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cytolapse.data.tiff import Array

MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
BLOCK = 2**28
"""Bytes of frames that are read together at most."""
_UM = {"micrometer": 1.0, "micrometre": 1.0, "nanometer": 1e-3, "millimeter": 1e3}
_MINUTES = {"millisecond": 1 / 60_000, "second": 1 / 60, "minute": 1.0, "hour": 60.0}


@dataclass(frozen=True)
class Zarr:
    """Images in a zarr array, as `Pictures`.

    Attributes:
        path: the group.
        array: the array at full resolution.
        axes: its axes, as "tcyx".
        um: um per pixel, where it says it.
        minutes: minutes from frame to frame, where it says it.
    """

    path: Path
    array: Any
    axes: str
    um: float | None
    minutes: float | None
    positional: bool = True

    @property
    def numbers(self) -> Sequence[int]:
        """Places in time."""
        return range(self.array.shape[self.axes.index("t")] if "t" in self.axes else 1)

    def read(self, numbers: Iterable[int]) -> Iterator[tuple[Path, Array]]:
        """See `Pictures.read`.

        Raises:
            CytolapseError: a chunk can't be read.
        """
        order = [axis for axis in self.axes if axis in "tcyx"]
        held, block = range(0), np.empty(0)
        for number in numbers:
            if number not in held:
                held = range(number, min(number + self._at_once - number % self._at_once, len(self.numbers)))
                block = self._block(held)
                block = block.transpose([order.index(axis) for axis in "tyxc" if axis in order])
                block = block if "t" in order else block[None]
            image = block[number - held.start]
            yield self.path, image[..., 0] if image.shape[2:] == (1,) else image

    @property
    def _at_once(self) -> int:
        """Frames that are read together: those of a chunk, which is decoded as a whole, as far as memory allows."""
        if "t" not in self.axes:
            return 1
        frame = int(self.array.nbytes) // max(1, len(self.numbers))
        return max(1, min(int(self.array.chunks[self.axes.index("t")]), BLOCK // max(1, frame)))

    def _block(self, held: range) -> Array:
        places = {"t": slice(held.start, held.stop), "z": 0}
        try:
            return np.asarray(self.array[tuple(places.get(axis, slice(None)) for axis in self.axes)])
        except Exception as error:  # stores and codecs raise what they like
            said = f"frames {held.start} to {held.stop - 1} of {self.path} can't be read"
            raise CytolapseError(f"{said} ({error}): copy it again") from error


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr group or array."""
    return path.is_dir() and any((path / each).is_file() for each in MARKS)


def open_zarr(path: Path, masks: bool = False) -> Zarr:
    """The image of an OME-Zarr group at full resolution; of an image with labels, these are its masks.

    Raises:
        CytolapseError: it is no image, has several label images, slices, or no axes.
    """
    import zarr
    import zarr.errors

    try:
        group: Any = zarr.open_group(str(path), mode="r")
        labels = _attributes(group["labels"]).get("labels", []) if masks and "labels" in group else []
    except (OSError, ValueError, KeyError, zarr.errors.BaseZarrError) as error:
        raise CytolapseError(f"{path} can't be read as OME-Zarr ({error}): give the group of an image") from error
    if len(labels) > 1:
        raise CytolapseError(f"{path} has several label images: give one of {', '.join(_below(path, labels))}")
    if labels:
        return open_zarr(path / "labels" / labels[0])
    found = _attributes(group).get("multiscales")
    if not found:
        raise CytolapseError(
            f"{path} is no OME-Zarr image (it has no multiscales): give the group of one image, as {path / '0'} of a "
            f"converted file, or {path / 'A' / '1' / '0'} of a plate"
        )
    return _opened(path, group, found[0])


def _opened(path: Path, group: Any, scales: Mapping[str, Any]) -> Zarr:
    told = [each if isinstance(each, dict) else {"name": each} for each in scales.get("axes", [])]
    axes = "".join(str(each.get("name", "?"))[:1] for each in told)
    level = scales["datasets"][0]
    try:
        array = group[level["path"]]
    except KeyError as error:
        raise CytolapseError(f"{path} has no array {level['path']}, its full resolution: copy it again") from error
    if len(axes) != array.ndim or len(set(axes)) != len(axes) or not set("yx") <= set(axes) <= set("tczyx"):
        raise CytolapseError(f"{path} has the axes {axes or 'none'} {array.shape}, where tyx or tcyx is expected")
    sizes = dict(zip(axes, array.shape, strict=True))
    need_flat(path, sizes.get("z", 1))
    steps = [each["scale"] for each in level.get("coordinateTransformations", []) if each.get("type") == "scale"]
    step = {each["name"]: (size, each.get("unit")) for each, size in zip(told, steps[0] if steps else [], strict=False)}
    return Zarr(path, array, axes, _in(step.get("x"), _UM), _in(step.get("t"), _MINUTES))


def _in(step: tuple[float, str | None] | None, units: Mapping[str, float]) -> float | None:
    """A step in um or minutes; None where its unit is not known."""
    size, unit = step or (0.0, None)
    return size * units[unit] if unit is not None and unit in units and size > 0 else None


def _attributes(group: Any) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = group.attrs.asdict()
    inside: Mapping[str, Any] = attributes.get("ome", attributes)
    return inside


def _below(path: Path, labels: Sequence[str]) -> list[str]:
    return [str(path / "labels" / each) for each in labels]
