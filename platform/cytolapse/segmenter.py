"""Segmenter: a model, steps and an operating point. What MLflow stores and everyone loads."""

from __future__ import annotations

import json
import logging
import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from cytolapse.config import Config
from cytolapse.data.tiff import in_words
from cytolapse.errors import CytolapseError
from cytolapse.heads import default_point
from cytolapse.models import MODELS, MapModel, Model, stream
from cytolapse.pixel_size import Rescaled, restored, scale
from cytolapse.postprocess import apply_steps, parse_steps
from cytolapse.tiles import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.heads import Point, Space
    from cytolapse.postprocess import Step

log = logging.getLogger("cytolapse.segment")
FORMAT = 1


@dataclass(frozen=True)
class Segmenter:
    """Movie in, labels out.

    Attributes:
        config: how the model is built.
        model: the model, on its device.
        point: the operating point, chosen on the validation split: parameters of decoding, and numbers of steps.
        steps: what is done to the labels, from the config, with the numbers of the point.
        um: size in micrometres of a pixel that the model was trained on; None where it is not known.
    """

    config: Config
    model: Model
    point: Point
    steps: tuple[Step, ...]
    um: float | None = None

    @classmethod
    def build(cls, config: Config, um: float | None = None) -> Segmenter:
        """A new model at its default operating point.

        Raises:
            CytolapseError: the model can't be what the config asks for.
        """
        model, steps = MODELS[config.model](config), parse_steps(config.postprocess)
        if config.tile and not isinstance(model, MapModel):
            raise CytolapseError(
                f"--tile is {config.tile}: {config.model} makes no maps that could be blended; leave it out"
            )
        numbers = {step.key: step.number for step in steps if step.number is not None}
        taken = ", ".join(sorted({*model.space} & {*numbers}))
        if taken:
            raise CytolapseError(f"{taken} names a parameter of the model and a step of --postprocess: rename one")
        return cls(config, model, {**default_point(model.space), **numbers}, steps, um)

    @property
    def space(self) -> Space:
        """What is worth trying: the model's parameters, and multiples of the numbers that the config gives to steps."""
        steps = parse_steps(self.config.postprocess)
        return {**self.model.space, **{step.key: step.tried for step in steps if step.tried}}

    def at(self, point: Point) -> Segmenter:
        """The same model at another operating point; what that leaves out stays as it is."""
        return replace(self, point={**self.point, **point}, steps=tuple(step.at(point) for step in self.steps))

    def raw(self, frames: NDArray[Any]) -> Iterator[Any]:
        """The model's raw output of frames (T, Y, X), frame by frame: what a search of the operating point reads."""
        if isinstance(self.model, nn.Module):
            self.model.eval()
        return stream(self.model, frames, self.config.restart)

    def decode(self, raw: Any) -> NDArray[np.int32]:
        """Labels (Y, X) int32 of one frame's raw output, after the steps, numbered 1, 2, 3, ..."""
        return _numbered(apply_steps(self.model.decode(raw, self.point), self.steps))

    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """How frames (Y, X) are cut into tiles; not at all where the model makes no maps."""
        return self.model.tiling(shape) if isinstance(self.model, MapModel) else Tiling(shape)

    def segment(self, frames: NDArray[Any], um: float | None = None) -> Iterator[NDArray[np.int32]]:
        """Labels (Y, X) int32, 0 = background, of frames (T, Y, X), frame by frame in constant memory.

        Frames whose pixel size differs from the model's by more than 20 % are rescaled to it, and the labels back to
        the frames' own size: the operating point and the steps (`drop_small`) then count in the model's pixels. Labels
        are numbered 1, 2, 3, ... in any case.

        Args:
            frames: (T, Y, X) of any grey dtype, an array or what can be sliced as one.
            um: um per pixel of the frames; None = not known, or the model's.

        Raises:
            CytolapseError: that pixel size can't be true.
        """
        factor = scale(um, self.um)
        if factor == 1:
            return map(self.decode, self.raw(frames))
        seen, shape = Rescaled(frames, factor), frames.shape[1:]
        log.info(
            "frames have %.4g um a pixel, the model was trained at %.4g: rescaled by %.3g (%s to %s px) for the model, "
            "labels back",
            *(um, self.um, factor, in_words(shape), in_words(seen.shape[1:])),
        )
        lazily = cast("NDArray[Any]", seen)  # a stream only asks for slices, shape and length
        return (_numbered(restored(self.decode(raw), shape)) for raw in self.raw(lazily))

    def save(self, folder: Path) -> None:
        """Write `config.json` and, where there are weights, `weights.safetensors`, each whole or not at all.

        Raises:
            CytolapseError: the disk is full or can't be written.
        """
        card = {"format": FORMAT, "config": self.config.as_dict(), "point": dict(self.point), "um": self.um}
        partial = folder / ".partial"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if isinstance(self.model, nn.Module):
                save_model(self.model, str(partial))
                os.replace(partial, folder / "weights.safetensors")
            partial.write_text(json.dumps(card, indent=1))
            os.replace(partial, folder / "config.json")
        except (OSError, SafetensorError) as error:
            partial.unlink(missing_ok=True)
            raise CytolapseError(f"{folder} could not be written ({error}): free some disk space") from error

    @classmethod
    def load(cls, folder: Path, device: str = "auto", tile: int | None = None, stitch: str | None = None) -> Segmenter:
        """Read what `save` wrote; runs no code from the folder.

        Args:
            folder: what `save` filled.
            device: as `pick_device` takes it.
            tile: takes the place of the config's; None = its own.
            stitch: likewise.

        Raises:
            CytolapseError: a file is missing, broken or of another version, or the model can't be tiled so.
        """
        card = _read_card(folder / "config.json")
        config = _retiled(Config.from_dict(card["config"]), tile, stitch)
        segmenter = cls.build(config, card["um"])
        _check_point(folder / "config.json", card["point"], segmenter)
        segmenter = segmenter.at(card["point"])
        if isinstance(segmenter.model, nn.Module):
            weights = folder / "weights.safetensors"
            if not weights.is_file():
                raise CytolapseError(f"{weights} is missing: the model was stored without its weights; train it again")
            try:
                load_model(segmenter.model, str(weights), device="cpu")
            except (SafetensorError, RuntimeError) as error:
                raise CytolapseError(f"{weights} does not fit its config.json: {error}") from error
            segmenter.model.to(pick_device(device))
        return segmenter


