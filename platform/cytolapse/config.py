"""Config: one experiment, one frozen dataclass. A field is a flag, an MLproject parameter and an MLflow param."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from cytolapse.errors import CytolapseError


def _field(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Config:
    """One experiment.

    Raises:
        CytolapseError: a value is outside what is allowed; the message names the flag.
    """

    recipe: str = _field("unet", "what is trained; `cytolapse train --help` lists the recipes")
    preset: str = _field("default", "named settings of the recipe; whatever is given beside it wins")
    model: str = _field("map", "map (a network with a head), mask_rcnn, or classical (nothing is learned)")
    network: str = _field(
        "unet", "makes maps of frames, or is Mask R-CNN's backbone; a wrong name is answered with those that exist"
    )
    head: str = _field(
        "boundary", "what the maps mean: semantic, boundary, distance, flow, or one of an installed package"
    )
    postprocess: str = _field("fill_holes,drop_small=60", "steps on the labels, in order: name or name=number; or none")
    widths: str = _field("24,48,96,192", "channels of the encoder levels, from full resolution down")
    kernel: int = _field(3, "side of the convolutions, odd")
    recurrent_kernel: int = _field(3, "side of the convolutions in recurrent layers, odd")
    norm: str = _field("batch", "normalisation: batch, or group (for small batches)")
    anchors: str = _field("", "Mask R-CNN: sizes in px / height to width, as 16,32/0.5,1,2; empty: fitted to the cells")
    pretrained: str = _field("no", "Mask R-CNN: yes starts from the backbone's published weights where they can be had")
    frame_size: int = _field(0, "resize whole frames to this many px square; 0 trains on crops at full resolution")
    tile: int = _field(0, "segment in tiles of this many px square; 0: whole frames")
    stitch: str = _field("taper", "how tiles are put together: taper (overlapping, blended) or hard (edge to edge)")
    crop: int = _field(160, "side of a training crop in px; without meaning where frame_size is given")
    sample: str = _field("cells", "what training crops are drawn by: cells, or frames (7 of 10 then hold a cell)")
    clip: int = _field(1, "frames in a clip")
    chain: int = _field(1, "clips played one after another with the state carried on; 0: the whole movie")
    temporal_stride: int = _field(0, "clips skip ahead by 1 to this many frames, or back; 0: every frame as filmed")
    warm_up: int = _field(4, "frames at a movie's start that a recurrent network first sees backwards")
    restart: int = _field(0, "frames after which a recurrent network forgets what it saw; 0: it never does")
    batch: int = _field(4, "clips in a batch")
    train_steps: int = _field(1600, "optimiser steps at most")
    validate_every: int = _field(160, "steps between validations")
    validate_frames: int = _field(24, "frames read at each validation and to choose the operating point, evenly spaced")
    patience: int = _field(5, "stop after this many validations of the second half without a better one; 0: never")
    learning_rate: float = _field(1e-3, "peak of the one-cycle schedule of AdamW")
    weight_decay: float = _field(1e-4, "weight decay of AdamW")
    augment: str = _field(
        "geometry", "none, geometry (rotation, flips, translation) or intensity (geometry and grey values)"
    )
    test_sequence: str = _field("", "the sequence to test on, of several; the last one where none is named")
    train_on: str = _field("silver", "the truth that is learned and chosen on: silver or gold")
    precision: str = _field("auto", "bf16-mixed, 32-true, or auto: bf16 where the machine computes in it")
    device: str = _field("auto", "auto, cpu or cuda")
    seed: int = _field(0, "of everything that is drawn")

    def __post_init__(self) -> None:
        """Refuse what can't work, naming the flag."""
        for name in ("clip", "batch", "train_steps", "validate_every", "validate_frames", "crop"):
            self._need(getattr(self, name) >= 1, name, "at least 1")
        counted = ("chain", "temporal_stride", "warm_up", "restart")
        for name in ("frame_size", "patience", "seed", "weight_decay", "tile", *counted):
            self._need(getattr(self, name) >= 0, name, "0 or more")
        self._need(not (self.tile and self.frame_size), "tile", "0 where --frame-size resizes whole frames")
        self._need(self.seed < 2**32, "seed", "less than 2^32")
        self._need(0 < self.learning_rate < math.inf, "learning_rate", "more than 0, and finite")
        self._need(self.weight_decay < math.inf, "weight_decay", "finite")
        for name in ("kernel", "recurrent_kernel"):
            self._need(getattr(self, name) % 2 == 1 and getattr(self, name) > 0, name, "odd, and 1 or more")
        for name, allowed in _CHOICES.items():
            self._need(getattr(self, name) in allowed, name, "one of " + ", ".join(allowed))
        self._need(all(width.isdecimal() and int(width) for width in self.widths.split(",")), "widths", "like 24,48,96")

    def _need(self, good: bool, name: str, allowed: str) -> None:
        if not good:
            raise CytolapseError(f"--{name.replace('_', '-')} is {getattr(self, name)!r}: it must be {allowed}")

    @property
    def level_widths(self) -> tuple[int, ...]:
        """Channels of the encoder levels."""
        return tuple(int(width) for width in self.widths.split(","))

    def as_dict(self) -> dict[str, Any]:
        """Field -> value, in order: what is logged as `cfg.<field>`."""
        return dataclasses.asdict(self)

    @classmethod
    def resolve(cls, presets: dict[str, dict[str, Any]], recipe: str, given: dict[str, Any]) -> Config:
        """Defaults, then the preset, then what was given (None = not given).

        Raises:
            CytolapseError: the recipe has no such preset.
        """
        given = {name: value for name, value in given.items() if value is not None}
        preset = given.get("preset", "default")
        if preset not in presets:
            raise CytolapseError(f"unknown preset {preset!r} of {recipe}: choose one of {', '.join(sorted(presets))}")
        return cls(**{**presets[preset], **given, "recipe": recipe, "preset": preset})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `as_dict`; fields that a newer version wrote are refused.

        Raises:
            CytolapseError: a field is unknown here, or a value is of another kind.
        """
        if not isinstance(values, dict):
            raise CytolapseError(f"config is a {type(values).__name__}, where fields and values are expected")
        unknown = sorted(set(values) - {each.name for each in dataclasses.fields(cls)})
        if unknown:
            raise CytolapseError(f"config has unknown fields {', '.join(unknown)}: it was written by another version")
        for name, kind in ((each.name, each.type) for each in dataclasses.fields(cls) if each.name in values):
            if type(values[name]) not in _KINDS[str(kind)]:
                raise CytolapseError(f"config has {name} = {values[name]!r}, where {kind} is expected")
        return cls(**values)


_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
_CHOICES = {
    "stitch": ("taper", "hard"),
    "augment": ("none", "geometry", "intensity"),
    "sample": ("cells", "frames"),
    "train_on": ("silver", "gold"),
    "precision": ("auto", "bf16-mixed", "32-true"),
    "device": ("auto", "cpu", "cuda"),
    "pretrained": ("no", "yes"),
}
