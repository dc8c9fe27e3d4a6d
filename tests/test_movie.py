"""Opening data sets, plain folders and stacks; what a user sees where they are not what they should be."""

from __future__ import annotations

import numpy as np
import pytest
from ctc_world import frame, labels, write, write_frames, write_world

from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.metrics import is_full


def test_a_data_set_opens_with_everything_it_has(tmp_path):
    dataset = open_dataset(write_world(tmp_path / "world", ("02", "01")))
    assert list(dataset.movies) == ["01", "02"]
    assert (dataset.name, dataset.um, dataset.minutes, dataset.border) == ("world", None, None, 0)
    movie = dataset.movies["01"]
    assert movie.sequence == "01" and len(movie) == 6
    assert movie.frames.dtype == np.uint8 and isinstance(movie.frames, np.memmap)
    assert movie.numbers.tolist() == list(range(6))
    for number in range(6):
        np.testing.assert_array_equal(movie.frames[number], frame(number))
        np.testing.assert_array_equal(movie.references["silver"].labels[number], labels(number))
        np.testing.assert_array_equal(movie.markers[number], labels(number, side=3))
    gold = movie.references["gold"]
    assert np.flatnonzero(gold.known).tolist() == [1, 4] == np.flatnonzero(gold.full).tolist()
    np.testing.assert_array_equal(gold.labels[4], labels(4))
    assert not gold.labels[0].any() and gold.labels.shape == movie.frames.shape
    assert movie.references["silver"].full.all()
    assert movie.tracks.tolist() == [[1, 0, 5, 0], [2, 0, 5, 0]]


def test_a_slice_cuts_everything_alike_and_stays_on_disk(tmp_path):
    movie = open_dataset(write_world(tmp_path)).movies["01"][3:5]
    assert len(movie) == 2 and movie.numbers.tolist() == [3, 4]
    assert movie.references["gold"].known.tolist() == [False, True]
    np.testing.assert_array_equal(movie.markers[1], labels(4, side=3))
    np.testing.assert_array_equal(movie.references["gold"].labels[1], labels(4))
    assert isinstance(movie.frames, np.memmap) and movie.frames.base is not None
    assert len(movie[-1:]) == 1 and movie[-1:].numbers.tolist() == [4]
    assert len(movie.tracks) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("digits", [3, 4])
def test_names_of_three_and_four_digits_8_and_16_bit(tmp_path, digits, dtype):
    write_frames(tmp_path, "07", [0, 12, 999], digits, dtype)
    movie = open_dataset(tmp_path).movies["07"]
    assert movie.frames.dtype == dtype and movie.numbers.tolist() == [0, 12, 999]
    assert movie.references == {} and movie.markers is None and movie.tracks is None


def test_digits_may_be_mixed_and_order_is_by_number(tmp_path):
    for name, number in (("t0002.tif", 2), ("t001.tif", 1), ("t1000.TIF", 1000), ("t0010.tiff", 10)):
        write(tmp_path / "01" / name, frame(number))
    movie = open_dataset(tmp_path).movies["01"]
    assert movie.numbers.tolist() == [1, 2, 10, 1000]
    assert movie.frames[:, 0, 0].tolist() == [1, 2, 10, 1000 % 256]


def test_the_same_number_twice_is_refused(tmp_path):
    write_world(tmp_path)
    write(tmp_path / "01/t0001.tif", frame(1))
    with pytest.raises(CytolapseError, match=r"t0001\.tif and t001\.tif are both number 1: remove one"):
        open_dataset(tmp_path)


def test_truth_of_absent_frames_is_left_out(tmp_path):
    write_world(tmp_path)
    for number in (0, 1, 2):
        (tmp_path / f"01/t{number:03d}.tif").unlink()
    movie = open_dataset(tmp_path).movies["01"]
    assert movie.references["gold"].known.tolist() == [False, True, False]
    assert movie.references["silver"].labels.shape == (3, 24, 40)


