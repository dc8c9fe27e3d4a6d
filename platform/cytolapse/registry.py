"""Registry: the names a user may type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from cytolapse.errors import CytolapseError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A name -> a thing; an unknown name is an error that lists what exists.

    Args:
        kind: what the things are, in the singular, as the error message says it.
        things: our own.
        group: an entry-point group in which installed packages may add theirs (loaded when first asked for).

    >>> Registry("head", {"semantic": 1, "boundary": 2})["star"]
    Traceback (most recent call last):
    cytolapse.errors.CytolapseError: unknown head 'star': choose one of boundary, semantic
    """

    def __init__(self, kind: str, things: Mapping[str, T], group: str | None = None) -> None:
        self._kind = kind
        self._things = dict(things)
        self._foreign = {} if group is None else {point.name: point for point in entry_points(group=group)}

    def __getitem__(self, name: str) -> T:
        if name in self._things:
            return self._things[name]
        if name in self._foreign:
            self._things[name] = self._foreign[name].load()
            return self._things[name]
        raise CytolapseError(f"unknown {self._kind} {name!r}: choose one of {', '.join(self)}")

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self._foreign

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._things, *self._foreign}))

    def __len__(self) -> int:
        return len({*self._things, *self._foreign})
