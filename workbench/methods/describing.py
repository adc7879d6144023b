"""Methods and their knobs as tables, from the same fields as the form and `--help`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .base import Knob, Method, knobs

WORDS = {
    "Pair": "pairs",
    "Ranking": "rankings",
    "Label": "ratings and thumbs",
    "Demonstration": "demonstrations",
    "Prompt": "prompts",
    "Document": "plain text",
}
"""What kinds of example are called."""


def wants(method: Method) -> str:
    """What a method learns from, in words."""
    return ", ".join(WORDS.get(kind.__name__, kind.__name__.lower()) for kind in method.WANTS) or "plain text"


def markdown(methods: dict[str, Method]) -> str:
    """A table of the methods, and one of the knobs of each, folded away: the README's own section."""
    lines = ["| method | what it does | learns from |", "|---|---|---|"]
    lines += [f"| `{name}` | **{method.title}.** {method.text} | {wants(method)} |" for name, method in methods.items()]
    for name, method in methods.items():
        lines += ["", f"<details><summary>Knobs of <code>workbench train {name}</code></summary>", "", *_table(method)]
        lines += ["", _presets(method), "", "</details>"]
    return "\n".join(lines)


def _table(method: Method) -> Iterator[str]:
    yield "| knob | default | what it does |"
    yield "|---|---|---|"
    for knob in knobs(method.Options):
        yield f"| `{option(knob)}` | {_said(knob.default)} | {_escaped(knob.text)}{_range(knob)} |"


def _presets(method: Method) -> str:
    told = [
        f"`--preset {name}` changes "
        + ", ".join(f"{key.replace('_', ' ')} to `{value}`" for key, value in changes.items())
        for name, changes in method.PRESETS.items()
        if changes
    ]
    return "; ".join(told) + ". How much data there is changes more, see below."


def option(knob: Knob) -> str:
    """A knob on the command line."""
    return f"--{knob.name.replace('_', '-')}"


def _said(value: Any) -> str:
    return f"`{value}`" if value != "" else ""


def _range(knob: Knob) -> str:
    if knob.choices:
        return f" One of {', '.join(f'`{choice}`' for choice in knob.choices)}."
    if knob.low is not None and knob.high is not None:
        return f" {knob.low:g} to {knob.high:g}."
    return ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
