"""Signed links to the frames of a sequence: routes carry no login, so a link itself proves that a page made it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import NamedTuple

HOURS = 12
"""A link is good for one to two of these; within one the same place has the same link, which browsers keep."""
_SECRET = secrets.token_bytes(32)
_MARK = 32


class Place(NamedTuple):
    """The stored frames of one sequence.

    Attributes:
        run: id of the run.
        part: "test" or "val".
        sequence: its name.
        written: tells the file from one that was written there later.
    """

    run: str
    part: str
    sequence: str
    written: str


class Refused(Exception):
    """The link was not made here, was changed, or is too old."""


def signed(place: Place, now: float | None = None) -> str:
    """A link to a place, of characters that need no quoting in a URL."""
    length = HOURS * 3600
    expires = (int((time.time() if now is None else now) // length) + 2) * length
    text = json.dumps([*place, expires]).encode()
    return base64.urlsafe_b64encode(_mark(text) + text).decode().rstrip("=")


def opened(link: str, now: float | None = None) -> Place:
    """The place that a link leads to.

    Raises:
        Refused: see there.
    """
    try:
        content = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
    except ValueError as error:
        raise Refused from error
    text = content[_MARK:]
    if not hmac.compare_digest(content[:_MARK], _mark(text)):
        raise Refused
    *place, expires = json.loads(text)
    if (time.time() if now is None else now) > expires:
        raise Refused
    return Place(*place)


def _mark(text: bytes) -> bytes:
    return hmac.new(_SECRET, text, hashlib.sha256).digest()
