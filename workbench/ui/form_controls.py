"""The controls of a form: a number in plain or scientific notation, a choice; and how values are written."""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import QCoreApplication, QPoint, Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QFileDialog, QLineEdit, QMenu, QWidget

from ..methods.base import Knob
from .figures import MINUS, THIN
from .theme import set_role
from .widgets import Button

FIELD_WIDTH = 128
PATH_WIDTH = 300
ACRONYMS = re.compile(r"\b[Kk]l\b")
GEOMETRIC_SPAN = 1e4
"""A range whose ends are further apart than this is walked in factors (1, 2, 5, 10), not in equal steps."""


def written(value: Any) -> str:
    """A knob's value as a person writes it: 3e-4, 0.05, 16."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return f"{value:.6g}"
    mantissa, exponent = f"{value:.5e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


class NumberSpin(QAbstractSpinBox):
    """A number to type, in plain or scientific notation, or to step with the arrow keys.

    It never corrects what was typed: the form says what is wrong with it instead.
    """

    changed = Signal()

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._knob = knob
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(said(knob.label))
        self.setFixedWidth(FIELD_WIDTH)
        set_role(self, "body", tabular=True)
        self.lineEdit().setTextMargins(9, 0, 9, 0)  # a sheet's padding does not reach the inside of a spin box
        self.lineEdit().textChanged.connect(lambda: self.changed.emit())

    def value(self) -> str:
        """What stands in the field, without the signs of typography."""
        return self.lineEdit().text().strip().replace(MINUS, "-").replace(THIN, "").replace(",", ".")

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self.lineEdit().setText(written(value))

    def validate(self, text: str, place: int) -> Any:
        return QValidator.State.Acceptable, text, place

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        return QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled

    def stepBy(self, steps: int) -> None:
        try:
            number = float(self.value())
        except ValueError:
            number = float(self._knob.default)
        for _ in range(abs(steps)):
            number = self._next(number, 1 if steps > 0 else -1)
        self.set_value(self._knob.type(number))
        self.selectAll()

    def _next(self, number: float, way: int) -> float:
        low, high = self._knob.low, self._knob.high
        if self._geometric():
            number = _next_round(number, way)
        elif self._knob.type is int:
            number = round(number) + way * round(self._knob.step or 1)
        else:
            step = self._knob.step or 0.1
            number = round(number / step + way) * step
        number = number if low is None else max(low, number)
        return number if high is None else min(high, number)

    def _geometric(self) -> bool:
        low, high = self._knob.low, self._knob.high
        wide = low is not None and high is not None and low > 0 and high / low > GEOMETRIC_SPAN
        return self._knob.type is float and wide

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:  # the wheel is scrolling the page
            event.ignore()


def _next_round(number: float, way: int) -> float:
    """The next of ..., 0.1, 0.2, 0.5, 1, 2, 5, ... above or below a number."""
    if number <= 0:
        return 1e-6 if way > 0 else 0.0
    rounds = [float(f"{mantissa}e{power}") for power in range(-12, 9) for mantissa in (1, 2, 5)]
    if way > 0:
        return next((each for each in rounds if each > number * 1.001), number)
    return next((each for each in reversed(rounds) if each < number * 0.999), number)


class ChoiceBox(QComboBox):
    """A choice that the wheel does not change while it scrolls the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        set_role(self, "body")

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Browse(Button):
    """The button beside a path: asks for a file or a folder, and enters it."""

    def __init__(self, knob: Knob, field: QLineEdit, parent: QWidget | None = None) -> None:
        super().__init__(icon="folder-open", tip=QCoreApplication.translate("Browse", "Browse"), parent=parent)
        self._knob, self._field = knob, field
        self.setAccessibleName(self.tr("Browse for: {name}").format(name=said(knob.label)))
        self.clicked.connect(self._ask)

    def _ask(self) -> None:
        if self._knob.path == "folder":
            self.ask_folder()
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("A file"), self.ask_file)
        menu.addAction(self.tr("A folder"), self.ask_folder)
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))

    def ask_file(self) -> None:
        """Enter the file that the person chooses."""
        found, _ = QFileDialog.getOpenFileName(self.window(), said(self._knob.label), self._field.text())
        self._enter(found)

    def ask_folder(self) -> None:
        """Enter the folder that the person chooses."""
        self._enter(QFileDialog.getExistingDirectory(self.window(), said(self._knob.label), self._field.text()))

    def _enter(self, found: str) -> None:
        if found:
            self._field.setText(found)
            self._field.setFocus()


def said(text: str) -> str:
    """Words of a knob, translated where there is a translation."""
    return ACRONYMS.sub(lambda match: match[0].upper(), QCoreApplication.translate("Knob", text))
