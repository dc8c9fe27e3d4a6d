"""Clips: drawn by cells, from their own seed, frames and labels changed alike."""

import numpy as np
import pytest
from conftest import write_toy

from cytolapse.config import Config
from cytolapse.data import open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from trainers.augment import AUGMENTATIONS, Augment
from trainers.clips import Clips, find_cells


def clips(toy, **given):
    config = Config(**{"crop": 48, "clip": 3, "batch": 2, "train_steps": 50, "head": "semantic", **given})
    return Clips(list(open_dataset(toy).movies.values()), HEADS[config.head](), config)


def test_every_cell_of_every_known_frame_is_found(toy):
    movie = open_dataset(toy).movies["01"]
    silver = find_cells([movie], "silver")
    assert len(silver) == sum(len(np.unique(frame)) - 1 for frame in movie.references["silver"].labels)
    assert {cell.frame for cell in find_cells([movie], "gold")} == set(range(0, 40, 4))


def test_a_clip_has_frames_targets_and_what_is_known(toy):
    frames, targets, known = clips(toy, train_on="gold")[0]
    assert (frames.shape, targets.shape, known.shape) == ((3, 1, 48, 48), (3, 48, 48), (3,))
    assert 0 < known.sum() < 3, "one frame in four has gold truth"
    assert clips(toy, frame_size=32)[0][0].shape == (3, 1, 32, 32)


def test_item_n_depends_on_the_seed_and_n_alone(toy):
    first, second, other = clips(toy), clips(toy), clips(toy, seed=1)
    first[3]
    assert all((a == b).all() for a, b in zip(first[7], second[7], strict=True))
    assert not (first[7][0] == other[7][0]).all()


def test_crops_are_drawn_by_cells(toy):
    seen = [bool(targets.any()) for _, targets, _ in (clips(toy, clip=1)[n] for n in range(40))]
    assert np.mean(seen) > 0.85


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_augmentation_moves_frames_and_labels_alike(name):
    labels = np.zeros((2, 90, 90), np.uint16)
    labels[0, 30:50, 30:60] = 65535
    labels[1, 30:50, 30:60] = 300
    frames = (labels > 0).astype(np.float32) * 10
    moved, found = Augment(name, 60)(frames, labels, seed=5)
    assert moved.shape == found.shape == (2, 60, 60)
    assert (found[0] > 0).sum() == (found[1] > 0).sum() > 0, "both frames get the same draw"
    assert ((moved > 5) == (found > 0)).mean() > 0.97
    assert found.dtype == np.int32


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_augmentation_keeps_the_range_of_normalised_frames(name):
    frames = np.random.default_rng(0).normal(size=(2, 90, 90)).astype(np.float32)
    labels, augment = np.ones((2, 90, 90), np.int32), Augment(name, 60)
    deviations = [augment(frames, labels, seed)[0].std() for seed in range(12)]
    assert 0.2 < min(deviations) <= max(deviations) < 1.5
    negative = [(augment(frames, labels, seed)[0] < 0).mean() for seed in range(12)]
    assert min(negative) > 0.3, "nothing is cut off at 0"


def test_whole_frames_and_labels_are_resized_alike(toy):
    frames, targets, _ = clips(toy, frame_size=32, augment="none", clip=1)[0]
    inside, outside = frames[0, 0][targets[0] == 1].mean(), frames[0, 0][targets[0] == 0].mean()
    assert inside > outside + 1.5


def test_the_config_allows_the_augmentations_that_exist():
    for name in AUGMENTATIONS:
        assert Config(augment=name).augment == name


def test_augmentation_is_repeatable():
    rng = np.random.default_rng(0)
    frames, labels = rng.normal(size=(1, 80, 80)).astype(np.float32), np.ones((1, 80, 80), np.int32)
    augment = Augment("geometry", 50)
    same = [augment(frames, labels, seed=3)[0] for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert not (same[0] == augment(frames, labels, seed=4)[0]).all()


def test_a_clip_longer_than_the_movie_says_what_fits(toy):
    with pytest.raises(CytolapseError, match="--clip is 41: a training part has only 40 frames"):
        clips(toy, clip=41)[0]


def test_no_cell_at_all(tmp_path):
    import tifffile

    data = write_toy(tmp_path / "empty", frames=3)
    for path in (data / "01_ST/SEG").iterdir():
        tifffile.imwrite(path, np.zeros((96, 96), np.uint16))
    with pytest.raises(CytolapseError, match="no cell in the silver truth"):
        find_cells(list(open_dataset(data).movies.values()), "silver")
