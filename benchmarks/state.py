"""Does the state of a recurrent network carry anything? The same weights, with what they remember taken away.

    cytolapse simulate fades --preset musc --size 320 330 --frames 250 --sequences 10 --gold-frames 250 --seed 2034
    PYTHONPATH=platform python benchmarks/state.py RUN_FOLDER/segmenter fades masks --around-fades 12

Writes masks/VARIANT/NN/maskTTTT.tif for every variant, to be scored by `cytolapse score` and `benchmarks/fading.py`:

    carried   as `cytolapse segment` does it: the state goes from frame to frame
    still     before each frame the network sees that same frame four times: a state, but no past
    none      every frame from an empty state

`--around-fades N` segments only stretches of the movies, each from N frames before a cell fades to 4 frames after; that
is where memory can help, and fades are rare.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from cytolapse.data import open_dataset
from cytolapse.data.masks import new_mask_folder, write_masks
from cytolapse.segmenter import Segmenter

STILL = 4
AFTER = 4  # frames
Frames = NDArray[Any]
Labels = Iterator[NDArray[np.int32]]


def carried(segmenter: Segmenter, frames: Frames) -> Labels:
    """The state goes from frame to frame."""
    return segmenter.segment(frames)


def still(segmenter: Segmenter, frames: Frames) -> Labels:
    """Before each frame the same frame, STILL times."""
    for t in range(len(frames)):
        *_, last = segmenter.segment(np.repeat(np.asarray(frames[t : t + 1]), STILL + 1, axis=0))
        yield last


def none(segmenter: Segmenter, frames: Frames) -> Labels:
    """Every frame from an empty state."""
    for t in range(len(frames)):
        yield from segmenter.segment(np.asarray(frames[t : t + 1]))


VARIANTS: dict[str, Callable[[Segmenter, Frames], Labels]] = {"carried": carried, "still": still, "none": none}


def stretches(acts: pd.DataFrame, before: int, length: int) -> list[tuple[int, int]]:
    """Frames (start, stop), each from `before` frames before a cell fades to AFTER after it; joined where they meet.

    Args:
        acts: a sequence's cells.csv; its frames are the movie's, from 0 on.
        before: in frames.
        length: of the movie, in frames.
    """
    near = np.zeros(length, dtype=bool)
    for t in acts.frame[acts.fading < 1]:
        near[max(t - before, 0) : t + AFTER + 1] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], near.astype(int), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def main() -> None:
    """Write the masks of every variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sequences", type=int, default=99)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--around-fades", type=int, metavar="N")
    given = parser.parse_args()
    segmenter = Segmenter.load(given.model)
    movies = list(open_dataset(given.data).movies.values())[: given.sequences]
    for name in given.variants:
        for movie in movies:
            parts = [(0, len(movie))]
            if given.around_fades is not None:
                acts = pd.read_csv(given.data / f"{movie.sequence}_GT" / "cells.csv")
                parts = stretches(acts, given.around_fades, len(movie))
            if not parts:
                continue
            with new_mask_folder(given.out / name / movie.sequence) as folder:
                for start, stop in parts:
                    labels = VARIANTS[name](segmenter, movie.frames[start:stop])
                    bar = tqdm(labels, total=stop - start, desc=f"{name} {movie.sequence}", unit="frame")
                    write_masks(folder, map(int, movie.numbers[start:stop]), bar)


if __name__ == "__main__":
    main()
