"""`cytolapse check`: what it says of each thing that can be wrong."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from ctc_world import HEIGHT, WIDTH, frame, labels, write, write_frames, write_world

from cytolapse.cli import cytolapse
from cytolapse.data.check import check_dataset
from cytolapse.errors import CytolapseError


@pytest.fixture
def world(tmp_path):
    return write_world(tmp_path / "world")


def said(root):
    """The problems and the notes, without the folder's name."""
    found = check_dataset(root)
    problems = [each.text.replace(f"{root}/", "") for each in found if not each.note]
    return problems, [each.text.replace(f"{root}/", "") for each in found if each.note]


def only(root):
    """The one problem there is."""
    (problem,), _ = said(root)
    return problem


def tracks(root, text):
    (root / "01_GT/TRA/man_track.txt").write_text(text)


def cut(path, end):
    path.write_bytes(path.read_bytes()[:end])


def test_a_good_data_set_is_clean_and_exit_is_0(world):
    assert said(world) == ([], [])
    result = CliRunner().invoke(cytolapse, ["check", str(world)])
    assert result.exit_code == 0 and result.stdout == f"{world}: no problems\n"
    assert "checking" in result.stderr


def test_problems_are_one_line_each_and_exit_is_1(world):
    (world / "01_ST/SEG/man_seg002.tif").unlink()
    cut(world / "01/t003.tif", 100)
    result = CliRunner().invoke(cytolapse, ["check", str(world)])
    assert result.exit_code == 1
    first, second, last = result.stdout.splitlines()
    assert "t003.tif can't be read as a TIFF" in first
    assert second == f"{world}/01_ST/SEG: 1 frame without a mask (2): add the masks, or remove the folder"
    assert last == f"{world}: 2 problems"


def test_a_wrong_path_is_an_error(tmp_path):
    with pytest.raises(CytolapseError, match="absent does not exist"):
        check_dataset(tmp_path / "absent")


def test_a_folder_without_sequences_or_frames(world, tmp_path):
    (tmp_path / "empty").mkdir()
    assert said(tmp_path / "empty")[0][0].endswith("holds no sequence: put the frames into a folder 01 (or 02 ...)")
    (world / "02").mkdir()
    assert only(world) == "02: holds no frames: add t0000.tif ..., or remove 02 and its truth"


def test_truth_of_a_sequence_that_does_not_exist(world):
    write(world / "03_GT/SEG/man_seg000.tif", labels(0))
    problems, _ = said(world)
    assert problems[0].startswith("03: holds no frames")
    assert problems[1].startswith("03_GT/SEG: 1 mask of frames that do not exist (0)")


def test_missing_masks_matter_for_silver_and_markers_only(world):
    for number in (1, 2, 3, 5):
        (world / f"01_ST/SEG/man_seg00{number}.tif").unlink()
    (world / "01_GT/TRA/man_track003.tif").unlink()
    problems, _ = said(world)
    assert problems == [
        "01_ST/SEG: 4 frames without a mask (1-3, 5): add the masks, or remove the folder",
        "01_GT/TRA: 1 frame without a mask (3): add the masks, or remove the folder",
    ]


def test_an_empty_truth_folder(world):
    for path in (world / "01_GT/SEG").iterdir():
        path.unlink()
    assert only(world).startswith("01_GT/SEG: 6 frames without a mask (0-5)")


def test_masks_of_frames_that_do_not_exist(world):
    write(world / "01_GT/SEG/man_seg009.tif", labels(9))
    assert only(world).startswith("01_GT/SEG: 1 mask of frames that do not exist (9): add the frames")


def test_frames_that_are_missing_are_a_note(tmp_path):
    write_frames(tmp_path, "01", [0, 1, 4])
    assert said(tmp_path) == ([], ["01: there are no frames 2-3", "01: there is no truth"])


def test_a_number_that_stands_twice(world):
    write(world / "01/t0001.tif", frame(1))
    assert "t0001.tif and t001.tif are both number 1: remove one" in only(world)


