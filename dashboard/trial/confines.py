"""The bounds of a trial's process: how much it may take, and when it ends."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 2**30
ROOM = 4 * GIB
"""Bytes of address space that reading an upload may take beyond what the process has already."""
LARGEST_FILE = 8 * GIB
TRIES = 100
"""A folder is removed this often at most while the process still writes into it."""


@contextmanager
def bounded() -> Iterator[None]:
    """A decoder that is led to unpack without end gets no more memory than `ROOM`; Linux keeps to it."""
    import resource

    import psutil

    before = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def be_modest() -> None:
    """Give way to the server: in computing time, and first to go where the memory ends."""
    import resource

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")


def end_with_server(folder: Path) -> threading.Lock:
    """End with the server, whose end is that of standard input, and leave no folder behind.

    Returns:
        The right to end the process: whoever acquires it, ends it, and never gives it back.
    """
    ending = threading.Lock()
    threading.Thread(target=_end, args=(folder, ending), daemon=True).start()
    return ending


def _end(folder: Path, ending: threading.Lock) -> None:
    sys.stdin.buffer.read()
    ending.acquire()
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
    os._exit(1)
