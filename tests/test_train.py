"""Training and evaluation, through the command line."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from conftest import ROOT, python, write_toy

from cytolapse.data import open_dataset
from cytolapse.segmenter import Segmenter
from cytolapse.tracking import load_folder, open_store
from cytolapse.tracking import logged as logged_run
from trainers import checkpoint, fit
from trainers.recipes import RECIPES

TINY = (
    "--widths 4,8 --crop 48 --batch 2 --train-steps 8 --validate-every 4 --validate-frames 2 --postprocess drop_small=9"
)
TINY = TINY.split()
SETTINGS = {
    "classical": [],
    "mask_rcnn": [*TINY, *"--network resnet18 --crop 64 --train-steps 2 --validate-every 2".split()],
}


def run_id(out):
    return re.search(r"^run_id: (\w+)$", out, re.MULTILINE)[1]


def losses(spool):
    events = [json.loads(line) for line in (spool / "spool.jsonl").read_text().splitlines()]
    found = {e["step"]: e["values"]["train/loss"] for e in events if "train/loss" in e.get("values", {})}
    return [found[step] for step in sorted(found)]


@pytest.fixture(scope="module")
def trained(toy, tmp_path_factory):
    """A store with one trained and evaluated run: (folder, run id)."""
    folder = tmp_path_factory.mktemp("store")
    env = {"CYTOLAPSE_HOME": str(folder / "home")}
    done = python("-m", "trainers", "train", "unet", "--data", toy, *TINY, cwd=folder, **env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("run_id: "), "the last line on stdout says the run"
    run = run_id(done.stdout)
    done = python("-m", "trainers", "evaluate", run, "--data", toy, cwd=folder, **env)
    assert done.returncode == 0, done.stderr
    return folder, run


@pytest.fixture
def logged(trained, monkeypatch):
    folder, run = trained
    uri = f"sqlite:///{folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return mlflow.MlflowClient(uri).get_run(run)


def test_the_resolved_config_and_the_provenance_are_logged(logged, toy):
    assert logged.data.params["cfg.widths"] == "4,8"
    assert logged.data.params["cfg.head"] == "boundary"
    assert logged.data.params["cfg.precision"] in ("bf16-mixed", "32-true"), "not auto: what it was here"
    tags = logged.data.tags
    assert tags["cytolapse.digest"] == open_dataset(toy).digest
    assert json.loads(tags["cytolapse.split"])["test"] == [["01", 32, 40]]
    assert tags["cytolapse.dataset"] == "toy"
    assert {"metric_schema_version", "cytolapse.machine", "cytolapse.seed", "cytolapse.versions"} <= set(tags)
    assert logged.info.run_name.startswith("unet-boundary-")


def test_scores_name_split_and_truth(logged):
    metrics = logged.data.metrics
    for name in (
        "val/silver/op_csb_masks",
        "test/gold/seg",
        "test/silver/f1_iou_0.50",
        "test/gold/n_truth",
        "ceiling/seg",
    ):
        assert name in metrics, name
    assert metrics["test/gold/n_truth"] == 8
    assert metrics["test/readings"] == 1


def test_curves_tables_and_pictures_are_there(logged):
    reader = open_store()
    run = logged.info.run_id
    curve = reader.series([run], "curve/test/gold/recall")
    assert curve["step"].max() == 100
    table = json.loads(reader.artifact(run, "curves/test-gold.json").read_text())
    assert table["scores"]["seg"] == logged.data.metrics["test/gold/seg"]
    assert table["curve"][50]["recall"] == logged.data.metrics["test/gold/recall_iou_0.50"]
    names = set(reader.artifacts(run, "test")) | set(reader.artifacts(run, "validation"))
    for name in ("test/overlay.webp", "test/report.md", "test/objects.parquet", "validation/000004.png"):
        assert name in names, names


def test_the_model_in_a_process_with_only_the_platform_gives_the_evaluated_masks(logged, trained, toy, tmp_path):
    folder, run = trained
    frames = tmp_path / "frames"
    frames.mkdir()
    for t in range(32, 40):
        (frames / f"t{t:03d}.tif").write_bytes((toy / f"01/t{t:03d}.tif").read_bytes())
    env = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    words = ("-m", "cytolapse", "segment", f"runs:/{run}/segmenter", frames, tmp_path / "out", "--link")
    done = python(*words, path="platform", cwd=tmp_path, **env)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(open_store().artifact(run, "test/masks/01.zip")) as archive:
        assert archive.read("res_track.txt") == (tmp_path / "out/res_track.txt").read_bytes()
        masks = [name for name in archive.namelist() if name.startswith("mask")]
        assert len(masks) == 8
        for name in masks:
            stored = tifffile.imread(BytesIO(archive.read(name)))
            assert stored.dtype == np.uint16
            assert (stored == tifffile.imread(tmp_path / f"out/mask{int(name[4:-4]):03d}.tif")).all()


def test_the_best_and_the_last_checkpoint_are_logged_models(logged, trained):
    for name in ("segmenter", "last"):
        folder = load_folder(f"runs:/{trained[1]}/{name}")
        assert {each.name for each in folder.iterdir()} >= {"config.json", "weights.safetensors"}
    client = mlflow.MlflowClient(f"sqlite:///{trained[0]}/mlflow.db")
    scores = {
        model.name: {metric.key: metric.value for metric in model.metrics}
        for model in client.search_logged_models([logged.info.experiment_id])
    }
    assert scores["last"] == {"val/op_csb_masks": logged.data.metrics["val/op_csb_masks"]}
    assert scores["segmenter"]["test/gold/seg"] == logged.data.metrics["test/gold/seg"]


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_recipe_trains_without_mlflow(recipe, toy, cli, tmp_path):
    settings = SETTINGS.get(recipe, TINY)
    code, out, err = cli("train", recipe, "--data", toy, "--tracking", "spool:run", *settings)
    assert code == 0, err
    assert out.splitlines()[-1] == f"spool: {tmp_path / 'run'}"
    code, out, err = cli("evaluate", "spool:run", "--data", toy)
    assert code == 0, err
    assert "test/gold: seg" in err


def test_a_tiled_training_logs_how_cells_fare_near_seams(toy, cli, tmp_path):
    words = ("--train-steps", 1, "--validate-every", 1, "--tile", 48, "--stitch", "hard", "--tracking", "spool:run")
    code, _, err = cli("train", "unet", "--data", toy, *TINY, *words)
    assert code == 0, err
    events = [json.loads(line) for line in (tmp_path / "run/spool.jsonl").read_text().splitlines()]
    logged = {name: value for each in events for name, value in each.get("values", {}).items()}
    assert {"iou_near_seams", "iou_away_from_seams"} <= {name.removeprefix("val/silver/") for name in logged}
    counts = logged["val/silver/n_near_seams"] + logged["val/silver/n_away_from_seams"]
    assert counts == logged["val/silver/n_truth"]
    config = json.loads((tmp_path / "run/segmenter/config.json").read_text())["config"]
    assert (config["tile"], config["stitch"]) == (48, "hard")


def test_the_source_preset_resizes_whole_frames(toy, cli):
    settings = ["--frame-size", 32, "--batch", 2, "--widths", "4,8", "--train-steps", 2, "--validate-every", 2]
    code, _, err = cli("train", "unet", "--data", toy, "--tracking", "spool:run", "--preset", "source", *settings)
    assert code == 0, err
    assert "of memory" in err, "time and memory are estimated before the first step"


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C after that many steps of a training in the block."""

    @contextmanager
    def after(steps):
        left, step = iter(range(steps)), fit._step

        def cut(*parts):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return step(*parts)

        with monkeypatch.context() as patch:
            patch.setattr(fit, "_step", cut)
            yield

    return after


