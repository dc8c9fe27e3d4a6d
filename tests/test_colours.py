from __future__ import annotations

import itertools

import numpy as np
import pytest

from dashboard import colours
from dashboard.colours import PALETTE, assigned

# Source: Machado, Oliveira and Fernandes 2009, linear RGB of full dichromats.
BLIND = {
    "nobody": np.eye(3),
    "deuteranopes": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopes": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopes": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear sRGB, white D65."""
    x, y, z = np.cbrt(XYZ @ rgb.clip(0.001, 1) / (XYZ @ np.ones(3)))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("who", BLIND)
def test_the_palette_can_be_told_apart(who):
    seen = {colour: lab(np.array(BLIND[who]) @ linear(colour)) for colour in PALETTE}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(PALETTE, 2)}
    assert min(apart.values()) > 10, min(apart, key=apart.get)


@pytest.mark.parametrize("background", ["#ffffff", "#0e1117"])
def test_the_palette_is_seen_on_both_backgrounds(background):
    luminance = {colour: linear(colour) @ XYZ[1] for colour in (*PALETTE, background)}
    ground = luminance.pop(background)
    contrast = {colour: (max(ground, y) + 0.05) / (min(ground, y) + 0.05) for colour, y in luminance.items()}
    assert min(contrast.values()) > 2.2, contrast


def test_a_run_keeps_its_colour_whatever_it_is_drawn_with():
    known = assigned(["a", "b", "c"], {})
    assert [known[run] for run in "abc"] == list(PALETTE[:3])
    again = assigned(["d", "c"], known)
    assert again["c"] == known["c"]
    assert again["d"] == PALETTE[3], "free though only `c` is drawn"
    assert again["a"] == known["a"]


def test_eight_runs_always_differ_and_a_ninth_repeats():
    known = assigned([f"old {number}" for number in range(8)], {})
    mixed = [f"new {number}" for number in range(4)] + ["old 7", "old 1", "old 2", "old 3"]
    found = assigned(mixed, known)
    assert len({found[run] for run in mixed}) == 8
    assert found["old 7"] == known["old 7"]
    both = assigned(["new 0", "old 0"], {**found, "old 0": found["new 0"]})
    assert both["new 0"] == found["new 0"] != both["old 0"], "the later of the two gives way"
    many = assigned([str(number) for number in range(12)], {})
    assert [many[str(number)] for number in range(12)] == [*PALETTE, *PALETTE[:4]]


def test_a_full_palette_gives_the_colour_that_went_unused_for_longest():
    known = assigned([f"old {number}" for number in range(8)], {})
    known = assigned(["old 0"], known)
    assert assigned(["new"], known)["new"] == known["old 1"]


def test_every_colour_has_a_marker_of_its_own():
    assert len({colours.symbol(colour) for colour in PALETTE}) == len(PALETTE)
