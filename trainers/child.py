"""A child run of a study or of several seeds, trained in a process of its own: its memory is its own, and its end."""

from __future__ import annotations

import logging
import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cytolapse.cli import show_log
from cytolapse.errors import CytolapseError
from cytolapse.tracking import Parent, logged, resume_run
from trainers import experiment
from trainers.evaluate import evaluate_run

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from cytolapse.config import Config
    from cytolapse.data.ignore import IgnoreList

log = logging.getLogger("cytolapse.study")
PATIENCE_S = 60


@dataclass(frozen=True)
class Job:
    """What the process is told.

    Attributes:
        config: the experiment.
        data: the data set.
        tracking: the store, or the spool of the child's own run.
        parent: its parent, and which part of it this is.
        before: the child's run where it was begun before and left something to go on with; else "".
        test: whether it is evaluated on test as well.
        init: a model to start from, as `train` takes it.
        ignore: what of the silver truth counts for nothing.
    """

    config: Config
    data: Path
    tracking: str
    parent: Parent
    before: str = ""
    test: bool = True
    init: str | None = None
    ignore: IgnoreList | None = None


class Outcome(NamedTuple):
    """What came of a child: its run ("" where that is not known), and why it did not end well."""

    reference: str = ""
    error: str = ""


def run_child(job: Job) -> str:
    """Train, or go on with what was begun, then evaluate on test where that is asked for; how `logged` finds the run.

    Raises:
        CytolapseError: as `train`, `resume` and `evaluate`.
    """
    reference = job.before
    if not reference:
        line = experiment.train(job.config, job.data, job.tracking, job.init, job.parent, job.ignore)
        reference = line.partition(": ")[2]
    elif logged(reference, job.tracking).status != "FINISHED":
        reference = experiment.resume(reference, job.data, job.tracking, ignore=job.ignore).partition(": ")[2]
    if not job.test:
        return reference
    return evaluate_run(reference, job.data, "test", job.tracking).partition(": ")[2]


def can_go_on(reference: str, tracking: str) -> bool:
    """Whether a run that did not get to its end is trained, or left a checkpoint."""
    if logged(reference, tracking).status == "FINISHED":
        return True
    run = resume_run(reference, tracking)
    try:
        return run.fetch("checkpoints/last.pt").is_file()
    except CytolapseError:
        return False
    finally:
        run.close()


def apart(job: Job, seconds: float | None = None) -> Outcome:
    """Run it in another process; one that takes longer than `seconds` is told to end, and keeps its checkpoint."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, sender), name=job.parent.role)
    process.start()
    sender.close()
    try:
        process.join(seconds)
        late = process.is_alive()
    except KeyboardInterrupt:  # the terminal told it too
        process.join(PATIENCE_S)
        raise
    finally:
        _end(process)
    if receiver.poll():
        try:
            return Outcome(*receiver.recv())
        except EOFError:
            pass
    if late and seconds is not None:
        return Outcome(error=f"stopped by the clock after {seconds / 60:.0f} min; --resume goes on with it")
    return Outcome(error=f"its process ended with exit code {process.exitcode}; was there enough memory?")


def _end(process: BaseProcess) -> None:
    if process.is_alive():
        process.terminate()
        process.join(PATIENCE_S)
    if process.is_alive():
        process.kill()
        process.join()


def _work(job: Job, sender: Connection) -> None:
    show_log()
    sender.send(tuple(attempt(job)))


def attempt(job: Job) -> Outcome:
    """Run it here; whatever goes wrong becomes a text, so that the other children still run."""
    try:
        return Outcome(run_child(job))
    except CytolapseError as error:
        return Outcome(error=str(error))
    except Exception as error:
        log.exception("%s failed", job.parent.role)
        return Outcome(error=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
