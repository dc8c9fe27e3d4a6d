"""Uploads: a TIFF, a stack or a zip of frames in, checked pictures out.

Runs in the trial's own process, never in the server. A file's name is read for its frame number and becomes no path.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image

from cytolapse.data.pictures import BY_PRODUCTS, IMAGES, Folder, Stack, by_number
from cytolapse.data.tiff import SUFFIXES, in_words, stack_shape
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cytolapse.data.pictures import Pictures

MIB = 2**20
UPLOAD = "upload"
"""What the uploaded file is called on disk, whatever it was called before."""
MAGIC = {
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"II+\0": ".tif",  # BigTIFF
    b"MM\0+": ".tif",
    b"PK\3\4": ".zip",
    b"PK\5\6": ".zip",  # an empty one
    b"\x89PNG": ".png",
}
HIGHEST = 999_999
"""The largest frame number."""
LONGEST = 255
"""Characters in a member's name."""
MORE = "for more than that, run `cytolapse segment`"


@dataclass(frozen=True)
class Limits:
    """What is too much.

    Attributes:
        upload: bytes of the upload.
        unpacked: bytes of all members of a zip.
        members: members of a zip, whatever they are.
        frames: frames.
        frame: pixels of one frame.
        pixels: pixels of all frames.
    """

    upload: int = 200 * MIB
    unpacked: int = 1024 * MIB
    members: int = 2000
    frames: int = 1000
    frame: int = 4096 * 4096
    pixels: int = 500_000_000


LIMITS = Limits()


def suffix_of(start: bytes) -> str:
    """What a file is, by its first bytes: ".tif", ".png" or ".zip"; its name does not count.

    Raises:
        CytolapseError: it is none of them.
    """
    for magic, suffix in MAGIC.items():
        if start.startswith(magic):
            return suffix
    raise CytolapseError("the upload is neither a TIFF nor a PNG nor a zip of them: export the frames as TIFF")


def take(folder: Path, limits: Limits = LIMITS) -> tuple[Pictures, tuple[int, int, int]]:
    """The pictures in `folder/upload` and their (T, Y, X); a zip is unpacked beside it. No pixel is decoded yet.

    Raises:
        CytolapseError: the upload can't be taken, or exceeds a limit.
    """
    upload = folder / UPLOAD
    size = upload.stat().st_size
    if size > limits.upload:
        raise CytolapseError(f"the upload has {size / MIB:.0f} MB, where {limits.upload / MIB:.0f} are allowed: {MORE}")
    with upload.open("rb") as file:
        suffix = suffix_of(file.read(4))
    if suffix == ".zip":
        pictures = _unpacked(upload, folder / "frames", limits)
    else:
        pictures = _single(upload.rename(folder / f"{UPLOAD}{suffix}"))
    return pictures, _need_bounded(pictures, limits)


def _single(path: Path) -> Pictures:
    return Folder(path.parent, {0: path}) if path.suffix == ".png" else Stack(path, stack_shape(path)[0])


def _unpacked(upload: Path, target: Path, limits: Limits) -> Pictures:
    try:
        with zipfile.ZipFile(upload) as archive:
            members = _members(archive, limits)
            numbers = by_number(Path("the zip"), [Path(PurePosixPath(each).name) for each in members])
            files = {number: members[str(name)] for number, name in numbers.items()}
            if max(files) > HIGHEST:
                raise CytolapseError(f"the zip has a frame {max(files)}, where {HIGHEST} is the highest: rename it")
            target.mkdir()
            written = {number: _extract(archive, info, number, target) for number, info in files.items()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise CytolapseError(f"the zip can't be read ({error}): pack it again") from error
    if len(written) == 1:  # one file may be a stack
        return _single(next(iter(written.values())))
    return Folder(target, written)


def _members(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """File name without folders -> member, of the images; refuses whatever a zip of frames does not have."""
    every = archive.infolist()
    if len(every) > limits.members:
        raise CytolapseError(f"the zip has {len(every)} members, where {limits.members} are allowed: {MORE}")
    files = [info for info in every if not info.is_dir() and not _is_litter(info)]
    for info in files:
        _need_harmless(info)
    total = sum(info.file_size for info in files)
    if total > limits.unpacked:
        raise CytolapseError(
            f"the zip unpacks to {total / MIB:.0f} MB, where {limits.unpacked / MIB:.0f} are allowed: {MORE}"
        )
    folders = Counter(str(PurePosixPath(info.filename).parent) for info in files)
    if len(folders) > 1:
        names = ", ".join(sorted(folders)[:4])
        raise CytolapseError(f"the zip has frames in {len(folders)} folders ({names}): zip one movie only")
    frames = {PurePosixPath(info.filename).name: info for info in files}
    frames = {name: info for name, info in frames.items() if not BY_PRODUCTS.search(PurePosixPath(name).stem)}
    if not frames:
        raise CytolapseError("the zip holds no frames: TIFF or PNG files, one a frame, are expected")
    return frames


def _is_litter(info: zipfile.ZipInfo) -> bool:
    """What the systems of Apple put beside files."""
    parts = PurePosixPath(info.filename).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1] == ".DS_Store")


