"""U-Net with the flow head (after Cellpose, Stringer 2021): every pixel points along its cell to the cell's middle.

`default` are the settings of `unet`, `quick` its small network. What the heads score on the simulated demo data after
the same 480 steps of `quick` stands in docs/heads.md. Time as `unet`; on simulated muscle stem cells SEG 0.61 in 800
steps at two thirds of the width (docs/study.md).
"""

from trainers import unet
from trainers.recipe import Recipe

RECIPE = Recipe(
    text="U-Net, frame by frame; flow head: pixels that flow to the same place are one cell, however long and bent",
    presets={name: {**unet.RECIPE.presets[name], "head": "flow"} for name in ("default", "quick")},
)