def _numbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels (Y, X) numbered without gaps."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    return np.cumsum(present, dtype=np.int32)[labels] * (labels > 0)


def pick_device(device: str) -> str:
    """'auto' is cuda where there is one, else cpu.

    Raises:
        CytolapseError: cuda is asked for and absent.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise CytolapseError("--device cuda: torch finds no CUDA device on this machine; use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def _retiled(config: Config, tile: int | None, stitch: str | None) -> Config:
    changed = replace(
        config, tile=config.tile if tile is None else tile, stitch=config.stitch if stitch is None else stitch
    )
    if stitch is not None and not changed.tile:
        raise CytolapseError(f"--stitch is {stitch}, but the model sees whole frames: give --tile too, as --tile 256")
    return changed


def _check_point(path: Path, found: Any, segmenter: Segmenter) -> None:
    """Refuse a point that is not the model's; without numbers of steps (format 1 once had none) the config's hold."""
    needed, known = set(segmenter.model.space), set(segmenter.point)
    numbers = isinstance(found, dict) and all(type(value) in (int, float) for value in found.values())
    if not numbers or not needed <= set(found) <= known or not all(map(math.isfinite, found.values())):
        names = ", ".join(segmenter.point) or "nothing"
        raise CytolapseError(f"{path}: the operating point is {found!r}, where a number for {names} is expected")


def _read_card(path: Path) -> Mapping[str, Any]:
    try:
        card = json.loads(path.read_text())
    except FileNotFoundError:
        raise CytolapseError(f"{path} is missing: {path.parent} holds no segmenter") from None
    except ValueError as error:
        raise CytolapseError(f"{path} is no JSON ({error}): the model is broken, log it again") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT or not {"config", "point", "um"} <= set(card):
        raise CytolapseError(
            f"{path}: format {FORMAT} is needed: the model was written by another version of cytolapse"
        )
    return card
