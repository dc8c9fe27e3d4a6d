"""`cytolapse dashboard`: Streamlit on this machine's own address."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from cytolapse.errors import CytolapseError

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[1]


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1.")
@click.option("--store", default="", help="Tracking URI; default: MLFLOW_TRACKING_URI, else mlflow.db in this folder.")
def dashboard(port: int, store: str) -> None:
    """Show runs, curves, frames and the registry in a browser; stop with Ctrl+C.

    \b
    Example:
      cytolapse dashboard
      cytolapse dashboard --port 8600 --store http://127.0.0.1:5000
    """
    _need_free(port)
    click.echo(f"dashboard: http://{HOST}:{port}   (stop with Ctrl+C)")
    sys.stdout.flush()
    # This process becomes the server: whoever stops it stops the server, too.
    os.execve(sys.executable, command(port), environment(store))


def command(port: int) -> list[str]:
    """What starts the server."""
    script = str(Path(__file__).with_name("server.py"))
    options = {
        "server.address": HOST,
        "server.port": port,
        "browser.gatherUsageStats": "false",
        "server.headless": "true",
    }
    return [sys.executable, "-m", "streamlit", "run", script, *(f"--{key}={value}" for key, value in options.items())]


def environment(store: str) -> dict[str, str]:
    """The environment with both rooms importable and the store named."""
    paths = [str(ROOT / "platform"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    named = {"MLFLOW_TRACKING_URI": store} if store else {}
    return {**os.environ, **named, "PYTHONPATH": os.pathsep.join(paths)}


def _need_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CytolapseError(
                f"port {port} of {HOST} is taken ({error.strerror}): choose another with --port"
            ) from error
