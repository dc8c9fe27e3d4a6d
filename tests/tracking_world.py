"""A small run and what a store shows of it: shared by the tests of tracking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytolapse.tracking.client import connect
from cytolapse.tracking.models import logged_models

if TYPE_CHECKING:
    from cytolapse.tracking import Run

OWN = ("cytolapse.local_run_id", "cytolapse.heartbeat", "mlflow.runName", "mlflow.user", "mlflow.source.name")


def model_folder(folder: Path, content: bytes = b"weights") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"config": {}}))
    (folder / "weights.safetensors").write_bytes(content)
    return folder


def log_example(run: Run, folder: Path, steps: int = 3) -> None:
    """A bit of everything that a training logs."""
    previews = folder / "previews"
    previews.mkdir(parents=True, exist_ok=True)
    (previews / "01.zip").write_bytes(b"PK")
    (folder / "objects.parquet").write_bytes(b"PAR1")
    run.params({"cfg.seed": 0, "cfg.head": "boundary"})
    run.input("toy", "d" * 16, context="training", source="data/toy")
    run.input("toy", "d" * 16, context="validation", source="data/toy")
    for step in range(steps):
        run.metrics({"train/loss": 1 / (step + 1), "val/nothing": None, "val/nan": float("nan")}, step=step)
    run.model(model_folder(folder / "a", b"first"), "segmenter", step=1)
    run.model(model_folder(folder / "b", b"second"), "segmenter", step=2)
    run.model(model_folder(folder / "c", b"last"), "last", step=3, kind="checkpoint")
    run.metrics({"val/silver/seg": 0.5, "test/gold/seg": 0.4}, step=2, model="segmenter")
    run.curve("curve/test/gold/precision", {0: 1.0, 50: 0.5, 100: None})
    run.artifact(previews, "test")
    run.artifact(folder / "objects.parquet", "test")
    run.json({"frames": 3}, "curves/test-gold.json")
    run.text("# Report\n", "report.md")
    run.tags({"cytolapse.head": "boundary"})


def shown(uri: str, run_id: str, experiment_too: bool = True) -> dict[str, Any]:
    """What the store has of a run, without ids, times of day and machine."""
    client = connect(uri)
    run = client.get_run(run_id)
    files = {}
    for path in _walk(client, run_id, None):
        files[path] = Path(client.download_artifacts(run_id, path)).read_bytes()
    return {
        "status": run.info.status,
        "took": None if run.info.end_time is None else run.info.end_time >= run.info.start_time,
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key not in OWN},
        "metrics": {key: _history(client, run_id, key) for key in run.data.metrics},
        "inputs": sorted(
            (i.dataset.name, i.dataset.digest, i.dataset.source, i.dataset.profile, [(t.key, t.value) for t in i.tags])
            for i in run.inputs.dataset_inputs
        ),
        "files": files,
        "models": {model.name: _model(client, model) for model in logged_models(client, run_id)},
        "outputs": sorted(output.step for output in run.outputs.model_outputs),
        **({"experiment": client.get_experiment(run.info.experiment_id).name} if experiment_too else {}),
    }


def _history(client: Any, run_id: str, key: str) -> list[tuple[int, float]]:
    return sorted((point.step, point.value) for point in client.get_metric_history(run_id, key))


def _model(client: Any, model: Any) -> dict[str, Any]:
    folder = Path(model.artifact_location)
    return {
        "type": model.model_type,
        "status": model.status,
        "step": model.tags["cytolapse.step"],
        "files": sorted(each.path for each in client.list_logged_model_artifacts(model.model_id)),
        "weights": (folder / "weights.safetensors").read_bytes(),
        "metrics": sorted((m.key, m.value, m.dataset_name, m.dataset_digest) for m in model.metrics or []),
    }


def _walk(client: Any, run_id: str, folder: str | None) -> list[str]:
    paths = []
    for each in client.list_artifacts(run_id, folder):
        paths += _walk(client, run_id, each.path) if each.is_dir else [each.path]
    return sorted(paths)
