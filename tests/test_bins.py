"""Scores by bin: against a twin that asks each object in turn, and by hand."""

from __future__ import annotations

import random
import statistics

import numpy as np
import pytest
from metric_twin import boxes

from cytolapse.metrics import match, summarise
from cytolapse.metrics.bins import GROUPS, by_bin


def some_rows(seed, count=200):
    """Truth objects with every mixture of what is known and what is not, and predictions that must not count."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        known = dice.random() < 0.7
        iou = dice.choice([0.0, 0.2, 0.5, 0.7, 0.75, 0.9])
        rows.append(
            {
                "side": "truth" if dice.random() < 0.8 else "prediction",
                "sequence": dice.choice(["01", "02"]),
                "frame": int(dice.expovariate(0.08)),
                "area": dice.choice([20, 50, 99, 100, 101, 150, 200, 400]),
                "aspect": dice.choice([None, 1.0, 1.49, 1.5, 2.0, 3.0, 7.5]),
                "track": 3 if known else None,
                "since_division": dice.choice([None, 0, 4, 5, 30]) if known else None,
                "until_division": dice.choice([None, 0, 4, 5, 30]) if known else None,
                "near_seam": dice.choice([None, True, False]),
                "iou": iou,
                "seg": iou if iou > 0.3 else 0.0,
                "kind": "matched" if iou >= 0.5 else dice.choice(["merged", "split", "missed"]),
            }
        )
    return rows


def twin(rows):
    """Kind of bin -> bin -> (n, seg, recall at 0.5, at 0.75, merged, split, missed)."""
    truth = [row for row in rows if row["side"] == "truth"]
    median = statistics.median(row["area"] for row in truth)

    def frame(row):
        return sum(other["sequence"] == row["sequence"] and other["frame"] == row["frame"] for other in truth)

    def close(value):
        return value is not None and 0 <= value <= 4

    tests = {
        "cells": {
            "1": lambda row: frame(row) == 1,
            "2-4": lambda row: 2 <= frame(row) <= 4,
            "5-9": lambda row: 5 <= frame(row) <= 9,
            ">=10": lambda row: frame(row) >= 10,
        },
        "size": {
            "<0.5": lambda row: row["area"] < 0.5 * median,
            "0.5-1": lambda row: 0.5 * median <= row["area"] < median,
            "1-2": lambda row: median <= row["area"] < 2 * median,
            ">=2": lambda row: row["area"] >= 2 * median,
        },
        "aspect": {
            "<1.5": lambda row: row["aspect"] is not None and row["aspect"] < 1.5,
            "1.5-3": lambda row: row["aspect"] is not None and 1.5 <= row["aspect"] < 3,
            ">=3": lambda row: row["aspect"] is not None and row["aspect"] >= 3,
            "unknown": lambda row: row["aspect"] is None,
        },
        "division": {
            "near": lambda row: close(row["since_division"]) or close(row["until_division"]),
            "away": lambda row: (
                row["track"] is not None and not close(row["since_division"]) and not close(row["until_division"])
            ),
            "unknown": lambda row: row["track"] is None,
        },
        "seam": {
            "near": lambda row: row["near_seam"] is True,
            "away": lambda row: row["near_seam"] is False,
            "unknown": lambda row: row["near_seam"] is None,
        },
    }
    found = {}
    for kind, bins in tests.items():
        found[kind] = {}
        for name, holds in bins.items():
            chosen = [row for row in truth if holds(row)]
            n = len(chosen)
            counts = [
                sum(row["seg"] for row in chosen),
                sum(row["iou"] >= 0.5 for row in chosen),
                sum(row["iou"] >= 0.75 for row in chosen),
                *(sum(row["kind"] == each for row in chosen) for each in ("merged", "split", "missed")),
            ]
            found[kind][name] = (n, *(count / n if n else None for count in counts))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_bins_agree_with_the_twin(seed):
    rows = some_rows(seed, 40 * (seed + 1))
    found, expected = by_bin(rows), twin(rows)
    assert {kind: list(bins) for kind, bins in found.items()} == {kind: list(bins) for kind, bins in expected.items()}
    for kind, bins in expected.items():
        for name, values in bins.items():
            assert tuple(found[kind][name].values()) == pytest.approx(values, abs=1e-12), (kind, name)
    if seed == 7:
        assert all(row["n"] for bins in found.values() for row in bins.values()), "a bin that nothing fell into"


def test_the_bins_of_each_kind_average_to_the_scores_of_all():
    pairs = [(boxes(seed, 5), boxes(seed + 30, 5, largest=6 + seed % 3)) for seed in range(10)]
    pairs += [(truth, np.where(truth == truth.max(), 0, truth)) for truth, _ in pairs]
    result = summarise([match(truth, pred, frame=t) for t, (truth, pred) in enumerate(pairs)])
    for bins in result.by_bin.values():
        assert sum(row["n"] for row in bins.values()) == result.n_truth
        for name, all_of_them in (
            ("seg", result.scores["seg"]),
            ("recall_iou_0.50", result.at(0.5)["recall"]),
            ("recall_iou_0.75", result.at(0.75)["recall"]),
            ("missed", result.errors["missed"] / result.n_truth),
        ):
            weighted = sum(row["n"] * row[name] for row in bins.values() if row["n"])
            assert weighted / result.n_truth == pytest.approx(all_of_them, abs=1e-12)


def test_recall_at_075_is_that_of_the_matching_at_exactly_075():
    truth, pred = np.array([[1, 1, 1, 1, 0]]), np.array([[2, 2, 2, 0, 0]])
    result = summarise([match(truth, pred)])
    assert result.by_bin["cells"]["1"]["recall_iou_0.75"] == result.at(0.75)["recall"] == 1


def test_where_nothing_is_to_be_measured_there_is_no_number():
    expected = dict.fromkeys(("seg", "recall_iou_0.50", "recall_iou_0.75", "merged", "split", "missed"))
    for rows in ([], [{"side": "prediction"}]):
        found = by_bin(rows)
        assert {kind: tuple(bins) for kind, bins in found.items()} == GROUPS
        assert all(row == {"n": 0, **expected} for bins in found.values() for row in bins.values())


def test_where_no_division_is_known_no_cell_is_away_from_one():
    rows = [row | {"since_division": None, "until_division": None} for row in some_rows(3)]
    bins = by_bin(rows)["division"]
    assert bins["near"]["n"] == bins["away"]["n"] == 0
    assert bins["unknown"]["n"] == sum(row["side"] == "truth" for row in rows)
