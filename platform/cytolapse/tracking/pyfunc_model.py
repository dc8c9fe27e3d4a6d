"""What `mlflow.pyfunc.load_model` calls to load a logged model: our own reader, no code from the artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.segmenter import Segmenter


class SegmenterModel:
    """A Segmenter behind MLflow's `predict`."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    def predict(self, frames: NDArray[Any], params: dict[str, Any] | None = None) -> NDArray[np.int32]:
        """Labels (T, Y, X) int32, 0 = background, of frames (T, Y, X) uint16."""
        labels = list(self.segmenter.segment(frames))
        return np.stack(labels) if labels else np.zeros(frames.shape, np.int32)


def _load_pyfunc(folder: str) -> SegmenterModel:
    from cytolapse.segmenter import Segmenter

    return SegmenterModel(Segmenter.load(Path(folder)))
