"""The foot of Models while anything is downloaded: one line for each, with pause, go on, and cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ..errors import WorkbenchError
from . import figures
from .models_downloads import FAILED, PAUSED, PAUSING, RUNNING, WAITING, Downloads, Item
from .theme import set_region, set_tone, text_scale
from .widgets import Bar, Button, Divider, ElidedLabel, LinkButton, column, holding, label, row

NAME_WIDTH, BAR_WIDTH = 168, 148


class DownloadRow(QWidget):
    """One download. Cancelling asks in its place whether to keep what is here."""

    def __init__(self, downloads: Downloads, item: Item, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.item, self._downloads = item, downloads
        self.name = ElidedLabel(item.name, "strong")
        self.name.setFixedWidth(NAME_WIDTH)
        self.bar = Bar(self.tr("Progress of {name}").format(name=item.name), "accentText")
        self.bar.setFixedWidth(BAR_WIDTH)
        self.text = ElidedLabel("", "small", "text2")
        self.hint = ElidedLabel("", "small", "text2")
        words = holding(column(self.text, self.hint, spacing=2))
        self.state = label("", "small", "text2", tabular=True)
        self.toggler = Button(icon="pause", kind="ghost", size="sm", tip=self.tr("Pause {name}").format(name=item.name))
        self.toggler.clicked.connect(lambda: downloads.toggle(item))
        self.upper = Button(icon="arrow-up", kind="ghost", size="sm", tip=self.tr("Next in line"))
        self.upper.clicked.connect(lambda: downloads.first(item))
        self.canceller = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Cancel {name}").format(name=item.name))
        self.canceller.clicked.connect(self.ask)
        self._usual = holding(row(words, self.state, self.upper, self.toggler, self.canceller, spacing=8))
        self._usual.layout().setStretch(0, 1)  # type: ignore[union-attr]
        self._question = self._build_question()
        line = row(self.name, self.bar, self._usual, self._question, spacing=12)
        line.setStretch(2, 1)
        line.setStretch(3, 1)
        self.setLayout(line)
        self.show_item()

    def _build_question(self) -> QWidget:
        self.asked = ElidedLabel("", "small", "text2")
        self.keeper = Button(self.tr("Keep"), size="sm")
        self.keeper.clicked.connect(self._keep)
        self.discarder = Button(self.tr("Discard"), kind="danger", size="sm")
        self.discarder.clicked.connect(self._discard)
        result = holding(row(self.asked, self.keeper, self.discarder, spacing=8))
        result.layout().setStretch(0, 1)  # type: ignore[union-attr]
        result.hide()
        return result

    def show_item(self) -> None:
        """Show how the download stands now."""
        item = self.item
        self.bar.set_fraction(item.done / item.total if item.total else 0.0, "accentText" if item.going else "ref")
        self.text.setText(self._text())
        self.text.setToolTip(str(item.error) if item.error else "")
        set_tone(self.text, "warn" if item.state == FAILED else "text2")
        self.hint.setText(item.error.hint if item.error else "")
        self.hint.setVisible(item.error is not None)
        self.setFixedHeight(round((48 if item.error else 32) * max(1.0, text_scale())))
        self.state.setText(self._state())
        paused = not item.going
        self.toggler.set_icon("play" if paused else "pause")
        words = self.tr("Resume {name}") if paused else self.tr("Pause {name}")
        self.toggler.setAccessibleName(words.format(name=item.name))
        self.toggler.setToolTip(f"{words.format(name=item.name)} (P)")
        self.toggler.setEnabled(item.state != PAUSING)
        self.upper.setVisible(item.state == WAITING)

    def _text(self) -> str:
        item = self.item
        total = figures.size(item.total)
        if item.error is not None:
            return item.error.text
        if not item.done and item.state != RUNNING:
            return self.tr("{total}, starts next").format(total=total) if item.state == WAITING else total
        sizes = self.tr("{done} of {total}").format(done=figures.part(item.done, item.total), total=total)
        if item.state == RUNNING and item.speed:
            return self.tr("{sizes}, {speed}/s").format(sizes=sizes, speed=figures.size(item.speed))
        return self.tr("{sizes}, resumes here").format(sizes=sizes) if item.state in (PAUSED, PAUSING) else sizes

    def _state(self) -> str:
        item = self.item
        if item.state == RUNNING and item.left is not None:
            return self.tr("{time} left").format(time=figures.duration(item.left))
        texts = {
            WAITING: self.tr("waiting"),
            PAUSED: self.tr("paused"),
            PAUSING: self.tr("pausing"),
            FAILED: self.tr("stopped"),
        }
        return texts.get(item.state, self.tr("starting"))

    # -- cancelling

    def ask(self) -> None:
        """Pause, and ask whether to keep what is here."""
        self._downloads.pause(self.item)
        size = self.tr("Keep {size} for later?").format(size=figures.size(self.item.done))
        self.asked.setText(size if self.item.done else self.tr("Keep it for later?"))
        self._usual.hide()
        self._question.show()
        self.keeper.setFocus()

    def _keep(self) -> None:
        self._question.hide()
        self._usual.show()
        self.toggler.setFocus()

    def _discard(self) -> None:
        try:
            self._downloads.discard(self.item)
        except WorkbenchError as error:
            self._downloads.failed.emit(error)
            self._keep()


class DownloadsDock(QWidget):
    """All downloads; hidden while there are none."""

    emptied = Signal()

    def __init__(self, downloads: Downloads, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self.rows: list[DownloadRow] = []
        self.about = label("", "small", "text3")
        self.all = LinkButton(self.tr("Pause all"))
        self.all.clicked.connect(self.toggle_all)
        title = row(label(self.tr("Downloads"), "strong"), self.about, None, self.all, spacing=12)
        self._lines = column(spacing=0)
        body = column(title, self._lines, spacing=6, margins=(16, 10, 12, 8))
        self.setLayout(column(Divider(), body, spacing=0))
        set_region(self, "panel")
        downloads.changed.connect(self._show)
        downloads.advanced.connect(self._advance)
        self.hide()

    def toggle_current(self) -> None:
        """Pause or go on with the one that has the focus, or else the first."""
        found = self._current()
        if found is not None and found.toggler.isEnabled():
            self._downloads.toggle(found.item)

    def cancel_current(self) -> None:
        """Cancel the one that has the focus, or else the first."""
        found = self._current()
        if found is not None:
            found.ask()

    def toggle_all(self) -> None:
        """Pause all, or go on with all when none goes."""
        going = any(item.going for item in self._downloads.items)
        self._downloads.pause_all() if going else self._downloads.resume_all()

    def _current(self) -> DownloadRow | None:
        focused = self.focusWidget()
        held = (each for each in self.rows if focused is not None and focused.hasFocus() and each.isAncestorOf(focused))
        return next(held, self.rows[0] if self.rows else None)

    def _show(self) -> None:
        items = self._downloads.items
        if [each.item for each in self.rows] != items:
            self._rebuild()
        for each in self.rows:
            each.show_item()
        self.setVisible(bool(items))
        going = any(item.going for item in items)
        self.all.setText(self.tr("Pause all") if going else self.tr("Resume all"))
        self.all.setVisible(len(items) > 1)
        about = self.tr("{count}, every file is checked against its published hash")
        self.about.setText(about.format(count=len(items)))

    def _rebuild(self) -> None:
        known = {id(each.item): each for each in self.rows}
        self.rows = [known.pop(id(item), None) or DownloadRow(self._downloads, item) for item in self._downloads.items]
        for left in known.values():
            self._lines.removeWidget(left)
            left.hide()
            left.deleteLater()
        for each in self.rows:
            self._lines.removeWidget(each)
            self._lines.addWidget(each)

    def _advance(self, item: Item) -> None:
        for each in self.rows:
            if each.item is item:
                each.show_item()
