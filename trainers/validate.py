"""Validation: the scores by which checkpoints and operating points are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cytolapse.metrics import SELECTION, Truth, summarise
from cytolapse.overlay import contact, draw
from cytolapse.previews import display_limits, to_display
from trainers.search import Cached

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cytolapse.data import Movie
    from cytolapse.learner import Learner
    from cytolapse.metrics import Result
    from cytolapse.segmenter import Segmenter
    from cytolapse.tracking import Run

SHOWN = 4
WATCHED = (0.5, 0.75)


@dataclass(frozen=True)
class Validation:
    """Scores a segmenter on evenly spaced frames of the validation part, or stretches of them where it has a state.

    Attributes:
        movies: the validation part.
        reference: the truth to score against.
        border: width in px of the band that is ignored.
        limit: frames scored at most, about.
        stretch: frames that are seen one after another, from a start.
    """

    movies: Sequence[Movie]
    reference: str
    border: int
    limit: int
    stretch: int = 1

    def run(self, segmenter: Segmenter, model: Learner, run: Run, step: int) -> float:
        """Log scores, loss and an overlay; the selection score (0 where it is undefined)."""
        raws = self.raw(segmenter)
        labels = [segmenter.decode(raw) for raw in raws]
        result = self._score(labels)
        chosen = {f"val/{name}": value for name, value in result.scores.items()}
        chosen |= {f"val/f1_iou_{threshold:.2f}": result.at(threshold)["f1"] for threshold in WATCHED}
        run.metrics({**chosen, "val/loss": self._loss(model, raws)}, step=step)
        path = run.folder / "validation" / f"{step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self._overlay(labels)).save(path)
        run.artifact(path, folder="validation")
        return result.scores[SELECTION] or 0.0

    def raw(self, segmenter: Segmenter) -> list[Any]:
        """Raw output of the frames that are scored."""
        return list(self._raws(segmenter))

    def cached(self, segmenter: Segmenter) -> Iterator[Cached]:
        """The same with their truth, one by one: what the search of the operating point reads."""
        for (movie, t), raw in zip(self._scored, self._raws(segmenter), strict=True):
            yield Cached(raw, Truth.of(movie, movie.references[self.reference], t), self.border)

    def _raws(self, segmenter: Segmenter) -> Iterator[Any]:
        for movie, start, scored in self._chosen:
            for raw, counts in zip(segmenter.raw(movie.frames[start : start + len(scored)]), scored, strict=True):
                if counts:
                    yield raw

    @cached_property
    def _chosen(self) -> list[tuple[Movie, int, NDArray[np.bool_]]]:
        """Stretches: movie, position of the first frame, which of the frames from there on are scored."""
        known = [np.array(movie.references[self.reference].known, dtype=bool) for movie in self.movies]
        each = max(1.0, self.stretch * float(np.concatenate(known).mean()))
        every = max(round(each), -(-sum(map(np.count_nonzero, known)) // max(1, int(self.limit / each))))
        return [
            (movie, start, there[start : start + self.stretch])
            for movie, there in zip(self.movies, known, strict=True)
            for start in _apart(np.flatnonzero(there)[::every], self.stretch)
        ]

    @cached_property
    def _scored(self) -> list[tuple[Movie, int]]:
        """Movie and position of the frames that are scored."""
        return [(movie, start + int(t)) for movie, start, scored in self._chosen for t in np.flatnonzero(scored)]

    def _score(self, labels: Sequence[NDArray[np.int32]]) -> Result:
        truths = (Truth.of(movie, movie.references[self.reference], t) for movie, t in self._scored)
        return summarise([truth.match(found, self.border) for truth, found in zip(truths, labels, strict=True)])

    def _labels(self, movie: Movie, t: int) -> NDArray[Any]:
        return np.asarray(movie.references[self.reference].labels[t])

    def _loss(self, model: Learner, raws: Sequence[Any]) -> float | None:
        """Over the frames in which nothing is ignored, as in training."""
        losses = [
            model.raw_loss(raw, self._labels(movie, t))
            for (movie, t), raw in zip(self._scored, raws, strict=True)
            if t not in movie.references[self.reference].ignored
        ]
        told = [loss for loss in losses if loss is not None]
        return float(np.mean(told)) if told else None

    @cached_property
    def _limits(self) -> dict[str, tuple[float, float]]:
        return {movie.sequence: display_limits(movie.frames) for movie in self.movies}

    def _overlay(self, labels: Sequence[NDArray[np.int32]]) -> NDArray[np.uint8]:
        panels, shown = [], set(np.linspace(0, len(labels) - 1, SHOWN).astype(int))
        for index, (movie, t) in enumerate(self._scored):
            if index in shown:
                image = to_display(movie.frames[t], self._limits[movie.sequence])
                panels.append(draw(image, self._labels(movie, t), labels[index]))
        return contact(panels, columns=2)


def _apart(starts: NDArray[np.integer], stretch: int) -> list[int]:
    """Those positions from which stretches do not overlap: no frame counts twice where known frames lie in clusters."""
    chosen: list[int] = []
    for start in map(int, starts):
        if not chosen or start >= chosen[-1] + stretch:
            chosen.append(start)
    return chosen
