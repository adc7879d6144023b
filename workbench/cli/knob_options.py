"""The knobs of an Options dataclass as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..methods.base import Knob, knobs


def knob_options(options: type, skip: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """A click option for each knob: the same text, range and default as in the window's form."""

    def decorate(command: Any) -> Any:
        for knob in reversed([knob for knob in knobs(options) if knob.name not in skip]):
            command = click.option(f"--{knob.name.replace('_', '-')}", knob.name, **_click_type(knob))(command)
        return command

    return decorate


def _click_type(knob: Knob) -> dict[str, Any]:
    kinds: dict[type, Any] = {int: int, float: float, str: str, bool: bool}
    kind = click.Choice(list(knob.choices)) if knob.choices else kinds[knob.type]
    return {"type": kind, "default": None, "help": f"{knob.text}  [default: {knob.default}]"}


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Only the knobs that were set on the command line."""
    return {key: value for key, value in values.items() if value is not None}
