"""Masks on disk: what CTC tools read, whole or not there."""

import numpy as np
import pytest
import tifffile

from cytolapse.data.masks import new_mask_folder, write_mask, write_masks
from cytolapse.errors import CytolapseError


def test_masks_are_uint16_with_lzw_and_four_digits(tmp_path):
    frames = [np.full((5, 7), label, np.int32) for label in (0, 65535)]
    write_masks(tmp_path / "out", [9, 1234], frames)
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["mask0009.tif", "mask1234.tif"]
    with tifffile.TiffFile(tmp_path / "out/mask1234.tif") as file:
        assert file.pages[0].compression.name == "LZW"
        assert file.asarray().dtype == np.uint16
        assert (file.asarray() == 65535).all()


def test_labels_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(CytolapseError, match=r"mask0000\.tif: label 65536 exceeds 65535"):
        write_mask(tmp_path / "mask0000.tif", np.full((2, 2), 65536, np.int32))
    assert not list(tmp_path.iterdir())


def test_a_folder_appears_only_when_it_is_whole(tmp_path):
    out = tmp_path / "deep/out"
    with new_mask_folder(out) as partial:
        write_mask(partial / "mask0000.tif", np.zeros((2, 2), np.int32))
        assert not out.exists()
    assert [each.name for each in out.iterdir()] == ["mask0000.tif"]
    other = tmp_path / "other"
    with pytest.raises(ValueError, match="stop"), new_mask_folder(other):
        raise ValueError("stop")
    assert [each.name for each in tmp_path.iterdir()] == ["deep"]


def test_an_empty_folder_may_be_filled_and_a_file_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_mask_folder(tmp_path / "empty") as partial:
        write_mask(partial / "mask0000.tif", np.zeros((2, 2), np.int32))
    assert (tmp_path / "empty/mask0000.tif").is_file()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CytolapseError, match="file exists already"), new_mask_folder(tmp_path / "file"):
        pass
