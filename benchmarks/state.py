"""Does the state of a recurrent network carry anything? The same weights, with what they remember taken away.

    PYTHONPATH=platform python benchmarks/state.py RUN_FOLDER/segmenter fade-test masks --sequences 8

Writes masks/VARIANT/NN/maskTTTT.tif for every variant, to be scored by `cytolapse score` and `benchmarks/fading.py`:

    carried   as `cytolapse segment` does it: the state goes from frame to frame
    still     before each frame the network sees that same frame four times: a state, but no past
    none      every frame from an empty state
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cytolapse.data import open_dataset
from cytolapse.data.masks import new_mask_folder, write_masks
from cytolapse.segmenter import Segmenter

STILL = 4
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


def main() -> None:
    """Write the masks of every variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sequences", type=int, default=99)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    given = parser.parse_args()
    segmenter = Segmenter.load(given.model)
    movies = list(open_dataset(given.data).movies.values())[: given.sequences]
    for name in given.variants:
        for movie in movies:
            with new_mask_folder(given.out / name / movie.sequence) as folder:
                labels = VARIANTS[name](segmenter, movie.frames)
                bar = tqdm(labels, total=len(movie), desc=f"{name} {movie.sequence}", unit="frame")
                write_masks(folder, map(int, movie.numbers), bar)


if __name__ == "__main__":
    main()