def test_gold_is_full_only_where_every_marker_lies_in_a_cell(tmp_path):
    write_world(tmp_path, gold=(1, 3, 4))
    missing_one = labels(3)
    missing_one[missing_one == 2] = 0
    write(tmp_path / "01_GT/SEG/man_seg003.tif", missing_one)
    (tmp_path / "01_GT/TRA/man_track004.tif").unlink()
    gold = open_dataset(tmp_path).movies["01"].references["gold"]
    assert np.flatnonzero(gold.known).tolist() == [1, 3, 4]
    assert np.flatnonzero(gold.full).tolist() == [1]


def test_without_markers_gold_is_full_where_it_is_known(tmp_path):
    write_frames(tmp_path, "01", range(3))
    write(tmp_path / "01_GT/SEG/man_seg001.tif", labels(1))
    gold = open_dataset(tmp_path).movies["01"].references["gold"]
    assert gold.full.tolist() == gold.known.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("cell", "marker", "expected"),
    [
        ("1111", "..5.", True),
        ("11..", ".55.", False),  # half is not more than half
        ("111.", ".555", True),
        ("1122", "5555", False),  # no single cell has more than half
        ("....", "....", True),
        ("1111", "56..", True),
        (".111", "56..", False),
    ],
)
def test_a_frame_is_full_when_every_marker_lies_in_a_cell(cell, marker, expected):
    rows = [np.array([[int(c) if c != "." else 0 for c in row]], np.uint16) for row in (cell, marker)]
    assert is_full(*rows) is expected


def test_dataset_toml_wins_over_the_table_and_the_table_over_nothing(tmp_path):
    root = write_world(tmp_path / "PhC-C2DH-U373")
    dataset = open_dataset(root)
    assert (dataset.name, dataset.um, dataset.minutes, dataset.border) == ("PhC-C2DH-U373", 0.65, 15, 50)
    (root / "dataset.toml").write_text('name = "mine"\nborder = 0\nseed = 3\n')
    dataset = open_dataset(root)
    assert (dataset.name, dataset.um, dataset.border) == ("mine", 0.65, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not valid TOML"),
        ("border = 2.5", "border is 2.5, where a whole number of pixels is expected"),
        ("border = true", "border is True"),
        ("um = -1", "um is -1, where um per pixel is expected"),
        ('name = ""', "name is '', where a text is expected"),
    ],
)
def test_a_bad_dataset_toml_is_refused(tmp_path, text, message):
    write_world(tmp_path)
    (tmp_path / "dataset.toml").write_text(text)
    with pytest.raises(CytolapseError, match=message):
        open_dataset(tmp_path)


def test_wrong_paths_say_what_is_expected(tmp_path):
    with pytest.raises(CytolapseError, match="absent does not exist: give the folder of a data set"):
        open_dataset(tmp_path / "absent")
    with pytest.raises(CytolapseError, match="is no data set: a folder 01"):
        open_dataset(tmp_path)
    write_world(tmp_path)
    with pytest.raises(CytolapseError, match="01 is a sequence: give"):
        open_dataset(tmp_path / "01")
    with pytest.raises(CytolapseError, match=r"t000\.tif is a file: give the folder"):
        open_dataset(tmp_path / "01/t000.tif")
    (tmp_path / "02").mkdir()
    with pytest.raises(CytolapseError, match="02 holds no frames"):
        open_dataset(tmp_path)


