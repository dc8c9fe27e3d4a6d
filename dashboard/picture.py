"""The picture of one frame: what is cut out, enlarged and drawn; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cytolapse import overlay

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from cytolapse.previews import FrameView

TARGET = 1000
"""Width in px that a picture should have on the screen at least."""


@dataclass(frozen=True)
class Look:
    """What is drawn.

    Attributes:
        reference: whose truth.
        truth: outline it.
        prediction: outline it.
        errors: colour by what became of an object.
        zoom: the part shown is 1/zoom of the frame each way.
        centre: (y, x) of that part; None = the frame's.
    """

    reference: str
    truth: bool = True
    prediction: bool = True
    errors: bool = True
    zoom: int = 1
    centre: tuple[float, float] | None = None


def window(shape: tuple[int, ...], zoom: int, centre: tuple[float, float] | None) -> tuple[slice, slice]:
    """The part of a (Y, X) frame that is shown: 1/zoom of it each way, moved to lie inside."""
    height, width = shape[:2]
    sides = (max(1, height // zoom), max(1, width // zoom))
    return overlay.window((height, width), sides, centre or (height / 2, width / 2))


def picture(view: FrameView, objects: pd.DataFrame | None, look: Look) -> NDArray[np.uint8]:
    """Draw a frame: (Y, X, 3) uint8, pixels repeated, at least about `TARGET` wide.

    Args:
        view: the frame.
        objects: its rows of `objects.parquet`; None = nothing is known about errors.
        look: what is drawn.
    """
    part = window(view.image.shape, look.zoom, look.centre)
    truth = view.references.get(look.reference) if look.truth else None
    prediction = view.prediction if look.prediction else None
    rows: Any = objects.to_dict("records") if objects is not None and look.errors else None
    return overlay.draw(
        view.image[part],
        None if truth is None else truth[part],
        None if prediction is None else prediction[part],
        rows,
        zoom=max(1, round(TARGET / (part[1].stop - part[1].start))),
    )


def centres(objects: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """`truth-7` -> its (y, x)."""
    return {f"{row.side}-{int(getattr(row, row.side))}": (row.y, row.x) for row in objects.itertuples()}


def describe(objects: pd.DataFrame) -> dict[str, str]:
    """`truth-7` -> "missed · truth 7"."""
    ids = [(row.side, int(getattr(row, row.side)), row.kind) for row in objects.itertuples()]
    return {f"{side}-{number}": f"{kind} · {side} {number}" for side, number, kind in ids}


def legend(errors: bool) -> str:
    """The colours as HTML; holds no word of a run."""
    colours = overlay.COLOURS
    entries = [
        ("matched", colours["TP"], "solid"),
        ("false", colours["FP"], "solid"),
        ("missed", colours["FN"], "dashed"),
        ("not judged", overlay.UNJUDGED, "solid"),
    ]
    if not errors:
        entries = [("prediction", overlay.PREDICTION, "solid"), ("truth", overlay.TRUTH, "dashed")]
    items = "".join(
        f'<span style="white-space:nowrap"><span style="display:inline-block;width:20px;height:15px;background:#4a4f55;'
        f'border-radius:3px;vertical-align:-3px;margin-right:5px"><span style="display:block;margin:7px 3px 0;'
        f'border-top:2px {style} rgb{colour}"></span></span>{name}</span>'
        for name, colour, style in entries
    )
    row = f'<div style="display:flex;flex-wrap:wrap;gap:4px 12px;font-size:13px">{items}</div>'
    note = "Dashed: truth. Solid: prediction." if errors else ""
    return f'{row}<div style="font-size:13px;opacity:.65;margin-top:6px">{note}</div>'
