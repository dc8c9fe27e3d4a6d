"""Cut-outs of frames as a gallery: pictures in, HTML out; pure."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from cytolapse.overlay import window
from cytolapse.pictures import ERRORS, SIDES, WHOLE, named, picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PIL import Image

    from cytolapse.previews import FrameView

Place = tuple[float, float]
PANEL, WIDE = 220, 900
"""Least width in px of a cut-out and of a whole frame."""
GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));gap:14px"
IMAGE = "width:100%;aspect-ratio:1;object-fit:cover;border-radius:6px;image-rendering:pixelated;display:block"
LINE = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
BOX = (
    "display:inline-block;width:12px;height:12px;border-radius:3px;border:1px solid rgba(128,128,128,.7);"
    "vertical-align:-1px;margin-right:6px"
)
NO_PICTURE = "aspect-ratio:1;border-radius:6px;border:1px dashed rgba(128,128,128,.6);display:grid;place-items:center"


class Card(NamedTuple):
    """A cut-out.

    Attributes:
        picture: PNG; None = there is none.
        link: where it leads.
        title: its place.
        text: its numbers.
        mark: what else is known of it; "" = nothing.
    """

    picture: bytes | None
    link: str
    title: str
    text: str
    mark: str = ""


def cut(
    view: FrameView, reference: str, objects: Sequence[Any] | None, centre: tuple[float, float], side: int
) -> bytes:
    """PNG of a square of `side` px around (y, x); `objects`: the frame's, to colour by error; None = by side."""
    part = window(view.image.shape, (side, side), centre)
    return _png(picture(view, reference, objects, part, PANEL))


def whole(view: FrameView, reference: str, objects: Sequence[Any]) -> bytes:
    """PNG of a frame with the kinds of its errors written on it."""
    return _png(named(picture(view, reference, objects, WHOLE, WIDE), view, objects))


def gallery(cards: Iterable[Card]) -> str:
    """Cards side by side, as many as fit."""
    return f'<div style="{GRID}">{"".join(map(_card, cards))}</div>'


def legend(by_error: bool) -> str:
    """What the outlines mean."""
    items = []
    for word, colour in ERRORS if by_error else SIDES:
        plain = by_error and word.startswith(("dashed", "solid"))
        box = "" if plain else f'<span style="{BOX};background:rgb{colour}"></span>'
        items.append(f'<span style="white-space:nowrap">{box}{word}</span>')
    return f'<div style="display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;opacity:.85">{"".join(items)}</div>'


def _card(card: Card) -> str:
    if card.picture is None:
        shown = f'<div style="{NO_PICTURE}">no picture</div>'
    else:
        source = f"data:image/png;base64,{base64.b64encode(card.picture).decode()}"
        shown = f'<img style="{IMAGE}" src="{source}" alt="{html.escape(card.title)}">'
    mark = f'<div style="{LINE};color:#d55e00" title="{html.escape(card.mark)}">{html.escape(card.mark)}</div>'
    return (
        f'<a href="{html.escape(card.link)}" target="_blank" title="Open in the movie" '
        f'style="color:inherit;text-decoration:none;font-size:13px;line-height:1.35">{shown}'
        f'<div style="{LINE};margin-top:5px;font-weight:600">{html.escape(card.title)}</div>'
        f'<div style="{LINE};opacity:.75">{html.escape(card.text)}</div>{mark if card.mark else ""}</a>'
    )


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
