"""Evaluation: segment, write masks, score what was written, log it. The same path after training and by command."""

from __future__ import annotations

import json
import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cytolapse.data import Split, open_dataset
from cytolapse.errors import CytolapseError
from cytolapse.metrics import SCORES
from cytolapse.metrics.movies import known
from cytolapse.metrics.seams import seam_scores
from cytolapse.pixel_size import warn_of_scale
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import load_folder, logged_tags, resume_run
from cytolapse.tracking.candidates import FOREIGN
from trainers.evaluation import Evaluation
from trainers.masks import Segmented
from trainers.report import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cytolapse.data import DataSet, Movie
    from cytolapse.data.ignore import IgnoreList
    from cytolapse.metrics import Result
    from cytolapse.tracking import Run
    from trainers.masks import MaskSource

log = logging.getLogger("cytolapse.evaluate")
PARTS = {"val": "validation", "test": "test"}
THRESHOLDS = (0.25, 0.50, 0.75)
HEADLINES = (*SCORES, "f1_iou_0.50", "f1_iou_0.75")
"""Scores of which the limits of the interval are logged beside them."""
AT_THRESHOLD = ("precision", "recall", "f1", "ap", "pq", "precision_any", "recall_any")
CURVES = ("precision", "recall", "f1", "precision_any", "recall_any")


def evaluate_run(reference: str, data: Path, part: str, tracking: str = "", ignore: IgnoreList | None = None) -> str:
    """Evaluate a run's model on one part of a data set; the line that says where the run is.

    What `ignore` lists of the silver truth is not scored.

    Raises:
        CytolapseError: the run has no model, or the data set has no truth.
    """
    tags = logged_tags(reference, tracking)
    if FOREIGN in tags:
        raise CytolapseError(
            f"run {reference} holds masks of {tags.get('cytolapse.recipe')} and no model: it was scored when they were "
            "logged; give the new masks to `cytolapse log-masks`"
        )
    dataset = open_dataset(data, ignore)
    split = _split(dataset, tags)
    _scored(dataset, split, part)
    segmenter = Segmenter.load(_model_folder(reference, tracking))
    warn_of_scale("the model", segmenter.um, str(dataset.path), dataset.um)
    with resume_run(reference, tracking=tracking).settled() as run:
        evaluate_split(Segmented(segmenter), dataset, split, part, run)
    return run.closing_line()


def _split(dataset: DataSet, tags: Mapping[str, str]) -> Split:
    """The split that the run was trained with: its scores stand beside its name, so they are of its own data.

    Raises:
        CytolapseError: these are other data, or the run is not ours.
    """
    if "cytolapse.split" not in tags:
        raise CytolapseError("that run has no tag cytolapse.split: it is none that `cytolapse train` made")
    if tags.get("cytolapse.dataset") != dataset.name:
        raise CytolapseError(
            f"the run was trained on {tags.get('cytolapse.dataset')}, {dataset.path} is {dataset.name}: scores on "
            "other data would overwrite its own; use `cytolapse segment runs:/RUN_ID/segmenter` and `cytolapse score`"
        )
    if tags.get("cytolapse.digest") != dataset.digest:
        raise CytolapseError(
            f"{dataset.path} has changed since the run was trained on {dataset.name} (digest {dataset.digest}, then "
            f"{tags.get('cytolapse.digest')}): frames that it learned from could be scored as test; train a new run"
        )
    return Split.from_dict(json.loads(tags["cytolapse.split"]))


def _model_folder(reference: str, tracking: str) -> Path:
    spool = reference.removeprefix("spool:")
    if spool != reference or Path(reference).is_dir():
        return load_folder(f"spool:{spool}/segmenter")
    return load_folder(f"runs:/{reference}/segmenter", "" if tracking.startswith("spool:") else tracking)


def evaluate_split(masks: MaskSource, dataset: DataSet, split: Split, part: str, run: Run) -> dict[str, Result]:
    """Segment one part of a data set and log everything about it; reference ("gold", "silver") -> its result.

    Raises:
        CytolapseError: that part has no truth.
    """
    with segmented(masks, dataset, split, part) as evaluation:
        return log_evaluation(evaluation, masks, dataset, part, run)


