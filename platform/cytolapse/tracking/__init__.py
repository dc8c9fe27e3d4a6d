"""All of MLflow: runs through a spool, logged models, the registry, and reading it all back. Importing it is cheap."""

from cytolapse.tracking.load import load_folder
from cytolapse.tracking.opening import logged_tags, resume_run, start_run
from cytolapse.tracking.run import Run
from cytolapse.tracking.store import RunStore, open_store

__all__ = ["Run", "RunStore", "load_folder", "logged_tags", "open_store", "resume_run", "start_run"]
