"""Things to type into: SearchField, NumberField, WholeField, SliderField."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from .. import icons
from ..theme import set_role
from .chips import KeyHint
from .text import label

STEPS = 1000


class SearchField(QLineEdit):
    """A field with a magnifier; its key is shown while it is empty. Escape empties it, then leaves it."""

    def __init__(self, placeholder: str, key: str = "/", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.addAction(icons.icon("search", "text2"), QLineEdit.ActionPosition.LeadingPosition)
        self.setTextMargins(-7, 0, 0, 0)  # Qt leaves a wide gap after the magnifier
        self._hint = KeyHint(key, self) if key else None
        self.textChanged.connect(self._show_hint)

    def _show_hint(self) -> None:
        if self._hint is not None:
            self._hint.setVisible(not self.text() and not self.hasFocus())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._hint is not None:
            size = self._hint.sizeHint()
            self._hint.setGeometry(
                self.width() - size.width() - 7, (self.height() - size.height()) // 2, size.width(), size.height()
            )

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_hint()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_hint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.clearFocus()
            return
        super().keyPressEvent(event)


def _inset(spin: QAbstractSpinBox, dense: bool) -> None:
    """Room beside the number: under a style sheet Qt gives the inside the whole width, and padding does nothing."""
    inside = spin.findChild(QLineEdit)
    if inside is not None:
        inside.setTextMargins(9, 0, 9, 0)
    spin.setProperty("dense", dense)
    set_role(spin, "small" if dense else "body", tabular=True)


class NumberField(QDoubleSpinBox):
    """A number to type: 30 high, or 24 when dense. Use it in the place of QDoubleSpinBox."""

    def __init__(self, name: str, dense: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        _inset(self, dense)


class WholeField(QSpinBox):
    """A whole number to type. Use it in the place of QSpinBox."""

    def __init__(self, name: str, dense: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        _inset(self, dense)


class SliderField(QWidget):
    """A name, a value to type, and a slider under them. `changed(float)` when a person changes it."""

    changed = Signal(float)

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        value: float,
        step: float = 0.05,
        decimals: int = 2,
        tip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._high = low, high
        self.setAccessibleName(name)
        self.spin = NumberField(name, dense=True)
        self.spin.setRange(low, high)
        self.spin.setSingleStep(step)
        self.spin.setDecimals(decimals)
        self.spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.spin.setFixedWidth(72)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setAccessibleName(name)
        self._lay_out(name)
        self.set_value(value)
        self.setToolTip(tip)
        self.spin.valueChanged.connect(self._spun)
        self.slider.valueChanged.connect(self._slid)

    def _lay_out(self, name: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.addWidget(label(name, "small", "text2"), 1)
        row.addWidget(self.spin)
        column.addLayout(row)
        column.addWidget(self.slider)

    def value(self) -> float:
        """The value now."""
        return self.spin.value()

    def set_value(self, value: float) -> None:
        """Show a value without sending `changed`."""
        for control in (self.spin, self.slider):
            control.blockSignals(True)
        self.spin.setValue(value)
        self.slider.setValue(round(STEPS * (value - self._low) / (self._high - self._low)))
        for control in (self.spin, self.slider):
            control.blockSignals(False)

    def _spun(self, value: float) -> None:
        self.set_value(value)
        self.changed.emit(self.spin.value())

    def _slid(self, position: int) -> None:
        raw = self._low + (self._high - self._low) * position / STEPS
        step = self.spin.singleStep()
        value = round(raw / step) * step  # a slider has no use for values between two steps
        self.set_value(value)
        self.changed.emit(self.spin.value())
