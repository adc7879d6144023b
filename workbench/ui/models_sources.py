"""The list at the left of Models: what to show, with counts, and the room that models take on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QWidget

from . import figures, icons
from .models_library import Entry
from .models_providers import Providers
from .theme import font, set_region, theme
from .widgets import Bar, SectionLabel, column, label, row
from .widgets.painting import KeyboardFocus, box, ring

OPTIONAL = ("local", "hub", "gguf", "run", "server")
"""Lines that are shown only once there is something in them."""


class Facet(KeyboardFocus, QPushButton):
    """One line of a list to choose from: icon, words, count. Arrow keys move among the lines of one list."""

    def __init__(self, text: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._icon_name, self._count = icon, -1
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def count(self) -> int:
        """The number shown; -1 for none."""
        return self._count

    def set_count(self, count: int) -> None:
        """Change the number."""
        self._count = count
        self.setAccessibleDescription(str(count))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, max(32, round(font("strong").pixelSize() * 2.4)))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, rect, lit = theme(), QRectF(self.rect()), self.isChecked()
        if lit or self.underMouse():
            box(painter, rect, 6, on.color("selected" if lit else "hover"))
        icons.paint(painter, self._icon_name, "accentText" if lit else "text2", 10, round(rect.center().y() - 7))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font("body", tabular=True))
        painter.setPen(on.color("text2"))
        number = figures.count(self._count) if self._count >= 0 else ""
        room = QFontMetricsF(painter.font()).horizontalAdvance(number)
        painter.drawText(rect.adjusted(0, 0, -10, 0), middle | Qt.AlignmentFlag.AlignRight, number)
        painter.setFont(font("strong"))
        painter.setPen(on.color("text"))
        words = rect.adjusted(36, 0, -18 - room, 0)
        shown = QFontMetricsF(painter.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, middle, shown)
        if self.ring_shown():
            ring(painter, rect, 6)
        painter.end()


@dataclass(frozen=True)
class Choice:
    """A line of the list: which entries it stands for; None for a page of its own."""

    name: str
    text: str
    icon: str
    holds: Callable[[Entry], bool] | None


class Sources(QWidget):
    """The whole left panel. `changed(str)` when another line is chosen."""

    changed = Signal(str)

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self.facets: dict[str, Facet] = {}
        self._choices = self._all_choices()
        self._current = "all"
        layout = column(spacing=1, margins=(10, 12, 10, 12))
        headings = {2: self.tr("Get more"), 4: self.tr("What it is"), 7: self.tr("Where it is from")}
        for place, choice in enumerate(self._choices):
            if place in headings:
                heading = SectionLabel(headings[place])
                heading.setContentsMargins(10, 12, 0, 4)
                layout.addWidget(heading)
                self._last_heading = heading
            layout.addWidget(self._facet(choice))
        self.providers = Providers()
        layout.addWidget(self.providers)
        layout.addStretch(1)
        layout.addWidget(self._disk())
        self.setLayout(layout)
        self.facets["all"].setChecked(True)

    def _all_choices(self) -> Sequence[Choice]:
        return (
            Choice("all", self.tr("All models"), "layers", lambda entry: True),
            Choice("mine", self.tr("Trained by me"), "trophy", lambda entry: entry.mine),
            Choice("find", self.tr("Hugging Face Hub"), "cloud-download", None),
            Choice("here", self.tr("On this computer"), "hard-drive", None),
            Choice("base", self.tr("Bases"), "box", lambda entry: entry.model.kind == "base"),
            Choice("adapter", self.tr("Adapters"), "puzzle", lambda entry: entry.model.kind == "adapter"),
            Choice("reward", self.tr("Reward models"), "scale", lambda entry: entry.model.kind == "reward"),
            Choice("local", self.tr("Local folders"), "folder", lambda entry: entry.model.source == "local"),
            Choice("hub", self.tr("Hub and starter"), "cloud-download", lambda e: e.model.source in ("hub", "starter")),
            Choice("gguf", self.tr("GGUF files"), "file-box", lambda entry: entry.model.source == "gguf"),
            Choice("run", self.tr("Run results"), "chart-line", lambda entry: entry.model.source == "run"),
            Choice("server", self.tr("Providers"), "zap", lambda entry: entry.model.source == "server"),
        )

    def _facet(self, choice: Choice) -> Facet:
        facet = Facet(choice.text, choice.icon)
        facet.toggled.connect(lambda on, name=choice.name: self._choose(name) if on else None)
        self.facets[choice.name] = facet
        return facet

    def _choose(self, name: str) -> None:
        if name != self._current:
            self._current = name
            self.changed.emit(name)

    def _disk(self) -> QWidget:
        self.used, self.free = label("", "small", "text2", tabular=True), label("", "small", "text2", tabular=True)
        self.bar = Bar(self.tr("Room that models take"), "ref")
        well = QFrame()
        set_region(well, "sunken")
        title = row(label(self.tr("Models on disk"), "smallb"), None, self.used)
        well.setLayout(column(title, self.bar, self.free, spacing=6, margins=(10, 9, 10, 9)))
        return well

    def current(self) -> str:
        """The name of the line that is chosen."""
        return self._current

    def shown(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of the entries that the chosen line stands for."""
        holds = next(choice.holds for choice in self._choices if choice.name == self._current)
        return [entry for entry in entries if holds is None or holds(entry)]

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Count the entries of each line and the room they take."""
        for choice in self._choices:
            if choice.holds is None:
                continue
            facet, number = self.facets[choice.name], sum(1 for entry in entries if choice.holds(entry))
            facet.set_count(number)
            optional = choice.name in OPTIONAL
            facet.setVisible(bool(number) or not optional or choice.name == self._current)
        self._last_heading.setVisible(any(not self.facets[name].isHidden() for name in OPTIONAL))
        taken = sum(entry.model.size_bytes for entry in entries if not entry.missing)
        free = shutil.disk_usage(self._folder).free
        self.used.setText(figures.size(taken))
        self.bar.set_fraction(taken / (taken + free) if taken + free else 0.0)
        self.free.setText(self.tr("{size} free on this disk").format(size=figures.size(free)))

    def show_servers(self, entries: Sequence[Entry], known: Mapping[str, float | None]) -> list[str]:
        """Show each server once with what is known of it, and return their addresses."""
        urls = list(dict.fromkeys(entry.model.location for entry in entries if entry.model.kind == "server"))
        self.providers.show_servers(urls, known)
        return urls
