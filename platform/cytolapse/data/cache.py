"""The decoded cache: arrays under a digest of the content they were decoded from, safe for many processes at once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from cytolapse.data.tiff import Array
from cytolapse.errors import CytolapseError

FORMAT = "1"  # part of every folder's name: raise it when what is written changes
YOUNG_NS = 2_000_000_000
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)  # None: numpy tells it without a number

Stamp = tuple[int, ...]
Entry = dict[str, Array]
Build = Callable[[Path], None]


def home() -> Path:
    """The folder of everything that can be made again: $CYTOLAPSE_HOME, or `.cytolapse` in the user's own."""
    return Path(os.environ.get("CYTOLAPSE_HOME") or Path.home() / ".cytolapse")


def root() -> Path:
    """The folder of the decoded arrays."""
    return home() / "cache"


def entry(source: Path, files: Sequence[Path], build: Build, title: str) -> tuple[Entry, str]:
    """The arrays that `build` makes of the files, and the digest of the files' content.

    Files that did not change since the last call (size, times, inode) are not read again, and what is there is not
    built again. `build(folder)` writes `.npy` files into an empty folder; it takes its name when all are written.

    Args:
        source: what the files belong to; their names relative to its parent are part of the digest.
        files: every file that the arrays depend on.
        build: writes the arrays.
        title: what the progress bar says.

    Raises:
        CytolapseError: the disk is full, the cache folder can't be written, or a file changed while it was read.
    """

    def checked(folder: Path) -> None:
        build(folder)
        if _contents(source, files, title)[0] != contents:
            raise CytolapseError(f"{source} changed while it was being read: run the command again")

    with _mended():
        contents, former = _contents(source, files, title)
        digest = _digest(contents)
        with _held(digest) as folder:
            if not folder.is_dir():
                _build(folder, checked)
            arrays = _load(folder)
        if former not in ("", digest):
            with _held(former) as folder:
                _drop(folder)
        return arrays, digest


def digest(source: Path, files: Sequence[Path]) -> str:
    """The digest that `entry` gives these files; nothing is kept, so that all of them are read.

    Raises:
        CytolapseError: a file can't be read.
    """
    return _digest({file.relative_to(source.parent).as_posix(): _sha256(file) for file in files})


def write_stack(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[np.generic], images: Iterator[tuple[int, Array]]
) -> None:
    """Write images at their positions into a new `.npy` file (T, Y, X); the others are 0 and take no room.

    A memory map would end the process where the disk is full; writing raises an error that can be told.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    size = int(np.prod(shape[1:])) * dtype.itemsize
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for position, image in images:
            file.seek(start + position * size)
            file.write(np.ascontiguousarray(image, dtype=dtype).data)
        file.truncate(start + shape[0] * size)


def _build(folder: Path, build: Build) -> None:
    part = folder.with_suffix(".part")
    _drop(part)  # what a killed build left; the lock says that nobody is at it
    part.mkdir(parents=True)
    try:
        build(part)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _load(folder: Path) -> Entry:
    try:
        arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}
        return {name: each if each.ndim == 3 else np.array(each) for name, each in arrays.items()}
    except ValueError as error:
        raise CytolapseError(f"{folder} is damaged ({error}): remove it, it is built again") from error


def _drop(folder: Path) -> None:
    if folder.is_dir():
        away = folder.with_suffix(f".{os.getpid()}.away")
        folder.rename(away)  # at once, so that no reader finds half of it
        for each in root().glob("*.away"):
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def _held(digest: str) -> Iterator[Path]:
    """The folder of an entry, under its lock."""
    locks = root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{digest}.lock"):
        yield root() / f"{digest}-{FORMAT}"


def _digest(contents: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(f"{each} {name}" for name, each in contents.items()).encode()).hexdigest()[:32]


def _contents(source: Path, files: Sequence[Path], title: str) -> tuple[dict[str, str], str]:
    """Name -> sha256 of each file, reading only those whose stamp is new, and the former digest where some are."""
    memo = root() / "stamps" / f"{hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:32]}.json"
    known = _recall(memo)
    names = {file.relative_to(source.parent).as_posix(): file for file in files}
    stamps = {name: _stamp(file) for name, file in names.items()}
    changed = {name for name, stamp in stamps.items() if known.get(name, ("", ()))[1] != stamp}
    contents = {name: known[name][0] if name not in changed else "" for name in names}
    for name in tqdm(sorted(changed), desc=f"{title}: reading", unit="file", delay=1, leave=False):
        contents[name] = _sha256(names[name])
    if not changed and len(known) == len(names):
        return contents, ""
    # A file written a moment ago can change again within the clock's grain, unseen: it is read again next time.
    now = time.time_ns()
    memo.parent.mkdir(parents=True, exist_ok=True)
    part = memo.with_suffix(f".{os.getpid()}.part")
    lines = {n: [contents[n], s if now - max(s[1:3]) > YOUNG_NS else []] for n, s in stamps.items()}
    try:
        part.write_text(json.dumps(lines))
        part.replace(memo)
    finally:
        part.unlink(missing_ok=True)
    return contents, _digest({name: each for name, (each, _) in known.items()}) if known else ""


def _recall(memo: Path) -> dict[str, tuple[str, Stamp]]:
    try:
        return {name: (digest, tuple(stamp)) for name, (digest, stamp) in json.loads(memo.read_text()).items()}
    except (FileNotFoundError, ValueError):
        return {}


def _stamp(file: Path) -> Stamp:
    with _readable(file):
        found = file.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _sha256(file: Path) -> str:
    with _readable(file), file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CytolapseError(f"{file} can't be read ({error.strerror or error}): copy or export it again") from error


@contextmanager
def _mended() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            text = f"no room left in {root()}: free some, or set CYTOLAPSE_HOME to a folder on a larger disk"
        else:
            text = f"{error}: what is decoded is kept in {root()}, CYTOLAPSE_HOME moves it"
        raise CytolapseError(text) from error
