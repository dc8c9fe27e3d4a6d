"""Registry: what exists, and the error that lists it."""

import doctest

import pytest

from cytolapse import registry as module
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from cytolapse.networks import NETWORKS
from cytolapse.postprocess import STEPS
from cytolapse.registry import Registry


@pytest.mark.parametrize("registry", [HEADS, NETWORKS, STEPS])
def test_an_unknown_name_lists_what_exists(registry):
    with pytest.raises(CytolapseError) as error:
        registry["nonsense"]
    assert all(name in str(error.value) for name in registry)


def test_an_installed_package_adds_its_own(monkeypatch):
    class Point:
        name = "theirs"

        def load(self):
            return 7

    monkeypatch.setattr("cytolapse.registry.entry_points", lambda group: [Point()])
    registry = Registry("thing", {"ours": 1}, group="cytolapse.things")
    assert list(registry) == ["ours", "theirs"]
    assert registry["theirs"] == 7
    assert "theirs" in registry
    assert len(registry) == 2


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(module) == (0, 1)
