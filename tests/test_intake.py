"""Uploads: what is taken, and the attacks that are not."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from cytolapse.errors import CytolapseError
from dashboard.trial.intake import MIB, Limits, suffix_of, take

FRAME = np.arange(48, dtype=np.uint8).reshape(6, 8)


def tiff(image=FRAME, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, photometric="minisblack", **options)
    return buffer.getvalue()


def png(image=FRAME) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def packed(members, method=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def taken(tmp_path):
    """Take an upload: -> (pictures, shape)."""

    def take_it(content: bytes, **limits):
        (tmp_path / "upload").write_bytes(content)
        return take(tmp_path, Limits(**limits))

    return take_it


def refusal(taken, content: bytes, **limits) -> str:
    with pytest.raises(CytolapseError) as error:
        taken(content, **limits)
    return str(error.value)


def images(pictures) -> list:
    return [image for _, image in pictures.read(pictures.numbers)]


@pytest.mark.parametrize(
    ("content", "count"), [(tiff(), 1), (tiff(np.stack([FRAME] * 3)), 3), (png(), 1), (tiff(FRAME, bigtiff=True), 1)]
)
def test_an_image_or_a_stack(taken, content, count):
    pictures, shape = taken(content)
    assert shape == (count, 6, 8)
    assert all((image == FRAME).all() for image in images(pictures))


def test_a_zip_is_in_the_order_of_its_numbers_and_its_names_stay_out(taken, tmp_path):
    names = ["02/t010.tif", "02/t9.tif", "02/day 3 t011.png", "__MACOSX/._t010.tif", "02/.DS_Store", "02/"]
    contents = [tiff(FRAME + 10), tiff(FRAME + 9), png(FRAME + 11), b"junk", b"junk", b""]
    pictures, shape = taken(packed(zip(names, contents, strict=True)))
    assert (list(pictures.numbers), shape) == ([9, 10, 11], (3, 6, 8))
    assert [image[0, 0] for image in images(pictures)] == [9, 10, 11]
    assert sorted(each.name for each in (tmp_path / "frames").iterdir()) == [
        "frame000009.tif",
        "frame000010.tif",
        "frame000011.png",
    ]


def test_a_zip_of_one_stack(taken):
    assert taken(packed([("movie.tif".replace("movie", "movie1"), tiff(np.stack([FRAME] * 4)))]))[1] == (4, 6, 8)


@pytest.mark.parametrize(
    "name", ["../t1.tif", "a/../../t1.tif", "/etc/t1.tif", "..\\t1.tif", "C:/t1.tif", "t1\n.tif", "\x1b[2Jt1.tif"]
)
def test_a_name_that_leads_elsewhere(taken, tmp_path, name):
    assert "leads out of its folder" in refusal(taken, packed([(name, tiff())]))
    assert not (tmp_path / "frames").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device(taken, kind):
    info = zipfile.ZipInfo("t1.tif")
    info.external_attr = (kind | 0o777) << 16
    assert "is a link or a device" in refusal(taken, packed([(info, b"/etc/passwd")]))


@pytest.mark.parametrize("name", ["inner1.zip", "t1.exe", "t1", "t1.tif.gz"])
def test_wrong_types_and_a_zip_in_a_zip(taken, name):
    assert f"{name} in the zip is no TIFF or PNG" in refusal(taken, packed([(name, packed([("t1.tif", tiff())]))]))


def test_what_a_zip_declares_is_bounded(taken, tmp_path):
    bomb = packed([(f"t{number}.tif", bytes(MIB)) for number in range(4)])
    assert len(bomb) < MIB
    assert "unpacks to 4 MB, where 3 are allowed" in refusal(taken, bomb, unpacked=3 * MIB)
    assert not (tmp_path / "frames").exists()


def test_a_zip_that_declares_less_than_it_holds_unpacks_no_more_than_that(taken, tmp_path):
    bomb = packed([("t1.tif", bytes(MIB))])
    lie = bomb.replace(struct.pack("<I", MIB), struct.pack("<I", 100))
    assert lie != bomb
    assert "can't be read" in refusal(taken, lie)
    written = list((tmp_path / "frames").glob("*"))
    assert all(each.stat().st_size <= 100 for each in written)


def test_members_are_counted(taken):
    many = packed([(f"t{number}.tif", b"") for number in range(11)])
    assert "has 11 members, where 10 are allowed" in refusal(taken, many, members=10)


def test_an_encrypted_zip_and_a_rare_method(taken):
    content = bytearray(packed([("t1.tif", tiff())]))
    content[content.rindex(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refusal(taken, bytes(content))


def test_a_rare_method(taken):
    assert "rare method" in refusal(taken, packed([("t1.tif", tiff())], zipfile.ZIP_LZMA))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "no frames"),
        ([("01/t1.tif", tiff()), ("02/t1.tif", tiff())], "2 folders (01, 02)"),
        ([("t1.tif", tiff()), ("t01.tif", tiff())], "both frame 1"),
        ([("frame.tif", tiff()), ("t2.tif", tiff())], "no frame number"),
        ([("t1.tif", tiff()), ("t99999999.tif", tiff())], "999999 is the highest"),
        ([(f"t{'1' * 300}.tif", tiff())], "304 characters|305 characters"),
        ([("t1.tif", tiff()), ("t2.tif", tiff(FRAME[:3]))], "3 x 8, but the first frame is 6 x 8"),
        ([("t1.tif", tiff(np.stack([FRAME] * 2))), ("t2.tif", tiff())], "holds 2 images"),
        ([("t1.tif", b"not a TIFF"), ("t2.tif", tiff())], "can't be read as a TIFF"),
        ([("t1.png", b"not a PNG"), ("t2.png", png())], "can't be read as a PNG"),
    ],
)
def test_frames_that_are_no_movie(taken, members, message):
    told = refusal(taken, packed(members))
    assert any(part in told for part in message.split("|"))


def huge_tiff() -> bytes:
    """A header of 100 bytes that claims 100,000 x 100,000 px."""
    entries = [(256, 4, 100_000), (257, 4, 100_000), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 110)]
    entries += [(277, 3, 1), (278, 4, 100_000), (279, 4, 4)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + bytes(4) + bytes(200)


def huge_png() -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + png()[33:]


def test_huge_dimensions_in_a_tiny_file(taken):
    assert "100000 x 100000 px, where 16.8 million" in refusal(taken, huge_tiff())


def test_a_huge_png(taken):
    told = refusal(taken, huge_png())
    assert "30000 x 30000 px" in told or "can't be read as a PNG" in told


def test_frames_and_pixels_are_bounded_in_all(taken):
    content = tiff(np.stack([FRAME] * 5))
    assert "5 frames, where 4 are allowed" in refusal(taken, content, frames=4)


def test_pixels_are_bounded(taken):
    told = refusal(taken, tiff(np.stack([FRAME] * 5)), pixels=200)
    assert "5 frames of 6 x 8 px" in told


def test_bytes_are_bounded(taken):
    assert "where 1 are allowed" in refusal(taken, tiff(np.zeros((1200, 1200), np.uint8)), upload=MIB)


def test_the_content_tells_what_a_file_is():
    assert suffix_of(tiff()) == ".tif"
    with pytest.raises(CytolapseError, match="neither a TIFF nor a PNG nor a zip"):
        suffix_of(b"MZ\x90\0")


def test_a_damaged_zip(taken):
    assert "can't be read" in refusal(taken, packed([("t1.tif", tiff())])[:60])