def test_files_that_are_not_read_because_of_their_names(world):
    write(world / "01/frame7.tif", frame(7))
    write(world / "01/frame8.tif", frame(8))
    write(world / "01_GT/TRA/mask000.tif", labels(0))
    problems, _ = said(world)
    assert problems == [
        "01: frame7.tif and 1 more are not read: rename to names like t0000.tif, or remove",
        "01_GT/TRA: mask000.tif is not read: rename to names like man_track0000.tif, or remove",
    ]


@pytest.mark.parametrize(
    ("file", "image", "message"),
    [
        ("01/t002.tif", np.zeros((5, 7), np.uint8), "is 5 x 7, where 24 x 40 is expected"),
        ("01/t002.tif", frame(2, np.uint16), "is uint16, but the files before it are uint8: save all as one type"),
        ("01/t002.tif", np.zeros((HEIGHT, WIDTH, 3), np.uint8), "is colour (3 values a pixel), where grey is expected"),
        ("01/t002.tif", frame(2).astype(np.float32), "is float32, where frames are uint8 or uint16: convert it"),
        ("01_ST/SEG/man_seg002.tif", np.zeros((5, 7), np.uint16), "is 5 x 7, where 24 x 40 is expected"),
        ("01_ST/SEG/man_seg002.tif", labels(2).astype(np.int32), "is int32, but the files before it are uint16"),
        ("01_ST/SEG/man_seg002.tif", labels(2).astype(np.float32), "is no label image but float32"),
        ("01_ST/SEG/man_seg002.tif", np.stack([labels(2)] * 2), "holds 2 images, where one is expected"),
        ("01_GT/SEG/man_seg001.tif", 255 * (labels(1) > 0).astype(np.uint16), "looks binary: one value (255) on 2 sep"),
    ],
)
def test_an_image_that_is_not_what_it_should_be(world, file, image, message):
    write(world / file, image, photometric="rgb" if image.shape[-1] == 3 else "minisblack")
    problem = only(world)
    assert problem.startswith(f"{world}/{file}" if str(world) in problem else file) and message in problem


@pytest.mark.parametrize("file", ["01/t002.tif", "01_ST/SEG/man_seg002.tif"])
@pytest.mark.parametrize("end", [0, 5, 100, -1])
def test_a_truncated_file_anywhere(world, file, end):
    cut(world / file, end)
    problem = only(world)
    assert file in problem and "copy or export it again" in problem


def test_masks_that_are_all_binary_look_binary_whatever_the_value(world):
    for number in range(6):
        write(world / f"01_ST/SEG/man_seg00{number}.tif", (labels(number) > 0).astype(np.uint16))
    assert only(world) == (
        "01_ST/SEG/man_seg000.tif: looks binary: one value (1) on 2 separate objects (and 5 more masks): "
        "give each cell an id of its own"
    )


def test_one_cell_in_two_pieces_is_a_label_image(world):
    pieces = labels(2)
    pieces[pieces == 2] = 1
    write(world / "01_ST/SEG/man_seg002.tif", pieces)
    assert said(world) == ([], [])


def test_one_cell_throughout_is_a_label_image(world):
    for number in range(6):
        write(world / f"01_ST/SEG/man_seg00{number}.tif", labels(number) * (labels(number) == 1))
    assert said(world) == ([], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 5 0\n", "label 2 is in the masks of frames 0-5 but not in the file: add its line, or remove it"),
        ("1 0 5 0\n2 0 5 0\n3 0 5 0\n", "label 3 (frames 0-5) is in no mask of these frames: remove its line, or draw"),
        ("1 0 5 0\n2 0 3 0\n", "label 2 (frames 0-3) is also in the masks of frames 4-5: correct its first and last"),
        ("1 0 5 0\n2 0 9 0\n", "label 2 (frames 0-9) goes on after the last mask (5): correct its first and last"),
        ("1 0 5 0\n2 0 5 7\n", "label 2 has the parent 7, which does not exist: correct it or write 0"),
        ("1 0 5 0\n2 0 5 1\n", "label 2 begins at 0, but its parent 1 is there until 5: a parent ends before"),
        ("1 0 5 0\n2 0 5 0\n2 0 5 0\n", "label 2 is 0 or stands twice: give each track a label of its own"),
        ("1 0 5 0\n2 0 5\n", "man_track.txt line 2 is '2 0 5': four whole numbers are expected"),
    ],
)
def test_tracks_that_do_not_fit_the_masks(world, text, message):
    tracks(world, text)
    assert message in only(world)


