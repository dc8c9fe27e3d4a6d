"""A command of cytolapse in a process of its own: what takes long or loads a model never runs in the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.commands import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR = re.compile(r"([^\r\n:]+): +(\d+)%\|")
_ERROR = "error: "


@dataclass(frozen=True)
class Done:
    """What became of a command.

    Attributes:
        good: it exited with 0.
        said: what it printed: its output, or its error without `error: `.
        evidence: what it wrote with --json; {} where it wrote nothing.
    """

    good: bool
    said: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A command that runs.

    Attributes:
        title: what it does, for the page.
        process: of the command.
        folder: of its output.
    """

    title: str
    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls, title: str, words: Sequence[str], evidence: bool = False) -> Job:
        """Start `cytolapse WORDS`, with --json where the command has it, on the store of this dashboard."""
        folder = Path(tempfile.mkdtemp(prefix="cytolapse-job-"))
        command = [sys.executable, "-m", "cytolapse", *words]
        command += [f"--json={folder / 'evidence.json'}"] if evidence else []
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(""), cwd=os.getcwd()
            )
        return cls(title, process, folder)

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self.process.poll() is None

    @property
    def progress(self) -> tuple[float, str]:
        """The share (0 ... 1) of what it is at, and what that is; 0 and "" where it shows no bar."""
        bars = _BAR.findall(self._read("err"))
        return (int(bars[-1][1]) / 100, bars[-1][0].strip()) if bars else (0.0, "")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()

    def finish(self) -> Done:
        """What became of it; its output is removed."""
        code = self.process.wait()
        evidence = self._read("evidence.json")
        said = self._read("out") if code == 0 else self._read("err").rpartition(_ERROR)[2]
        if code < 0:
            said = "It was stopped."
        elif code and _ERROR not in self._read("err"):
            said = f"It ended with exit code {code}: run the same command in a terminal to see why."
        shutil.rmtree(self.folder, ignore_errors=True)
        return Done(code == 0, said.strip(), json.loads(evidence) if evidence else {})

    def _read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="replace") if path.is_file() else ""
