from __future__ import annotations

import itertools
import zipfile

import numpy as np
import pytest
from PIL import Image

from cytolapse.errors import CytolapseError
from cytolapse.previews import FrameView, Previews, display_limits, from_runs, to_display, to_runs, write_previews


def view(number: int, references=("silver", "gold")) -> FrameView:
    rng = np.random.default_rng(number)
    image = np.clip(rng.normal(120, 12, (40, 56)), 0, 255).astype(np.uint8)
    labels = np.zeros((40, 56), np.int32)
    labels[5:15, 5:15], labels[20:30, 30:50] = 7, 65535
    return FrameView(number, image, labels, {name: np.roll(labels, 1, axis=1) for name in references})


def test_labels_come_back_exactly_and_the_image_nearly(tmp_path):
    path = tmp_path / "previews" / "02.zip"
    frames = [view(7), view(1375, references=("silver",))]
    write_previews(path, frames)
    previews = Previews(path)
    assert previews.numbers == [7, 1375]
    for frame in frames:
        back = previews.frame(frame.number)
        assert np.array_equal(back.prediction, frame.prediction)
        assert back.references.keys() == frame.references.keys()
        for name, labels in frame.references.items():
            assert np.array_equal(back.references[name], labels)
        assert back.image.dtype == np.uint8
        assert np.abs(back.image.astype(int) - frame.image).mean() < 4


def test_a_frame_wider_than_jpeg_allows_is_stored_as_png(tmp_path):
    wide = FrameView(0, np.arange(66000, dtype=np.uint32).reshape(1, -1).astype(np.uint8), np.zeros((1, 66000), int))
    write_previews(tmp_path / "wide.zip", [wide])
    assert np.array_equal(Previews(tmp_path / "wide.zip").frame(0).image, wide.image)


def test_same_frames_same_bytes_stored(tmp_path):
    for name in ("a.zip", "b.zip"):
        write_previews(tmp_path / name, [view(3)])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        kinds = {entry.filename.rpartition(".")[2]: entry.compress_type for entry in archive.infolist()}
    assert kinds == {"json": zipfile.ZIP_STORED, "jpg": zipfile.ZIP_STORED, "runs": zipfile.ZIP_DEFLATED}


def test_a_failed_write_leaves_nothing_and_keeps_the_old(tmp_path):
    path = tmp_path / "01.zip"
    write_previews(path, [view(1)])
    before = path.read_bytes()
    broken = FrameView(2, view(2).image, np.full((40, 56), "x"))
    with pytest.raises((TypeError, ValueError)):
        write_previews(path, [view(1), broken])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("*.part")] + [each.name for each in tmp_path.glob(".*")] == []


def test_bad_files_are_told(tmp_path):
    with pytest.raises(CytolapseError, match=r"absent.zip holds no previews"):
        Previews(tmp_path / "absent.zip")
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(CytolapseError, match=r"holds no previews"):
        Previews(tmp_path / "bad.zip")
    write_previews(tmp_path / "good.zip", [view(4), view(5)])
    with pytest.raises(CytolapseError, match=r"good.zip has no frame 9: its frames are 4 to 5"):
        Previews(tmp_path / "good.zip").frame(9)
    with zipfile.ZipFile(tmp_path / "half.zip", "w") as archive:
        archive.writestr("image/0001.webp", b"cut")
        archive.writestr("note.txt", b"no frame")
    with pytest.raises(CytolapseError, match=r"frame 1 of .* is damaged"):
        Previews(tmp_path / "half.zip").frame(1)


def test_one_stretch_for_a_movie():
    movie = np.linspace(1000, 3000, 40 * 20 * 20).reshape(40, 20, 20).astype(np.uint16)
    limits = display_limits(movie)
    shown = to_display(movie[20], limits)
    assert 1000 <= limits[0] < 1100
    assert 2900 < limits[1] <= 3000
    assert shown.dtype == np.uint8
    assert 100 < shown.mean() < 160
    flat = np.full((3, 4, 4), 9, np.uint8)
    assert to_display(flat[0], display_limits(flat)).max() <= 255


