"""The process that tries a model on an upload: `python -m dashboard.trial.job FOLDER`.

It reads FOLDER/request.json, says in FOLDER/state.json how far it is, and ends when the server that started it ends.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytolapse.errors import CytolapseError, is_out_of_memory
from dashboard.trial.confines import be_modest, bounded, end_with_server
from dashboard.trial.intake import LIMITS, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cytolapse.data import Movie
    from cytolapse.data.pictures import Pictures
    from cytolapse.segmenter import Segmenter

STATE, REQUEST, LOG = "state.json", "request.json", "log"
RESULT, MASKS, ROIS, CELLS, PREVIEWS = "01_RES", "masks.zip", "rois.zip", "cells.csv", "previews.zip"
NO_MEMORY = "the memory does not suffice for these frames: try fewer or smaller ones"


@dataclass(frozen=True)
class Request:
    """What a person asks for.

    Attributes:
        model: models:/NAME/VERSION.
        um: um per pixel; None takes what the files say.
        minutes: minutes per frame; likewise.
    """

    model: str
    um: float | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class State:
    """How far a trial is.

    Attributes:
        stage: what it is at; "done" at the end.
        done: frames that are through it.
        of: frames of it; 0 = not counted.
        error: why it failed; "" while all is well.
        notes: what a person should know about the result.
        um: um per pixel of the frames, once known.
        minutes: minutes per frame, likewise.
    """

    stage: str
    done: int = 0
    of: int = 0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    um: float | None = None
    minutes: float | None = None


def read_state(folder: Path) -> State | None:
    """What the process said last; None before its first word."""
    try:
        return State(**json.loads((folder / STATE).read_text()))
    except FileNotFoundError:
        return None


class Teller:
    """Says how far the trial is; also takes warnings of the platform as notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State("starting")

    def say(self, stage: str, **known: Any) -> None:
        """Replace the state in one go."""
        self.state = replace(self.state, **{"done": 0, "of": 0, **known}, stage=stage)
        partial = self.folder / f".{STATE}"
        partial.write_text(json.dumps(asdict(self.state)))
        partial.replace(self.folder / STATE)

    def each(self, stage: str, things: Iterable[Any], count: int) -> Iterator[Any]:
        """Pass things on and count those that were taken."""
        self.say(stage, of=count)
        for done, thing in enumerate(things, start=1):
            yield thing
            self.say(stage, done=done, of=count)

    def note(self, text: str) -> None:
        """Remember something for the reader of the result."""
        self.state = replace(self.state, notes=[*self.state.notes, text])


def run(folder: Path, request: Request, teller: Teller) -> None:
    """Read, segment, link and export; every result lies in the folder at the end.

    Raises:
        CytolapseError: the upload, the model or the pixel size is bad.
    """
    movie, um, minutes = _read(folder, request, teller)
    teller.say("loading the model", um=um, minutes=minutes)
    _segment(folder, request.model, movie, um, teller)
    _export(folder, movie, um, minutes, teller)
    teller.say("done")


def _read(folder: Path, request: Request, teller: Teller) -> tuple[Movie, float | None, float | None]:
    import numpy as np

    from cytolapse.data.decode import write_frames
    from cytolapse.data.movie import Movie

    teller.say("reading the upload")
    with bounded():
        pictures, (count, *_) = take(folder, LIMITS)
        write_frames(folder / "frames.npy", count, teller.each("reading the upload", _images(pictures), count))
        um, minutes = request.um or pictures.um, request.minutes or pictures.minutes
    frames = np.load(folder / "frames.npy", mmap_mode="r")
    return Movie("01", frames, np.array(pictures.numbers)), um, minutes


def _images(pictures: Pictures) -> Iterator[tuple[int, Path, Any]]:
    for place, (path, image) in enumerate(pictures.read(pictures.numbers)):
        if image.ndim != 2:
            raise CytolapseError(f"{path.name} is colour, where grey is expected: save one channel")
        yield place, path, image


def _segment(folder: Path, model: str, movie: Movie, um: float | None, teller: Teller) -> None:
    from cytolapse.data.masks import write_masks
    from cytolapse.linking import link_folder
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import load_folder

    segmenter = Segmenter.load(load_folder(model))
    _check_scale(movie, um, segmenter, teller)
    numbers = [int(number) for number in movie.numbers]
    masks = folder / RESULT
    write_masks(masks, numbers, teller.each("segmenting", segmenter.segment(movie.frames, um), len(movie)))
    teller.say("following the cells")
    link_folder(masks, numbers)


def _check_scale(movie: Movie, um: float | None, segmenter: Segmenter, teller: Teller) -> None:
    from cytolapse.pixel_size import scale

    factor = scale(um, segmenter.um)
    height, width = (round(side * factor) for side in movie.frames.shape[1:])
    if factor > 1 and height * width > LIMITS.frame:
        raise CytolapseError(
            f"the frames have {um:g} um a pixel, the model {segmenter.um:g}: they would be enlarged to {height} x "
            f"{width} px, which is too large; is that size right?"
        )
    if factor != 1:
        teller.note(
            f"The frames have {um:.3g} µm a pixel, the model was trained at {segmenter.um:.3g}: the model saw them "
            f"rescaled by {factor:.3g}."
        )
    elif not um:
        mend = f", as if it were the model's {segmenter.um:.3g} µm" if segmenter.um else ""
        teller.note(f"The pixel size of the frames is not known: they were segmented as they are{mend}.")


def _export(folder: Path, movie: Movie, um: float | None, minutes: float | None, teller: Teller) -> None:
    from cytolapse.exports import export_as
    from cytolapse.exports.opening import Source, open_result
    from cytolapse.previews import FrameView, display_limits, to_display, write_previews

    teller.say("measuring the cells")
    (labelled,) = open_result(Source(str(folder / RESULT), um=um, minutes=minutes))
    labelled = replace(labelled, movie=movie)
    export_as("measurements", [labelled], folder / CELLS)
    export_as("rois", [labelled], folder / ROIS)
    limits = display_limits(movie.frames)
    views = (
        FrameView(number, to_display(movie.frames[place], limits), labelled.masks[number])
        for place, number in enumerate(labelled.numbers)
    )
    write_previews(folder / PREVIEWS, teller.each("drawing", views, len(movie)))
    with zipfile.ZipFile(folder / MASKS, "w", zipfile.ZIP_STORED) as archive:  # the masks are LZW already
        for each in sorted((folder / RESULT).iterdir()):
            archive.write(each, f"{RESULT}/{each.name}")


def readable(error: Exception, folder: Path) -> str:
    """One line about what went wrong, without a path of this machine."""
    if isinstance(error, CytolapseError):
        return " ".join(str(error).replace(f"{folder}/", "").split())
    if is_out_of_memory(error):
        return NO_MEMORY
    return "something went wrong that this page has no words for; the server's log has the details"


def main(folder: Path) -> int:
    """Do what the request says; 0 where there is a result."""
    from cytolapse.cli import show_log

    show_log()
    be_modest()
    ending = end_with_server(folder)
    teller = Teller(folder)
    try:
        run(folder, Request(**json.loads((folder / REQUEST).read_text())), teller)
    except Exception as error:
        ending.acquire()
        if not isinstance(error, CytolapseError):
            traceback.print_exc()
        teller.say("failed", error=readable(error, folder))
        logging.shutdown()
        return 1
    ending.acquire()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
