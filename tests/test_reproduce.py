"""The command of a run gives the same Config again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cytolapse.config import Config
from trainers import commands, experiment
from trainers.recipes import RECIPES
from trainers.reproduce import command

OTHER = {
    "head": "semantic",
    "postprocess": "none",
    "widths": "4,8",
    "learning_rate": 3.3e-05,
    "weight_decay": 0.0,
    "seed": 7,
    "precision": "32-true",
    "anchors": "16,32/0.5,1,2",
    "patience": 0,
    "test_sequence": "it's; 01",
}


def config_of(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Config, tuple]:
    """What `cytolapse WORDS` would train."""
    seen = []
    monkeypatch.setattr(experiment, "train", lambda config, *more, **named: seen.append((config, more)) or "run_id: x")
    result = CliRunner().invoke(commands.trainers, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.mark.parametrize(
    ("recipe", "preset"), [(recipe, preset) for recipe in RECIPES for preset in RECIPES[recipe].presets]
)
@pytest.mark.parametrize("given", [{}, OTHER])
def test_the_command_gives_the_same_config(recipe, preset, given, monkeypatch):
    config = Config.resolve(dict(RECIPES[recipe].presets), recipe, {**given, "preset": preset})
    words = json.loads(command(config, Path("data/my cells"), "models:/demo@champion"))
    again, (data, _, init) = config_of(words, monkeypatch)
    assert again == config
    assert (data, init) == (Path("data/my cells"), "models:/demo@champion")


@pytest.mark.parametrize("recipe", RECIPES)
def test_defaults_that_are_not_the_presets_own_are_named(recipe, monkeypatch):
    presets = dict(RECIPES[recipe].presets)
    for preset in presets:
        own = Config.resolve(presets, recipe, {"preset": preset})
        config = dataclasses.replace(own, **{name: getattr(Config(), name) for name in ("head", "widths", "clip")})
        assert config_of(json.loads(command(config, Path("d"))), monkeypatch)[0] == config


def test_what_is_as_the_preset_says_is_left_out():
    config = Config.resolve(dict(RECIPES["unet"].presets), "unet", {"preset": "quick", "seed": 3})
    expected = ["train", "unet", "--data", "d", "--preset", "quick", "--seed", "3", "--ignore", "ignore.csv"]
    assert json.loads(command(config, Path("d"), ignored=True)) == expected
