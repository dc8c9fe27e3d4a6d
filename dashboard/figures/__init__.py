"""Figures: a table in, a plotly figure out; pure."""

from dashboard.figures.bins import by_bin
from dashboard.figures.look import DARK, LIGHT, Line, Look, on
from dashboard.figures.sweep import precision_recall, thresholds
from dashboard.figures.training import training

__all__ = ["DARK", "LIGHT", "Line", "Look", "by_bin", "on", "precision_recall", "thresholds", "training"]
