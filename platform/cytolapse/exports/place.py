"""A new file: there whole, or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def new_file(out: Path) -> Iterator[Path]:
    """A path to write to, which takes the name `out` when the block ends well and vanishes when it does not.

    Raises:
        CytolapseError: `out` exists, or can't be written.
    """
    if out.exists():
        raise CytolapseError(f"{out} exists already: give a new place to write to")
    partial = out.absolute().with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.rename(out)
    except OSError as error:
        raise CytolapseError(f"{out} could not be written: {error}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
