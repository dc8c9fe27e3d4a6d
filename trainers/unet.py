"""U-Net recipe (Ronneberger 2015).

`default` trains on full-resolution crops with the boundary head. `source` is the first experiment of the study behind
this project: whole frames resized to 256x256, batch 16, one foreground map. `quick` is narrower and takes fewer steps.

Many steps on small crops learn more than few on large ones: with the same number of pixels seen, docs/study.md.

On 2 CPU cores `default` takes 5 minutes and scores SEG 0.89 to 0.90 on PhC-C2DH-U373 (docs/first-run.md); `quick` takes
1.5 minutes on the simulated demo data and scores SEG 0.70 on their validation part (silver).
"""

from trainers.recipe import Recipe, Row

RECIPE = Recipe(
    text="U-Net, frame by frame; boundary head on full-resolution crops",
    presets={
        "default": {},
        "source": {
            "head": "semantic",
            "frame_size": 256,
            "batch": 16,
            "train_steps": 400,
            "validate_every": 50,
            "postprocess": "drop_small=60",
        },
        "quick": {"widths": "16,32,64,128", "train_steps": 960, "validate_every": 120},
    },
    study=(Row("unet source", "source", steps={"10min": 4, "1h": 200}, published="U-Net"), Row()),
)