@pytest.mark.parametrize(("recipe", "more"), [("unet", ""), ("convlstm_unet", "--clip 2 --chain 3")])
def test_resume_goes_on_bit_identically(recipe, more, toy, cli, tmp_path, interrupted):
    train = ("train", recipe, "--data", toy, *TINY, *more.split())
    assert cli(*train, "--tracking", "spool:whole")[0] == 0
    with interrupted(6):
        assert cli(*train, "--tracking", "spool:cut")[0] != 0
    assert checkpoint.load(tmp_path / "cut/checkpoints/last.pt")["progress"]["step"] == 4
    code, _, err = cli("train", recipe, "--data", toy, "--resume", "spool:cut")
    assert code == 0, err
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    whole, resumed = (checkpoint.load(tmp_path / name / "checkpoints/last.pt") for name in ("whole", "cut"))
    for name, weights in whole["parts"]["model"].items():
        assert torch.equal(weights, resumed["parts"]["model"][name]), name
    assert torch.equal(whole["random"], resumed["random"]), "a network that draws would go on alike"


@pytest.fixture
def finished(toy, cli, tmp_path):
    """The folder of a finished training that was only spooled."""
    assert cli("train", "unet", "--data", toy, *TINY, "--tracking", "spool:done")[0] == 0
    return tmp_path / "done"


