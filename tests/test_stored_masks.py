"""Masks that an evaluation stored, read back from the spool and the store alike."""

import zipfile

import numpy as np
import pytest

from cytolapse.data.masks import mask_name, write_mask
from cytolapse.errors import CytolapseError
from cytolapse.tracking import logged, start_run
from cytolapse.tracking.masks import TRACKS, stored_masks


def stored(tracking, folder, tracks=""):
    """A run with masks of its test part: frames 7 and 12 of sequence 02."""
    place = folder / "test/masks"
    place.mkdir(parents=True)
    with zipfile.ZipFile(place / "02.zip", "w") as archive:
        for number in (12, 7):
            path = folder / mask_name(number)
            write_mask(path, np.full((3, 4), number))
            archive.write(path, path.name)
        if tracks:
            archive.writestr(TRACKS, tracks)
    with start_run(tracking, "toy", "stored") as run:
        run.artifact(folder / "test")
    return logged(run.run_id or str(run.folder), tracking)


@pytest.mark.parametrize("kind", ["spool", "store"])
def test_masks_come_back_by_frame_number(kind, store, tmp_path):
    run = stored(store if kind == "store" else f"spool:{tmp_path}/s", tmp_path / "made", "3 7 12 0\n")
    masks = stored_masks(run, "test")["02"]
    assert run.name.startswith("stored-")
    assert list(masks) == [7, 12] and len(masks) == 2
    assert masks[12].dtype == np.uint16 and (masks[12] == 12).all() and masks[12].shape == (3, 4)
    assert masks.tracks.tolist() == [[3, 7, 12, 0]]
    assert 8 not in masks


def test_masks_that_are_not_linked_have_no_tracks(tmp_path):
    assert stored_masks(stored(f"spool:{tmp_path}/s", tmp_path / "made"), "test")["02"].tracks is None


def test_a_run_without_masks_of_that_part_is_named(tmp_path):
    run = stored(f"spool:{tmp_path}/s", tmp_path / "made")
    with pytest.raises(CytolapseError, match=r"run stored-\w+ has no masks of val; it has those of test: `cytol"):
        stored_masks(run, "val")


def test_a_damaged_zip_is_named(tmp_path):
    run = stored(f"spool:{tmp_path}/s", tmp_path / "made")
    run.artifact("test/masks/02.zip").write_bytes(b"PK")
    with pytest.raises(CytolapseError, match=r"02\.zip holds no masks"):
        stored_masks(run, "test")
