"""Clips: drawn by cells, from their own seed, frames and labels changed alike."""

from itertools import pairwise

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
    return Clips(list(open_dataset(toy).movies.values()), HEADS[config.head]().encode, config)


def test_every_cell_of_every_known_frame_is_found(toy):
    movie = open_dataset(toy).movies["01"]
    silver = find_cells([movie], "silver")
    assert len(silver) == sum(len(np.unique(frame)) - 1 for frame in movie.references["silver"].labels)
    assert {cell.frame for cell in find_cells([movie], "gold")} == set(range(0, 40, 4))


def test_a_clip_has_frames_targets_and_what_is_known(toy):
    frames, targets, known, _ = clips(toy, train_on="gold")[0]
    assert (frames.shape, targets.shape, known.shape) == ((3, 1, 48, 48), (3, 48, 48), (3,))
    assert 0 < known.sum() < 3, "one frame in four has gold truth"
    assert clips(toy, frame_size=32)[0][0].shape == (3, 1, 32, 32)


def test_item_n_depends_on_the_seed_and_n_alone(toy):
    first, second, other = clips(toy), clips(toy), clips(toy, seed=1)
    first[3]
    assert all((a == b).all() for a, b in zip(first[7], second[7], strict=True))
    assert not (first[7][0] == other[7][0]).all()


def test_crops_are_drawn_by_cells(toy):
    seen = [bool(targets.any()) for _, targets, _, _ in (clips(toy, clip=1)[n] for n in range(40))]
    assert np.mean(seen) > 0.85


def times(toy, places=2, **given):
    """Frame numbers of the clips in each place of the batch, step after step, and where chains start."""
    drawn = clips(toy, batch=places, **given)
    chains = [[drawn._place(n) for n in range(place, len(drawn), places)] for place in range(places)]
    clip = given["clip"]
    return [[(list(chain.times[link * clip :][:clip]), link == 0) for chain, link in each] for each in chains]


def test_a_chain_goes_on_where_the_clip_before_it_ended(toy):
    for place in times(toy, clip=3, chain=4):
        for (before, _), (after, start) in pairwise(place):
            assert start or after == [before[-1] + 1, before[-1] + 2, before[-1] + 3]
    first, second = ([start for _, start in place] for place in times(toy, clip=3, chain=4))
    assert first[:5] == [True, False, False, False, True]
    assert second[:5] == [False, False, True, False, False], "places begin their chains at different steps"
    items = clips(toy, clip=3, chain=4)
    assert [bool(items[n][-1]) for n in range(6)] == [True, True, False, False, False, True], (
        "the first step starts anew"
    )
    assert (items[0][0][2] != items[2][0][0]).any()


def test_a_chain_keeps_its_window_and_its_augmentation(toy):
    items = clips(toy, clip=2, chain=3, batch=1)
    chains = [items._place(n)[0] for n in range(4)]
    assert len({(chain.corner, chain.seed) for chain in chains[:3]}) == 1
    assert chains[3].seed != chains[0].seed


def test_a_whole_movie_as_one_chain_begins_with_its_first_frame(toy):
    (place,) = times(toy, places=1, clip=5, chain=0)
    assert [t for frames, _ in place[:8] for t in frames] == list(range(40))
    assert [start for _, start in place[:9]] == [True, *[False] * 7, True]


def test_strides_and_reversal_of_time(toy):
    (place,) = times(toy, places=1, clip=4, temporal_stride=3)
    steps = {after - before for frames, _ in place for before, after in pairwise(frames)}
    assert steps == {-3, -2, -1, 1, 2, 3}


def test_a_chain_longer_than_the_movie_turns_round_at_its_end(toy):
    (place,) = times(toy, places=1, clip=10, chain=6)
    frames = [t for frames, _ in place[:6] for t in frames]
    assert frames == [*range(40), *range(38, 18, -1)]


def test_crops_drawn_by_frames_hold_a_cell_in_seven_of_ten(toy):
    seen = [
        bool(targets.any()) for _, targets, _, _ in (clips(toy, clip=1, crop=16, sample="frames")[n] for n in range(60))
    ]
    assert 0.6 < np.mean(seen) < 0.95


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
    frames, targets, _, _ = clips(toy, frame_size=32, augment="none", clip=1)[0]
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
    with pytest.raises(CytolapseError, match="--clip is 41: a training part has only 40 frames; use at most those"):
        clips(toy, clip=41)


def test_no_cell_at_all(tmp_path):
    import tifffile

    data = write_toy(tmp_path / "empty", frames=3)
    for path in (data / "01_ST/SEG").iterdir():
        tifffile.imwrite(path, np.zeros((96, 96), np.uint16))
    with pytest.raises(CytolapseError, match="no cell in the silver truth"):
        find_cells(list(open_dataset(data).movies.values()), "silver")


def test_the_frame_of_the_cell_is_in_its_chain_at_any_stride(toy):
    drawn = clips(toy, clip=2, chain=4, temporal_stride=3)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cell = drawn._anchor(rng)
        assert cell.frame in drawn._times(cell, rng)
