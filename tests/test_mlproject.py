"""MLproject: parameters that agree with Config, and `mlflow run` for real."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import mlflow
import pytest
import yaml
from conftest import ROOT

from cytolapse.cli import Commands
from cytolapse.config import Config
from trainers.commands import trainers
from trainers.recipes import RECIPES
from trainers.study.command import study

PROJECT = yaml.safe_load((ROOT / "MLproject").read_text())
ENTRIES = PROJECT["entry_points"]
FIELDS = {each.name: each for each in dataclasses.fields(Config)}
TRAINING = ["main", *RECIPES]
MLFLOW_TYPES = {"int": "float", "float": "float", "str": "string"}


def command_of(entry):
    """The click command that an entry point runs."""
    module, name = re.search(r"python -m (\w+) ([\w-]+)", ENTRIES[entry]["command"]).groups()
    if module == "trainers":
        return {**trainers.commands, "study": study}[name]
    assert module == "cytolapse"
    return Commands().get_command(click.Context(Commands()), name)


def test_the_promised_entry_points_exist():
    promised = "main unet mask_rcnn classical simulate evaluate promote log_masks segment study"
    assert set(promised.split()) <= set(ENTRIES)
    assert set(RECIPES) <= set(ENTRIES), "one entry point a recipe"


@pytest.mark.parametrize("entry", list(ENTRIES))
def test_every_parameter_is_used_and_is_an_option_or_argument(entry):
    parameters, command = ENTRIES[entry]["parameters"], ENTRIES[entry]["command"]
    assert set(re.findall(r"\{(\w+)\}", command)) == set(parameters)
    options = {name for each in command_of(entry).params for name in each.opts}
    assert set(re.findall(r"(--[\w-]+) \{", command)) <= options


@pytest.mark.parametrize("entry", TRAINING)
def test_training_parameters_agree_with_config(entry):
    for name, parameter in ENTRIES[entry]["parameters"].items():
        if name not in FIELDS:
            assert name in {"data", "tracking", "resume", "init", "seeds"}
        elif name != "recipe":
            assert parameter["type"] == MLFLOW_TYPES[FIELDS[name].type], name
            not_given = "" if name == "preset" else "preset"
            assert parameter["default"] == not_given, f"{name}: what is not given must not stand against --resume"


def test_the_unet_entry_point_offers_what_a_preset_may_set():
    fixed = {
        "recipe",
        "model",
        "network",
        "anchors",
        "pretrained",
        "clip",
        "chain",
        "temporal_stride",
        "warm_up",
        "restart",
        "recurrent_kernel",
    }
    assert set(FIELDS) - fixed <= set(ENTRIES["unet"]["parameters"])


def launch(*words, cwd, home):
    env = {**os.environ, "CYTOLAPSE_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{cwd}/mlflow.db"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    command = [sys.executable, "-m", "mlflow", "run", "--env-manager", "local", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=280)


@pytest.mark.slow
def test_mlflow_run_from_a_git_url_trains_and_logs_into_its_run(toy, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", f"file://{ROOT}", clone], check=True)
    done = launch(f"file://{clone}", "-e", "classical", "-P", f"data={toy}", cwd=tmp_path, home=tmp_path / "home")
    assert done.returncode == 0, done.stderr[-3000:]
    run = re.search(r"^run_id: (\w+)$", done.stdout, re.MULTILINE)[1]
    logged = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").get_run(run)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["cfg.recipe"] == "classical"
    assert logged.data.tags["mlflow.project.entryPoint"] == "classical"
    assert "val/silver/op_csb_masks" in logged.data.metrics


@pytest.mark.slow
def test_a_parameter_of_the_wrong_type_is_named(toy, tmp_path):
    words = (ROOT, "-e", "unet", "-P", f"data={toy}", "-P", "learning_rate=fast")
    done = launch(*words, cwd=tmp_path, home=tmp_path / "home")
    assert done.returncode != 0
    assert "learning" in done.stderr
    assert "'fast' is no float" in done.stderr
