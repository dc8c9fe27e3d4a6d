"""All of MLflow: runs through a spool, logged models, the registry, and reading it all back. Importing it is cheap."""

from cytolapse.tracking.load import load_folder
from cytolapse.tracking.logged import CHILDREN, Logged, children, logged, logged_tags
from cytolapse.tracking.opening import resume_run, start_run
from cytolapse.tracking.run import Parent, Run
from cytolapse.tracking.store import RunStore, open_store

__all__ = [
    "CHILDREN",
    "Logged",
    "Parent",
    "Run",
    "RunStore",
    "children",
    "load_folder",
    "logged",
    "logged_tags",
    "open_store",
    "resume_run",
    "start_run",
]
