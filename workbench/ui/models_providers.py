"""The servers at the left of Models: a dot, what each is called, and how long it takes to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from . import figures
from .widgets import ElidedLabel, StatusDot, column, holding, label, row

USUAL = {
    "Ollama": "http://localhost:11434/v1",
    "LM Studio": "http://localhost:1234/v1",
    "llama.cpp": "http://localhost:8080/v1",
    "vLLM": "http://localhost:8000/v1",
    "OpenAI": "https://api.openai.com/v1",
}
"""Where the usual servers are, unless somebody has put them elsewhere."""


def name_of(url: str) -> str:
    """What a server is called: the program that is usually there, or its host and port."""
    usual = {address: name for name, address in USUAL.items()}
    return usual.get(url, urlsplit(url).netloc)


class Providers(QWidget):
    """One line for each server of the project."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = column(spacing=2, margins=(26, 0, 10, 0))
        self.setLayout(self._lines)
        self.texts: dict[str, str] = {}
        """What is said of each server, by its address."""
        self.hide()

    def show_servers(self, urls: Sequence[str], known: Mapping[str, float | None]) -> None:
        """Show these, with what is known of them."""
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.texts = {url: _said(url, known) for url in urls}
        for url in urls:
            self._lines.addWidget(self._line(url, known))
        self.setVisible(bool(urls))

    def _line(self, url: str, known: Mapping[str, float | None]) -> QWidget:
        reached = known.get(url) is not None
        dot = StatusDot("good" if reached else "text3", hollow=url not in known)
        name = ElidedLabel(name_of(url), "body", "text2")
        line = row(dot, name, label(self.texts[url], "small", "text2", tabular=True), spacing=8, margins=(0, 4, 0, 4))
        line.setStretch(1, 1)
        result = holding(line)
        result.setToolTip(url)
        result.setAccessibleName(f"{name_of(url)}: {self.texts[url]}")
        return result


def _said(url: str, known: Mapping[str, float | None]) -> str:
    if url not in known:
        return "…"
    milliseconds = known[url]
    if milliseconds is None:
        return QCoreApplication.translate("Models", "off")
    text = QCoreApplication.translate("Models", "{count} ms")
    return text.format(count=figures.count(max(1, round(milliseconds))))
