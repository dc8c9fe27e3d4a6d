"""Validation: the scores by which checkpoints and operating points are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from cytolapse.metrics import SELECTION, match, summarise
from cytolapse.models import MapModel
from cytolapse.overlay import contact, draw
from cytolapse.previews import display_limits, to_display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cytolapse.data import Movie
    from cytolapse.metrics import Result
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import Run

SHOWN = 4
WATCHED = (0.5, 0.75)


@dataclass(frozen=True)
class Validation:
    """Scores a segmenter on evenly spaced frames of the validation part.

    Attributes:
        movies: the validation part.
        reference: the truth to score against.
        border: width in px of the band that is ignored.
        limit: frames read at most.
    """

    movies: Sequence[Movie]
    reference: str
    border: int
    limit: int

    def run(self, segmenter: Segmenter, run: Run, step: int) -> float:
        """Log scores, loss and an overlay; the selection score (0 where it is undefined)."""
        raws = self.raw(segmenter)
        labels = [segmenter.decode(raw) for raw in raws]
        result = self._score(labels)
        chosen = {f"val/{name}": value for name, value in result.scores.items()}
        chosen |= {f"val/f1_iou_{threshold:.2f}": result.at(threshold)["f1"] for threshold in WATCHED}
        run.metrics({**chosen, "val/loss": self._loss(segmenter, raws)}, step=step)
        path = run.folder / "validation" / f"{step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self._overlay(labels)).save(path)
        run.artifact(path, folder="validation")
        return result.scores[SELECTION] or 0.0

    def raw(self, segmenter: Segmenter) -> list[NDArray[np.float32]]:
        """Raw output of the frames that are scored."""
        return [raw for movie, times in self._chosen() for raw in segmenter.raw(movie.frames[times])]

    def choose_point(self, segmenter: Segmenter) -> tuple[Segmenter, list[dict[str, Any]]]:
        """The segmenter at the operating point with the best selection score, and the table of all that were tried."""
        raws, table = self.raw(segmenter), []
        for point in tqdm(segmenter.model.points, desc="operating point", unit="point", dynamic_ncols=True):
            there = segmenter.at(point)
            score = self._score([there.decode(raw) for raw in raws]).scores[SELECTION]
            table.append({**point, SELECTION: score or 0.0})
        best = int(np.argmax([row[SELECTION] for row in table]))
        return segmenter.at(segmenter.model.points[best]), table

    def _chosen(self) -> Iterator[tuple[Movie, NDArray[np.int64]]]:
        """Every movie with the positions of frames that have truth, thinned evenly to the limit."""
        known = [np.flatnonzero(movie.references[self.reference].known) for movie in self.movies]
        every = max(1, -(-sum(map(len, known)) // self.limit))
        return ((movie, times[::every]) for movie, times in zip(self.movies, known, strict=True))

    def _truths(self) -> Iterator[tuple[Movie, int, NDArray[Any]]]:
        for movie, times in self._chosen():
            for t in times:
                yield movie, int(t), np.asarray(movie.references[self.reference].labels[t])

    def _score(self, labels: Sequence[NDArray[np.int32]]) -> Result:
        return summarise(
            [
                match(truth, found, self.border, movie.sequence, int(movie.numbers[t]), self._full(movie, t))
                for (movie, t, truth), found in zip(self._truths(), labels, strict=True)
            ]
        )

    def _full(self, movie: Movie, t: int) -> bool:
        return bool(movie.references[self.reference].full[t])

    def _loss(self, segmenter: Segmenter, raws: Sequence[NDArray[np.float32]]) -> float | None:
        if not isinstance(segmenter.model, MapModel):
            return None
        head = segmenter.model.head
        known = torch.ones((1, 1), dtype=torch.bool)
        losses = []
        for (_, _, truth), raw in zip(self._truths(), raws, strict=True):
            targets = torch.from_numpy(head.encode(truth[None].astype(np.int32)))[None]
            losses.append(float(head.loss(torch.from_numpy(raw)[None, None], targets, known)))
        return float(np.mean(losses))

    @cached_property
    def _limits(self) -> dict[str, tuple[float, float]]:
        return {movie.sequence: display_limits(movie.frames) for movie in self.movies}

    def _overlay(self, labels: Sequence[NDArray[np.int32]]) -> NDArray[np.uint8]:
        panels, shown = [], set(np.linspace(0, len(labels) - 1, SHOWN).astype(int))
        for index, (movie, t, truth) in enumerate(self._truths()):
            if index in shown:
                image = to_display(movie.frames[t], self._limits[movie.sequence])
                panels.append(draw(image, truth, labels[index]))
        return contact(panels, columns=2)
