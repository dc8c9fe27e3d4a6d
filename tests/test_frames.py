"""Plain folders and stacks: frames without truth."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from ctc_world import frame, write, write_world

from cytolapse.data import open_frames
from cytolapse.errors import CytolapseError


def test_a_plain_folder_is_numbered_by_its_names(tmp_path):
    for number in (3, 11, 2):
        write(tmp_path / "plain" / f"exp2_t{number}_phase.tif", frame(number))
    (tmp_path / "plain/notes.txt").write_text("x")
    (tmp_path / "plain/._exp2_t3_phase.tif").write_bytes(b"made by a file manager")
    movie = open_frames(tmp_path / "plain")
    assert movie.sequence == "plain" and movie.numbers.tolist() == [2, 3, 11]
    assert movie.frames[:, 0, 0].tolist() == [2, 3, 11] and movie.references == {}


def test_a_plain_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CytolapseError, match="empty holds no frames: TIFF files"):
        open_frames(tmp_path / "empty")
    with pytest.raises(CytolapseError, match="does not exist: give a folder of TIFFs or one multi-page stack"):
        open_frames(tmp_path / "absent")
    write_world(tmp_path / "world")
    with pytest.raises(CytolapseError, match="is a data set: give the folder of one sequence"):
        open_frames(tmp_path / "world")
    for channel in (1, 2):
        write(tmp_path / "two" / f"c{channel}_t01.tif", frame(1))
    with pytest.raises(CytolapseError, match="are both number 1"):
        open_frames(tmp_path / "two")


STACKS = {
    "plain": {"photometric": "minisblack"},
    "lzw": {"photometric": "minisblack", "compression": "lzw"},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
    "ome": {"ome": True, "metadata": {"axes": "TYX"}},
    "bare": {"photometric": "minisblack", "metadata": None},
}


@pytest.mark.parametrize("kind", STACKS)
def test_one_stack_is_a_movie_and_a_cut_one_never_is(tmp_path, kind):
    frames = np.stack([frame(number) for number in range(7)])
    path = write(tmp_path / ("x.ome.tif" if kind == "ome" else "x.tif"), frames, **STACKS[kind])
    movie = open_frames(path)
    np.testing.assert_array_equal(movie.frames, frames)
    assert movie.numbers.tolist() == list(range(7))
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(CytolapseError, match=r"truncated|can't be read"):
        open_frames(path)


def test_a_stack_of_channels_is_refused(tmp_path):
    path = write(tmp_path / "x.tif", np.zeros((4, 3, 24, 40), np.uint8), imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(CytolapseError, match=r"has the axes TCYX .* where YX or TYX is expected: save one channel"):
        open_frames(path)


def test_images_of_different_sizes_in_one_file_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        writer.write(frame(0))
        writer.write(np.zeros((5, 5), np.uint8))
    with pytest.raises(CytolapseError, match="holds images of different sizes or types"):
        open_frames(tmp_path / "x.tif")
