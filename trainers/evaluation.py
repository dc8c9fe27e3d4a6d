"""One part of a data set, segmented: masks, scores, tables and pictures in one folder."""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tifffile
from tqdm import tqdm

from cytolapse.data.check import present
from cytolapse.data.check_tracks import need_valid
from cytolapse.data.ctc import cut_tracks, read_tracks
from cytolapse.data.masks import TRACKS, mask_name, write_mask, write_tracks
from cytolapse.linking import TooManyTracks, link_folder
from cytolapse.metrics.movies import known, references, score_movies
from cytolapse.metrics.seams import DISTANCE
from cytolapse.overlay import draw, save_movie
from cytolapse.previews import FrameView, Previews, display_limits, to_display, write_previews

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cytolapse.data import Movie
    from cytolapse.metrics import Result
    from trainers.masks import MaskSource

log = logging.getLogger("cytolapse.evaluate")
OVERLAY_FRAMES = 40
TABLES = {"objects": "objects", "by_frame": "frames", "counts": "counts"}
"""Attribute of a Result -> file; from `counts` two runs are compared."""


@dataclass(frozen=True)
class Evaluation:
    """Masks are written first and scored as read back, so what is stored is what was scored.

    Attributes:
        movies: the part, one movie a sequence.
        border: width in px of the band that is ignored.
        scratch: a folder for the masks.
        out: a folder for what is to be kept.
        minutes: between two frames, where it is known.
    """

    movies: Sequence[Movie]
    border: int
    scratch: Path
    out: Path
    minutes: float | None = None

    @cached_property
    def references(self) -> list[str]:
        """The truths that know at least one frame."""
        return references(self.movies)

    def _mask(self, sequence: str, number: int) -> NDArray[Any]:
        return np.asarray(tifffile.imread(self.scratch / sequence / mask_name(number)))

    def segment(self, masks: MaskSource) -> None:
        """Write the masks of every frame, linked where their source has not done so, and the tracks.

        Raises:
            CytolapseError: the source's own tracks disagree with its masks.
        """
        for movie in self.movies:
            folder, ids = self.scratch / movie.sequence, dict[int, set[int]]()
            folder.mkdir(parents=True)
            numbers = [int(number) for number in movie.numbers]
            told = f"masks {movie.sequence}"
            with tqdm(masks.of(movie), told, len(numbers), unit="frame", dynamic_ncols=True) as bar:
                for number, labels in zip(numbers, bar, strict=True):
                    write_mask(folder / mask_name(number), labels)
                    ids[number] = present(labels)
            file = masks.tracks(movie)
            if file is None:
                _link(folder, numbers)
            else:
                tracks = cut_tracks(read_tracks(file), numbers[0], numbers[-1])
                need_valid(file, tracks, ids)
                write_tracks(folder, tracks)

    def score(self, near: Mapping[str, NDArray[np.bool_]] | None = None) -> dict[str, Result]:
        """Reference -> result, as `score_movies` gives it."""
        files = {movie.sequence: self.scratch / movie.sequence / TRACKS for movie in self.movies}
        tracks = {sequence: read_tracks(file) for sequence, file in files.items() if file.is_file()}
        return score_movies(self.movies, self._mask, self.border, near=near, tracks=tracks)

    def near(self, masks: MaskSource) -> dict[str, NDArray[np.bool_]]:
        """Sequence -> pixels near the seams of its tiles (Y, X); empty where no frame was cut into tiles."""
        near = {movie.sequence: masks.tiling(movie.frames.shape[1:]).near_seams(DISTANCE) for movie in self.movies}
        return near if any(each.any() for each in near.values()) else {}

    def pack(self, results: dict[str, Result]) -> None:
        """Zip masks and previews, write the tables and the overlay movie to `out`."""
        out = self.out
        for folder in ("masks", "previews"):
            (out / folder).mkdir(parents=True)
        for movie in self.movies:
            with zipfile.ZipFile(out / "masks" / f"{movie.sequence}.zip", "w", zipfile.ZIP_STORED) as archive:
                for path in sorted((self.scratch / movie.sequence).iterdir()):
                    archive.write(path, path.name)
            write_previews(out / "previews" / f"{movie.sequence}.zip", self._views(movie), self.minutes)
        for table, file in TABLES.items():
            rows = [{"reference": name, **row} for name, result in results.items() for row in getattr(result, table)]
            pd.DataFrame(rows).to_parquet(out / f"{file}.parquet", index=False)
        self._overlay(out / "previews" / f"{self.movies[0].sequence}.zip", out / "overlay.webp")

    def _views(self, movie: Movie) -> Iterator[FrameView]:
        limits = display_limits(movie.frames)
        for t, number in enumerate(movie.numbers):
            names = [name for name in self.references if known(movie, name)[t]]
            truths = {name: np.asarray(movie.references[name].labels[t]) for name in names}
            found = self._mask(movie.sequence, int(number))
            yield FrameView(int(number), to_display(movie.frames[t], limits), found, truths)

    def _overlay(self, previews: Path, path: Path) -> None:
        """An animated WebP of at most 40 evenly spaced frames of the first sequence."""
        stored = Previews(previews)
        panels = []
        for number in stored.numbers[:: max(1, -(-len(stored.numbers) // OVERLAY_FRAMES))]:
            view = stored.frame(number)
            truth = view.references.get("gold", view.references.get("silver"))
            panels.append(draw(view.image, truth, view.prediction))
        save_movie(path, panels)


def _link(folder: Path, numbers: list[int]) -> None:
    try:
        link_folder(folder, numbers)
    except TooManyTracks as error:
        log.warning("the masks are not linked, and track scores not defined: %s", error)
