"""Settings: a dialog over preferences; what is changed acts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from ..settings import Settings
from .theme import set_region
from .widgets import Button, Option, Segmented, Switch, column, holding, label, row


class SettingsDialog(QDialog):
    """Theme, text size, single keys, your name."""

    def __init__(self, settings: Settings, changed: Callable[[Settings], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self._changed = changed
        self.setWindowTitle(self.tr("Settings"))
        set_region(self, "panel")
        self.theme = self._theme()
        self.text_size = self._text_size()
        self.letters = Switch(self.tr("Single keys act"))
        self.letters.setChecked(settings.letters)
        self.letters.toggled.connect(lambda on: self._set(letters=on))
        self.who = QLineEdit(settings.annotator)
        self.who.setAccessibleName(self.tr("Your name"))
        self.who.editingFinished.connect(self._rename)
        done = Button(self.tr("Done"), kind="primary")
        done.clicked.connect(self.accept)
        lines = (
            (self.tr("Theme"), self.theme),
            (self.tr("Text size"), self.text_size),
            (self.tr("Single keys act"), self.letters),
            (self.tr("Your name in judgements"), self.who),
        )
        self.setLayout(
            column(
                *[self._line(text, widget) for text, widget in lines], row(None, done), spacing=16, margins=(24,) * 4
            )
        )
        self.setMinimumWidth(480)

    def _line(self, text: str, widget: QWidget) -> QWidget:
        name = label(text, "body", "text2")
        name.setFixedWidth(180)
        return holding(row(name, widget, None))

    def _theme(self) -> Segmented:
        options = [
            Option("system", self.tr("System")),
            Option("light", self.tr("Light")),
            Option("dark", self.tr("Dark")),
        ]
        chosen = Segmented(options, self.tr("Theme"))
        chosen.set_value(self.settings.theme)
        chosen.changed.connect(lambda value: self._set(theme=value))
        return chosen

    def _text_size(self) -> Segmented:
        chosen = Segmented([Option(str(size), f"{size}%") for size in (90, 100, 115, 130, 150)], self.tr("Text size"))
        chosen.set_value(str(self.settings.text_size))
        chosen.changed.connect(lambda value: self._set(text_size=int(value)))
        return chosen

    def _rename(self) -> None:
        name = self.who.text().strip()
        if name and name != self.settings.annotator:
            self._set(annotator=name)

    def _set(self, **values: object) -> None:
        self.settings = replace(self.settings, **values)  # type: ignore[arg-type]
        self._changed(self.settings)