def _need_harmless(info: zipfile.ZipInfo) -> None:
    name, mode = info.filename, info.external_attr >> 16
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
        raise CytolapseError(f"the zip has a member {name[:60]!r}, which leads out of its folder: pack it again")
    if len(name) > LONGEST:
        raise CytolapseError(f"the zip has a name of {len(name)} characters, where {LONGEST} are allowed: rename it")
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise CytolapseError(f"{name} in the zip is a link or a device: pack the file itself")
    if path.suffix.lower() not in IMAGES:
        raise CytolapseError(f"{name} in the zip is no TIFF or PNG: leave it out")
    if info.flag_bits & 1:
        raise CytolapseError(f"{name} in the zip is encrypted: pack it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CytolapseError(f"{name} in the zip is packed by a rare method: use plain zip (deflate)")


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, number: int, target: Path) -> Path:
    """Write a member under a name of ours; never more bytes than it declares."""
    suffix = ".png" if PurePosixPath(info.filename).suffix.lower() == ".png" else SUFFIXES[0]
    path = target / f"frame{number:06d}{suffix}"
    with archive.open(info) as source, path.open("xb") as file:
        left = info.file_size
        while left > 0 and (block := source.read(min(MIB, left))):
            left -= len(block)
            file.write(block)
    return path


def _need_bounded(pictures: Pictures, limits: Limits) -> tuple[int, int, int]:
    """(T, Y, X), as the headers tell it.

    Raises:
        CytolapseError: there are too many frames or pixels, or the frames differ in size.
    """
    count = len(pictures.numbers)
    if count > limits.frames:
        raise CytolapseError(f"the upload has {count} frames, where {limits.frames} are allowed: {MORE}")
    first: tuple[int, int] | None = None
    for path, shape in _shapes(pictures):
        first = first or shape
        if shape[0] * shape[1] > limits.frame:
            raise CytolapseError(
                f"{path.name} is {in_words(shape)} px, where {limits.frame / 1e6:.1f} million px a frame are allowed: "
                f"{MORE}, with --tile 512"
            )
        if shape != first:
            raise CytolapseError(f"{path.name} is {in_words(shape)}, but the first frame is {in_words(first)} px")
    assert first is not None
    if count * first[0] * first[1] > limits.pixels:
        raise CytolapseError(
            f"the upload has {count} frames of {in_words(first)} px, where {limits.pixels / 1e6:.0f} million px are "
            f"allowed in all: {MORE}"
        )
    return count, *first


def _shapes(pictures: Pictures) -> Iterator[tuple[Path, tuple[int, int]]]:
    """(Y, X) of each file, from its header."""
    files = pictures.files.values() if isinstance(pictures, Folder) else [pictures.path]
    for path in files:
        if path.suffix == ".png":
            yield path, _png_shape(path)
            continue
        count, height, width = stack_shape(path)
        if isinstance(pictures, Folder) and count != 1:
            raise CytolapseError(f"{path.name} holds {count} images, where one is expected: give the stack itself")
        yield path, (height, width)


def _png_shape(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise CytolapseError(f"{path.name} can't be read as a PNG ({error}): export it again") from error
