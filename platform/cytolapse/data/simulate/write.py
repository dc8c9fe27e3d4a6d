"""Write a simulated data set: one frame after another, so memory does not grow with the movie."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tifffile
from tqdm import tqdm

from cytolapse.data.simulate.movie import Frame, Sequence
from cytolapse.data.simulate.presets import PRESETS, Preset
from cytolapse.errors import CytolapseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from cytolapse.data.simulate.population import Track

simulator_version = "1"
SMALLEST = 96


@dataclass(frozen=True)
class Order:
    """What is to be written."""

    preset: Preset
    frames: int
    sequences: int
    size: tuple[int, int]
    seed: int

    def __post_init__(self) -> None:
        """Refuse what can't be written, naming the value."""
        if self.frames < 1:
            raise CytolapseError(f"frames is {self.frames}: a movie needs at least 1")
        if not 1 <= self.sequences <= 99:
            raise CytolapseError(f"sequences is {self.sequences}: a data set has 1 to 99")
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


def write_dataset(
    out: Path,
    preset: str = "musc",
    frames: int | None = None,
    sequences: int | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
) -> None:
    """Write a simulated data set in CTC layout: frames, gold and silver masks, markers with tracks, dataset.toml.

    The same arguments write the same bytes. None takes the preset's own value; `size` is (Y, X) in px.

    Raises:
        CytolapseError: the preset is unknown, a value can't be simulated, or `out` exists and is not empty.
    """
    chosen = PRESETS[preset]
    order = Order(chosen, _or(frames, chosen.frames), _or(sequences, len(chosen.styles)), size or chosen.size, seed)
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
            for each in _watched(sequence, bar):
                _save(folder, name, each, order.preset.digits)
            _tracks(folder / f"{name}_GT" / "TRA" / "man_track.txt", sequence.tracks())
    (folder / "dataset.toml").write_text(_description(order), encoding="utf-8")


def _watched(sequence: Sequence, bar: tqdm[None]) -> Iterator[Frame]:
    for each in sequence:
        yield each
        bar.update()


def _save(folder: Path, name: str, frame: Frame, digits: int) -> None:
    number = f"{frame.number:0{digits}d}.tif"
    _tiff(folder / name / f"t{number}", frame.image)
    _tiff(folder / f"{name}_GT" / "TRA" / f"man_track{number}", frame.markers)
    _tiff(folder / f"{name}_ST" / "SEG" / f"man_seg{number}", frame.silver)
    _tiff(folder / f"{name}_GT" / "SEG" / f"man_seg{number}", frame.gold)


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
