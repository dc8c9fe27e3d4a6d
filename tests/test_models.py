"""Logged models: found by every kind of URI, loaded without running anything that lies beside them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tracking_world import model_folder

from cytolapse.config import Config
from cytolapse.errors import CytolapseError
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import load_folder, start_run
from cytolapse.tracking.client import connect
from cytolapse.tracking.models import logged_models

ROOT = Path(__file__).resolve().parents[1]


def logged(folder: Path, **fields: object) -> str:
    """Id of a run whose model is in the folder."""
    with start_run(experiment="toy", name="unet") as run:
        run.model(folder, "segmenter", step=3, **fields)
    assert run.closing_line().startswith("run_id: ")
    return run.run_id


@pytest.fixture
def run_id(store: str, tmp_path: Path) -> str:
    return logged(model_folder(tmp_path / "model"))


def model_of(store: str, run_id: str) -> str:
    return logged_models(connect(store), run_id)[0].model_id


def test_every_kind_of_uri_leads_to_the_folder(store: str, run_id: str, tmp_path: Path) -> None:
    client = connect(store)
    model = model_of(store, run_id)
    client.create_registered_model("toy")
    client.create_model_version("toy", f"models:/{model}", run_id, model_id=model)
    client.set_registered_model_alias("toy", "champion", "1")
    uris = [f"runs:/{run_id}/segmenter", f"models:/{model}", "models:/toy/1", "models:/toy@champion"]
    folders = {load_folder(uri) for uri in uris}
    assert len(folders) == 1
    assert (folders.pop() / "weights.safetensors").read_bytes() == b"weights"
    assert load_folder(str(tmp_path / "model")) == tmp_path / "model"


def test_unknown_models_are_errors_that_list_what_exists(store: str, run_id: str, tmp_path: Path) -> None:
    client = connect(store)
    model = model_of(store, run_id)
    with pytest.raises(CytolapseError, match="has no registered model 'toy': it has none; `cytolapse promote RUN_ID`"):
        load_folder("models:/toy@champion")
    client.create_registered_model("toy")
    client.create_model_version("toy", f"models:/{model}", run_id)
    client.set_registered_model_alias("toy", "challenger", "1")
    client.create_registered_model("foreign")
    client.create_model_version("foreign", "s3://bucket/model")
    for uri, message in {
        "models:/tiy/1": "has no registered model 'tiy': it has foreign, toy",
        "models:/toy@champion": "registered model 'toy' has no alias 'champion': it has challenger",
        "models:/toy/7": "registered model 'toy' has no version 7: it has 1",
        "models:/foreign/1": "is from s3://bucket/model, which `cytolapse promote` did not register",
        f"runs:/{run_id}/best": f"run {run_id} has no model 'best': it has segmenter",
        "runs:/nothing/segmenter": "runs:/nothing/segmenter: not in sqlite:///.*`cytolapse runs` lists",
        f"models:/m-{'0' * 32}": "not in sqlite:///",
        "models:/toy": "names no model: give a folder, models:/NAME@ALIAS",
        "nowhere": "'nowhere' names no model: it is no folder; give",
        str(tmp_path): "it holds no config.json; give",
    }.items():
        with pytest.raises(CytolapseError, match=message):
            load_folder(uri)
    client.delete_run(run_id)
    with pytest.raises(CytolapseError, match=f"run {run_id} was deleted: bring it back"):
        load_folder(f"runs:/{run_id}/segmenter")


def test_a_server_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(CytolapseError, match=r"models:/toy/1: .*:9 does not answer \(Connection refused\)"):
        load_folder("models:/toy/1", "http://127.0.0.1:9")


def test_weights_that_did_not_travel_are_marked(store: str, tmp_path: Path) -> None:
    from cytolapse.tracking.sync import sync

    with start_run(f"spool:{tmp_path}/spool", experiment="toy") as run:
        run.model(model_folder(tmp_path / "model"), "segmenter", step=3)
    next(run.folder.rglob("files/**/weights.safetensors")).unlink()
    run_id = sync(run.folder, store)
    assert logged_models(connect(store), run_id)[0].tags["cytolapse.weights"] == "absent"
    with pytest.raises(CytolapseError, match=r"the weights of model m-.* were left out of the spool it came from"):
        load_folder(f"runs:/{run_id}/segmenter")


def test_nothing_that_is_planted_beside_a_model_is_run(store: str, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path}/exploded",)

    planted = f"open({str(tmp_path / 'exploded')!r}, 'w')\n"
    source = tmp_path / "source"
    Segmenter.build(Config(network="unet", widths="4,8")).save(source)
    run_id = logged(source)
    folder = load_folder(f"runs:/{run_id}/segmenter")
    (folder / "python_model.pkl").write_bytes(pickle.dumps(Bomb()))
    (folder / "data.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("model.py", "cytolapse.py", "sitecustomize.py", "__init__.py"):
        (folder / name).write_text(planted)
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    python_model: python_model.pkl\n"
        "    model_code_path: model.py\n    code: .\n    python_version: 3.11.7\n"
    )
    again = Segmenter.load(load_folder(f"runs:/{run_id}/segmenter"))
    assert next(iter(again.segment(np.zeros((1, 16, 16), np.uint8)))).shape == (16, 16)
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CytolapseError):
        Segmenter.load(load_folder(f"runs:/{run_id}/segmenter"))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.slow
def test_mlflow_loads_it_in_a_process_that_has_only_the_platform(store: str, tmp_path: Path) -> None:
    segmenter = Segmenter.build(Config(network="unet", widths="4,8"))
    segmenter.save(tmp_path / "model")
    run_id = logged(tmp_path / "model")
    frames = np.random.default_rng(0).integers(0, 255, (2, 32, 32)).astype(np.uint16)
    np.save(tmp_path / "frames.npy", frames)
    np.save(tmp_path / "labels.npy", np.stack(list(segmenter.segment(frames))))
    program = (
        "import sys, mlflow, numpy as np\n"
        f"model = mlflow.pyfunc.load_model('runs:/{run_id}/segmenter')\n"
        "labels = model.predict(np.load('frames.npy'))\n"
        "assert labels.dtype == np.int32 and labels.shape == (2, 32, 32)\n"
        "np.testing.assert_array_equal(labels, np.load('labels.npy'))\n"
        "assert 'trainers' not in sys.modules\n"
    )
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "platform"),
        "MLFLOW_TRACKING_URI": store,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    }
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
