"""The server: Streamlit's pages, and the routes from which the movie player fetches stored frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cytolapse.errors import CytolapseError
from cytolapse.tracking import open_store
from dashboard import ahead
from dashboard.bundles import Bundles, manifest, objects
from dashboard.signing import HOURS, Place, Refused, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_bundles = Bundles(lambda run, path: open_store().artifact(run, path))


def _answer(reply: Callable[[Request, Place], tuple[bytes, str]]) -> Callable[[Request], Response]:
    """A route behind a signed link; what went wrong is nobody's business but the log's."""

    def answered(request: Request) -> Response:
        try:
            content, kind = reply(request, opened(request.path_params["link"]))
        except Refused:
            return Response(status_code=403)
        except (CytolapseError, KeyError):
            return Response(status_code=404)
        # The link changes with the file and holds a secret of this server: nobody else may keep the answer.
        kept = {
            "Cache-Control": f"private, max-age={int(HOURS * 3600)}, immutable",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, headers=kept, media_type=kind)

    return answered


def _manifest(request: Request, place: Place) -> tuple[bytes, str]:
    return _json(manifest(_bundles.previews(place), _bundles.table(place, "frames"), place.sequence))


def _objects(request: Request, place: Place) -> tuple[bytes, str]:
    return _json(objects(_bundles.table(place, "objects"), request.path_params["reference"], place.sequence))


def _planes(request: Request, place: Place) -> tuple[bytes, str]:
    """Image and labels of a frame in one answer: before each its length in 4 bytes, 0 where it can't be read."""
    previews, number = _bundles.previews(place), request.path_params["number"]
    parts = []
    for kind in request.path_params["kinds"].split("+"):
        try:
            parts.append(previews.read(kind, number))
        except (CytolapseError, KeyError):
            parts.append(b"")
    if not any(parts):
        raise KeyError(number)
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts), "application/octet-stream"


def _json(value: object) -> tuple[bytes, str]:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode(), "application/json"


def _home(request: Request) -> Response:
    """The first page is `/`; its name is what people try."""
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")


# Plain functions: Starlette runs them in threads, so a slow disk holds up nobody.
ROUTES = [
    Route("/overview", _home),
    Route("/stored/{link}/manifest", _answer(_manifest)),
    Route("/stored/{link}/objects/{reference}", _answer(_objects)),
    Route("/stored/{link}/{number:int}/{kinds}", _answer(_planes)),
]
app = st.App(Path(__file__).with_name("app.py"), routes=ROUTES, lifespan=ahead.loading)
