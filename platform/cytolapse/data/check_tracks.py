"""Whether a track file (man_track.txt, res_track.txt) and the masks beside it tell the same story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytolapse.data.findings import Finding, count, problem, ranges, remark
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cytolapse.data.tiff import Array


def need_valid(path: Path, tracks: Array, ids: Mapping[int, set[int]], gaps: bool = False) -> None:
    """Refuse tracks that disagree with their masks; the arguments are those of `check_tracks`.

    Raises:
        CytolapseError: they do; the message has the first problem and how to mend it.
    """
    problems = [str(each) for each in check_tracks(path, tracks, ids, gaps) if not each.note]
    if problems:
        more = f" (and {count(len(problems) - 1, 'problem')} more)" if len(problems) > 1 else ""
        raise CytolapseError(problems[0] + more)


def check_tracks(path: Path, tracks: Array, ids: Mapping[int, set[int]], gaps: bool = True) -> Iterator[Finding]:
    """What is wrong between a track file and its masks.

    Args:
        path: the track file.
        tracks: (N, 4) integers, rows of label, first frame, last frame, parent (0 = none).
        ids: the labels of each mask that could be read, by frame number.
        gaps: whether a track may be absent from frames of its span: from the truth it may, which is a note; from a
            result the challenge does not allow it.
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
        yield from _lived(path, label, range(first, last + 1), seen.get(label, []), ids, gaps)
    yield from _parents(path, tracks, spans)


def _lived(
    path: Path, label: int, span: range, seen: list[int], ids: Mapping[int, set[int]], gaps: bool
) -> Iterator[Finding]:
    inside = [number for number in seen if number in span]
    outside = [number for number in seen if number not in span]
    absent = sorted(number for number in ids if number in span and label not in ids[number])
    said, mend = f"label {label} (frames {span.start}-{span.stop - 1})", "correct its first and last frame"
    if span and not inside:
        yield problem(path, f"{said} is in no mask of these frames", "remove its line, or draw it")
    elif absent and (absent[0] < inside[0] or absent[-1] > inside[-1]):
        yield problem(path, f"{said} is in masks from {inside[0]} to {inside[-1]} only", mend)
    elif absent and gaps:
        yield remark(path, f"{said} has a gap at {ranges(absent)}")
    elif absent:
        mend = "give what follows a label of its own, with this one as its parent"
        yield problem(path, f"{said} has a gap at {ranges(absent)}", mend)
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
