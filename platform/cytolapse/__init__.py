"""cytolapse: instance segmentation of cells in time-lapse microscopy, from frames to a compared model."""

__version__ = "0.1.0"