def test_resuming_a_finished_training_changes_nothing(finished, toy, cli):
    before = (finished / "segmenter/weights.safetensors").read_bytes()
    last = (finished / "last/weights.safetensors").read_bytes()
    shutil.rmtree(finished / "last")  # as on another machine
    code, _, err = cli("train", "unet", "--data", toy, "--resume", "spool:done", "--batch", 2, "--widths", "4,8")
    assert code == 0, err
    assert (finished / "segmenter/weights.safetensors").read_bytes() == before
    assert (finished / "last/weights.safetensors").read_bytes() == last
    assert len(losses(finished)) == 8


def test_a_resumed_training_keeps_its_settings_and_its_data(finished, toy, tmp_path):
    other = write_toy(tmp_path / "other", frames=30)
    refusals = [
        ((toy, "--batch", 3), "--batch is 2 in that run and can't be changed with --resume: leave out --batch 3"),
        ((other,), "is not what spool:done was trained on"),
    ]
    for (data, *more), message in refusals:
        words = ("-m", "trainers", "train", "unet", "--data", data, "--resume", "spool:done", *more)
        done = python(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_resumed_training_keeps_its_recipe(finished, toy, cli):
    code, _, err = cli("train", "flow_unet", "--data", toy, "--resume", "spool:done")
    assert code == 1
    assert "RECIPE is unet in that run and can't be changed with --resume: give unet, or train a new run" in err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_training_on_cuda_resumes(toy, cli, interrupted):
    with interrupted(6):
        assert cli("train", "unet", "--data", toy, *TINY, "--device", "cuda", "--tracking", "spool:cut")[0] != 0
    code, _, err = cli("train", "unet", "--data", toy, "--resume", "spool:cut")
    assert code == 0, err


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_last_checkpoint(toy, tmp_path):
    settings = [*TINY, "--train-steps", "4000", "--validate-every", "2", "--patience", "0"]
    train = [sys.executable, "-m", "trainers", "train", "unet", "--data", toy, *settings, "--tracking", "spool:run"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/platform:{ROOT}"}
    process = subprocess.Popen(list(map(str, train)), cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
    last = tmp_path / "run/checkpoints/last.pt"
    while not last.is_file() or checkpoint.load(last)["progress"]["step"] < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    step = checkpoint.load(last)["progress"]["step"]
    logged = losses(tmp_path / "run")
    assert len(logged) >= step >= 2, "nothing logged before the kill is lost"
    code = "import trainers.fit as f; f.Fit.finished = property(lambda job: job.step >= STEP)\n".replace(
        "STEP", str(step + 2)
    )
    code += "import sys; from cytolapse.cli import main; sys.argv[0] = 'cytolapse'; main()"
    done = python("-c", code, "train", "unet", "--data", toy, "--resume", "spool:run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert checkpoint.load(last)["progress"]["step"] == step + 2
    assert losses(tmp_path / "run")[:step] == logged[:step]


def test_fine_tuning_starts_from_the_given_weights(trained, toy, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{trained[0]}/mlflow.db")
    model = f"runs:/{trained[1]}/segmenter"
    settings = [*TINY, "--learning-rate", 1e-12, "--train-steps", 1, "--validate-every", 1]
    code, _, err = cli("train", "unet", "--data", toy, *settings, "--init", model, "--tracking", "spool:tuned")
    assert code == 0, err
    before = Segmenter.load(load_folder(model)).model.state_dict()
    after = Segmenter.load(load_folder("spool:tuned/segmenter")).model.state_dict()
    weights = [name for name in before if name.endswith("weight")]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in weights)
    code, _, err = cli("train", "unet", "--data", toy, *settings, "--init", model, "--widths", "4,16")
    assert code == 1
    assert "has widths '4,8', this training '4,16': give --widths 4,8" in err


def test_a_run_goes_on_from_the_store_when_its_folder_is_gone(toy, cli, tmp_path, interrupted):
    with interrupted(6):
        assert cli("train", "unet", "--data", toy, *TINY)[0] != 0
    (run,) = open_store(f"sqlite:///{tmp_path}/mlflow.db").runs()["run_id"]
    shutil.rmtree(tmp_path / "home/spool")
    code, out, err = cli("train", "unet", "--data", toy, "--resume", run)
    assert code == 0, err
    assert run_id(out) == run
    series = open_store(f"sqlite:///{tmp_path}/mlflow.db").series([run], "train/loss")
    assert sorted(set(series["step"])) == list(range(1, 9))


def test_a_training_cut_before_its_first_validation_says_how_to_go_on(toy, cli, tmp_path, interrupted):
    with interrupted(0):
        code, _, err = cli("train", "unet", "--data", toy, *TINY, "--tracking", "spool:run")
    assert code != 0
    assert f"go on with: cytolapse train unet --resume spool:{tmp_path / 'run'}" in err
    code, _, err = cli("train", "unet", "--data", toy, "--resume", "spool:run")
    assert code == 0, err
    assert len(losses(tmp_path / "run")) == 8


def test_a_refused_evaluation_or_resume_leaves_the_run_as_it_was(trained, toy, cli, tmp_path, monkeypatch):
    uri = f"sqlite:///{trained[0]}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    changed = write_toy(tmp_path / "toy", frames=39)
    for words in (
        ["evaluate", trained[1], "--data", changed],
        ["train", "unet", "--data", changed, "--resume", trained[1]],
    ):
        code, _, err = cli(*words)
        assert code == 1
        assert "trained on" in err, err

    def full(*parts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainers.evaluation.write_previews", full)
    assert cli("evaluate", trained[1], "--data", toy)[0] == 1
    assert mlflow.MlflowClient(uri).get_run(trained[1]).info.status == "FINISHED"


def test_it_stops_early_when_validation_does_not_improve(toy, cli, tmp_path):
    settings = [*TINY, "--patience", 1, "--learning-rate", 1e-12, "--train-steps", 40, "--validate-every", 1]
    code, _, err = cli("train", "unet", "--data", toy, "--tracking", "spool:run", *settings)
    assert code == 0, err
    assert 20 < len(losses(tmp_path / "run")) < 30, "the first half is not counted"


def test_the_same_seed_trains_the_same_model(toy, cli, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert cli("train", "unet", "--data", toy, *TINY, "--seed", seed, "--tracking", f"spool:{name}")[0] == 0
    assert losses(tmp_path / "a") == losses(tmp_path / "b") != losses(tmp_path / "c")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["unett"], 1, "unknown recipe 'unett': choose one of classical, convlstm_unet, distance_unet"),
        (["unet", "--preset", "fast"], 1, "unknown preset 'fast' of unet: choose one of default, quick, source"),
        (["unet", "--network", "resnet"], 1, "unknown network 'resnet': choose one of convlstm_unet, unet"),
        (["unet", "--head", "star"], 1, "unknown head 'star': choose one of boundary, distance, flow, semantic"),
        (["unet", "--learning-rate", "fast"], 2, "Invalid value for '--learning-rate'"),
        (["unet", "--seed", "1.5"], 2, "Invalid value for '--seed'"),
        (["unet", "--batch", "0"], 1, "--batch is 0: it must be at least 1"),
        (["unet", "--postprocess", "blur"], 1, "unknown post-processing step 'blur'"),
        (["unet", "--crop", "100"], 1, "widths 24,48,96,192 needs a multiple of 8, as 96 or 104"),
        (["unet", "--crop", "8"], 1, "--crop is 8: unet with widths 24,48,96,192 needs 16"),
        (["unet", "--postprocess", "close=-3"], 1, "post-processing step close=-3: it must be 0 or more"),
        (["unet", "--frame-size", "3"], 1, "--frame-size is 3: unet with widths 24,48,96,192 needs"),
        (["unet", "--model", "classical"], 1, "--model is classical: unet is a recipe for map; leave it out"),
        (["mask_rcnn", "--network", "unet"], 1, "unknown backbone 'unet': choose one of resnet18, resnet50"),
        (
            ["mask_rcnn", "--anchors", "16"],
            1,
            "--anchors is '16': it must be sizes in px / height to width, like 12,20",
        ),
        (["mask_rcnn", "--anchors", "16,0/1"], 1, "--anchors is '16,0/1'"),
        (["mask_rcnn", "--frame-size", "256"], 1, "--frame-size is 256: Mask R-CNN sees frames at full resolution"),
        (["mask_rcnn", "--crop", "48"], 1, "--crop is 48: Mask R-CNN needs at least 64"),
        (["mask_rcnn", "--pretrained", "maybe"], 1, "--pretrained is 'maybe': it must be one of no, yes"),
        (["mask_rcnn", "--pretrained", "yes", "--norm", "group"], 1, "--pretrained yes are for --norm batch"),
        (["unet", "--seed", 2**32], 1, "--seed is 4294967296: it must be less than 2^32"),
        (["unet", "--resume", "spool:nowhere", "--init", "m"], 1, "--init can't be given with --resume"),
    ],
)
def test_wrong_words(words, code, message, toy, cli, tmp_path):
    got, _, err = cli("train", *words, "--data", toy)
    assert got == code, err
    assert message in err
    assert "Traceback" not in err
    assert "decoding" not in err, "what is wrong is said before minutes of reading"
    assert not (tmp_path / "mlflow.db").exists(), "no run is left behind"


@pytest.mark.parametrize("part", ["nowhere", "empty"])
def test_wrong_data(part, cli, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = cli("train", "unet", "--data", tmp_path / part)
    assert code == 1
    assert part in err
    assert "Traceback" not in err


def test_data_without_truth(cli, tmp_path):
    data = write_toy(tmp_path / "toy2")
    for folder in ("01_ST", "01_GT"):
        (data / folder).rename(tmp_path / folder)
    code, _, err = cli("train", "unet", "--data", data)
    assert code == 1
    assert "has no silver truth" in err


def test_a_validation_part_without_that_truth(cli, tmp_path):
    data = write_toy(tmp_path / "toy2")
    for name in ("024", "020"):
        (data / f"01_GT/SEG/man_seg{name}.tif").unlink()
    code, _, err = cli("train", "unet", "--data", data, "--train-on", "gold", *TINY)
    assert code == 1
    assert "the validation part of" in err and "has no cell in its" in err
    assert not (tmp_path / "mlflow.db").exists()


def test_a_test_part_without_truth_leaves_the_run_as_it_was(cli, tmp_path):
    data = write_toy(tmp_path / "bare")
    for t in range(32, 40):
        for place in ("01_ST", "01_GT"):
            (data / place / f"SEG/man_seg{t:03d}.tif").unlink(missing_ok=True)
    assert cli("train", "unet", "--data", data, *TINY, "--tracking", "spool:done")[0] == 0
    events = (tmp_path / "done/spool.jsonl").read_text()
    code, _, err = cli("evaluate", "spool:done", "--data", data)
    assert code == 1
    assert "has no truth in its test part" in err
    assert (tmp_path / "done/spool.jsonl").read_text() == events


def test_a_loss_that_is_no_number_stops_with_the_mend(toy, cli, tmp_path):
    settings = [*TINY, "--learning-rate", 1e30, "--validate-every", 1, "--tracking", "spool:run"]
    code, _, err = cli("train", "unet", "--data", toy, *settings)
    assert code == 1
    assert "use a lower --learning-rate" in err
    assert "--resume" not in err, "it would end the same way"
    assert losses(tmp_path / "run"), "what was logged before is kept"


def test_after_a_loss_that_is_no_number_the_last_good_weights_are_there(toy, cli, tmp_path, monkeypatch):
    seen, real = iter(range(5)), fit._step

    def spoilt(job, *parts):
        loss = real(job, *parts)
        if next(seen, None) is None:  # at the sixth step; the fourth was validated
            raise fit.DivergedError(f"the loss became nan {job.where()}: {fit.MEND}")
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_step", spoilt)
        code, _, err = cli("train", "unet", "--data", toy, *TINY, "--tracking", "spool:run")
    assert code == 1
    assert re.search(r"at step 6, on frames 01/\d+, 01/\d+: ", err), "it says where to look"
    state = checkpoint.load(tmp_path / "run/checkpoints/last.pt")
    assert state["progress"]["step"] == 4
    assert all(torch.isfinite(each).all() for each in state["parts"]["model"].values())
    init, rate = re.search(r"cytolapse train unet --init (\S+) --learning-rate (\S+)", err).groups()
    assert float(rate) == 1e-4
    more = ("--init", init, "--learning-rate", rate, "--tracking", "spool:mended")
    code, _, err = cli("train", "unet", "--data", toy, *TINY, *more)
    assert code == 0, err


def test_weights_that_the_last_step_spoilt_are_not_kept(toy, cli, tmp_path, monkeypatch):
    real = fit._step

    def spoilt(job, *parts):
        loss = real(job, *parts)
        if job.step == 3:
            next(iter(job.model.parameters())).data.fill_(float("nan"))
        return loss

    monkeypatch.setattr(fit, "_step", spoilt)
    code, _, err = cli("train", "unet", "--data", toy, *TINY, "--tracking", "spool:run")
    assert code == 1
    assert "the loss became nan after step 4: use a lower --learning-rate" in err
    assert checkpoint.load(tmp_path / "run/checkpoints/last.pt")["progress"]["step"] == 0


def test_memory_that_ends_during_training_says_what_would_fit(toy, cli, monkeypatch):
    def full(*parts):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(fit, "_step", full)
    for more, mend in ((["--batch", 4], "--batch 2 takes half of it"), (["--batch", 1], "a --crop smaller than 48")):
        code, _, err = cli("train", "unet", "--data", toy, *TINY, *more, "--tracking", f"spool:run{more[1]}")
        assert code == 1
        assert "out of memory at step 1, on frames 01/" in err and mend in err
        assert "Traceback" not in err


def test_a_checkpoint_of_another_architecture_is_refused(toy, cli, tmp_path, interrupted):
    with interrupted(4):
        cli("train", "unet", "--data", toy, *TINY, "--tracking", "spool:run")
    path = tmp_path / "run/checkpoints/last.pt"
    state = checkpoint.load(path)
    state["config"]["widths"] = "4,16"
    checkpoint.save(path, state)
    code, _, err = cli("train", "unet", "--data", toy, "--resume", "spool:run")
    assert code == 1
    assert "the checkpoint is of another architecture" in err and "train a new run" in err
    assert "Traceback" not in err


def test_the_minutes_of_a_resumed_training_are_those_of_all_its_parts(finished, toy, cli):
    before = logged_run(str(finished)).metrics["train/minutes"]
    code, _, err = cli("train", "unet", "--data", toy, "--resume", "spool:done")
    assert code == 0, err
    assert logged_run(str(finished)).metrics["train/minutes"] == pytest.approx(before, rel=0.2)


@pytest.mark.parametrize("size", [(5, 7), (37, 61)])
def test_frames_smaller_than_the_stride_and_odd_ones_are_trained_on(size, cli, tmp_path):
    world = write_toy(tmp_path / "small", frames=30)
    for path in world.rglob("*.tif"):
        tifffile.imwrite(path, tifffile.imread(path)[38 : 38 + size[0], 34 : 34 + size[1]])
    code, _, err = cli("train", "unet", "--data", world, *TINY, "--widths", "4,8,8,8", "--tracking", "spool:run")
    assert code == 0, err


def test_a_clip_longer_than_the_training_part_is_refused(toy, cli):
    code, _, err = cli("train", "convlstm_unet", "--data", toy, *TINY, "--clip", 30, "--tracking", "spool:run")
    assert code == 1
    assert "--clip is 30: a training part has only 18 frames; use at most those" in err
    assert "--resume" not in err, "there is nothing to go on with"


def test_a_batch_that_the_memory_can_not_hold_says_what_would_fit(toy, cli):
    code, _, err = cli("train", "unet", "--data", toy, *TINY, "--batch", 10**9, "--tracking", "spool:run")
    assert code == 1
    assert re.search(r"--batch 1000000000 needs about [\d.]+ GB of memory, .* free on cpu: --batch \d+ would fit", err)


def test_a_full_disk_leaves_no_half_masks(trained, toy, cli, tmp_path, monkeypatch):
    model = load_folder(f"runs:/{trained[1]}/segmenter", f"sqlite:///{trained[0]}/mlflow.db")
    write = tifffile.imwrite

    def full(path, *parts, **options):
        if "0005" in Path(path).name:
            raise OSError(28, "No space left on device")
        write(path, *parts, **options)

    monkeypatch.setattr(tifffile, "imwrite", full)
    code, _, err = cli("segment", model, toy / "01", "out")
    assert code == 1
    assert "No space left on device" in err
    assert "free some disk space" in err
    assert not list(tmp_path.glob("*out*")), "neither masks nor a partial folder"
    monkeypatch.undo()


def test_segment_refuses_a_folder_that_holds_something(trained, toy, cli, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    model = load_folder(f"runs:/{trained[1]}/segmenter", f"sqlite:///{trained[0]}/mlflow.db")
    code, _, err = cli("segment", model, toy / "01", "out")
    assert code == 1
    assert "out exists already" in err
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


def test_a_border_that_fills_the_frames_is_refused_before_the_training(cli, tmp_path):
    data = write_toy(tmp_path / "toy2")
    (data / "dataset.toml").write_text("border = 48")
    code, _, err = cli("train", "unet", "--data", data, "--tracking", f"spool:{tmp_path / 'spool'}", *TINY)
    assert code == 1
    assert f"the border of {data} is 48 px, but a frame is 96 x 96 px: write a smaller one into {data}" in err
    assert not (tmp_path / "spool").exists()


def test_ids_above_16_bits_are_learned_and_scored(cli, tmp_path):
    data = write_toy(tmp_path / "toy2")
    for file in sorted(data.glob("01_*/*/*.tif")):
        labels = tifffile.imread(file).astype(np.int32)
        labels[labels == 1], labels[labels == 6] = 2**31 - 1, 70000
        tifffile.imwrite(file, labels)
    spool = tmp_path / "spool"
    code, _, err = cli("train", "unet", "--data", data, "--tracking", f"spool:{spool}", *TINY)
    assert code == 0, err
    objects = pd.read_parquet(spool / "files/artifacts/val/objects.parquet")
    assert 2**31 - 1 in set(objects["truth"].dropna())


def test_scores_on_other_data_do_not_take_the_place_of_a_runs_own(cli, toy, tmp_path):
    spool = tmp_path / "spool"
    assert cli("train", "classical", "--data", toy, "--tracking", f"spool:{spool}")[0] == 0
    before = (spool / "spool.jsonl").read_bytes()
    for part in ("val", "test"):
        code, _, err = cli("evaluate", f"spool:{spool}", "--data", write_toy(tmp_path / part), "--split", part)
        assert code == 1
        assert f"is {part}: scores on other data would overwrite its own" in err
    assert (spool / "spool.jsonl").read_bytes() == before


def test_a_validation_part_without_any_cell_is_refused(cli, tmp_path):
    data = write_toy(tmp_path / "toy")
    for t in range(18, 32):
        tifffile.imwrite(data / f"01_ST/SEG/man_seg{t:03d}.tif", np.zeros((96, 96), np.uint16))
    code, _, err = cli("train", "unet", "--data", data, *TINY)
    assert code == 1
    assert "has no cell in its silver truth: there is nothing to choose on" in err
    assert not (tmp_path / "mlflow.db").exists(), "every score would be undefined, so no run is opened"


def test_the_operating_point_is_tabled_stored_and_told(toy, cli, tmp_path):
    code, _, err = cli("train", "classical", "--data", toy, "--validate-frames", 1, "--tracking", "spool:run")
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "run/files/artifacts/operating-points.csv")
    assert rows["op_csb_masks"].is_monotonic_decreasing
    assert rows["chosen"].tolist() == [True] + [False] * (len(rows) - 1)
    assert json.loads((tmp_path / "run/files/artifacts/operating-points.json").read_text()) == rows.to_dict("records")
    stored = json.loads((tmp_path / "run/segmenter/config.json").read_text())["point"]
    assert stored == rows.loc[0, list(stored)].to_dict()
    assert f"operating point: window {stored['window']:g}, otsu {stored['otsu']:g}" in err
    assert f", {len(rows)} candidates on 1 frames, " in err
