"""Pictures of a study, as PNG: the curves of all rows, and one frame as each of them sees it."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from matplotlib.figure import Figure

from cytolapse.data import default_split
from cytolapse.data.masks import mask_name
from cytolapse.metrics.movies import known
from cytolapse.overlay import draw
from cytolapse.previews import display_limits, to_display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cytolapse.data import DataSet, Movie
    from trainers.study.lines import Line

CURVES = ("precision", "recall", "f1")
STYLES = ("-", "--", ":", "-.")
COLUMNS = 3


def curves(lines: Sequence[Line], where: str) -> bytes:
    """Precision, recall and F1 against the IoU threshold, one line per row that has them; PNG."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(CURVES)), CURVES, strict=True):
        for number, line in enumerate(line for line in lines if where in line.results):
            rows = [row for row in line.results[where]["curve"] if row[key] is not None]
            values = [row["threshold"] for row in rows], [row[key] for row in rows]
            label = line.name if line.trained else f"{line.name} (not trained)"
            axes.plot(*values, STYLES[number // 10 % len(STYLES)], label=label, linewidth=1.5)
        axes.set(xlabel="IoU threshold", ylabel="F1" if key == "f1" else key, xlim=(0, 1), ylim=(0, 1.02))
        axes.grid(alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    return _png(figure)


def contact(lines: Sequence[Line], dataset: DataSet, test: str = "") -> tuple[str, bytes] | None:
    """A caption and the PNG of one test frame, the one with the most cells, with each row's outlines."""
    shown = [line for line in lines if any(where.startswith("test/") for where in line.results) and line.run]
    if not shown:
        return None
    movie, reference, t = _fullest(default_split(dataset, test).movies(dataset, "test"))
    truth = np.asarray(movie.references[reference].labels[t])
    image = to_display(movie.frames[t], display_limits(movie.frames))
    rows = -(-len(shown) // COLUMNS)
    height = 4.3 * rows * image.shape[0] / image.shape[1] + 0.4 * rows
    figure = Figure(figsize=(4.3 * COLUMNS, height), layout="constrained")
    for axes in figure.subplots(rows, COLUMNS, squeeze=False).ravel():
        axes.axis("off")
    for axes, line in zip(figure.axes, shown, strict=False):
        axes.imshow(draw(image, truth, _mask(line, movie.sequence, int(movie.numbers[t]))), interpolation="nearest")
        axes.set_title(line.name if line.trained else f"{line.name} (not trained)", fontsize=10)
    caption = f"Frame {movie.numbers[t]} of sequence {movie.sequence}: {reference} truth dashed green, found orange."
    return caption, _png(figure)


def _fullest(movies: Sequence[Movie]) -> tuple[Movie, str, int]:
    """The first movie with truth, its truth (silver before gold), and the position of the frame with the most cells."""
    for reference in ("silver", "gold"):
        for movie in movies:
            times = np.flatnonzero(known(movie, reference))
            if len(times):
                cells = [len(np.unique(movie.references[reference].labels[t])) for t in times]
                return movie, reference, int(times[int(np.argmax(cells))])
    raise AssertionError("rows were scored on test, so it has truth")


def _mask(line: Line, sequence: str, number: int) -> NDArray[Any]:
    assert line.run is not None
    with zipfile.ZipFile(line.run.artifact(f"test/masks/{sequence}.zip")) as archive:
        return np.asarray(tifffile.imread(BytesIO(archive.read(mask_name(number)))))


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
