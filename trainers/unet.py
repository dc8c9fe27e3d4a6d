"""U-Net recipe (Ronneberger 2015).

`default` trains on full-resolution crops with the boundary head. `source` is the first experiment of the study behind
this project: whole frames resized to 256x256, batch 16, one foreground map. `quick` is narrower and takes fewer steps.

Many steps on small crops learn more than few on large ones: with the same number of pixels seen, docs/study.md.

On 2 CPU cores with AVX2 a step of `default` takes 0.7 s (19 minutes in all), one of `quick` 0.35 s (6 minutes), both
faster where the processor computes in bf16. `quick` scores SEG 0.90 on PhC-C2DH-U373 (docs/study.md, as all scores
below). On simulated muscle stem cells, test part, exact truth: `default` 0.68 and `source` 0.09 (two thirds of the
width, half of the steps).
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