def test_a_truncated_tiff_is_named(tmp_path):
    write_world(tmp_path)
    path = tmp_path / "01/t003.tif"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CytolapseError, match=r"t003\.tif is truncated at \d+ bytes: copy or export it again"):
        open_dataset(tmp_path)
    path.write_bytes(b"hello")
    with pytest.raises(CytolapseError, match=r"t003\.tif can't be read as a TIFF"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("file", "image", "message"),
    [
        ("01/t002.tif", np.zeros((5, 5), np.uint8), r"5 x 5 uint8, but t000\.tif is 24 x 40 uint8"),
        ("01/t002.tif", np.zeros((24, 40), np.uint16), r"24 x 40 uint16, but t000\.tif"),
        ("01/t002.tif", np.zeros((24, 40), np.float32), "float32, where frames are uint8 or uint16: convert it"),
        ("01/t002.tif", np.zeros((24, 40, 3), np.uint8), "is colour .3 values a pixel., where grey is expected"),
        ("01/t002.tif", np.zeros((2, 24, 40), np.uint8), "holds 2 images, where one is expected"),
        ("01_ST/SEG/man_seg002.tif", np.zeros((24, 41), np.uint16), "is 24 x 41, but its frame is 24 x 40"),
        ("01_ST/SEG/man_seg002.tif", np.zeros((24, 40), np.float32), "is no label image but float32"),
        ("01_ST/SEG/man_seg002.tif", np.full((24, 40), -1, np.int16), "has ids from -1 to -1"),
        ("01_ST/SEG/man_seg002.tif", np.full((24, 40), 70000, np.int32), "ids up to 70000, but the masks before"),
    ],
)
def test_an_image_that_does_not_fit_is_named(tmp_path, file, image, message):
    write_world(tmp_path)
    write(tmp_path / file, image, **({"photometric": "rgb"} if image.shape[-1] == 3 else {"photometric": "minisblack"}))
    with pytest.raises(CytolapseError, match=message):
        open_dataset(tmp_path)


def test_labels_wider_than_16_bit_are_kept(tmp_path):
    write_frames(tmp_path, "01", range(2))
    write(tmp_path / "01_ST/SEG/man_seg000.tif", labels(0).astype(np.int32) * 70000)
    silver = open_dataset(tmp_path).movies["01"].references["silver"]
    assert silver.labels.dtype == np.int32 and silver.labels.max() == 140000


def test_label_65535_stays_itself(tmp_path):
    write_frames(tmp_path, "01", range(1))
    write(tmp_path / "01_ST/SEG/man_seg000.tif", np.full((24, 40), 65535, np.uint16))
    assert open_dataset(tmp_path).movies["01"].references["silver"].labels.min() == 65535


def test_a_bad_track_file_is_named_with_its_line(tmp_path):
    write_world(tmp_path)
    (tmp_path / "01_GT/TRA/man_track.txt").write_text("1 0 5 0\n2 0 five 0\n")
    with pytest.raises(CytolapseError, match=r"man_track\.txt line 2 is '2 0 five 0': four whole numbers"):
        open_dataset(tmp_path)


def test_an_empty_track_file_has_no_tracks(tmp_path):
    write_world(tmp_path)
    (tmp_path / "01_GT/TRA/man_track.txt").write_text("\n")
    assert open_dataset(tmp_path).movies["01"].tracks.shape == (0, 4)


def test_need_truth_says_what_there_is(tmp_path):
    write_frames(tmp_path, "01", range(3))
    with pytest.raises(CytolapseError, match=r"has no silver truth: masks NN_ST/SEG/man_segTTT\.tif .* are expected$"):
        open_dataset(tmp_path).need_truth("silver")
    write(tmp_path / "01_GT/SEG/man_seg001.tif", labels(1))
    dataset = open_dataset(tmp_path)
    dataset.need_truth("gold")
    with pytest.raises(CytolapseError, match=r"has no silver truth.*; there is gold truth"):
        dataset.need_truth("silver")


def test_real_frames_open(shared):
    dataset = open_dataset(shared / "data/PhC-C2DH-U373")
    movie = dataset.movies["02"]
    assert movie.frames.shape == (115, 520, 696) and dataset.border == 50
    assert movie.references["silver"].known.all() and movie.references["gold"].known.sum() == 19
    cells = [np.unique(each)[1:].size for each in movie.references["gold"].labels]
    assert sum(cells) == 110
    assert sum(np.unique(each)[1:].size for each in movie.references["silver"].labels) == 692


def test_one_frame_with_a_thousand_markers_opens(shared):
    movies = open_dataset(shared / "data/BF-C2DL-MuSC").movies
    assert [len(movie) for movie in movies.values()] == [1, 1]
    assert movies["01"].numbers.tolist() == [1375] and not movies["01"].references["gold"].known.any()
