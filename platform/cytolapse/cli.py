"""`cytolapse <command>`: commands are found by name and imported only when they run."""

from __future__ import annotations

import errno
import logging
import os
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import click

from cytolapse import __version__
from cytolapse.errors import CytolapseError, is_out_of_memory

GROUP = "cytolapse.commands"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
OWN = {
    "simulate": "cytolapse.commands.data:simulate",
    "fetch": "cytolapse.commands.data:fetch",
    "check": "cytolapse.commands.data:check",
    "import": "cytolapse.commands.importing:import_",
    "score": "cytolapse.commands.score:score",
    "export": "cytolapse.commands.export:export",
    "errors": "cytolapse.commands.errors:errors",
    "compare": "cytolapse.commands.compare:compare",
    "audit": "cytolapse.commands.audit:audit",
    "segment": "cytolapse.commands.segment:segment",
    "sync": "cytolapse.commands.runs:sync",
    "runs": "cytolapse.commands.runs:runs",
    "promote": "cytolapse.commands.promotion:promote",
    "rollback": "cytolapse.commands.promotion:rollback",
    "doctor": "cytolapse.commands.doctor:doctor",
}


class Commands(click.Group):
    """The platform's own commands and those that other rooms and packages add through the entry-point group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, sorted."""
        return sorted({*OWN, *entry_points(group=GROUP).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None where no command has that name."""
        if cmd_name in OWN:
            return _load(OWN[cmd_name])
        for point in entry_points(group=GROUP, name=cmd_name):
            return _load(point.value)
        return None


def _load(value: str) -> click.Command:
    point = EntryPoint(name="", value=value, group=GROUP)
    command = getattr(import_module(point.module), point.attr)
    assert isinstance(command, click.Command), f"{value} is no click command"
    return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cytolapse")
def cytolapse() -> None:
    """Train, evaluate, compare and promote models that segment cells in time-lapse microscopy.

    \b
    Example, from data to dashboard:
      cytolapse simulate data/demo --preset demo
      cytolapse train unet --data data/demo
      cytolapse evaluate RUN_ID --data data/demo
      cytolapse dashboard
    """


def main(command: click.Command = cytolapse) -> None:
    """Run a command; a CytolapseError or a full disk becomes a message on stderr and exit code 1."""
    show_log()
    # Before torch starts: threads that spin while they wait slow a training (benchmarks/waiting.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        command(standalone_mode=True)
    except CytolapseError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except PermissionError as error:
        click.echo(f"error: {error.filename} may not be opened (permission denied): change its permissions", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        click.echo(f"error: {error}: free some disk space, then run it again (a training with --resume)", err=True)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        text = str(error).rpartition(": ")[2].splitlines()
        click.echo(
            f"error: out of memory ({text[0] if text else 'no more'}): use a smaller --crop or --frame-size, --batch, "
            "--clip or --widths; to segment, tiles (--tile 256)",
            err=True,
        )
        sys.exit(1)


def show_log() -> None:
    """Show what we log on stderr; a process that a command starts calls it too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("cytolapse")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it logs of damaged files becomes an error of ours
