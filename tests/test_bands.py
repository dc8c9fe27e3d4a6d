"""Bands: against the intervals of the scores, which a twin checks, and where there is nothing to say."""

from __future__ import annotations

import json

import pytest
from metric_twin import boxes
from test_bootstrap import world

from cytolapse.metrics import match, summarise
from cytolapse.metrics.bands import OF


@pytest.fixture(scope="module")
def result():
    return summarise(world(frames=100, shift=1))


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize("percent", [25, 50, 75])
def test_a_band_is_the_scores_interval_where_there_is_one(result, name, percent):
    interval, band = result.intervals[f"{name}_iou_{percent / 100:.2f}"], result.bands[name]
    assert (band.low[percent], band.high[percent]) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert interval.low < interval.high


@pytest.mark.parametrize("name", OF)
def test_a_band_holds_its_curve(result, name):
    band = result.bands[name]
    assert len(band.low) == len(band.high) == len(result.curve) == 101
    assert all(low <= row[name] <= high for low, row, high in zip(band.low, result.curve, band.high, strict=True))


def test_too_few_blocks_have_a_reason_and_no_band():
    for name, band in summarise(world(frames=70)).bands.items():
        assert (band.low, band.high) == ([], [])
        assert band.reason.startswith("blocks of 10 frame numbers that hold"), name
    assert summarise([]).bands["f1"].reason


def test_what_no_frame_defines_has_no_limits():
    """No truth holds every cell: recall alone is known. No prediction at all: precision is not."""
    partial = [match(boxes(t, 3), boxes(t, 3), sequence="01", frame=t, full=False) for t in range(0, 100, 5)]
    found = summarise(partial).bands
    assert found["recall"].low[50] is not None
    assert found["precision"].reason == found["f1"].reason != ""
    nothing = [match(boxes(t, 3), 0 * boxes(t, 3), sequence="01", frame=t) for t in range(0, 100, 5)]
    band = summarise(nothing).bands["precision"]
    assert band.low == band.high == [None] * 101
    assert band.reason == ""


def test_bands_are_json(result):
    stored = json.loads(json.dumps(result.to_json()["bands"], allow_nan=False))
    assert stored["f1"]["low"] == result.bands["f1"].low
