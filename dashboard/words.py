"""Words of others (names, tags, parameters) made harmless for Markdown and for plotly's HTML."""

from __future__ import annotations

import html
import re


def plain(text: object) -> str:
    """Escape every character that Markdown or Streamlit's own directives give a meaning."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", str(text)).replace("\n", " ")


def short(text: object, most: int = 40) -> str:
    """Cut out of the middle: a run's name ends in what tells it from others."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[: most - 13]}…{whole[-12:]}"


def label(text: object) -> str:
    """Escape for a plotly legend or hover text, which read a subset of HTML."""
    return html.escape(str(text))
