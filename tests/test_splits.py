"""Splits: blocks of time with gaps between them."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from ctc_world import write_frames, write_world

from cytolapse.data import DataSet, Movie, Part, Split, default_split, open_dataset
from cytolapse.errors import CytolapseError


def dataset(tmp_path, **lengths):
    movies = {
        name.strip("s"): Movie(name.strip("s"), np.zeros((length, 2, 2), np.uint8), np.arange(length))
        for name, length in lengths.items()
    }
    return DataSet("toy", tmp_path, movies, None, None, 0, "0" * 16)


def test_one_sequence_is_60_15_25_with_gaps(tmp_path):
    split = default_split(dataset(tmp_path, s02=115))
    assert split == Split((Part("02", 0, 63),), (Part("02", 68, 84),), (Part("02", 89, 115),))


def test_two_sequences_train_on_the_first_and_test_on_the_second(tmp_path):
    split = default_split(dataset(tmp_path, s01=1376, s02=1376))
    assert split == Split((Part("01", 0, 1165),), (Part("01", 1170, 1376),), (Part("02", 0, 1376),))


def test_of_more_sequences_the_last_is_test(tmp_path):
    split = default_split(dataset(tmp_path, s01=20, s02=40, s03=10))
    assert split.train == (Part("01", 0, 12), Part("02", 0, 29))
    assert split.validation == (Part("01", 17, 20), Part("02", 34, 40))
    assert split.test == (Part("03", 0, 10),)


@pytest.mark.parametrize("lengths", [{"s01": n} for n in range(14, 60)] + [{"s01": n, "s02": 1} for n in range(7, 60)])
def test_no_block_is_empty_and_blocks_of_a_sequence_are_five_frames_apart(tmp_path, lengths):
    split = default_split(dataset(tmp_path, **lengths))
    parts = [part for parts in vars(split).values() for part in parts]
    assert all(part.stop > part.start for part in parts)
    for before, after in itertools.pairwise(parts):
        if before.sequence == after.sequence:
            assert after.start - before.stop == 5
    for sequence, length in lengths.items():
        assert max(part.stop for part in parts if part.sequence == sequence.strip("s")) == length


@pytest.mark.parametrize(("lengths", "least"), [({"s01": 13}, 14), ({"s01": 1}, 14), ({"s01": 6, "s02": 50}, 7)])
def test_too_short_says_how_many_frames_it_takes(tmp_path, lengths, least):
    with pytest.raises(CytolapseError, match=f"frames, too few to split: at least {least} are needed"):
        default_split(dataset(tmp_path, **lengths))


def test_a_split_gives_its_movies(tmp_path):
    opened = open_dataset(write_world(tmp_path, ("01", "02"), frames=20))
    split = default_split(opened)
    (validation,) = split.movies(opened, "validation")
    assert validation.sequence == "01" and validation.numbers.tolist() == [17, 18, 19]
    assert validation.references["silver"].labels.shape[0] == 3
    with pytest.raises(CytolapseError, match="unknown part of the split 'val': choose one of train, validation, test"):
        split.movies(opened, "val")


def test_a_split_of_other_frames_is_refused(tmp_path):
    write_frames(tmp_path, "01", range(5))
    split = Split((Part("01", 0, 6),), (Part("02", 0, 1),), ())
    for name in ("train", "validation"):
        with pytest.raises(CytolapseError, match=r"has no frames 0 to .*: it has 01 with 5 frames"):
            split.movies(open_dataset(tmp_path), name)


def test_a_split_survives_json(tmp_path):
    split = default_split(dataset(tmp_path, s01=100, s02=50))
    assert split.as_dict()["train"] == [["01", 0, 80]]
    assert Split.from_dict(json.loads(json.dumps(split.as_dict()))) == split


def test_another_sequence_to_test_on(tmp_path):
    opened = dataset(tmp_path, s01=100, s02=60)
    split = default_split(opened, "01")
    assert split.test == (Part("01", 0, 100),)
    assert split.train == (Part("02", 0, 46),)


@pytest.mark.parametrize(("lengths", "name"), [({"s01": 60, "s02": 60}, "03"), ({"s01": 60}, "01")])
def test_a_sequence_that_can_not_be_the_test(tmp_path, lengths, name):
    with pytest.raises(CytolapseError, match=f"--test-sequence is '{name}': .* has 01.*one must be left to learn from"):
        default_split(dataset(tmp_path, **lengths), name)
