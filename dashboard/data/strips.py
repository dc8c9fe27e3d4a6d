"""Which frames of a sequence are annotated and how, as strips along its time; tables in, HTML out; pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.data.findings import count, ranges
from dashboard.figures.cells import COLOURS, TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dashboard.data.datasets import Listed

PARTS = {"train": "training", "validation": "validation", "test": "test"}
_SHADES = {"train": ("#6b7884", "#9aa7b3"), "validation": ("#b57a00", "#e69f00"), "test": ("#0072b2", "#56b4e9")}
_GRID = (
    "display:grid;grid-template-columns:minmax(104px,max-content) minmax(128px,max-content) 1fr;"
    "gap:5px 14px;align-items:center;font-size:13px;margin-bottom:6px"
)
_TRACK = "position:relative;height:15px;border-radius:3px;overflow:hidden;background:rgba(128,138,148,.16)"
_MARK = (
    "position:absolute;top:0;bottom:0;min-width:3px;overflow:hidden;text-align:center;font-size:11px;line-height:15px;"
    "color:light-dark(#fff,#0f151b)"
)
_QUIET = "opacity:.72"


class Mark(NamedTuple):
    """Frames first to last: colours on light and on dark, what a pointer is told, what stands on it, how strong."""

    first: int
    last: int
    colours: tuple[str, str]
    said: str
    text: str = ""
    opacity: float = 1


class Strip(NamedTuple):
    """One row below a sequence: what it is, how much of it there is, and where."""

    title: str
    told: str
    marks: list[Mark]


def truth_strip(kind: str, frames: Sequence[int], of: int, full: Mapping[int, bool] | None = None) -> Strip:
    """The frames that one kind of truth has; those in which cells are known to be missing are paler.

    Args:
        kind: gold, silver or TRA.
        frames: their numbers.
        of: frames of the sequence.
        full: frame -> whether every cell of it has a mask, where that is known.
    """
    full = full or {}
    partly = [number for number in frames if not full.get(number, True)]
    name, colours = TITLES[kind], COLOURS[kind]
    marks = [Mark(*ends, colours, f"{name}: {_said(*ends)}") for ends in stretches(set(frames) - set(partly))]
    marks += [
        Mark(*ends, colours, f"{name}: {_said(*ends)}, not every cell", opacity=0.45) for ends in stretches(partly)
    ]
    told = f"{len(frames)} of {of} frames" if len(frames) <= of else count(len(frames), "frame")
    return Strip(name, told + (f", {sum(full.values())} with every cell" if full else ""), marks)


def split_strip(parts: Mapping[str, Sequence[tuple[int, int]]]) -> Strip:
    """What the frames are for; `parts`: name -> (first, last) frame of its blocks."""
    marks = [
        Mark(*ends, _SHADES[name], f"{PARTS[name]}: {_said(*ends)}", PARTS[name])
        for name, blocks in parts.items()
        for ends in blocks
    ]
    return Strip("Used for", "by the newest run", marks)


def stretches(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as stretches without a gap.

    >>> stretches([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in sorted(frames):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def annotation(here: Listed, split: Mapping[str, Any], full: Mapping[tuple[str, int], bool]) -> str:
    """The strips of all sequences."""
    shown = []
    for each in here.sequences.values():
        numbers = sorted({*each.frames, *(number for kind in each.truth.values() for number in kind)})
        if not numbers:
            continue
        rows = []
        for kind, frames in each.truth.items():
            known_full = {number: full[each.name, number] for number in frames if (each.name, number) in full}
            rows.append(truth_strip(kind, frames, len(each.frames), known_full if kind == "gold" else None))
        blocks = {
            name: [
                (each.frames[start], each.frames[stop - 1])
                for name_, start, stop in found
                if name_ == each.name and 0 <= start < stop <= len(each.frames)
            ]
            for name, found in split.items()
        }
        rows += [split_strip(blocks)] if any(blocks.values()) else []
        about = count(len(each.frames), "frame") + (f", {each.look}" if each.look else "")
        about += "" if rows else ", no truth"
        shown.append(sequence(f"Sequence {each.name}", about, rows, (numbers[0], numbers[-1]), here.facts.minutes))
    return "".join(shown)


def sequence(title: str, about: str, strips: Sequence[Strip], ends: tuple[int, int], minutes: float | None) -> str:
    """A sequence with its strips and an axis.

    Args:
        title: its name.
        about: one line on its frames.
        strips: the rows.
        ends: first and last frame.
        minutes: per frame, or None.
    """
    first, last = ends
    rows = "".join(_row(each, first, last) for each in strips)
    hours = f" ({(last - first) * minutes / 60:.3g} h)" if minutes else ""
    axis = (
        f'<span></span><span></span><span style="display:flex;justify-content:space-between;{_QUIET};font-size:12px">'
        f"<span>frame {first}</span><span>frame {last}{hours}</span></span>"
    )
    head = (
        f'<div style="margin:2px 0 7px"><b>{html.escape(title)}</b>'
        f'<span style="{_QUIET};margin-left:12px;font-size:13px">{html.escape(about)}</span></div>'
    )
    return f'<div style="margin-bottom:14px">{head}<div style="{_GRID}">{rows}{axis}</div></div>'


def _row(strip: Strip, first: int, last: int) -> str:
    length = max(1, last - first + 1)
    marks = "".join(
        f'<span title="{html.escape(mark.said)}" style="{_MARK};left:{100 * (mark.first - first) / length:.3f}%;'
        f"width:{100 * (mark.last - mark.first + 1) / length:.3f}%;opacity:{mark.opacity};"
        f'background:light-dark({mark.colours[0]},{mark.colours[1]})">{mark.text}</span>'
        for mark in strip.marks
    )
    said = ranges(number for mark in strip.marks for number in range(mark.first, mark.last + 1))
    label = html.escape(f"{strip.title}: frames {said}")
    return (
        f'<span>{html.escape(strip.title)}</span><span style="{_QUIET}">{html.escape(strip.told)}</span>'
        f'<span style="{_TRACK}" role="img" aria-label="{label}">{marks}</span>'
    )


def _said(first: int, last: int) -> str:
    return f"frame {first}" if first == last else f"frames {first} to {last}"
