"""From masks to grey values: brightfield, slightly out of focus, lit a little from the side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from cytolapse.data.simulate.presets import Light
    from cytolapse.data.simulate.shapes import Window

Picture = NDArray[np.float32]
MARGIN = 20  # px around a cell that its light reaches
TILE = 512
BRIGHTER, DARKER = 105.0, 70.0  # grey values that an object may add and take at most


@dataclass(frozen=True)
class Look:
    """What sets one object apart from others of its outline."""

    contrast: float = 1.0
    round: float = 0.0  # 1 = rounded for mitosis: thick, with a bright rim
    grain: float = 1.0  # strength of its granules
    offset: tuple[int, int] = (0, 0)  # its place in the tile of granules
    blur: float = 0.0  # further out of focus, px


def granules(rng: np.random.Generator) -> Picture:
    """A periodic tile (TILE, TILE) float32 of fine structure, mean 0 and standard deviation 1."""
    fine = ndimage.gaussian_filter(rng.standard_normal((TILE, TILE), np.float32), 1.3, mode="wrap")
    coarse = ndimage.gaussian_filter(rng.standard_normal((TILE, TILE), np.float32), 3.5, mode="wrap")
    tile: Picture = fine / fine.std() + 0.8 * coarse / coarse.std()
    tile /= tile.std()
    return tile


def thickness(mask: NDArray[np.bool_], roundness: float) -> tuple[Picture, Picture]:
    """Optical path and rim, both (Y, X) float32.

    The path is about 1 on top of a round cell, less for flat ones, little in processes; the rim is 1 along the edge.
    """
    depth = ndimage.distance_transform_edt(mask).astype(np.float32)
    top = max(float(depth.max()), 1.0)
    compact = np.pi * top**2 / max(float(mask.sum()), 1.0)
    roundness = max(roundness, 0.75 * float(np.clip((compact - 0.4) / 0.4, 0, 1)))
    steep = 1.9 - 1.2 * roundness
    height = (0.62 + 0.38 * roundness) * min(top / 10.0, 1.15)
    path: Picture = height * np.sin(np.pi / 2 * depth / top).astype(np.float32) ** np.float32(steep)
    rim: Picture = mask * np.exp(-(((depth - 1.5) / 1.8) ** 2))
    return path, rim


def shine(window: Window, light: Light, focus: float, tile: Picture, look: Look) -> Picture:
    """What an object adds to the frame: (Y, X) float32 grey values over its window.

    Source: the sign and shape of halo and shade-off follow Yin, Kanade and Chen (2012), Medical Image Analysis 16;
    the core and rim follow the transport-of-intensity equation.
    """
    path, rim = thickness(window.mask, look.round)
    rows = (np.arange(path.shape[0]) + look.offset[0]) % TILE
    columns = (np.arange(path.shape[1]) + look.offset[1]) % TILE
    path = path * (1 + 0.13 * look.grain * tile[np.ix_(rows, columns)])
    sharp = _soft(path, 0.8 + 0.6 * abs(focus - 1) + look.blur)
    near, wide, broad = (_soft(path, sigma + look.blur) for sigma in (2.2, 4.2, 8.0))
    slope_y, slope_x = np.gradient(sharp)
    relief = slope_y * math.sin(light.angle) + slope_x * math.cos(light.angle)
    grey = light.focus * focus * (16 * (sharp - wide) + 34 * (sharp - near)) + 65 * light.relief * relief
    grey += 18 * light.halo * (broad - sharp)
    grey += focus * (
        light.core * sharp.clip(0, 1.05) ** 4 - light.ring * _soft(rim, 0.7 + look.blur) * wide.clip(0) ** 1.5
    )
    if look.round:
        edge = _soft(window.mask.astype(np.float32), 1.6)
        grey += 90 * light.halo * look.round * edge * (1 - edge) ** 2
    # The camera's range bounds what a lens-like cell can do; tanh keeps both signs smooth.
    limit = np.where(grey > 0, BRIGHTER, DARKER)
    return np.asarray(look.contrast * limit * np.tanh(grey / limit), np.float32)


def _soft(picture: Picture, sigma: float) -> Picture:
    soft: Picture = ndimage.gaussian_filter(picture, sigma, mode="constant", truncate=2.6)
    return soft


def expose(frame: Picture, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Camera noise and 8 bits: (Y, X) uint8."""
    frame = frame + np.float32(noise) * rng.standard_normal(frame.shape, np.float32)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)
