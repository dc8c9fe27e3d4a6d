"""Outlines as ImageJ's ROI Manager reads them: a zip with one ROI per cell and frame, exact to the pixel."""

from __future__ import annotations

import colorsys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi, roiwrite
from scipy import ndimage

from cytolapse.data.tiff import in_words
from cytolapse.errors import CytolapseError
from cytolapse.exports.labelled import compacted
from cytolapse.exports.place import new_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.data.tiff import Array
    from cytolapse.exports.labelled import Labelled

LARGEST = 60535
"""The largest coordinate that the format holds."""
MOVE, LINE, CLOSE = 0.0, 1.0, 4.0
Point = tuple[int, int]


def write_rois(sequences: Sequence[Labelled], out: Path) -> None:
    """Write one ROI per cell and frame, named FRAME-LABEL (`0012-0007`), at its frame's place in the stack.

    A cell in one piece without holes is a traced polygon, any other a composite: pieces and holes are kept. Linked
    cells keep one colour.

    Raises:
        CytolapseError: the frames are too large for the format, or the file can't be written.
    """
    (labelled,) = sequences
    with new_file(out) as partial:
        roiwrite(partial, _rois(labelled), mode="w")


def _rois(labelled: Labelled) -> Iterator[ImagejRoi]:
    positions = labelled.positions
    for number, labels in labelled:
        if max(labels.shape) > LARGEST:
            size = in_words(labels.shape)
            raise CytolapseError(f"{labelled.path} is {size} px, where ROIs end at {LARGEST}: export another format")
        for label, corner, mask in cells(labels):
            roi = roi_of([ring + corner for ring in rings(mask)])
            roi.name, roi.position = f"{number:04d}-{label:04d}", positions[number] + 1
            if labelled.tracks is not None:
                roi.stroke_color = colour(label)
            yield roi


def cells(labels: Array) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.bool_]]]:
    """Label, (x, y) of the upper left corner and mask (Y, X) of each cell of a frame; ids may be sparse and huge."""
    ids, numbered = compacted(labels)
    for index, (rows, columns) in enumerate(ndimage.find_objects(numbered), start=1):
        yield int(ids[index - 1]), np.array([columns.start, rows.start]), numbered[rows, columns] == index


def roi_of(outlines: Sequence[NDArray[np.int64]]) -> ImagejRoi:
    """The ROI of the rings of one cell, each (N, 2) of x, y."""
    if len(outlines) == 1:
        roi = ImagejRoi.frompoints(outlines[0], name="")
        roi.roitype, roi.right, roi.bottom = ROI_TYPE.TRACED, roi.right - 1, roi.bottom - 1
    else:
        path = [part for ring in outlines for part in (*_segments(ring), CLOSE)]
        roi = ImagejRoi(roitype=ROI_TYPE.RECT, multi_coordinates=np.array(path, np.float32), shape_roi_size=len(path))
        points = np.concatenate(outlines)
        roi.left, roi.top = map(int, points.min(axis=0))
        roi.right, roi.bottom = map(int, points.max(axis=0))
    roi.options = ROI_OPTIONS.NONE
    return roi


def _segments(ring: NDArray[np.int64]) -> Iterator[float]:
    for index, (x, y) in enumerate(ring.tolist()):
        yield from (LINE if index else MOVE, float(x), float(y))


def rings(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The borders of a mask along the edges of its pixels: the outer ones clockwise on the screen, holes the other way.

    Filled by the even-odd rule or the non-zero one, they give the mask again. Pixels that touch at a corner are in one
    ring. The corner between pixels (y - 1, x - 1) and (y, x) is the point (x, y).

    Args:
        mask: (Y, X) of one cell.

    Returns:
        A ring each, (N, 2) of x, y: its corners, the first not repeated.
    """
    steps = _edges(np.pad(mask, 1).astype(np.int8))
    left = dict.fromkeys((point, way) for point, ways in steps.items() for way in ways)
    found = []
    while left:
        point, heading = next(iter(left))
        ring = []
        while (point, heading) in left:
            del left[point, heading]
            point = (point[0] + heading[0], point[1] + heading[1])
            # Where two pixels touch at a corner only there are two ways: the left one leads to the other pixel.
            way = min(steps[point], key=partial(_turn, heading))
            if way != heading:
                ring.append(point)
            heading = way
        found.append(np.array(ring))
    return found


def _edges(padded: NDArray[np.int8]) -> dict[Point, list[Point]]:
    """Corner -> the directions in which a border with the mask on its right leaves it."""
    steps: dict[Point, list[Point]] = {}
    down, right = np.diff(padded, axis=0)[:, 1:-1], np.diff(padded, axis=1)[1:-1]
    for starts, direction, shift in (
        (np.argwhere(down == 1), (1, 0), (0, 0)),
        (np.argwhere(down == -1), (-1, 0), (0, 1)),
        (np.argwhere(right == 1), (0, -1), (1, 0)),
        (np.argwhere(right == -1), (0, 1), (0, 0)),
    ):
        for y, x in (starts + shift).tolist():
            steps.setdefault((x, y), []).append(direction)
    return steps


def _turn(heading: Point, way: Point) -> int:
    """-1 to the left, 1 to the right on the screen, where y points down."""
    return heading[0] * way[1] - heading[1] * way[0]


def colour(track: int) -> bytes:
    """A colour as ImageJ keeps it (opacity, red, green, blue); neighbouring tracks differ."""
    shades: list[Any] = [round(255 * each) for each in colorsys.hsv_to_rgb(track * 0.618034 % 1, 0.6, 1.0)]
    return bytes([255, *shades])
