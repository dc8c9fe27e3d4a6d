"""Mask R-CNN recipe (He 2017).

`default` has the backbone and the width of torchvision's second version and needs a GPU: no time and no score of it was
measured yet. `cpu` has a smaller backbone, a quarter of the width, and small crops.

On the simulated demo data (seed 0) `cpu` scores SEG 0.70 on validation (silver) in 300 steps. A step takes 0.3 s of one
CPU core; on a core shared with six other programs the training took 11 minutes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from cytolapse.mask_rcnn.anchors import fit_anchors
from cytolapse.metrics.movies import known
from trainers.augment import dense
from trainers.recipe import Recipe, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytolapse.config import Config
    from cytolapse.data import Movie


def adapt(config: Config, movies: Sequence[Movie]) -> Config:
    """Fit the anchors to the cells of the training part, where none were given."""
    if config.anchors:
        return config
    sides = [
        [side.stop - side.start for side in box]
        for movie in movies
        for t in np.flatnonzero(known(movie, config.train_on))
        for box in ndimage.find_objects(dense(np.asarray(movie.references[config.train_on].labels[t])))
        if box is not None
    ]
    return replace(config, anchors=fit_anchors(np.array(sides)))


BASE: dict[str, Any] = {
    "model": "mask_rcnn",
    "network": "resnet50",
    "head": "",
    "postprocess": "fill_holes,open_area=60",
}
RECIPE = Recipe(
    text="Mask R-CNN with torchvision's second heads; anchors fitted to the cells, masks pasted at full resolution",
    presets={
        "default": {**BASE, "crop": 512, "train_steps": 3000, "validate_every": 250, "learning_rate": 5e-4},
        "cpu": {**BASE, "network": "resnet18", "crop": 160, "batch": 2, "train_steps": 300, "validate_every": 100},
    },
    study=(Row(preset="cpu"), Row("mask_rcnn full", steps={"10min": 0, "1h": 0})),
    adapt=adapt,
)
