"""Finding: one line of what `cytolapse check` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHOWN = 5


class Finding(NamedTuple):
    """Something about a file: what is wrong and how to mend it, or (`note`) what is odd but works."""

    text: str
    note: bool = False

    def __str__(self) -> str:
        return f"note: {self.text}" if self.note else self.text


def problem(where: Path, what: str, mend: str) -> Finding:
    """A finding that must be mended."""
    return Finding(f"{where}: {what}: {mend}")


def remark(where: Path, what: str) -> Finding:
    """A finding that is tolerated."""
    return Finding(f"{where}: {what}", note=True)


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in few words.

    >>> ranges([7, 1, 2, 3])
    '1-3, 7'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    said = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "mask"), count(2, "mask")
    ('1 mask', '2 masks')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
