"""Simulated data sets in the layout of the Cell Tracking Challenge, with exact truth."""

from cytolapse.data.simulate.presets import PRESETS
from cytolapse.data.simulate.write import simulator_version, write_dataset

__all__ = ["PRESETS", "simulator_version", "write_dataset"]