def test_ids_above_16_bits_come_back(tmp_path):
    labels = np.zeros((40, 56), np.int32)
    labels[0, :4] = 1, 65536, 16909060, 2**31 - 1
    write_previews(tmp_path / "01.zip", [FrameView(2, view(2).image, labels, {"silver": labels})])
    found = Previews(tmp_path / "01.zip").frame(2)
    np.testing.assert_array_equal(found.prediction, labels)
    np.testing.assert_array_equal(found.references["silver"], labels)


def test_stored_planes_are_read_one_by_one(tmp_path):
    path = tmp_path / "02.zip"
    write_previews(path, [view(7), view(8, references=("silver",))], minutes=15)
    previews = Previews(path)
    assert previews.minutes == 15
    assert {kind: sorted(frames) for kind, frames in previews.stored.items()} == {
        "image": [7, 8],
        "prediction": [7, 8],
        "silver": [7, 8],
        "gold": [7],
    }
    assert previews.read("image", 7).startswith(b"\xff\xd8\xff"), "a JPEG"
    assert previews.read("prediction", 7) == to_runs(view(7).prediction)
    with pytest.raises(KeyError):
        previews.read("gold", 8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 56)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_labels_as_runs(shape, dtype):
    rng = np.random.default_rng(0)
    for labels in (np.zeros(shape, dtype), np.ones(shape, dtype), rng.integers(0, 3, shape).astype(dtype)):
        content = to_runs(labels)
        np.testing.assert_array_equal(from_runs(content), labels)
        height, width, *runs = np.frombuffer(content, "<u4").tolist()
        assert (height, width) == shape
        slow = [(sum(1 for _ in each), key) for key, each in itertools.groupby(labels.ravel().tolist())]
        assert list(zip(runs[::2], runs[1::2], strict=True)) == slow
    with pytest.raises(ValueError, match="reshape"):
        from_runs(to_runs(np.ones((2, 3), int))[:8])


def test_the_same_image_has_the_same_mark_in_any_zip(tmp_path):
    one, other = view(1), view(2)
    write_previews(tmp_path / "a.zip", [one, other])
    write_previews(tmp_path / "b.zip", [one])
    a, b = (Previews(tmp_path / name).stored["image"] for name in ("a.zip", "b.zip"))
    assert a[1].mark == b[1].mark != a[2].mark


def test_zips_of_other_versions(tmp_path):
    write_previews(tmp_path / "02.zip", [view(3)])
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.writestr("about.json", b'{"version": 4}')
    with pytest.raises(CytolapseError, match=r"new.zip is of version 4, this cytolapse reads up to 3: update it"):
        Previews(tmp_path / "new.zip")


def old(labels: np.ndarray) -> Image.Image:
    """What versions 1 and 2 stored as PNG: grey of 8 or 16 bit, larger ids as the four bytes of each."""
    if labels.max() > 65535:
        return Image.fromarray(labels.astype("<i4").view(np.uint8).reshape(*labels.shape, 4))
    return Image.fromarray(labels.astype(np.uint8 if labels.max() < 256 else np.uint16))


@pytest.mark.parametrize("factor", [1, 200, 70_000])
def test_what_older_versions_stored_is_read(tmp_path, factor):
    frame = view(3)
    labels = np.minimum(frame.prediction, 9) * factor
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for name, image in (("image/0003.webp", Image.fromarray(frame.image)), ("prediction/0003.png", old(labels))):
            with archive.open(name, "w") as file:
                image.save(file, name.rpartition(".")[2])
    previews = Previews(tmp_path / "old.zip")
    assert previews.minutes is None
    np.testing.assert_array_equal(previews.frame(3).prediction, labels)
    assert previews.read("prediction", 3) == to_runs(labels), "whoever draws labels needs to know one form only"
    assert previews.read("image", 3)[8:12] == b"WEBP"
