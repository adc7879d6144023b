"""A person's own files as text with Markdown headings: .txt, .md, .html; .docx and .pdf with an extra."""

from __future__ import annotations

import importlib
import re
from html.parser import HTMLParser
from pathlib import Path

from ..errors import WorkbenchError
from .word_files import text_of

MOST_BYTES = 50_000_000
SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".docx", ".pdf")

_SILENT = {"script", "style", "head", "noscript", "template", "svg"}
_BLOCKS = {
    "p", "div", "section", "article", "ul", "ol", "table", "tr", "blockquote", "pre", "figure", "header", "footer",
    "main", "nav", "aside", "dl", "dd", "dt",
}  # fmt: skip
_MARKS = {"li": "- ", **{f"h{level}": f"{'#' * level} " for level in range(1, 7)}}


def read_document(path: Path) -> str:
    """The text of a document. Raises WorkbenchError when it has none, or is of a kind that cannot be read."""
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise WorkbenchError(
            f"{path.name} is of a kind that cannot be read.", "Save it as text, Markdown, HTML, .docx or PDF."
        )
    readers = {".pdf": _of_pdf, ".docx": text_of, ".html": _of_html, ".htm": _of_html}
    text = tidy(readers.get(kind, read_text)(path))
    if not any(sign.isalnum() for sign in text):
        hint = "A scanned PDF holds pictures: recognise its text first." if kind == ".pdf" else "Choose another file."
        raise WorkbenchError(f"{path.name} holds no text.", hint)
    return text


def read_text(path: Path) -> str:
    """A text file, UTF-8 (or UTF-16 with its mark), with every line ended by \\n. Raises WorkbenchError."""
    from .exchange.text_files import decoded, opened  # here: the formats of files are many, and the store opens often

    with opened(path) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise WorkbenchError(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB.", "Choose a part of it.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        text = decoded(data, path.name).removeprefix("\ufeff")
    if "\0" in text:
        raise WorkbenchError(f"{path.name} is not a text file.", "Choose another file.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tidy(text: str) -> str:
    """The text without spaces at the ends of lines, and with one blank line where there were more."""
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _of_html(path: Path) -> str:
    parser = _Stripping()
    parser.feed(read_text(path))
    parser.close()
    return parser.text()


class _Stripping(HTMLParser):
    """Keeps the words of a page and its headings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._silent = 0
        self._exact = 0

    def text(self) -> str:
        """What was kept."""
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self._pieces.append("\n")
        elif tag in ("td", "th"):
            self._pieces.append(" ")
        elif tag in _MARKS:
            self._pieces.append(("\n" if tag == "li" else "\n\n") + _MARKS[tag])
        elif tag in _BLOCKS:
            self._pieces.append("\n\n")
        self._exact += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS or tag in _MARKS:
            self._pieces.append("\n" if tag == "li" else "\n\n")
        self._exact = max(0, self._exact - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._pieces.append(data if self._exact else re.sub(r"\s+", " ", data))


def _of_pdf(path: Path) -> str:
    try:
        pypdf = importlib.import_module("pypdf")
    except ImportError as error:
        raise WorkbenchError(
            "Reading PDF needs an addition that is not installed.",
            'Install it with pip install "feedback-workbench[documents]", or save the file as text.',
        ) from error
    try:
        return "\n\n".join(page.extract_text() or "" for page in pypdf.PdfReader(str(path)).pages)
    except Exception as error:  # whatever a library raises for a damaged file
        raise WorkbenchError(f"{path.name} cannot be read as PDF: {error}.", "Save it again, or as text.") from error
