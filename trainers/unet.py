"""U-Net recipe (Ronneberger 2015).

`default` trains on full-resolution crops with the boundary head. `source` is the first experiment of the study behind
this project: whole frames resized to 256x256, batch 16, one foreground map. Time and score: docs/first-run.md.
"""

from trainers.fit import fit
from trainers.recipe import Recipe

RECIPE = Recipe(
    text="U-Net, frame by frame; boundary head on full-resolution crops",
    presets={
        "default": {},
        "source": {"head": "semantic", "frame_size": 256, "batch": 16, "postprocess": "drop_small=60"},
        "quick": {"widths": "16,32,64", "crop": 160, "train_steps": 240, "validate_every": 60},
    },
    fit=fit,
)
