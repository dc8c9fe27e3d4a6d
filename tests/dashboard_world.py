"""A small store as training and evaluation leave it: discs as cells, made through `cytolapse.tracking`."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from cytolapse.metrics import match, summarise
from cytolapse.previews import FrameView, write_previews
from cytolapse.tracking import resume_run, start_run
from cytolapse.tracking.client import connect

PARTIAL = 14
"""Frame in which one cell has no gold truth."""
HIGHLIGHTS = {"precision", "recall", "f1", "ap", "pq"}


def discs(frame: int, shift: int = 0, missing: int = -1) -> np.ndarray:
    """(60, 80) labels: four discs that drift; one may be missing."""
    y, x = np.mgrid[:60, :80]
    labels = np.zeros((60, 80), np.uint16)
    for number, (row, col) in enumerate([(15, 15), (15, 55), (42, 25), (42, 62)]):
        if number != missing:
            labels[(y - row) ** 2 + (x - col - frame - shift) ** 2 < 81] = number + 1
    return labels


def movie(shift: int, frames: int = 6) -> list[FrameView]:
    """Frames 10 ..., gold in every other; every prediction is off by `shift`, and one cell is lost in frame 12."""
    rng = np.random.default_rng(0)
    views = []
    for number in range(10, 10 + frames):
        truth = discs(number - 10)
        image = np.clip(90 + 60 * (truth > 0) + rng.normal(0, 6, truth.shape), 0, 255).astype(np.uint8)
        prediction = discs(number - 10, shift, missing=1 if number == 12 else -1)
        references = {"silver": truth}
        if number % 2 == 0:
            references["gold"] = discs(number - 10, missing=2) if number == PARTIAL else truth
        views.append(FrameView(number, image, prediction, references))
    return views


def long_movie(shift: int, frames: int = 90) -> list[FrameView]:
    """Nine blocks of frames, three or four cells in each, gold in all; every seventh frame misses another cell."""
    rng = np.random.default_rng(shift)
    views = []
    for number in range(frames):
        absent = number // 10 % 2 * 2
        truth = discs(number % 10, missing=absent - 1)
        lost = discs(number % 10, shift + number % 3, missing=absent - 1)
        prediction = np.where(lost == (rng.integers(1, 5) if number % 7 == 0 else 0), 0, lost).astype(np.uint16)
        image = np.clip(90 + 60 * (truth > 0) + rng.normal(0, 6, truth.shape), 0, 255).astype(np.uint8)
        views.append(FrameView(number, image, prediction, {"gold": truth, "silver": truth}))
    return views


def log_scores(run, views: list[FrameView], split: str, sequence: str = "02") -> None:
    """Scores, curves, tables and previews of one split."""
    frames, objects, counts = [], [], []
    for reference in ("gold", "silver"):
        known = [view for view in views if reference in view.references]
        matchings = [
            match(
                view.references[reference],
                view.prediction,
                sequence=sequence,
                frame=view.number,
                full=(reference, view.number) != ("gold", PARTIAL),
            )
            for view in known
        ]
        result = summarise(matchings)
        place = f"{split}/{reference}"
        run.metrics({f"{place}/{name}": value for name, value in result.scores.items()})
        run.metrics({f"{place}/n_truth": result.n_truth})
        for threshold in (0.25, 0.5, 0.75):
            row = result.at(threshold)
            run.metrics({f"{place}/{name}_iou_{threshold:.2f}": row[name] for name in HIGHLIGHTS})
        for name in ("precision", "recall", "f1", "precision_any", "recall_any"):
            values = {round(100 * row["threshold"]): row[name] for row in result.curve}
            run.curve(f"curve/{place}/{name}", values)
        run.json(result.to_json(), f"curves/{split}-{reference}.json")
        frames += [{**row, "reference": reference} for row in result.by_frame]
        counts += [{**row, "reference": reference} for row in result.counts]
        objects += [{**row, "reference": reference} for row in result.objects]
    run.metrics({f"{split}/readings": 1.0})
    with TemporaryDirectory() as folder:
        for name, rows in (("frames", frames), ("objects", objects), ("counts", counts)):
            pd.DataFrame(rows).to_parquet(Path(folder) / f"{name}.parquet")
            run.artifact(Path(folder) / f"{name}.parquet", split)
        write_previews(Path(folder) / f"{sequence}.zip", views)
        run.artifact(Path(folder) / f"{sequence}.zip", f"{split}/previews")


def log_training(run, steps: int = 5, level: float = 0.8) -> None:
    """A loss that falls, a score that rises."""
    for step in range(steps):
        run.metrics({"train/loss": level / (step + 1), "train/frames_per_second": 20 + step}, step=10 * step)
        run.metrics({"val/loss": 1.1 * level / (step + 1), "val/op_csb_masks": 1 - level / (step + 2)}, step=10 * step)


def tags(recipe: str, head: str, dataset: str = "demo") -> dict[str, str]:
    """The tags by which the dashboard groups."""
    return {"cytolapse.dataset": dataset, "cytolapse.recipe": recipe, "cytolapse.head": head}


def make_store(uri: str) -> dict[str, str]:
    """Two scored runs (unet's test part read twice), one of simulate, one bare, one failed; names -> run ids."""
    ids = {}
    for name, head, shift in (("unet", "boundary", 1), ("classical", "classical", 4)):
        with start_run(uri, experiment="demo", name=f"{name}-{head}", tags=tags(name, head)) as run:
            run.params({"cfg.recipe": name, "cfg.head": head, "cfg.seed": 0})
            if name == "unet":
                log_training(run)
            log_scores(run, movie(shift), "val", "01")
            log_scores(run, movie(shift), "test")
        ids[name] = run.run_id
    with resume_run(ids["unet"], tracking=uri) as run:
        run.metrics({"test/readings": 1.0})
    with start_run(uri, experiment="demo", name="simulate", tags={"mlflow.project.entryPoint": "simulate"}) as run:
        pass
    ids["simulate"] = run.run_id
    with start_run(uri, experiment="demo", name="<b>bare</b> [x](http://evil)", tags={}) as run:
        pass
    ids["bare"] = run.run_id
    try:
        with start_run(uri, experiment="demo", name="failed", tags=tags("unet", "boundary")) as run:
            run.params({"cfg.recipe": "unet"})
            raise RuntimeError("planned")
    except RuntimeError:
        ids["failed"] = run.run_id
    return ids


def running(uri: str, minutes: float = 10, step: int = 300, beat_s: float = 5, **tagged: str) -> str:
    """A run that some other process trains: begun so many minutes ago, heard of so many seconds ago; its id."""
    now = time.time_ns() // 1_000_000
    client = connect(uri)
    experiment = client.get_experiment_by_name("demo")
    place = client.create_experiment("demo") if experiment is None else experiment.experiment_id
    more = {"cytolapse.heartbeat": str(now - round(1000 * beat_s)), "cytolapse.estimate_minutes": "30", **tagged}
    run = client.create_run(place, now - round(60_000 * minutes), {**tags("unet", "boundary"), **more}, "night-run")
    run_id = str(run.info.run_id)
    client.log_param(run_id, "cfg.train_steps", "1200")
    client.log_param(run_id, "cfg.recipe", "unet")
    for number in range(1, 7 if step else 1):
        client.log_metric(run_id, "train/loss", 1 / number, step=step * number // 6)
    return run_id


def seeds(uri: str, count: int = 3) -> tuple[str, list[str]]:
    """A parent and its seeds, alike but for the seed, with scores and intervals; their ids."""
    ids = []
    with start_run(uri, experiment="demo", name="unet-boundary-3-seeds", tags=tags("unet", "boundary")) as parent:
        for seed in range(count):
            child = parent.child(f"seed {seed}")
            with start_run(uri, experiment="demo", name="unet", tags=tags("unet", "boundary"), parent=child) as run:
                run.params({"cfg.recipe": "unet", "cfg.head": "boundary", "cfg.seed": seed, "cfg.batch": 2 + 0 * seed})
                value = 0.7 + 0.05 * seed
                scores = {"seg": value, "seg_low": value - 0.1, "seg_high": value + 0.05}
                run.metrics({f"test/gold/{name}": number for name, number in scores.items()})
                run.metrics({"val/silver/op_csb_masks": value})
            ids.append(run.run_id)
    return parent.run_id, ids
