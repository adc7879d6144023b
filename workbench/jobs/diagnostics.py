"""A plain text for whoever helps: versions, checks, engines, ends of the logs; nothing of what is a person's own."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import paths, settings
from ..errors import WorkbenchError
from ..store import Store
from ..store.people import people
from . import compute

log = logging.getLogger(__name__)

LINES = 50
"""So many last lines of each log."""
SHORTEST = 8
"""Characters of a prompt or an answer from which on it is looked for: "Yes" stands in any log."""
BEGINNING = 24
"""Characters by which a text is known again, though a log holds only its beginning."""
LEFT_OUT = "[left out: it quotes the project]"

_HEAD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_QUOTED = re.compile(
    r"""(?<![\w\\])(?:'(?:[^'\n\\]|\\.)*\s(?:[^'\n\\]|\\.)*'|"(?:[^"\n\\]|\\.)*\s(?:[^"\n\\]|\\.)*")"""
)
_FRAME = re.compile(r'^\s*File "')
_KEY = re.compile(
    r"\b(?:sk|hf|gsk|xai|key|ghp)[-_][A-Za-z0-9_\-]{8,}|(?i:bearer)\s+\S+|(?i:(?:api[-_]?)?key|token)=\S+"
)
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)

# The beginning of each text of the project that a log holds; of a text of several lines that of its first one.
_TEXTS = """WITH texts(text) AS (
        SELECT text FROM responses UNION ALL SELECT system FROM prompts
        UNION ALL SELECT turn.value ->> 'content' FROM prompts, json_each(prompts.turns) AS turn
        UNION ALL SELECT comment FROM feedback UNION ALL SELECT value ->> 'text' FROM feedback),
    lines(line) AS (SELECT trim(substr(trim(text, ' ' || char(9, 10, 13)), 1, :beginning)) FROM texts),
    firsts(line) AS (SELECT trim(CASE instr(line, char(10)) WHEN 0 THEN line
        ELSE substr(line, 1, instr(line, char(10)) - 1) END, ' ' || char(13)) FROM lines)
    SELECT DISTINCT line FROM firsts WHERE length(line) >= :shortest AND instr(:log, line) > 0"""


def diagnostics(examined: Mapping[str, Any], project: Path) -> str:
    """What doctor.examine found and what led to it, as text: no prompts, answers, keys, names of people, or home."""
    parts = [
        f"Feedback Workbench {examined['version']}{_installed()}",
        "\n".join(f"{'ok ' if each['ok'] else 'BAD'}  {each['name']}: {each['text']}" for each in examined["checks"]),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in examined["versions"].items()),
        f"Engines: {_engines()}",
    ]
    logs = {"workbench.log": paths.user_logs() / "workbench.log", "crash.log": project / "crash.log"}
    ends = {name: _last_lines(file) for name, file in logs.items()}
    names, texts = _of_the_project(project, "\n".join(line for lines in ends.values() for line in lines))
    for name, lines in ends.items():
        kept = "\n".join(_without_texts(lines, texts)) or "(empty)"
        parts.append(f"--- the last lines of {name} ---\n{kept}")
    return _without_names("\n\n".join(parts), names) + "\n"


def _installed() -> str:
    root = paths.bundle()
    return f", standalone app in {root}" if root else ", installed by pip"


def _engines() -> str:
    told = [f"{each.name}{' (in use)' if each.active else ''}" for each in compute.engines()]
    return ", ".join(told) or ("none" if paths.bundle() else "those of the standalone app; here PyTorch is pip's")


def _last_lines(file: Path) -> list[str]:
    """The end of a file, whatever its size; what cannot be read is said in its place."""
    try:
        with file.open("rb") as source:
            source.seek(max(0, source.seek(0, os.SEEK_END) - 1_000 * LINES))
            return source.read().decode("utf-8", "replace").splitlines()[-LINES:]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"(it cannot be read: {error.strerror})"]


def _of_the_project(project: Path, found: str) -> tuple[Sequence[str], Sequence[str]]:
    """Names of people, and beginnings of prompts and answers that stand in a text."""
    names = {settings.load().annotator}
    sought = {"beginning": BEGINNING, "shortest": SHORTEST, "log": found}
    try:
        with contextlib.closing(Store.open(project)) as store:
            return sorted(names | set(people(store))), [str(row["line"]) for row in store.rows(_TEXTS, sought)]
    except WorkbenchError:
        log.exception("the project cannot be asked for its names and texts")
        return sorted(names), [""]  # nobody can say what is a text of it: no line is kept


def _without_texts(lines: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """The lines, but for those that hold a text, and what follows it up to the next entry of the log."""
    inside = False
    for line in lines:
        if _HEAD.match(line):
            inside = False
        if any(text in line for text in texts):
            if not inside:
                yield LEFT_OUT
            inside = True
        elif not inside:
            yield line if _FRAME.match(line) else _QUOTED.sub("[…]", line)


def _without_names(text: str, names: Sequence[str]) -> str:
    text = _KEY.sub("[key]", text)
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= SHORTEST:
            text = text.replace(value, "[key]")
    for home in sorted({str(Path.home()), str(Path.home().resolve())}, key=len, reverse=True):
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text
    for name in (*names, _login()):
        if name not in ("", "you", "root"):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", text, flags=re.IGNORECASE)
    return text


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name
        return ""
