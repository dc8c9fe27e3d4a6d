"""The number format: what `auto` means on a machine, and what is said of a slow one."""

import pytest

from cytolapse.config import Config
from trainers import precision


@pytest.mark.parametrize(("hardware", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_is_bf16_only_where_the_machine_computes_in_it(hardware, expected, monkeypatch):
    monkeypatch.setattr(precision, "computes_bf16", lambda device: hardware)
    assert precision.settled(Config()).precision == expected
    assert precision.settled(Config(precision="32-true")).precision == "32-true", "what is given wins"


def test_emulated_bf16_is_said(monkeypatch, caplog):
    monkeypatch.setattr(precision, "computes_bf16", lambda device: False)
    assert precision.settled(Config(precision="bf16-mixed")).precision == "bf16-mixed"
    assert "--precision bf16-mixed: this machine only emulates bf16, many times slower; leave it out" in caplog.text
