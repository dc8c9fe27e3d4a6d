"""A store of many finished runs, as one gets in a year of work; for benchmarks/dashboard.py."""

from __future__ import annotations

import math
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

METRICS, PARAMS = 50, 20
STARTED_MS = 1_760_000_000_000
HOUR_MS = 3_600_000
RECIPES = ("classical", "unet", "flow_unet", "convlstm_unet", "stardist")
HEADS = ("boundary", "distance", "flow")
DATASETS = ("PhC-C2DH-U373", "BF-C2DL-MuSC", "BF-C2DL-HSC")
FIELDS = (
    *("recipe", "head", "network", "widths", "norm", "kernel", "clip", "batch", "crop", "augment", "learning_rate"),
    *("weight_decay", "warm_up", "train_steps", "validate_every", "patience", "precision", "postprocess", "tile"),
    "seed",
)
THRESHOLDS = ("0.25", "0.50", "0.75")
SCORES = ("seg", "det_masks", "op_csb_masks", "pixel_iou")
KEYS = (
    *("val/silver/op_csb_masks", "val/loss", "val/op_csb_masks", "train/loss", "train/minutes", "train/steps"),
    *("train/best_step", "test/readings", "test/gold/n_truth", "test/gold/n_pred"),
    *(f"test/gold/{score}{end}" for score in SCORES for end in ("", "_low", "_high")),
    *(f"test/gold/{kind}_iou_{at}" for kind in ("f1", "precision", "recall", "ap") for at in THRESHOLDS),
    *(f"test/silver/{score}" for score in SCORES),
    *(f"test/silver/{kind}_iou_{at}" for kind in ("f1", "precision", "recall", "ap") for at in THRESHOLDS),
)
TABLES = ("runs", "latest_metrics", "metrics", "params", "tags")


def fill(database: Path, count: int) -> None:
    """Log runs of 50 metrics, 20 parameters and the tags of a training, through MLflow's own client."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{database.resolve()}")
    folder = database.resolve().parent / "mlruns"
    experiments = [client.create_experiment(name, str(folder / name)) for name in DATASETS]
    for number in range(count):
        _log(client, experiments[number % len(DATASETS)], number)


def _log(client: Any, experiment: str, number: int) -> None:
    from mlflow.entities import Metric, Param, RunTag

    random = np.random.default_rng(number)
    recipe, head = RECIPES[number % len(RECIPES)], HEADS[number // 2 % len(HEADS)]
    started = STARTED_MS + number * HOUR_MS
    settings = {"recipe": recipe, "head": head, "seed": str(number % 5)}
    own = {"dataset": DATASETS[number % len(DATASETS)], "digest": f"{number:016x}", "git_commit": f"{number:040x}"}
    tags = {f"cytolapse.{key}": value for key, value in (own | settings).items()} | {"metric_schema_version": "3"}
    run = client.create_run(experiment, started, tags, f"{recipe}-{head}-{number:06x}").info.run_id
    metrics = [Metric(key, _value(key, random), started, 0) for key in KEYS]
    params = [Param(f"cfg.{field}", settings.get(field, str(random.integers(1, 9)))) for field in FIELDS]
    client.log_batch(run, metrics, params, [RunTag("mlflow.source.name", "cytolapse")])
    client.set_terminated(run, "FAILED" if number % 25 == 0 else "FINISHED", started + HOUR_MS // 3)


def _value(key: str, random: np.random.Generator) -> float:
    if key == "test/readings":
        return 1.0
    return (
        float(random.integers(20, 2000)) if key.endswith(("n_truth", "n_pred", "steps", "minutes")) else _score(random)
    )


def _score(random: np.random.Generator) -> float:
    return 1 / (1 + math.exp(-random.normal(1.5, 0.7)))


def multiply(database: Path, copy: Path, times: int) -> None:
    """A copy of a store in which each run exists several times under other ids: rows copied in the database."""
    shutil.copyfile(database, copy)
    connection = sqlite3.connect(copy)
    with connection:
        for table in TABLES:
            names = [f'"{row[1]}"' for row in connection.execute(f"PRAGMA table_info({table})")]
            connection.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table}")
            for number in range(1, times):
                # Ids are hexadecimal: a letter beyond f makes them new ones.
                taken = [f"'{chr(102 + number)}' || substr(run_uuid, 2)" if n == '"run_uuid"' else n for n in names]
                connection.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(taken)} FROM one")
            connection.execute("DROP TABLE one")
    connection.close()
