"""Heads: what the maps of a network mean. One file a head: target, loss and the way back to labels stand together."""

from collections.abc import Callable

from cytolapse.heads.base import REACH, Head, Point, Space, Sparse, ceiling, default_point
from cytolapse.heads.boundary import Boundary
from cytolapse.heads.distance import Distance
from cytolapse.heads.flow import Flow
from cytolapse.heads.semantic import Semantic
from cytolapse.registry import Registry

HEADS: Registry[Callable[[], Head]] = Registry(
    "head",
    {"semantic": Semantic, "boundary": Boundary, "distance": Distance, "flow": Flow},
    group="cytolapse.heads",
)

__all__ = ["HEADS", "REACH", "Head", "Point", "Space", "Sparse", "ceiling", "default_point"]
