"""Official data sets: downloaded in as many goes as it takes, verified, and unpacked whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import stat
import time
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from tqdm import tqdm

from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE_URL = "http://data.celltrackingchallenge.net"
FOLDERS = {"train": "training-datasets", "test": "test-datasets"}
SPLITS = tuple(FOLDERS)
ATTEMPTS = 5
"""Attempts in a row that bring nothing new before the download gives up."""
PAUSE = 1.0
"""Seconds before the second attempt; doubled before each further one."""
TIMEOUT = (10, 60)
CHUNK = 1 << 15
"""Bytes written at once: what arrived of the last ones is lost where the connection is cut."""

ARCHIVES: Mapping[str, tuple[str, str]] = {
    "BF-C2DL-HSC": (
        "0aa68ec37a9b06e72a5dfa07d809f56e1775157fb674bb75ff904936149657b1",
        "fd1c05ec625fd0526c8369d1139babe137e885457eee98c10d957da578d0d5bc",
    ),
    "BF-C2DL-MuSC": (
        "ca72b59042809120578a198ba236e5ed3504dd6a122ef969428b7c64f0a5e67d",
        "c5cae259e6090e82a2596967fb54c8a768717c1772398f8546ad1c8df0820450",
    ),
    "DIC-C2DH-HeLa": (
        "832fed2d05bb7488cf9c51a2994b75f8f3f53b3c3098856211f2d39023c34e1a",
        "5e5d5f2aa90aef99d750cf03f5c12d799d50b892f98c86950e07a2c5955ac01f",
    ),
    "Fluo-C2DL-Huh7": (
        "1912658c1b3d8b38b314eb658b559e7b39c256917150e9b3dd8bfdc77347617d",
        "cc7359f8fb6b0c43995365e83ce0116d32f477ac644b2ca02b98bc253e2bcbbe",
    ),
    "Fluo-C2DL-MSC": (
        "a083521f0cb673ae02d4957c5e6580c2e021943ef88101f6a2f61b944d671af2",
        "c90b13e603dde52f17801d4f0cadde04ed7f21cc05296b1f0957d92dbfc8ffa6",
    ),
    "Fluo-N2DH-GOWT1": (
        "1a7bd9a7d1d10c4122c7782427b437246fb69cc3322a975485c04e206f64fc2c",
        "c6893ec2d63459de49d4dc21009b04275573403c62cc02e6ee8d0cb1a5068add",
    ),
    "Fluo-N2DH-SIM+": (
        "3e809148c87ace80c72f563b56c35e0d9448dcdeb461a09c83f61e93f5e40ec8",
        "c4f257add739b284d02176057814de345dee2ac1a7438e360ccd2df73618db68",
    ),
    "Fluo-N2DL-HeLa": (
        "35dd99d58e071aba0b03880128d920bd1c063783cc280f9531fbdc5be614c82e",
        "45cf3daf05e8495aa2ce0febacca4cf0928fab808c0b14ed2eb7289a819e6bb8",
    ),
    "PhC-C2DH-U373": (
        "b18185c18fce54e8eeb93e4bbb9b201d757add9409bbf2283b8114185a11bc9e",
        "7aa3162e4363a416b259149adc13c9b09cb8aecfe8165eb1428dd534b66bec8a",
    ),
    "PhC-C2DL-PSC": (
        "9d54bb8febc8798934a21bf92e05d92f5e8557c87e28834b2832591cdda78422",
        "8c98ac6203e7490157ceb6aa1131d60a3863001b61fb75e784bc49d47ee264d5",
    ),
}
"""sha256 of the archives that were published, by name: training data, test data."""


def target(name: str, to: Path, split: str = "train") -> Path:
    """The folder that `fetch` makes: `to/NAME`, and `to/test/NAME` for the test data, so that both keep their name."""
    return to / name if split == "train" else to / "test" / name


def fetch(name: str, to: Path, base_url: str = BASE_URL, split: str = "train") -> Path:
    """Download and unpack an official data set, unless it is there; returns its folder.

    Raises:
        CytolapseError: the name is unknown, the server can't be reached or has no such file, the content is not what
            was published, or the disk is full. What was downloaded is kept for the next try, unless it is wrong.
    """
    if name not in ARCHIVES:
        raise CytolapseError(f"unknown data set {name!r}: choose one of {', '.join(ARCHIVES)}")
    if split not in SPLITS:
        raise CytolapseError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    folder = target(name, to, split)
    if folder.exists():
        return folder
    part = folder.with_name(f"{name}.zip.part")
    expected = ARCHIVES[name][SPLITS.index(split)]
    with _disk(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists() or _sha256(part) != expected:
            _download(f"{base_url.rstrip('/')}/{FOLDERS[split]}/{quote(name)}.zip", part)
            _verify(part, expected)
        _unpack(part, folder)
        part.unlink()
    return folder


def _download(url: str, part: Path) -> None:
    """Fill `part`, going on from what it holds; a cut connection is taken up again while that brings something new."""
    most, failures = _size(part), 0
    while True:
        try:
            _receive(url, part)
            return
        except (MissingSchema, InvalidSchema, InvalidURL) as error:
            raise CytolapseError(f"{url} is no address ({error}): check --base-url") from error
        except requests.RequestException as error:
            failures = 0 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures == ATTEMPTS:
                kept = f"{_size(part)} bytes are kept in {part}"
                raise CytolapseError(f"{url} can't be read: {error}; {kept}: run the command again to go on") from error
        time.sleep(PAUSE * 2**failures)


def _receive(url: str, part: Path) -> None:
    """One attempt: the rest of the file, or all of it from a server that does not send parts.

    Raises:
        CytolapseError: the server refuses.
        requests.RequestException: it is worth another attempt.
    """
    have = _size(part)
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        partial = answer.status_code == requests.codes.partial_content
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status_code == requests.codes.requested_range_not_satisfiable or (partial and not goes_on):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("what was kept does not fit the file on the server")
        if 400 <= answer.status_code < 500:
            raise CytolapseError(f"{url}: the server says {answer.status_code} {answer.reason}: check --base-url")
        answer.raise_for_status()
        total = _write(answer, part, have if partial else 0)
    if total is not None and _size(part) < total:
        raise requests.ConnectionError(f"the connection was cut at {_size(part)} of {total} bytes")


def _write(answer: requests.Response, part: Path, start: int) -> int | None:
    """Write the body from byte `start` on; returns how long the whole file should be, where the server says so."""
    rest = answer.headers.get("Content-Length")
    total = start + int(rest) if rest else None
    bar = tqdm(total=total, initial=start, desc=part.name.removesuffix(".part"), unit="B", unit_scale=True)
    with bar, part.open("ab" if start else "wb") as file:
        for chunk in answer.iter_content(CHUNK):
            bar.update(file.write(chunk))
    return total


def _verify(part: Path, expected: str) -> None:
    found = _sha256(part)
    if found != expected:
        part.unlink()
        raise CytolapseError(
            f"{part} had the sha256 {found}, but {expected} was published: it was removed, nothing was unpacked. "
            "Run the command again; if that does not help, the server does not hold the official archive"
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside the folder, then rename: it is there whole or not at all."""
    aside = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            for member in members:
                _need_inside(archive, member)
            for member in tqdm(members, desc=f"{folder.name}: unpacking", unit="file", leave=False):
                opened.extract(member, aside)
        inner = aside / folder.name
        (inner if inner.is_dir() else aside).rename(folder)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise CytolapseError(f"{archive} can't be unpacked ({error}): remove it and run the command again") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _need_inside(archive: Path, member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in member.filename
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise CytolapseError(f"{archive} wants to write outside its folder ({member.filename}): nothing was unpacked")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{error.strerror or error} in {folder}: free some room or choose another folder with --to"
        raise CytolapseError(f"{text}, then run the command again") from error
