"""Types of options that can be left out of an MLproject entry point."""

from __future__ import annotations

from typing import Any

import click

NOT_GIVEN = ("preset", "")
TYPES = {"int": int, "float": float, "str": str}


class Setting(click.ParamType[Any]):
    """The value of a Config field; `preset` and an empty text mean "not given", as MLproject's defaults say it."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value in the field's own type, or None.

        Raises:
            click.BadParameter: it is no such number; click names the parameter.
        """
        if value in NOT_GIVEN:
            return None
        try:
            return TYPES[self.name](value)
        except ValueError:
            self.fail(f"{value!r} is no {self.name}", param, ctx)


class Text(click.ParamType[Any]):
    """A text in which empty means "not given", as MLproject's defaults say it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text, or None."""
        return value or None


class Count(click.ParamType[int | None]):
    """A whole number from 1 on; empty means "not given", as MLproject's defaults say it."""

    name = "number"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The number, or None.

        Raises:
            click.BadParameter: it is no such number; click names the parameter.
        """
        if value == "":
            return None
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is no whole number from 1 on", param, ctx)
        return int(value)
