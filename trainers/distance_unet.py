"""U-Net with the distance head (Scherr 2020): depth in the cell and nearness of the next one, then a watershed.

`default` are the settings of `unet`, `quick` its small network. What the heads score on the simulated demo data after
the same 480 steps of `quick` stands in docs/heads.md. Time as `unet`; on simulated muscle stem cells SEG 0.58 in 800
steps at two thirds of the width (docs/study.md).
"""

from trainers import unet
from trainers.recipe import Recipe

RECIPE = Recipe(
    text="U-Net, frame by frame; distance head: depth and nearness of the next cell, then a watershed",
    presets={name: {**unet.RECIPE.presets[name], "head": "distance"} for name in ("default", "quick")},
)
