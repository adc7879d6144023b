"""Plain text for pretraining: which files, cut into passages, each for training or held out by its own hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkbenchError
from ..feedback.base import Document

SUFFIXES = (".txt", ".md", ".jsonl")
MOST_BYTES = 500_000_000
MOST_FILES = 20_000
"""Files of any kind in a folder: a whole disk would take minutes to look through."""
PASSAGE = 2000
"""Characters after which a passage ends with its paragraph: about a page, so that held-out text has context too."""
HELD_OUT = 10
"""One passage of so many is held out."""
BREAK = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Found:
    """The files at a place, and their size in bytes."""

    files: tuple[Path, ...]
    size: int


def find(place: str) -> Found:
    """The files of text at a file or a folder. Raises WorkbenchError when there are none."""
    if not place.strip():
        raise WorkbenchError("Text is missing.", "Choose a .txt, .md or .jsonl file, or a folder of them.")
    path = Path(place).expanduser()
    try:
        if path.is_dir():
            inside = sorted(each for each in _below(path) if each.suffix.lower() in SUFFIXES and each.is_file())
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            inside = [path]
        else:
            inside = []
        size = sum(each.stat().st_size for each in inside)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"Text cannot be read from {place}: {error}.", "Choose another file or folder.") from error
    if not inside:
        raise WorkbenchError(f"Text was not found at {place}.", "Choose a .txt, .md or .jsonl file, or a folder.")
    if size > MOST_BYTES:
        words = f"Text at {place} has {size / 1e6:,.0f} MB, and at most {MOST_BYTES / 1e6:,.0f} are taken."
        raise WorkbenchError(words, "Choose a part of it.")
    return Found(tuple(inside), size)


def _below(folder: Path) -> Iterator[Path]:
    for number, path in enumerate(folder.rglob("*")):
        if number == MOST_FILES:
            raise WorkbenchError(
                f"Text in {folder} is among more than {MOST_FILES:,} files.", "Choose a smaller folder."
            )
        yield path


def collect(place: str) -> tuple[Document, ...]:
    """The passages of all files at a place. Raises WorkbenchError when they cannot be read or do not suffice."""
    passages = tuple(Document(text, split_of(text)) for path in find(place).files for text in _passages(path))
    for name, words in (("train", "learn from"), ("held_out", "be tested on")):
        if not any(passage.split == name for passage in passages):
            few = f"Text at {place} has {len(passages)} passages of a page, and none to {words}."
            raise WorkbenchError(few, "Choose more text: a hundred pages are a beginning.")
    return passages


def split_of(passage: str) -> str:
    """ "train" or "held_out" by the passage itself, so that the same text is never on both sides."""
    digest = hashlib.sha256(" ".join(passage.split()).encode()).digest()
    return "held_out" if int.from_bytes(digest[:4], "big") % HELD_OUT == 0 else "train"


def _passages(path: Path) -> Iterator[str]:
    try:
        if path.suffix.lower() == ".jsonl":
            yield from _rows(path)
            return
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"Text in {path} is not UTF-8.", "Save it as UTF-8.") from error
    except OSError as error:
        raise WorkbenchError(f"Text in {path} cannot be read: {error.strerror}.", "Check the file.") from error
    yield from _pages(text)


def _rows(path: Path) -> Iterator[str]:
    """Each row is a document."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                text = json.loads(line)["text"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                words = f'Text in {path.name}, line {number}, is no JSON with a field "text".'
                raise WorkbenchError(words, "Each line is to be like {" + '"text": "..."' + "}.") from error
            if isinstance(text, str) and text.strip():
                yield text


def _pages(text: str) -> Iterator[str]:
    """Paragraphs that follow one another, until they are a page."""
    page: list[str] = []
    for paragraph in BREAK.split(text):
        if paragraph.strip():
            page.append(paragraph.strip("\n"))
        if sum(map(len, page)) >= PASSAGE:
            yield "\n\n".join(page)
            page = []
    if page:
        yield "\n\n".join(page)
