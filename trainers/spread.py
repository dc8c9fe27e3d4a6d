"""Spread: a function over many items, on all cores."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: dict[str, Any] = {}  # of a worker: what it works on, as it was when the worker began


def spread(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in order, from processes that share the items' memory; from this one where that is not possible.

    The workers begin as copies of this process (fork), so that neither weights nor maps are sent to them. They
    can't use its GPU.

    Raises:
        CytolapseError: a worker was ended from outside.
    """
    workers = min(len(os.sched_getaffinity(0)), len(items)) if sys.platform == "linux" else 1
    if workers < 2:
        yield from map(function, items)
        return
    try:
        with ProcessPoolExecutor(workers, get_context("fork"), _begin, (function, items)) as pool:
            yield from pool.map(_apply, range(len(items)))
    except BrokenProcessPool as error:
        raise CytolapseError(
            "a worker of the search was ended, most likely because memory ran out: use fewer --validate-frames"
        ) from error


def _begin(function: Callable[[Any], Any], items: Sequence[Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)  # its threads do not survive a fork
    _work.update(function=function, items=items)


def _apply(index: int) -> Any:
    return _work["function"](_work["items"][index])
