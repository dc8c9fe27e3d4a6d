"""Whether ImageJ sees in the exported ROIs what is in the masks: pixels, area, centre, axes and angle of each cell.

    PYTHONPATH=platform python benchmarks/imagej.py MASKS IJ_JAR

MASKS is a folder of label images; IJ_JAR is ImageJ's `ij.jar` (Debian's libij-java has it). `java` 11 or newer runs it.
It writes benchmarks/results/imagej.json.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cytolapse.exports import export_as
from cytolapse.exports.opening import Source, open_result

RESULTS = Path(__file__).parent / "results" / "imagej.json"


def digest(mask: np.ndarray) -> str:
    """The pixels of a mask (Y, X) as the Java side tells them."""
    return f"{int(hashlib.sha256(mask.astype(np.uint8).tobytes()).hexdigest(), 16):x}"


def compared(masks: Path, jar: Path, scratch: Path) -> dict[str, float]:
    """Numbers over all cells: how many there are, how many pixels or places differ, and the largest differences."""
    (labelled,) = open_result(Source(str(masks)))
    for name, out in (("rois", "cells.zip"), ("measurements", "cells.parquet")):
        export_as(name, [labelled], scratch / out)
    words = ["java", "-cp", jar, "-Djava.awt.headless=true", Path(__file__).with_name("Measure.java")]
    shape = map(str, labelled.survey.shape)
    done = subprocess.run([*words, scratch / "cells.zip", *shape], capture_output=True, text=True, check=True)
    (scratch / "imagej.csv").write_text(done.stdout)
    theirs = pd.read_csv(scratch / "imagej.csv", dtype={"name": str, "pixels": str})
    ours = pd.read_parquet(scratch / "cells.parquet")
    ours["name"] = [f"{row.frame:04d}-{row.label:04d}" for row in ours.itertuples()]
    ours["pixels"] = [digest(labelled.masks[row.frame] == row.label) for row in ours.itertuples()]
    both = ours.merge(theirs, on="name", validate="1:1", suffixes=("", "_theirs"))
    turned = (both["angle"] - both["angle_deg"] + 90) % 180 - 90
    ratio = (both["major"] / both["minor"]) / (both["major_px"] / both["minor_px"]) - 1
    return {
        "cells": len(ours),
        "read": len(both),
        "composite": int(both["composite"].sum()),
        "other_pixels": int((both["pixels"] != both["pixels_theirs"]).sum()),
        "other_position": int((both["position"] != both["frame"].map(labelled.positions) + 1).sum()),
        "area_px": float((both["area"] - both["area_px"]).abs().max()),
        "x_px": float((both["x"] - 0.5 - both["x_px"]).abs().max()),
        "y_px": float((both["y"] - 0.5 - both["y_px"]).abs().max()),
        "axis_ratio": float(ratio.abs().max()),
        "angle_deg": float(turned.abs().max()),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = compared(Path(sys.argv[1]), Path(sys.argv[2]), Path(folder))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