def test_a_track_that_ends_before_it_begins(world):
    tracks(world, "1 0 5 0\n2 5 0 0\n")
    problems, _ = said(world)
    assert "label 2 ends at 0, before it begins at 5: swap or correct them" in problems[0]


def test_a_track_that_is_absent_at_its_ends(world):
    for number in (0, 5):
        write(world / f"01_GT/TRA/man_track00{number}.tif", labels(number, side=3) * (labels(number, side=3) == 1))
    assert "label 2 (frames 0-5) is in masks from 1 to 4 only: correct its first and last frame" in only(world)


def test_gaps_in_tracks_are_notes(world):
    write(world / "01_GT/TRA/man_track002.tif", labels(2, side=3) * (labels(2, side=3) == 1))
    problems, notes = said(world)
    assert problems == []
    assert notes == ["01_GT/TRA/man_track.txt: label 2 (frames 0-5) has a gap at 2"]
    result = CliRunner().invoke(cytolapse, ["check", str(world)])
    assert result.exit_code == 0 and result.stdout.startswith("note: ")


def test_a_gap_between_parent_and_daughter_is_a_note(world):
    for number in range(3):
        write(world / f"01_GT/TRA/man_track00{number}.tif", labels(number, 3) * (labels(number, 3) == 1))
    for number in range(2, 6):
        write(world / f"01_GT/TRA/man_track00{number}.tif", labels(number, 3) * (labels(number, 3) == 2))
    tracks(world, "1 0 1 0\n2 3 5 1\n")
    write(world / "01_GT/TRA/man_track002.tif", 0 * labels(2))
    assert said(world) == ([], ["01_GT/TRA/man_track.txt: label 2 begins at 3, its parent 1 ends at 1: a gap"])


def test_a_track_file_or_its_masks_alone(world):
    (world / "01_GT/TRA/man_track.txt").unlink()
    assert only(world).startswith("01_GT/TRA/man_track.txt: is missing: add it")
    tracks(world, "1 0 5 0\n")
    for path in (world / "01_GT/TRA").glob("*.tif"):
        path.unlink()
    assert "has no masks beside it" in said(world)[0][1]


def test_a_bad_dataset_toml(world):
    (world / "dataset.toml").write_text("border = 'wide'")
    assert "border is 'wide', where a whole number of pixels is expected" in only(world)


@pytest.mark.parametrize("name", ["PhC-C2DH-U373", "C2C12-phase"])
def test_real_data_is_clean(shared, name):
    assert not [finding for finding in check_dataset(shared / "data" / name) if not finding.note]


def test_a_border_that_fills_the_frames(world):
    (world / "dataset.toml").write_text(f"border = {min(HEIGHT, WIDTH)}")
    found = [str(each) for each in check_dataset(world)]
    assert len(found) == 1
    assert f"the border of {world} is {min(HEIGHT, WIDTH)} px, but a frame is" in found[0]
    assert "write a smaller one into" in found[0]
    (world / "dataset.toml").write_text("um = inf")
    assert "um is inf, where um per pixel is expected" in str(check_dataset(world)[0])


def test_every_image_is_seen_once_whether_it_can_be_used_or_not(world, capfd):
    torn = next((world / "01").iterdir())
    torn.write_bytes(b"torn")
    seen = {}
    found = check_dataset(world, lambda path, image: seen.update({path: image}))
    assert capfd.readouterr().err == "", "no bar"
    assert found == check_dataset(world)
    assert seen.keys() == set(world.rglob("*.tif"))
    assert [path for path, image in seen.items() if image is None] == [torn]
    assert all(image.shape == (HEIGHT, WIDTH) for image in seen.values() if image is not None)
