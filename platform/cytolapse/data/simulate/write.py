"""Write a simulated data set: one frame after another, so memory does not grow with the movie."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import tifffile
from tqdm import tqdm

from cytolapse.data.simulate.movie import Act, Frame, Sequence
from cytolapse.data.simulate.presets import PRESETS, Preset
from cytolapse.data.simulate.truth import number
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from cytolapse.data.simulate.population import Track
    from cytolapse.data.simulate.truth import Labels

simulator_version = "1"
SMALLEST = 96


class Measures(TypedDict, total=False):
    """What a data set may have in place of the preset's own; None is the preset's."""

    frames: int | None
    sequences: int | None
    size: tuple[int, int] | None  # (Y, X) px
    seed: int
    gold_frames: int | None  # of each sequence, spread evenly


@dataclass(frozen=True)
class Order:
    """What is to be written."""

    preset: Preset
    frames: int
    sequences: int
    size: tuple[int, int]
    seed: int
    gold_frames: int | None

    def __post_init__(self) -> None:
        """Refuse what can't be written, naming the value."""
        if self.frames < 1:
            raise CytolapseError(f"frames is {self.frames}: a movie needs at least 1")
        if not 1 <= self.sequences <= 99:
            raise CytolapseError(f"sequences is {self.sequences}: a data set has 1 to 99")
        if self.gold_frames is not None and self.gold_frames < 1:
            raise CytolapseError(f"gold_frames is {self.gold_frames}: a sequence needs exact masks of at least 1 frame")
        if self.seed < 0:
            raise CytolapseError(f"seed is {self.seed}: it must be 0 or more")
        if min(self.size) < SMALLEST:
            raise CytolapseError(
                f"size is {self.size[0]} x {self.size[1]}: cells need frames of at least {SMALLEST} x {SMALLEST} px"
            )
        if self.frames > 10**self.preset.digits:
            raise CytolapseError(
                f"frames is {self.frames}: file names of preset {self.preset.name} have {self.preset.digits} digits, "
                f"so at most {10**self.preset.digits}"
            )

    def gold(self, preset: set[int]) -> set[int]:
        """The frames that get exact masks; `preset`: those that the preset gives them to."""
        if self.gold_frames is None:
            return preset
        count = min(self.gold_frames, self.frames)
        # The middles of equal stretches: whole numbers, so that no rounding takes one frame twice.
        return {(2 * each + 1) * self.frames // (2 * count) for each in range(count)}


def write_dataset(out: Path, preset: str = "musc", **measures: Unpack[Measures]) -> None:
    """Write a simulated data set in CTC layout: frames, gold and silver masks, markers with tracks, dataset.toml.

    The same arguments write the same bytes; `gold_frames` changes the gold masks alone. What each cell does in each
    frame is in `NN_GT/cells.csv`.

    Raises:
        CytolapseError: the preset is unknown, a value can't be simulated, or `out` exists and is not empty.
    """
    chosen = PRESETS[preset]
    order = Order(
        chosen,
        frames=_or(measures.get("frames"), chosen.frames),
        sequences=_or(measures.get("sequences"), len(chosen.styles)),
        size=measures.get("size") or chosen.size,
        seed=measures.get("seed", 0),
        gold_frames=measures.get("gold_frames"),
    )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CytolapseError(f"{out} exists and is not empty: name a new folder, or remove it first")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as room:
        whole = Path(room) / out.name
        _write(whole, order)
        whole.rename(out)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _write(folder: Path, order: Order) -> None:
    with tqdm(total=order.frames * order.sequences, desc=f"simulating {order.preset.name}", unit="frame") as bar:
        for index in range(order.sequences):
            sequence = Sequence(order.preset, index, order.frames, order.size, order.seed)
            name = f"{index + 1:02d}"
            truth, gold = folder / f"{name}_GT", order.gold(sequence.gold)
            truth.mkdir(parents=True)
            with (truth / "cells.csv").open("w", encoding="ascii", newline="") as file:
                acts = csv.writer(file, lineterminator="\n")
                acts.writerow(Act._fields)
                for each in _watched(sequence, bar):
                    exact = number(each.labels) if each.number in gold else None
                    _save(folder / name, each, exact, order.preset.digits)
                    acts.writerows(each.acts)
            _tracks(truth / "TRA" / "man_track.txt", sequence.tracks())
    (folder / "dataset.toml").write_text(_description(order), encoding="utf-8")


def _watched(sequence: Sequence, bar: tqdm[None]) -> Iterator[Frame]:
    for each in sequence:
        yield each
        bar.update()


def _save(folder: Path, frame: Frame, gold: Labels | None, digits: int) -> None:
    truth, silver = (folder.with_name(folder.name + kind) for kind in ("_GT", "_ST"))
    ending = f"{frame.number:0{digits}d}.tif"
    _tiff(folder / f"t{ending}", frame.image)
    _tiff(truth / "TRA" / f"man_track{ending}", frame.markers)
    _tiff(silver / "SEG" / f"man_seg{ending}", frame.silver)
    _tiff(truth / "SEG" / f"man_seg{ending}", gold)


def _tiff(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16] | None) -> None:
    if picture is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, picture, compression="lzw", metadata=None)


def _tracks(path: Path, tracks: list[Track]) -> None:
    path.write_text("".join(f"{t.id} {t.begin} {t.end} {t.parent}\n" for t in tracks), encoding="ascii")


def _description(order: Order) -> str:
    lines = (
        f'name = "sim-{order.preset.name}"',
        f"um = {order.preset.um}",
        f"minutes = {order.preset.minutes}",
        f"border = {order.preset.border}",
        f'preset = "{order.preset.name}"',
        f'simulator_version = "{simulator_version}"',
        f"seed = {order.seed}",
    )
    return "\n".join(lines) + "\n"
