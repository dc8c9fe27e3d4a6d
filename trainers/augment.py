"""Augmentation of whole clips: one draw of parameters for all frames and masks of a clip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else its import asks the internet for a newer version
import albumentations as A

from cytolapse.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MARGIN = 1.42
"""A window of this many crops' side can be turned by any angle without showing its corners."""


class Contrast(A.ImageOnlyTransform):  # type: ignore[misc]  # the library has no types
    """Scale normalised grey values by 0.8 to 1.2 and shift them by up to 0.2 deviations.

    The library's own transform takes float images to lie between 0 and 1 and clips the rest.
    """

    def get_params(self) -> dict[str, float]:
        """One draw for all frames of a clip."""
        return {"gain": self.py_random.uniform(0.8, 1.2), "shift": self.py_random.uniform(-0.2, 0.2)}

    def apply(self, img: NDArray[np.float32], gain: float, shift: float, **params: Any) -> NDArray[np.float32]:
        """The changed image."""
        return img * np.float32(gain) + np.float32(shift)


class Blur(A.ImageOnlyTransform):  # type: ignore[misc]
    """Smooth by a Gaussian of 0.5 to 1.2 px; the library's own clips as well."""

    def get_params(self) -> dict[str, float]:
        """One draw for all frames of a clip."""
        return {"sigma": self.py_random.uniform(0.5, 1.2)}

    def apply(self, img: NDArray[np.float32], sigma: float, **params: Any) -> NDArray[np.float32]:
        """The changed image, (Y, X, 1)."""
        return np.asarray(cv2.GaussianBlur(img, (0, 0), sigma), dtype=np.float32).reshape(img.shape)


def _none() -> list[A.BasicTransform]:
    return []


def _geometry() -> list[A.BasicTransform]:
    turn = A.Affine(
        rotate=(-180, 180),
        translate_percent=(-0.05, 0.05),
        interpolation=cv2.INTER_LINEAR,
        mask_interpolation=cv2.INTER_NEAREST,
        border_mode=cv2.BORDER_REFLECT_101,
        p=0.7,
    )
    return [A.D4(p=1.0), turn]


def _intensity() -> list[A.BasicTransform]:
    return [*_geometry(), Contrast(p=0.5), Blur(p=0.2)]


AUGMENTATIONS: Registry[Callable[[], list[A.BasicTransform]]] = Registry(
    "augmentation", {"none": _none, "geometry": _geometry, "intensity": _intensity}
)


class Augment:
    """Change frames and labels of a clip alike, then cut its middle.

    Args:
        name: which augmentation, a name in AUGMENTATIONS.
        crop: side in px of what comes out.
    """

    def __init__(self, name: str, crop: int) -> None:
        cv2.setNumThreads(0)  # single small crops: threads cost more than they give, and forked loaders would hang
        self._compose = A.Compose([*AUGMENTATIONS[name](), A.CenterCrop(crop, crop)])

    def __call__(
        self, frames: NDArray[np.float32], labels: NDArray[np.integer], seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Frames (T, crop, crop) float32 and labels (T, crop, crop) int32 of windows (T, Y, X), drawn from the seed."""
        masks = dense(labels).astype(np.int16)  # the 16 bits that OpenCV can turn
        self._compose.set_random_seed(seed)
        out = self._compose(images=frames[..., None], masks=masks)
        return np.ascontiguousarray(out["images"][..., 0]), np.asarray(out["masks"]).astype(np.int32)


def dense(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """The same objects with ids 1, 2, 3, ...; 0 stays background."""
    _, ids = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    numbered: NDArray[np.int32] = ids[:-1].reshape(labels.shape).astype(np.int32)
    return numbered
