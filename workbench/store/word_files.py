"""Word documents (.docx): their paragraphs and tables in order, and a copy in which paragraphs say something else."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError

MOST_BYTES = 300_000_000
"""Bytes that a file may unpack to."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WORDS = {f"{_W}{name}" for name in ("t", "tab", "br", "cr", "noBreakHyphen", "softHyphen")}


@dataclass(frozen=True)
class Block:
    """A paragraph with words in it. kind: "paragraph", "heading" (of a level), "item" or "cell"."""

    kind: str
    text: str
    level: int
    row: tuple[int, int] | None
    """Of which table it stands in, and in which row."""
    paragraph: Any


def open_document(path: Path) -> Any:
    """The document as the library sees it. Raises WorkbenchError for one that is damaged, locked or far too large."""
    try:
        docx = importlib.import_module("docx")
    except ImportError as error:
        raise WorkbenchError(
            "Reading Word documents needs an addition that is not installed.",
            'Install it with pip install "feedback-workbench[documents]", or save the file as text.',
        ) from error
    hint = "Save it again as .docx, without a password, or as text."
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_BYTES:
            raise WorkbenchError(f"{path.name} unpacks to {size / 1e6:,.0f} MB.", "Choose a smaller document.")
        return docx.Document(str(path))
    except WorkbenchError:
        raise
    except OSError as error:
        raise WorkbenchError(
            f"{path.name} cannot be read: {error.strerror or error}.", "Choose another file."
        ) from error
    except Exception as error:  # whatever a library raises for a damaged file
        raise WorkbenchError(f"{path.name} is damaged, or no Word document.", hint) from error


def blocks(document: Any) -> Iterator[Block]:
    """Its paragraphs that have words, those of tables among them, in order. A merged cell stands once."""
    yield from _inside(document, "", None, [0])


def _inside(holder: Any, within: str, row: tuple[int, int] | None, tables: list[int]) -> Iterator[Block]:
    for item in holder.iter_inner_content():
        if not hasattr(item, "rows"):
            if item.text.strip() and not _is_field(item):
                yield _block(item, within, row)
            continue
        tables[0] += 1
        number, seen = tables[0], set()
        for place, line in enumerate(item.rows):
            for cell in line.cells:
                if cell._tc not in seen:
                    seen.add(cell._tc)
                    yield from _inside(cell, "cell", row or (number, place), tables)


def _block(paragraph: Any, within: str, row: tuple[int, int] | None) -> Block:
    name = str(getattr(paragraph.style, "name", "") or "")
    level = int(name[-1]) if name.startswith("Heading ") and name[-1].isdigit() else 1 if name == "Title" else 0
    properties = paragraph._p.pPr
    numbered = properties is not None and properties.numPr is not None
    kind = within or ("heading" if level else "item" if numbered or name.startswith("List") else "paragraph")
    return Block(kind, " ".join(paragraph.text.split()), level, row, paragraph)


def _is_field(paragraph: Any) -> bool:
    """Whether Word works its words out, as in a table of contents: they are neither read nor replaced."""
    return next(paragraph._p.iter(f"{_W}fldChar", f"{_W}fldSimple"), None) is not None


def text_of(path: Path) -> str:
    """A document as text: headings and lists as Markdown marks them, a line for each row of a table."""
    pieces: list[str] = []
    row: tuple[int, int] | None = None
    for block in blocks(open_document(path)):
        if block.row is not None and block.row == row:
            pieces[-1] += f" | {block.text}"
        elif block.row is not None:
            pieces.append(("\n" if row and row[0] == block.row[0] else "\n\n") + block.text)
        else:
            mark = {"heading": f"{'#' * block.level} ", "item": "- "}.get(block.kind, "")
            pieces.append(f"\n\n{mark}{block.text}")
        row = block.row
    return "".join(pieces)


def rewrite(source: Path, target: Path, say: Callable[[Block], str]) -> None:
    """Write a copy in which each paragraph says what `say` makes of it. Pictures, styles, tables and all else stay; a
    paragraph has the look of its longest stretch of one look."""
    document = open_document(source)
    for block in list(blocks(document)):
        said = say(block)
        if said != block.text:
            _replace(block.paragraph, said)
    document.save(str(target))


def _replace(paragraph: Any, text: str) -> None:
    runs = [run for each in paragraph.iter_inner_content() for run in getattr(each, "runs", None) or [each]]
    runs = [run for run in runs if run.text]
    outside = [run for run in runs if run._r.getparent() is paragraph._p]  # so that not all becomes a link
    longest = max(outside or runs, key=lambda run: len(run.text))
    for run in runs:
        for part in list(run._r):
            if part.tag in _WORDS and part.get(f"{_W}type") not in ("page", "column"):
                run._r.remove(part)
    longest.add_text(text)
