"""cytolapse: instance segmentation of cells in time-lapse microscopy, from a CTC folder to a compared, promoted model."""

__version__ = "0.1.0"
