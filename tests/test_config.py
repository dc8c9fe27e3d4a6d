"""Config: defaults, presets, what is given; refusals that name the flag."""

import pytest

from cytolapse.config import Config
from cytolapse.errors import CytolapseError

PRESETS = {"default": {}, "source": {"head": "semantic", "batch": 16}}


def test_given_beats_preset_beats_default():
    config = Config.resolve(PRESETS, "unet", {"preset": "source", "batch": 2, "crop": None})
    assert (config.head, config.batch, config.crop) == ("semantic", 2, Config().crop)


def test_round_trip():
    config = Config(widths="8,16", seed=3)
    assert Config.from_dict(config.as_dict()) == config
    assert config.level_widths == (8, 16)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("batch", 0), ("learning_rate", 0.0), ("augment", "mirror"), ("widths", "a,b"), ("precision", "8")],
        *[("seed", -1), ("learning_rate", float("inf")), ("learning_rate", float("nan"))],
        *[("weight_decay", float("inf")), ("weight_decay", float("nan"))],
    ],
)
def test_a_bad_value_names_the_flag(field, value):
    with pytest.raises(CytolapseError, match=f"--{field.replace('_', '-')} is .*must be"):
        Config(**{field: value})


def test_an_unknown_preset_lists_the_presets():
    with pytest.raises(CytolapseError, match="unknown preset 'fast' of unet: choose one of default, source"):
        Config.resolve(PRESETS, "unet", {"preset": "fast"})


def test_fields_of_another_version_are_refused():
    with pytest.raises(CytolapseError, match="unknown fields colour"):
        Config.from_dict({"colour": 1})
