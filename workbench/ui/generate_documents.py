"""A project's documents: add them by a dialog or by dropping files, see their passages, remove them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QDialog, QFileDialog, QListWidget, QListWidgetItem, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished, Progress
from ..store import Store
from ..store.document_reading import SUFFIXES
from ..store.retrieving import search
from . import figures
from .context import Context
from .theme import set_region, set_tone, text_scale
from .widgets import Button, SearchField, column, label, row
from .work import Steps, Work

SHOWN = 5
"""Passages that a search shows."""
ID = Qt.ItemDataRole.UserRole + 1
ROW = 30


class DocumentsDialog(QDialog):
    """The list, and what can be done to it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setWindowTitle(self.tr("Documents"))
        self.setAccessibleName(self.tr("Documents"))
        self.setAcceptDrops(True)
        set_region(self, "canvas")
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._on_added)
        self._work.failed.connect(lambda error: self._say(f"{error.text} {error.hint}".strip(), "bad"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Documents"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._show_state)
        self.about = label("", "small", "text2", wrap=True)
        self.search = SearchField(self.tr("Search in the passages"), key="")
        self.search.textChanged.connect(lambda text: self._show_found())
        self.found = label("", "small", "text2", wrap=True)
        self._build()
        self.refresh()

    def _build(self) -> None:
        self.add_button = Button(self.tr("Add documents"), "file-plus", kind="primary")
        self.add_button.clicked.connect(self.ask)
        self.remove_button = Button(self.tr("Remove"), "trash-2", key="Delete")
        self.remove_button.clicked.connect(self.remove)
        QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove)
        done = Button(self.tr("Done"), key="Esc")
        done.clicked.connect(self.accept)
        intro = label(
            self.tr("Questions are answered from passages of these. Drop files here: text, Markdown, HTML or PDF."),
            "body", "text2", wrap=True,
        )  # fmt: skip
        foot = row(self.add_button, self.remove_button, None, done)
        body = column(label(self.windowTitle(), "title"), intro, self.list, self.about, self.search, self.found, foot,
                      spacing=10, margins=(20, 18, 20, 16))  # fmt: skip
        body.setStretch(2, 1)
        self.setLayout(body)
        self.resize(620, 520)

    def refresh(self) -> None:
        """Read the list again."""
        self.list.clear()
        try:
            counts = self._context.store.documents.counts()
            documents = self._context.store.documents.list()
        except WorkbenchError as error:
            self._say(f"{error.text} {error.hint}", "bad")
            return
        for document in documents:
            number = counts.get(document.id, 0)
            words = self.tr("1 passage") if number == 1 else self.tr("{count} passages")
            item = QListWidgetItem(f"{document.name}   {words.format(count=figures.count(number))}")
            item.setData(ID, document.id)
            item.setSizeHint(QSize(0, round(ROW * max(1.0, text_scale()))))
            self.list.addItem(item)
        if not documents:
            self._say(self.tr("No documents yet."))
        self._show_found()
        self._show_state()

    def _show_state(self) -> None:
        self.remove_button.setEnabled(bool(self.list.selectedItems()))
        self.add_button.setEnabled(not self._work.busy)

    def _say(self, text: str, tone: str = "text2") -> None:
        self.about.setText(text)
        set_tone(self.about, tone)
        self._show_state()

    # -- adding and removing

    def ask(self) -> None:
        """Have a person choose files."""
        kinds = self.tr("Documents ({kinds})").format(kinds=" ".join(f"*{suffix}" for suffix in SUFFIXES))
        found, _ = QFileDialog.getOpenFileNames(self, self.tr("Add documents"), "", kinds)
        self.add([Path(name) for name in found])

    def add(self, files: Sequence[Path]) -> None:
        """Add files beside the window."""
        if not files:
            return
        try:
            self._work.start(_adding(files))
            self._say(self.tr("Reading"))
        except WorkbenchError as error:
            self._say(f"{error.text} {error.hint}", "bad")

    def _on_added(self, found: dict[str, Any]) -> None:
        self._context.store_changed.emit("documents", self)
        text = self.tr("Added: {count}.").format(count=figures.count(found["added"]))
        if found["known"]:
            text += " " + self.tr("Already here: {count}.").format(count=figures.count(found["known"]))
        problems = " ".join(found["problems"])
        self._say(f"{text} {problems}".strip(), "bad" if problems else "text2")
        self.refresh()
        self._say(f"{text} {problems}".strip(), "bad" if problems else "text2")

    def remove(self) -> None:
        """Take the chosen ones out."""
        chosen = [item.data(ID) for item in self.list.selectedItems()]
        if not chosen:
            return
        try:
            self._context.store.documents.remove(chosen, by=self)
        except WorkbenchError as error:
            self._say(f"{error.text} {error.hint}", "bad")
            return
        self.refresh()
        words = self.tr("Removed: {count}. Answers keep the passages that they were given.")
        self._say(words.format(count=figures.count(len(chosen))))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.add([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()

    # -- searching

    def _show_found(self) -> None:
        text = self.search.text().strip()
        try:
            found = search(self._context.store, text, limit=SHOWN) if text else []
        except WorkbenchError as error:
            self._say(f"{error.text} {error.hint}", "bad")
            return
        lines = [f"{each.title}: {' '.join(each.text.split())[:120]}" for each in found]
        self.found.setText("\n".join(lines) if found or not text else self.tr("Nothing found."))


def _adding(files: Sequence[Path]) -> Steps:
    """Add each file; one that cannot be read does not stop the others."""

    def steps(store: Store) -> Iterator[Event]:
        added = known = 0
        problems: list[str] = []
        for place, file in enumerate(files):
            yield Progress(place, len(files), file.name)
            try:
                new = store.documents.add(file)[1]
                added, known = added + new, known + (not new)
            except WorkbenchError as error:
                problems.append(f"{error.text} {error.hint}".strip())
        yield Finished({"added": added, "known": known, "problems": problems})

    return steps
