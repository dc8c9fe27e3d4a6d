"""Which store is meant, and how it is shown. Imports no mlflow."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from cytolapse.errors import CytolapseError

SPOOL = "spool:"
_SQLITE = "sqlite:///"


def store_uri(tracking: str = "") -> str:
    """The tracking URI: as given, else MLFLOW_TRACKING_URI, else mlflow.db in the current folder (made absolute).

    Raises:
        CytolapseError: it has no scheme that can hold runs.
    """
    uri = tracking or os.environ.get("MLFLOW_TRACKING_URI", "") or f"{_SQLITE}mlflow.db"
    if uri.startswith(_SQLITE):
        return _SQLITE + str(Path(uri.removeprefix(_SQLITE)).absolute())
    if "://" not in uri and uri != "databricks":
        raise CytolapseError(
            f"--tracking {uri!r} is no store: give spool:DIR, sqlite:///FILE.db or the http address of an MLflow server"
        )
    return uri


def sqlite_file(uri: str) -> Path | None:
    """The file of a sqlite store, None of any other."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def shown(uri: str) -> str:
    """The URI without a password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri
