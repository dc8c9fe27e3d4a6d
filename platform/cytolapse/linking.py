"""Linking: label images in order of time to tracks with divisions, by overlap, displacement and shape.

The assignment is laptrack's (Jaqaman et al. 2008, Robust single-particle tracking in live-cell time-lapse sequences):
frame to frame, then over gaps and divisions. Ours are the costs, in units of the movie's median cell diameter.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from cytolapse.data.masks import DIGITS, HIGHEST, mask_name, write_mask, write_tracks
from cytolapse.data.tiff import Array, as_labels, read_image
from cytolapse.displacement import Seen, costs, see
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.displacement import Labels
    from cytolapse.metrics.overlap import Floats, Ints

FARTHEST = 6.0
"""Cost from which on two objects of neighbouring frames are never one cell."""
FARTHEST_GAP = 2.0
"""The same for objects on both sides of a gap."""
FARTHEST_DIVISION = 3.0
"""Cost from which on an object is no daughter."""
LONGEST_GAP = 2
"""Frames for which a cell may be out of sight."""

Node = tuple[int, int]
"""Position of a frame, and of an object in it."""


class TooManyTracks(CytolapseError):
    """More tracks than the ids that a mask has."""


class Linked(NamedTuple):
    """What became of the objects.

    tracks: (N, 4) int64, rows of label, first frame, last frame, parent (0 = none), as `res_track.txt` has them: every
    track is in all frames from its first to its last one. labels: frame number -> label in the image -> its track.
    """

    tracks: Ints
    labels: dict[int, dict[int, int]]


def link(numbers: Iterable[int], frames: Iterable[Labels]) -> Linked:
    """Follow cells through label images; of each only its objects and their overlaps with the frame before are kept.

    A cell that is out of sight for at most two frames goes on as a new track with the old one as its parent: the
    challenge allows no gaps within a track. So do both daughters of a division.

    Args:
        numbers: frame numbers, rising.
        frames: (Y, X) labels each, 0 = background, all of one size; ids need not mean the same from frame to frame.

    Raises:
        CytolapseError: no label images, or of different sizes.
    """
    seen = dict(zip(numbers, see(frames), strict=True))
    frames_seen = list(seen.values())
    edges = _edges(frames_seen) if any(len(each.objects.ids) for each in frames_seen) else {}
    return _as_tracks(list(seen), frames_seen, edges)


def link_folder(folder: Path, numbers: Sequence[int], digits: int = DIGITS) -> Ints:
    """Give the masks in a folder the ids of their tracks, and write `res_track.txt` beside them; returns the tracks.

    Args:
        folder: holds `maskTTTT.tif` of every number.
        numbers: frame numbers, rising.
        digits: of the numbers in the names of the masks.

    Raises:
        TooManyTracks: there are more than a mask can name; the masks are as they were.
        CytolapseError: a mask can't be read, or the disk is full.
    """
    paths = {number: folder / mask_name(number, digits) for number in numbers}

    def masks(what: str) -> Iterator[tuple[int, Array]]:
        for number, path in tqdm(paths.items(), what, unit="frame", delay=2, leave=False):
            yield number, as_labels(path, read_image(path))

    tracks, new = link(paths, (labels for _, labels in masks("linking")))
    if len(tracks) > HIGHEST:
        raise TooManyTracks(
            f"{folder} would have {len(tracks)} tracks, where a mask can name {HIGHEST}: link fewer frames, or drop "
            "what is no cell (--postprocess drop_small=60)"
        )
    for number, labels in masks("writing tracks"):
        write_mask(paths[number], relabel(labels, new[number]))
    write_tracks(folder, tracks)
    return tracks


def relabel(labels: Labels, new: Mapping[int, int]) -> NDArray[np.int32]:
    """The image (Y, X) with each of its ids replaced, 0 = background."""
    old = sorted(new)
    changed, cells = np.zeros(labels.shape, np.int32), labels != 0
    changed[cells] = np.array([new[each] for each in old], np.int32)[np.searchsorted(old, labels[cells])]
    return changed


@dataclass
class _Costs:
    """What laptrack asks for pair by pair; a point is (position of its frame, position in it).

    followers: object -> the object of the next frame that it goes on as, where the first pass found one.
    """

    frames: Sequence[Seen]
    diameter: float
    followers: dict[Node, int] = field(default_factory=dict)
    tables: dict[Node, Floats] = field(default_factory=dict)

    def link(self, one: Floats, other: Floats) -> float:
        """Of two objects that may be one cell; what overlaps is near."""
        (t, i), (u, j) = sorted((_node(one), _node(other)))
        if (t, u) not in self.tables:
            table = costs(self.frames[t].objects, self.frames[u].objects, self.diameter)
            self.tables[t, u] = table * (1 - self.frames[u].overlaps) if u == t + 1 else table
        return float(self.tables[t, u][i, j])

    def divide(self, one: Floats, other: Floats) -> float:
        """Of a mother and the daughter that is not linked to her: both daughters lie around her and are alike."""
        (t, i), (u, j) = sorted((_node(one), _node(other)))
        near, sister = self.link(one, other), self.followers.get((t, i))
        if sister is None:
            return near
        mother, daughters = self.frames[t].objects, self.frames[u].objects
        both, areas = daughters.centres[[j, sister]].mean(axis=0), daughters.areas[[j, sister]]
        aside = float(np.linalg.norm(both - mother.centres[i])) / self.diameter
        return near + aside + abs(float(np.log(areas[0] / areas[1])))


def _node(point: Floats) -> Node:
    return int(point[0]), int(point[1])


def _edges(frames: Sequence[Seen]) -> dict[Node, list[Node]]:
    """Object -> what it goes on as: one object, or two daughters."""
    from laptrack import LapTrack

    areas = np.concatenate([each.objects.areas for each in frames])
    cost = _Costs(frames, float(np.median(2 * np.sqrt(areas / np.pi))))
    points = [np.array([(t, i) for i in range(len(each.objects.ids))]).reshape(-1, 2) for t, each in enumerate(frames)]
    plain: dict[str, Any] = {"metric": cost.link, "cutoff": FARTHEST, "gap_closing_cutoff": False}
    full = plain | {
        "gap_closing_metric": cost.link,
        "gap_closing_cutoff": FARTHEST_GAP,
        "gap_closing_max_frame_count": LONGEST_GAP + 1,
        "splitting_metric": cost.divide,
        "splitting_cutoff": FARTHEST_DIVISION,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas' about laptrack's use of it
        links = _forward(LapTrack(**plain).predict(points).edges)
        cost.followers = {start: ends[0][1] for start, ends in links.items()}
        return _forward(LapTrack(**full).predict(points).edges)


def _forward(edges: Iterable[tuple[Node, Node]]) -> dict[Node, list[Node]]:
    found = defaultdict(list)
    for edge in edges:
        start, end = sorted((int(t), int(i)) for t, i in edge)
        found[start].append(end)
    return dict(found)


def _as_tracks(numbers: Sequence[int], frames: Sequence[Seen], edges: Mapping[Node, list[Node]]) -> Linked:
    """A track ends where it divides or goes out of sight; tracks are numbered as they begin."""
    before = {end: start for start, ends in edges.items() for end in ends}
    label: dict[Node, int] = {}
    rows: list[list[int]] = []
    fresh = count(1)
    for t, frame in enumerate(frames):
        for node in ((t, i) for i in range(len(frame.objects.ids))):
            parent = before.get(node)
            if parent is not None and parent[0] == t - 1 and len(edges[parent]) == 1:
                label[node] = label[parent]
            else:
                label[node] = next(fresh)
                rows.append([label[node], numbers[t], numbers[t], 0 if parent is None else label[parent]])
            rows[label[node] - 1][2] = numbers[t]
    ids = (zip(each.objects.ids.tolist(), count()) for each in frames)
    names = {numbers[t]: {old: label[t, i] for old, i in pairs} for t, pairs in enumerate(ids)}
    return Linked(np.array(rows, np.int64).reshape(-1, 4), names)
