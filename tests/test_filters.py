from __future__ import annotations

import pandas as pd
import pytest

from dashboard.runs import filters


def runs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": ["aa", "bb", "cc"],
            "name": ["night (1)", "day", None],
            "status": ["FINISHED", "FAILED", "FINISHED"],
            "started": pd.to_datetime(["2026-03-03 00:00", "2026-03-02 23:59", None], utc=True),
            "dataset": ["d", "d", ""],
            "recipe": ["unet", "mask_rcnn", ""],
            "head": ["boundary", "", ""],
            "metrics.test/gold/seg": [0.9, 0.5, None],
            "params.cfg.batch": ["4", "16", None],
            "params.cfg.learning_rate": ["0.001", "1e-4", None],
            "params.cfg.seed": ["0", "0", None],
            "params.tool.diameter": [None, None, "60"],
            "tags.cytolapse.tag.figure 2": ["ada, day", None, None],
            "tags.cytolapse.archived": [None, "ada, day", None],
            "tags.note": [None, None, "a slow one"],
            "tags.mlflow.user": ["night", "night", "night"],
        }
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["aa", "bb", "cc"]),
        ("NIGHT", ["aa"]),
        ("(1)", ["aa"]),
        ("unet batch=4", ["aa"]),
        ("batch=4.0", ["aa"]),
        ("batch>4", ["bb"]),
        ("batch>=4 batch<=16", ["aa", "bb"]),
        ("batch!=4", ["bb"]),
        ("learning_rate<0.001", ["bb"]),
        ("diameter=60", ["cc"]),
        ("seg>0.8", ["aa"]),
        ("tag=nothing", []),
        ('"tag=figure 2"', ["aa"]),
        ('tag="figure 2"', ["aa"]),
        ("figure", ["aa"]),
        ('"a slow', ["cc"]),
        ("recipe=UNET", ["aa"]),
        ("nonsense=4", []),
        ("batch>x", []),
        ("[", []),
    ],
)
def test_words_and_conditions(query, expected):
    assert list(runs().loc[filters.matching(runs(), query), "run_id"]) == expected


def test_a_field_that_no_run_has_is_named():
    assert filters.unknown_fields(runs(), "batch=3 nonsense=4 tag=x seg>1") == ["nonsense"]
    assert filters.unknown_fields(runs(), "seg>1", "val/gold/") == ["seg"]


def test_days_are_whole():
    assert list(filters.between(runs(), "2026-03-03", "")) == [True, False, False]
    assert list(filters.between(runs(), "", "2026-03-02")) == [False, True, False]
    assert list(filters.between(runs(), "", "nonsense")) == [True, True, True]


def test_tags_archived_and_parameters():
    assert filters.tags_of(runs()) == ["figure 2"]
    assert filters.tag_lists(runs()) == [["figure 2"], [], []]
    assert list(filters.archived(runs())) == [False, True, False]
    assert filters.parameters(runs()) == {"params.cfg.batch": "batch", "params.cfg.learning_rate": "learning_rate"}
    assert not filters.archived(runs()[["run_id"]]).any()