@contextmanager
def segmented(masks: MaskSource, dataset: DataSet, split: Split, part: str) -> Iterator[Evaluation]:
    """One part of a data set with its masks written, in a folder that lasts as long as the block.

    Raises:
        CytolapseError: that part has no truth, or a mask can't be had.
    """
    movies = _scored(dataset, split, part)
    with tempfile.TemporaryDirectory(prefix="cytolapse-") as scratch:
        evaluation = Evaluation(movies, dataset.border, Path(scratch) / "masks", Path(scratch) / part, dataset.minutes)
        evaluation.segment(masks)
        yield evaluation


def log_evaluation(
    evaluation: Evaluation, masks: MaskSource, dataset: DataSet, part: str, run: Run
) -> dict[str, Result]:
    """Score the masks that were written and log everything about them; reference -> its result."""
    near = evaluation.near(masks)
    results = evaluation.score(near)
    seams = {name: seam_scores(result.objects) for name, result in results.items()} if near else {}
    evaluation.pack(results)
    run.artifact(evaluation.out)
    log_results(run, part, results)
    run.metrics({f"{part}/{name}/{key}": value for name, row in seams.items() for key, value in row.items()})
    run.metrics({f"{part}/readings": 1.0})
    log_ignore(run, dataset, part)
    run.input(dataset.name, dataset.digest, context=PARTS[part], source=str(dataset.path.resolve()))
    run.text(report(part, dataset, masks, results, seams), f"{part}/report.md")
    return results


def _scored(dataset: DataSet, split: Split, part: str) -> list[Movie]:
    movies = split.movies(dataset, PARTS[part])
    if not any(known(movie, reference).any() for movie in movies for reference in movie.references):
        raise CytolapseError(f"{dataset.path} has no truth in its {part} part: there is nothing to score against")
    return movies


def log_ignore(run: Run, dataset: DataSet, part: str = "") -> None:
    """Keep the ignore list that was used, in training ("") or for the scores of a part; "" says that there was none."""
    name = ".".join(filter(None, ("cytolapse.ignore", part)))
    run.tags({name: "" if dataset.ignore is None else dataset.ignore.digest})
    if dataset.ignore is not None:
        run.text(dataset.ignore.text, "/".join(filter(None, (part, "ignore.csv"))))


def log_results(run: Run, part: str, results: dict[str, Result]) -> None:
    """Scores, values at three thresholds, curves and the whole JSON of every reference."""
    for reference, result in results.items():
        name = f"{part}/{reference}"
        values: dict[str, float | None] = {f"{name}/{score}": value for score, value in result.scores.items()}
        for threshold in THRESHOLDS:
            row = result.at(threshold)
            values |= {f"{name}/{key}_iou_{threshold:.2f}": row[key] for key in AT_THRESHOLD}
        counts = {"n_truth": result.n_truth, "n_pred": result.n_pred, "frames": result.frames}
        if name.endswith("silver") and result.ignored_truth + result.ignored_pred:
            counts |= {"ignored_truth": result.ignored_truth, "ignored_pred": result.ignored_pred}
        values |= {f"{name}/{key}": float(count) for key, count in counts.items()}
        run.metrics(values | _limits(name, result), model="segmenter")
        for key in CURVES:
            run.curve(f"curve/{name}/{key}", {round(100 * row["threshold"]): row[key] for row in result.curve})
        run.json(result.to_json(), f"curves/{part}-{reference}.json")
        shown = {key: values.get(f"{name}/{key}") for key in ("seg", "det_masks", "pixel_iou", "f1_iou_0.50")}
        log.info("%s: %s", name, ", ".join(f"{k} {'-' if v is None else format(v, '.3f')}" for k, v in shown.items()))


def _limits(name: str, result: Result) -> dict[str, float | None]:
    """The intervals of HEADLINES, so that tables of runs have error bars without a file."""
    known = {score: result.intervals[score] for score in HEADLINES}
    return {f"{name}/{score}_{side}": getattr(known[score], side) for score in known for side in ("low", "high")}
