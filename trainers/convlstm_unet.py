"""ConvLSTM U-Net recipe (Arbelle & Riklin Raviv 2018): a U-Net that remembers the frames before.

`default` trains on chains of clips at full resolution, the state carried from clip to clip. All clips of a chain show
one place, so chains are short and crops small: what counts is how many places a training sees (docs/study.md).
`--chain 0` plays whole movies.

`full` and `crops` are the second and third experiment of the study behind this project: frames resized to 160x160, and
crops of 160x160 of which seven in ten hold a cell, glued edge to edge again; every clip of 5 frames starts afresh,
in training and in use.
`paper` has the widths and kernels of the paper's code, 74.6 million parameters, and wants a GPU. `quick` is a
narrower network, trained for fewer steps.

On 2 CPU cores with AVX2 a step of `quick` takes about 1 s (8 minutes in all). On simulated muscle stem cells, test
part, exact truth, two thirds of the width: 400 steps of `default` score SEG 0.43, 300 of `crops` 0.23, 300 of `full`
0.06 (docs/study.md).
"""

from trainers.recipe import Recipe, Row

NETWORK = {"network": "convlstm_unet", "widths": "12,24,48,96", "clip": 5}
SOURCE = {
    **NETWORK,
    "head": "semantic",
    "batch": 3,
    "warm_up": 0,
    "restart": 5,
    "train_steps": 600,
    "validate_every": 100,
}
OURS = {**NETWORK, "head": "flow", "crop": 128, "batch": 4, "clip": 4, "chain": 2, "validate_every": 120}
STEPS = {"10min": 8, "1h": 300}

RECIPE = Recipe(
    text="U-Net with a ConvLSTM in every encoder level, the state carried through the movie",
    presets={
        "default": {**OURS, "temporal_stride": 2, "train_steps": 800},
        "full": {**SOURCE, "frame_size": 160, "postprocess": "drop_small=60"},
        "crops": {
            **SOURCE,
            "crop": 160,
            "sample": "frames",
            "tile": 160,
            "stitch": "hard",
            "postprocess": "close=3,open_area=60",
        },
        "paper": {**NETWORK, "widths": "128,256,256,512", "recurrent_kernel": 5, "crop": 256, "batch": 2, "chain": 8},
        "quick": {**OURS, "widths": "8,16,32,64", "train_steps": 480},
    },
    study=(
        Row("convlstm full", "full", steps=STEPS, published="LSTM U-Net, full frames"),
        Row("convlstm crops", "crops", steps=STEPS, published="LSTM U-Net, crops"),
        Row(steps={"10min": 8, "1h": 400}),
    ),
)
