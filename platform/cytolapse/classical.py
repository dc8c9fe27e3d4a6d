"""The classical model: nothing is learned. The floor that a trained network has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.config import Config
    from cytolapse.heads import Point, Space
    from cytolapse.networks import State

BACKGROUND_SIGMA = 40.0


class Classical:
    """Background subtraction, local standard deviation, Otsu's threshold, watershed of the distance transform.

    raw: (T, 1, Y, X) float32, the grey values without their smooth background.
    Source: local variance is how KTH-SE segments BF-C2DL-MuSC; Otsu 1979 for the threshold.
    """

    space: ClassVar[Space] = {"window": (3.0, 2.0, 5.0), "otsu": (1.0, 0.8, 1.2, 1.4), "distance": (10.0, 20.0)}
    recurrent = False

    @classmethod
    def build(cls, config: Config) -> Classical:
        """There is nothing to configure but the operating point."""
        return cls()

    def predict(self, frames: NDArray[Any], state: State = None) -> tuple[NDArray[np.float32], State]:
        """Grey values without their smooth background (T, 1, Y, X) of frames (T, Y, X)."""
        values = np.asarray(frames, dtype=np.float32)
        smooth = np.stack([ndimage.gaussian_filter(frame, BACKGROUND_SIGMA) for frame in values])
        return (values - smooth)[:, None], None

    def warm_up(self, frames: NDArray[Any]) -> None:
        """Nothing: there is no state."""

    def foreground(self, raw: NDArray[np.float32]) -> None:
        """Can't be told: Otsu's threshold is one of the whole frame."""

    def decode(self, raw: NDArray[np.float32], point: Point) -> NDArray[np.int32]:
        """Labels (Y, X) int32 of one frame's raw (1, Y, X).

        The point: `window`, sigma in px of the local deviation; `otsu`, factor on Otsu's threshold; `distance`, least
        distance in px between the centres of two cells.
        """
        mean = ndimage.gaussian_filter(raw[0], point["window"])
        variance = ndimage.gaussian_filter(raw[0] ** 2, point["window"]) - mean**2
        texture = np.sqrt(np.maximum(variance, 0))
        if texture.max() <= texture.min():
            return np.zeros(texture.shape, dtype=np.int32)
        cells = ndimage.binary_fill_holes(texture > point["otsu"] * threshold_otsu(texture))
        depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(cells), 1.0)
        pieces, _ = ndimage.label(cells)
        peaks = peak_local_max(depth, min_distance=int(point["distance"]), labels=pieces, exclude_border=False)
        seeds = np.zeros(cells.shape, dtype=np.int32)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        return np.asarray(watershed(-depth, seeds, mask=cells), dtype=np.int32)
