"""Checkpoints: whole or not there, and nothing but tensors and plain values."""

import os
import pickle

import pytest
import torch

from cytolapse.errors import CytolapseError
from trainers import checkpoint

KEYS = dict.fromkeys(("config", "digest", "progress", "random", "parts"))
STATE = KEYS | {"step": 3, "weights": {"a": torch.arange(4.0)}, "random": torch.get_rng_state()}


class Malicious:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch planted",)


def test_round_trip(tmp_path):
    checkpoint.save(tmp_path / "deep/last.pt", STATE)
    found = checkpoint.load(tmp_path / "deep/last.pt")
    assert found["step"] == 3
    assert torch.equal(found["weights"]["a"], STATE["weights"]["a"])
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["last.pt"]


def test_a_planted_file_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": Malicious()}, tmp_path / "zip.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Malicious(), protocol=2))
    for name in ("zip.pt", "raw.pt"):
        with pytest.raises(CytolapseError, match="is no checkpoint of ours"):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "planted").exists()


def test_a_broken_or_missing_file_says_so(tmp_path):
    with pytest.raises(CytolapseError, match="left no checkpoint to resume from"):
        checkpoint.load(tmp_path / "last.pt")
    checkpoint.save(tmp_path / "last.pt", STATE)
    whole = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CytolapseError, match="is no checkpoint of ours"):
        checkpoint.load(tmp_path / "last.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    with pytest.raises(CytolapseError, match="it holds a Tensor"):
        checkpoint.load(tmp_path / "tensor.pt")


def test_a_full_disk_keeps_the_last_whole_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    checkpoint.save(path, STATE)

    def full(state, place):
        place.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CytolapseError, match=r"last\.pt could not be written .*free some disk space, then --resume"):
        checkpoint.save(path, STATE | {"step": 4})
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 3
    assert [each.name for each in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "it is cut short|Ran out of input"), (pickle.dumps(Malicious(), protocol=2), "it holds more than")],
)
def test_an_empty_and_a_foreign_file_give_no_dangerous_advice(tmp_path, content, message):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(CytolapseError, match=message) as found:
        checkpoint.load(tmp_path / "last.pt")
    assert "weights_only" not in str(found.value)


def test_another_programs_checkpoint_is_refused(tmp_path):
    torch.save({"config": {}, "state_dict": {}}, tmp_path / "last.pt")
    with pytest.raises(CytolapseError, match="is no checkpoint of ours: it has no digest, parts, progress, random"):
        checkpoint.load(tmp_path / "last.pt")
