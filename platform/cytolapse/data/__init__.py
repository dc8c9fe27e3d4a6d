"""Movies on disk: the Cell Tracking Challenge's layout read lazily, checked, split and fetched."""

from cytolapse.data.movie import DataSet, Movie, Reference, open_dataset, open_frames
from cytolapse.data.splits import Part, Split, default_split

__all__ = ["DataSet", "Movie", "Part", "Reference", "Split", "default_split", "open_dataset", "open_frames"]
