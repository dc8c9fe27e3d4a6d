"""Metrics: one overlap table per frame, and every score as a reading of it."""

from cytolapse.metrics.bootstrap import Difference, Interval, paired
from cytolapse.metrics.matching import Matching, is_full, match
from cytolapse.metrics.result import METRIC_SCHEMA_VERSION, Result, summarise
from cytolapse.metrics.scores import SCORES, SELECTION, Pool, Score
from cytolapse.metrics.tracks import Tracks
from cytolapse.metrics.truth import Truth

__all__ = [
    "METRIC_SCHEMA_VERSION",
    "SCORES",
    "SELECTION",
    "Difference",
    "Interval",
    "Matching",
    "Pool",
    "Result",
    "Score",
    "Tracks",
    "Truth",
    "is_full",
    "match",
    "paired",
    "summarise",
]
