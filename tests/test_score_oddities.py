"""`cytolapse score` on what people point it at by mistake: refused by name, or scored with a warning."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import python

CELLS = np.zeros((40, 50), np.int64)
CELLS[5:15, 5:15], CELLS[5:15, 15:25], CELLS[25:35, 30:45] = 1, 2, 7


def write(folder: Path, *images, name="mask{:04d}.tif", **options) -> Path:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        tifffile.imwrite(folder / name.format(number), image, **options)
    return folder


@pytest.fixture
def truth(tmp_path):
    return write(tmp_path / "truth", *[CELLS.astype(np.uint16)] * 2, name="man_seg{:03d}.tif")


@pytest.fixture
def refused(cli, truth):
    """Run the command on predictions that are no good; the message."""

    def run(pred):
        code, out, err = cli("score", truth, pred)
        assert code == 1 and not out and err.startswith("error: ") and err.count("\n") == 1
        return err

    return run


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.where(CELLS == 7, -1, CELLS).astype(np.int32), "has ids from -1 to 2, where 0 to 2147483647 is allowed"),
        (np.where(CELLS == 7, 2**32 - 1, CELLS).astype(np.uint32), "has ids from 0 to 4294967295"),
        (np.where(CELLS == 7, 2**40, CELLS), "has ids from 0 to 1099511627776"),
        (CELLS > 0, "is no label image but bool"),
        (CELLS.astype(np.complex64), "is no label image but complex64"),
        (np.zeros((1, 1), np.uint16), "the prediction 1 x 1"),
    ],
)
def test_labels_that_are_none(refused, tmp_path, image, message):
    pred = write(tmp_path / "pred", image, image)
    error = refused(pred)
    assert message in error and str(pred / "mask0000.tif") in error


@pytest.mark.parametrize(
    "compression", ["lzw", "zlib", "zstd", "packbits", "lzma", "png", "lerc", "jpegxl", "jpeg2000"]
)
def test_any_codec_that_keeps_numbers(cli, truth, tmp_path, compression):
    labels = np.where(CELLS == 7, 65535, CELLS).astype(np.uint16)
    pred = write(tmp_path / "pred", labels, labels, compression=compression)
    code, out, _ = cli("score", truth, pred)
    assert code == 0 and "seg              1.000" in out


def test_jpeg_changes_ids(refused, tmp_path):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint8)] * 2, compression="jpeg")
    assert "mask0000.tif is JPEG-compressed, which changes ids: save labels with LZW or deflate" in refused(pred)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd"])
def test_data_that_can_not_be_decoded(refused, tmp_path, compression):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint16)] * 2, compression=compression)
    file = pred / "mask0001.tif"
    with tifffile.TiffFile(file) as tiff:
        start, size = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    content = bytearray(file.read_bytes())
    content[start : start + size] = bytes((7 * at + 3) % 256 for at in range(size))
    file.write_bytes(content)
    assert f"{file} can't be read as a TIFF" in refused(pred)


@pytest.mark.parametrize("content", [b"", b"hello, this is text " * 20, b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_files_that_are_no_tiff(refused, truth, tmp_path, content):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint16)] * 2)
    (pred / "mask0001.tif").write_bytes(content)
    assert f"{pred / 'mask0001.tif'} can't be read as a TIFF" in refused(pred)


def test_a_damaged_file_gives_one_line(truth, tmp_path):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint16)] * 2, compression="zlib")
    file = pred / "mask0001.tif"
    file.write_bytes(file.read_bytes()[:184])
    done = python("-m", "cytolapse", "score", truth, pred)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr == f"error: {file} is truncated at 184 bytes: copy or export it again\n"


def test_a_folder_and_a_broken_link_in_place_of_a_file(refused, truth, tmp_path):
    pred = write(tmp_path / "pred", CELLS.astype(np.uint16))
    (pred / "mask0001.tif").symlink_to(tmp_path / "nowhere.tif")
    assert "mask0001.tif can't be read (No such file or directory)" in refused(pred)
    (pred / "mask0001.tif").unlink()
    (pred / "mask0001.tif").mkdir()
    assert "mask0001.tif can't be read (Is a directory)" in refused(pred)


def test_what_may_not_be_opened(refused, truth, tmp_path, monkeypatch):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint16)] * 2)

    def forbidden(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as locked:
        locked.setattr(tifffile, "TiffFile", forbidden)
        assert "mask0000.tif can't be read (Permission denied)" in refused(pred)
    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert f"{truth} may not be opened (permission denied): change its permissions" in refused(pred)


def test_the_folder_above(refused, truth, tmp_path):
    write(tmp_path / "set" / "01_GT" / "SEG", CELLS.astype(np.uint16))
    write(tmp_path / "set" / "01_RES", CELLS.astype(np.uint16))
    error = refused(tmp_path / "set")
    assert "set holds no TIFF (.tif, .tiff), but folders in it do (01_GT/SEG, 01_RES): give a folder" in error


def test_the_last_number_of_a_name_is_the_frame(refused, truth, tmp_path):
    pred = write(tmp_path / "pred", *[CELLS.astype(np.uint16)] * 2, name="{:03d}_cells_v2.tif")
    error = refused(pred)
    assert "000_cells_v2.tif and 001_cells_v2.tif are both number 2: rename them, the last number in a name" in error


def warned(cli, truth, pred):
    """The warning with which a folder is scored."""
    code, out, err = cli("score", truth, pred)
    assert code == 0 and "frames 2" in out and err.startswith("WARNING: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("value", [1, 255])
def test_binary_masks_are_scored_with_a_warning(cli, truth, tmp_path, value):
    pred = write(tmp_path / "pred", *[(value * (CELLS > 0)).astype(np.uint8)] * 2)
    warning = warned(cli, truth, pred)
    assert f"mask0000.tif looks binary: one value ({value}) on 2 separate objects in frame 0" in warning
    assert "looks binary" in warned(cli, pred, truth)


def test_pictures_are_scored_with_a_warning(cli, truth, tmp_path):
    frame = np.random.default_rng(0).normal(100, 5, CELLS.shape).astype(np.uint8)
    pred = write(tmp_path / "01", frame, frame, name="t{:03d}.tif")
    assert "t000.tif looks like a picture: neighbours differ all over" in warned(cli, truth, pred)


def test_a_folder_against_itself_is_scored_with_a_warning(cli, truth):
    assert f"{truth} is compared with itself" in warned(cli, truth, truth)
