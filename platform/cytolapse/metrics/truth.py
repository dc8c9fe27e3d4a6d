"""Truth: what is known of one frame, ready to be compared with a prediction of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytolapse.data.ignore import NOTHING
from cytolapse.metrics.matching import Matching, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cytolapse.data.movie import Movie, Reference


class Truth(NamedTuple):
    """The truth of one frame.

    Attributes:
        labels: (Y, X) integer, 0 = background; places that are ignored are drawn in as the object `box`.
        sequence: name of the sequence.
        frame: number of the frame.
        full: whether it holds every cell of the frame.
        ignored: ids of the objects that count for nothing, `box` among them.
        box: 0 where no place is ignored.
    """

    labels: NDArray[np.integer]
    sequence: str = ""
    frame: int = 0
    full: bool = True
    ignored: frozenset[int] = frozenset()
    box: int = 0

    @classmethod
    def of(cls, movie: Movie, truth: Reference, t: int) -> Truth:
        """That of a movie's frame position `t`, as one of its references knows it."""
        labels, box = np.asarray(truth.labels[t]), 0
        ignored = truth.ignored.get(t, NOTHING)
        if ignored.boxes:
            labels, box = ignored.drawn(labels)
        ids = ignored.labels | ({box} if box else frozenset())
        return cls(labels, movie.sequence, int(movie.numbers[t]), bool(truth.full[t]), ids, box)

    def match(self, pred: NDArray[np.integer], border: int = 0) -> Matching:
        """Compare it with the prediction (Y, X) of its frame; arguments and errors as of `metrics.match`."""
        matching = match(self.labels, pred, border, self.sequence, self.frame, self.full)
        return matching.without(self.ignored, self.box) if self.ignored else matching
