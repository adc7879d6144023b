"""The page "Doctor" of Settings: what was checked and how it stands, and a text to send to whoever helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..store import Store
from . import work
from .context import Context
from .theme import set_region
from .widgets import Banner, Button, StatusDot, column, holding, label, row, scrolling


class DoctorPage(QWidget):
    """Every check with a dot and its sentence. It looks when it is first shown, and when it is asked to."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._text = context, ""
        self.dots: dict[str, StatusDot] = {}
        self.sentences: dict[str, QLabel] = {}
        self._work = work.Work(context.store.folder, self)
        self._work.finished.connect(self._on_examined)
        self._work.failed.connect(self._on_failed)
        self.state = label("", "body", "text2", wrap=True)
        self.again = Button(self.tr("Look again"), icon="refresh-cw", size="sm")
        self.again.clicked.connect(self.look)
        self.copy = Button(self.tr("Copy diagnostics"), icon="copy", size="sm")
        self.copy.clicked.connect(self._copy)
        self.copied = Banner(tone="good")
        self.copied.hide()
        words = self.tr(
            "Copied are versions, these checks, engines and the last lines of the log. Prompts, answers, keys and "
            "names of people are left out, and your home folder is written as ~."
        )
        self._grid = self._rows()
        inside = holding(column(holding(self._grid), None, spacing=0))
        set_region(inside, "clear")
        top = row(self.state, self.again, self.copy, spacing=12)
        top.setStretch(0, 1)
        layout = column(top, self.copied, scrolling(inside), label(words, "small", "text3", wrap=True), spacing=12)
        layout.setStretch(2, 1)
        self.setLayout(layout)

    def _rows(self) -> QGridLayout:
        result = QGridLayout()
        result.setContentsMargins(0, 0, 12, 0)
        result.setHorizontalSpacing(10)
        result.setVerticalSpacing(10)
        result.setColumnStretch(2, 1)
        return result

    def fill(self) -> None:
        """Look, unless it has been done; while something runs, only when a person asks for it."""
        if self._context.computing and not self._text:
            words = self.tr("A trial could take memory from what runs. Look when nothing does, or look now.")
            self._show_state(words, ready=True)
        elif not self._text:
            self.look()

    def look(self) -> None:
        """Check everything, on a thread."""
        if self._work.busy:
            return
        self.copied.hide()
        self._show_state(self.tr("Looking…"), ready=False)
        self._work.start(_examining)

    def _show_state(self, text: str, ready: bool) -> None:
        self.state.setText(text)
        self.again.setEnabled(ready)
        self.copy.setEnabled(ready and bool(self._text))

    def _on_examined(self, summary: dict[str, Any]) -> None:
        examined, self._text = summary["examined"], str(summary["text"])
        self._show_checks(examined["checks"])
        good = self.tr("Everything that is needed works.")
        self._show_state(good if examined["ok"] else self.tr("Something needs attention."), ready=True)

    def _on_failed(self, error: WorkbenchError) -> None:
        self._show_state(str(error), ready=True)

    def _show_checks(self, checks: Sequence[dict[str, Any]]) -> None:
        for place, check in enumerate(checks):
            name, ok = str(check["name"]), bool(check["ok"])
            if name not in self.dots:
                self._add_row(place, name)
            self.dots[name].set_dot("good" if ok else "bad")
            state = self.tr("works") if ok else self.tr("needs attention")
            self.dots[name].setAccessibleName(f"{name}: {state}")
            self.sentences[name].setText(str(check["text"]))

    def _add_row(self, place: int, name: str) -> None:
        self.dots[name] = StatusDot()
        self.sentences[name] = label("", "body", "text2", wrap=True, selectable=True)
        self.sentences[name].setAccessibleName(name)
        top = Qt.AlignmentFlag.AlignTop
        self._grid.addWidget(self.dots[name], place, 0, top)
        self._grid.addWidget(label(name, "strong"), place, 1, top)
        self._grid.addWidget(self.sentences[name], place, 2)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        lines = self._text.count("\n")
        said = self.tr("Copied {count} lines. Read them before you send them.")
        self.copied.set_banner("", said.format(count=lines), "good")
        self.copied.show()


def _examining(store: Store) -> Iterator[Event]:
    from ..jobs.diagnostics import diagnostics
    from ..jobs.doctor import examine

    examined = examine(store.folder)
    yield Finished({"examined": examined, "text": diagnostics(examined, store.folder)})
