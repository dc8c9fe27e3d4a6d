"""Whether man_track.txt and the tracking markers tell the same story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytolapse.data.findings import Finding, problem, ranges, remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cytolapse.data.tiff import Array


def check_tracks(path: Path, tracks: Array, ids: Mapping[int, set[int]]) -> Iterator[Finding]:
    """What is wrong between a track file and its masks; gaps, which real files have, are notes.

    Args:
        path: the track file.
        tracks: (N, 4) integers, rows of label, first frame, last frame, parent (0 = none).
        ids: the labels of each mask that could be read, by frame number.
    """
    seen: dict[int, list[int]] = {}
    for number, labels in sorted(ids.items()):
        for label in labels:
            seen.setdefault(label, []).append(number)
    spans: dict[int, tuple[int, int]] = {}
    for label, first, last, _ in tracks.tolist():
        if label in spans or label == 0:
            yield problem(path, f"label {label} is 0 or stands twice", "give each track a label of its own")
        elif first > last:
            yield problem(path, f"label {label} ends at {last}, before it begins at {first}", "swap or correct them")
        spans.setdefault(label, (first, last))
    for label in sorted(seen.keys() - spans.keys()):
        what = f"label {label} is in the masks of frames {ranges(seen[label])} but not in the file"
        yield problem(path, what, f"add its line, or remove it from the masks in {path.parent}")
    for label, (first, last) in spans.items():
        yield from _lived(path, label, range(first, last + 1), seen.get(label, []), ids)
    yield from _parents(path, tracks, spans)


def _lived(path: Path, label: int, span: range, seen: list[int], ids: Mapping[int, set[int]]) -> Iterator[Finding]:
    inside = [number for number in seen if number in span]
    outside = [number for number in seen if number not in span]
    absent = [number for number in span if number in ids and label not in ids[number]]
    said, mend = f"label {label} (frames {ranges(span)})", "correct its first and last frame"
    if span and not inside:
        yield problem(path, f"{said} is in no mask of these frames", "remove its line, or draw it")
    elif absent and (absent[0] < inside[0] or absent[-1] > inside[-1]):
        yield problem(path, f"{said} is in masks from {inside[0]} to {inside[-1]} only", mend)
    elif absent:
        yield remark(path, f"{said} has a gap at {ranges(absent)}")
    if span and ids and span[-1] > max(ids):
        yield problem(path, f"{said} goes on after the last mask ({max(ids)})", mend)
    if outside:
        yield problem(path, f"{said} is also in the masks of frames {ranges(outside)}", mend)


def _parents(path: Path, tracks: Array, spans: Mapping[int, tuple[int, int]]) -> Iterator[Finding]:
    for label, first, _, parent in tracks.tolist():
        if parent == 0:
            continue
        if parent not in spans or parent == label:
            yield problem(path, f"label {label} has the parent {parent}, which does not exist", "correct it or write 0")
            continue
        last = spans[parent][1]
        if last >= first:
            what = f"label {label} begins at {first}, but its parent {parent} is there until {last}"
            yield problem(path, what, "a parent ends before its daughters begin: correct one of the two")
        elif last < first - 1:
            yield remark(path, f"label {label} begins at {first}, its parent {parent} ends at {last}: a gap")
