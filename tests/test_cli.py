"""The command line as a whole: help, codes, and commands that other packages add."""

import click
import pytest
from click.testing import CliRunner

from cytolapse import __version__
from cytolapse.cli import OWN, Commands, cytolapse, main
from cytolapse.errors import CytolapseError
from cytolapse.heads import HEADS
from trainers.recipes import RECIPES


def every_command():
    group = Commands()
    return group.list_commands(click.Context(group))


def test_every_command_of_the_design_exists():
    wanted = "simulate fetch check train evaluate segment score promote rollback sync runs dashboard doctor"
    assert set(wanted.split()) <= set(every_command())


@pytest.mark.parametrize("name", [*sorted(OWN), "train", "evaluate", "dashboard"])
def test_help_of_every_command_shows_an_example(name):
    done = CliRunner().invoke(cytolapse, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert f"cytolapse {name}" in done.output.split("Example", 1)[1]


def test_version_and_unknown_command(cli):
    code, out, _ = cli("--version")
    assert (code, out.split()[-1]) == (0, __version__)
    code, _, err = cli("trian")
    assert code == 2
    assert "No such command" in err


def test_our_error_is_a_message_and_exit_code_1(capfd, monkeypatch):
    @click.command()
    def broken():
        raise CytolapseError("the disk is full: free some space")

    monkeypatch.setattr("sys.argv", ["broken"])
    with pytest.raises(SystemExit) as stop:
        main(broken)
    assert stop.value.code == 1
    assert capfd.readouterr().err == "error: the disk is full: free some space\n"


def test_a_full_disk_is_a_message_wherever_it_is_met(capfd, monkeypatch):
    @click.command()
    def full():
        raise OSError(28, "No space left on device", "objects.parquet")

    monkeypatch.setattr("sys.argv", ["full"])
    with pytest.raises(SystemExit) as stop:
        main(full)
    assert stop.value.code == 1
    assert "No space left on device: 'objects.parquet': free some disk space" in capfd.readouterr().err


def test_help_of_train_names_every_recipe():
    text = CliRunner().invoke(cytolapse, ["train", "--help"]).output.split("Options")[0]
    assert all(name in text for name in RECIPES)


def test_help_of_train_names_every_head():
    text = CliRunner().invoke(cytolapse, ["train", "--help"]).output
    assert all(name in text for name in HEADS)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 71.6 PiB for an array"),
        MemoryError(),
        RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
    ],
)
def test_too_little_memory_is_a_message(capfd, monkeypatch, error):
    @click.command()
    def large():
        raise error

    monkeypatch.setattr("sys.argv", ["large"])
    with pytest.raises(SystemExit) as stop:
        main(large)
    assert stop.value.code == 1
    err = capfd.readouterr().err
    assert err.startswith("error: out of memory (")
    assert "use a smaller --crop" in err


def test_another_runtime_error_is_a_bug(monkeypatch):
    @click.command()
    def wrong():
        raise RuntimeError("a bug")

    monkeypatch.setattr("sys.argv", ["wrong"])
    with pytest.raises(RuntimeError, match="a bug"):
        main(wrong)
