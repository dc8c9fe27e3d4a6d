"""Selections live in the URL: a widget shows what the URL says and writes what a person picks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SHOWN = "links.shown"
_TOUCHED = "links.touched"


def one(
    widget: Callable[..., Any],
    title: str,
    key: str,
    options: Sequence[str],
    default: str | None = None,
    **settings: Any,
) -> str:
    """One of the options, through a select box, a segmented control or a slider of options."""
    default = options[0] if default is None else default
    wanted = st.query_params.get(key, default)
    if wanted not in options:
        _tell(title, [wanted])
        wanted = default
    _show(key, wanted)
    widget(title, options, key=key, on_change=_write, args=(key,), **settings)
    return wanted


def many(title: str, key: str, options: Sequence[str], default: Sequence[str] = (), **settings: Any) -> list[str]:
    """Some of the options, in the order in which they were picked; at most `max_selections`, if that is given."""
    wanted = st.query_params.get_all(key) if key in st.query_params else list(default)
    known = [value for value in dict.fromkeys(wanted) if value in options][: settings.get("max_selections")]
    _tell(title, [value for value in wanted if value and value not in options])
    _show(key, known)
    if not known and default:
        keep(key, "")  # said in the URL: without the key the default would come back
    st.multiselect(title, options, key=key, on_change=_write, args=(key,), **settings)
    return known


def words(title: str, key: str, **settings: Any) -> str:
    """A text that a person types."""
    wanted = st.query_params.get(key, "")
    _show(key, wanted)
    if not wanted:
        keep(key, [])
    st.text_input(title, key=key, on_change=_write, args=(key,), **settings)
    return wanted


def day(title: str, key: str, **settings: Any) -> str:
    """A day as 2026-01-31; empty = none."""
    wanted = st.query_params.get(key, "")
    try:
        chosen = date.fromisoformat(wanted) if wanted else None
    except ValueError:
        _tell(title, [wanted])
        wanted, chosen = "", None
    st.session_state[key] = chosen
    keep(key, wanted or [])

    def write() -> None:
        picked = st.session_state[key]
        put(key, picked.isoformat() if picked else "")

    st.date_input(title, value=None, key=key, on_change=write, format="YYYY-MM-DD", **settings)
    return wanted


def between(title: str, key: str, lowest: int, highest: int, **settings: Any) -> tuple[int, int]:
    """Two whole numbers between two others, through a slider; in the URL as `20-300`, absent where all are wanted."""
    text = st.query_params.get(key, "")
    low, high = lowest, highest
    if text:
        ends = text.split("-")
        if len(ends) == 2 and all(end.isdecimal() for end in ends):
            low, high = (min(max(int(end), lowest), highest) for end in ends)
        else:
            _tell(title, [text])
    st.session_state[key] = (min(low, high), max(low, high))
    if st.session_state[key] != (lowest, highest):
        keep(key, "{}-{}".format(*st.session_state[key]))
    st.slider(title, lowest, highest, key=key, on_change=_write_range, args=(key,), **settings)
    low, high = st.session_state[key]
    return low, high


def flag(title: str, key: str, default: bool = True, **settings: Any) -> bool:
    """On or off: 1 or 0 in the URL."""
    wanted = st.query_params.get(key, str(int(default))) == "1"
    _show(key, wanted)
    st.toggle(title, key=key, on_change=_write, args=(key,), **settings)
    return wanted


def stepper(title: str, key: str, options: Sequence[str], default: str) -> str:
    """One of the options in their order: a slider between a button back and a button forth (also the arrow keys)."""
    back, middle, forth = st.columns([0.09, 1, 0.09], vertical_alignment="bottom")
    with middle:
        chosen = one(st.select_slider, title, key, options, default)
    place = options.index(chosen)
    for spot, side, to in ((back, "left", place - 1), (forth, "right", place + 1)):
        inside = 0 <= to < len(options)
        spot.button(
            "",
            icon=f":material/chevron_{side}:",
            key=f"{key}-{side}",
            shortcut=side.capitalize(),
            on_click=put,
            args=(key, options[to] if inside else chosen),
            disabled=not inside,
        )
    return chosen


def page(key: str, pages: int) -> int:
    """The number of a page, from 1, through numbered buttons; a page beyond the last is the last."""
    wanted = st.query_params.get(key, "1")
    number = min(max(int(wanted), 1), pages) if wanted.isdecimal() else 1
    keep(key, str(number) if number > 1 else [])
    widget = f"{key}-{number}-of-{pages}"  # its number can't be set from here, only what it begins with
    turned = lambda: put(key, str(st.session_state[widget]))  # noqa: E731
    st.pagination(pages, default=number, key=widget, on_change=turned, width=340)
    return number


def asked(title: str, key: str, options: Sequence[str]) -> list[str]:
    """The options that the URL names, for what is shown by no widget of this module."""
    wanted = st.query_params.get_all(key)
    _tell(title, [value for value in wanted if value and value not in options])
    known = [value for value in wanted if value in options]
    keep(key, known)
    return known


def rows(widget: str, key: str, values: Sequence[str], table: Any, **settings: Any) -> None:
    """A table with a value per row; ticked are those that the URL names, beside the values of other tables."""
    wanted = st.query_params.get_all(key)
    ticked = [place for place, value in enumerate(values) if value in wanted]
    shown = st.session_state[widget]["selection"]["rows"] if widget in st.session_state else []
    if shown != ticked:  # what is set is sent with the table, and another table is drawn anew
        st.session_state[widget] = {"selection": {"rows": ticked, "columns": [], "cells": []}}

    def write() -> None:
        others = [value for value in st.query_params.get_all(key) if value not in values]
        put(key, [*others, *(values[row] for row in st.session_state[widget]["selection"]["rows"])])

    st.dataframe(table, key=widget, on_select=write, selection_mode="multi-row", **settings)


def forget_rows(prefix: str, drawn: Sequence[str]) -> None:
    """Of tables by `rows` that are drawn no more: the browser forgets their ticks, and so does the session."""
    for widget in [str(key) for key in st.session_state]:
        if widget.startswith(prefix) and widget not in drawn:
            del st.session_state[widget]


def put(key: str, value: str | Sequence[str]) -> None:
    """Set a selection from a button's callback or a table's selection."""
    st.query_params[key] = value
    st.session_state[_TOUCHED] = True


def put_all(values: Mapping[str, str]) -> None:
    """Set several selections at once; an empty one leaves the URL."""
    others = {key: st.query_params.get_all(key) for key in st.query_params if key not in values}
    st.query_params.from_dict({**others, **{key: value for key, value in values.items() if value}})
    st.session_state[_TOUCHED] = True


def put_row(key: str, table: str, values: Sequence[Any]) -> None:
    """Set a selection to the value of the row that was just clicked in a table."""
    for row in st.session_state[table]["selection"]["rows"]:
        put(key, str(values[row]))


def keep(key: str, value: str | Sequence[str]) -> None:
    """A selection that no widget of this module shows, to stand in the URL too."""
    _shown()[key] = value


def begin() -> None:
    """Forget what parts of the page showed that were drawn alone since: they write what they change themselves."""
    _shown().clear()


def commit() -> None:
    """Write all selections of the page, defaults too, in one go: a link means the same when newer runs exist."""
    shown = {key: [value] if isinstance(value, str) else list(value) for key, value in _shown().items() if value != []}
    _shown().clear()
    st.session_state.pop(_TOUCHED, None)
    if shown and shown != {key: st.query_params.get_all(key) for key in st.query_params}:
        st.query_params.from_dict(shown)


def _shown() -> dict[str, Any]:
    shown: dict[str, Any] = st.session_state.setdefault(_SHOWN, {})
    return shown


def _show(key: str, value: str | bool | list[str]) -> None:
    st.session_state[key] = value
    keep(key, str(int(value)) if isinstance(value, bool) else value)


def _write(key: str) -> None:
    value = st.session_state[key]
    put(key, str(int(value)) if isinstance(value, bool) else value or "")


def _write_range(key: str) -> None:
    put(key, "{}-{}".format(*st.session_state[key]))


def _tell(title: str, unknown: Sequence[str]) -> None:
    """Name what the URL asks for in vain; silent where a person's own choice made it void (frame 90 of a short run)."""
    if unknown and _TOUCHED not in st.session_state:
        what = title.partition(" (")[0].lower()
        st.warning(f"The link asks for what is not here: {what} {', '.join(plain(value) for value in unknown)}.")
