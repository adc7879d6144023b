"""A form made of an Options dataclass: a row per knob, the advanced ones behind a line that shows their values.

form = Form(ppo.Options)
form.set_base({"steps": 100})     # values of a preset; what differs from them is strong and has a reset arrow
form.values()                     # {"steps": 100, ...} as typed, unchecked
form.options()                    # Options, or None after showing what is wrong beside its field
form.changed.connect(...)         # after every edit
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from ..errors import WorkbenchError
from ..methods.base import Knob, knobs, options_from
from .form_controls import FIELD_WIDTH, PATH_WIDTH, Browse, ChoiceBox, NumberSpin, said, written
from .form_people import WhoButton
from .theme import set_property, set_role, set_tone
from .widgets import Button, Card, ElidedLabel, Switch, column, holding, label, row


class FormRow(QWidget):
    """One knob: its name, its control, a reset arrow once it was changed, and what it does or what is wrong.

    A dense one, for a side panel, explains itself only in its tooltip, and says below what is wrong.
    """

    changed = Signal()

    def __init__(self, knob: Knob, label_width: int, dense: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.knob, self._dense = knob, dense
        self._base: Any = knob.default
        self.name = label(said(knob.label), "body", "text2")
        self.name.setFixedWidth(label_width)
        self.control = self._build_control()
        self.name.setBuddy(self.control)
        self.note = label(said(knob.text), "small", "text3", wrap=True)
        self.note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.reset = Button(icon="rotate-ccw", kind="ghost", size="sm")
        self.reset.clicked.connect(self.put_back)
        kept = self.reset.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # its room is always kept, so that nothing moves
        self.reset.setSizePolicy(kept)
        for part in (self.name, self.control):
            part.setToolTip(said(knob.text))
        held = holding(self._beside_control())
        held.setFixedWidth(PATH_WIDTH if (knob.path or knob.names) and not dense else FIELD_WIDTH)
        if dense:
            self.setLayout(column(row(self.name, held, self.reset, None), self.note, spacing=2, margins=(0, 2, 0, 2)))
        else:
            self.setLayout(row(self.name, held, self.reset, self.note, spacing=8, margins=(0, 2, 0, 2)))
        self.set_base(knob.default)

    def _beside_control(self) -> QBoxLayout:
        if self.knob.path or self.knob.names:
            assert isinstance(self.control, QLineEdit)
            made = WhoButton if self.knob.names else Browse
            self.browse = made(self.knob, self.control)
            return row(self.control, self.browse, spacing=6)
        return row(self.control, None) if self.knob.type is bool else row(self.control)

    def _build_control(self) -> QWidget:
        if self.knob.type is bool:
            switch = Switch(said(self.knob.label))
            switch.toggled.connect(self._edited)
            return switch
        if self.knob.choices:
            box = ChoiceBox()
            box.setAccessibleName(said(self.knob.label))
            for choice in self.knob.choices:
                box.addItem(said(choice), choice)
            box.currentIndexChanged.connect(self._edited)
            box.setFixedWidth(FIELD_WIDTH)
            return box
        if self.knob.type is str:
            field = QLineEdit()
            field.setAccessibleName(said(self.knob.label))
            field.textChanged.connect(self._edited)
            return field
        spin = NumberSpin(self.knob)
        spin.changed.connect(self._edited)
        return spin

    def value(self) -> Any:
        """What the control holds, unchecked."""
        if isinstance(self.control, Switch):
            return self.control.isChecked()
        if isinstance(self.control, ChoiceBox):
            return self.control.currentData()
        if isinstance(self.control, QLineEdit):
            return self.control.text()
        assert isinstance(self.control, NumberSpin)
        return self.control.value()

    def set_value(self, value: Any) -> None:
        """Show a value, as if a person had entered it."""
        if isinstance(self.control, Switch):
            self.control.setChecked(bool(value))
        elif isinstance(self.control, ChoiceBox):
            self.control.setCurrentIndex(max(0, self.control.findData(value)))
        elif isinstance(self.control, QLineEdit):
            if self.control.text() != str(value):  # somebody may be typing
                self.control.setText(str(value))
                self.control.setCursorPosition(0)  # of a long text its beginning is shown
        else:
            assert isinstance(self.control, NumberSpin)
            self.control.set_value(value)

    def set_base(self, value: Any) -> None:
        """The value to measure changes against, and show it."""
        self._base = value
        self.reset.setToolTip(self.tr("Back to {value}").format(value=written(value)))
        self.reset.setAccessibleName(
            self.tr("Put {name} back to {value}").format(name=said(self.knob.label), value=written(value))
        )
        self.set_value(value)
        self._edited()

    def put_back(self) -> None:
        """Go back to the base value."""
        self.set_value(self._base)
        self.control.setFocus()

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the base."""
        try:
            return self.knob.parse(self.value()) != self._base
        except WorkbenchError:
            return True

    def parse(self) -> Any:
        """The value in the knob's type. Raises WorkbenchError, and shows it."""
        try:
            return self.knob.parse(self.value())
        except WorkbenchError as error:
            self.show_error(error)
            raise

    def show_error(self, error: WorkbenchError | None) -> None:
        """Say what is wrong in the place of the explanation; nothing moves."""
        words = said(self.knob.text) if error is None else " ".join(part for part in (error.text, error.hint) if part)
        self.note.setText(words)
        self.note.setVisible(error is not None or not self._dense)
        set_tone(self.note, "text3" if error is None else "bad")
        set_property(self.control, "invalid", error is not None)
        self.control.setAccessibleDescription(words)

    def error(self) -> str:
        """What is said to be wrong, "" for nothing."""
        return self.note.text() if self.note.property("tone") == "bad" else ""

    def _edited(self) -> None:
        if not hasattr(self, "reset"):
            return
        self.show_error(None)
        self.reset.setVisible(self.is_changed)
        set_role(self.name, "strong" if self.is_changed else "body")
        set_tone(self.name, "text" if self.is_changed else "text2")
        self.changed.emit()


class Form(QWidget):
    """The knobs of an Options dataclass."""

    changed = Signal()

    def __init__(
        self, options: type, label_width: int = 132, dense: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._options = options
        self.rows = {knob.name: FormRow(knob, label_width, dense) for knob in knobs(options)}
        self._quiet = False
        self.error_label = label("", "small", "bad", wrap=True)
        self.error_label.hide()
        self.advanced = QWidget()
        self.advanced.hide()
        inside = column(spacing=0, margins=(14, 4, 14, 10))
        basic = column(spacing=2)
        for each in self.rows.values():
            (inside if each.knob.advanced else basic).addWidget(each)
            each.changed.connect(self._edited)
        self.advanced.setLayout(inside)
        self.card = self._build_card()
        if not any(each.knob.advanced for each in self.rows.values()):
            self.card.hide()
        whole = column(basic, self.error_label, self.card, spacing=8)
        self.setLayout(whole)
        self._sum_up()

    def _build_card(self) -> Card:
        self.opener = Button(self.tr("Advanced"), "chevron-right", kind="ghost")
        self.opener.clicked.connect(lambda: self.open_advanced(self.advanced.isHidden()))
        self.summary = ElidedLabel("", "small", "text2")
        self.summary.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.tally = label("", "small", "text3", tabular=True)
        card = Card()
        head = row(self.opener, self.summary, self.tally, spacing=8, margins=(4, 2, 14, 2))
        layout = QVBoxLayout(card)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.advanced)
        return card

    # -- values

    def values(self) -> dict[str, Any]:
        """What stands in the fields: numbers in their type where they can be read, else as typed."""
        return {name: _readable(each) for name, each in self.rows.items()}

    def options(self) -> Any | None:
        """The Options; None after showing what is wrong beside the field it is about."""
        self.clear_errors()
        for each in self.rows.values():
            try:
                each.parse()
            except WorkbenchError:
                self._lead_to(each)
                return None
        try:
            return options_from(self._options, {name: each.value() for name, each in self.rows.items()})
        except WorkbenchError as error:
            self.show_error(error)
            return None

    def set_base(self, values: Mapping[str, Any] | None = None) -> None:
        """Show a preset: the defaults with these values. Changes are measured against it."""
        self._quiet = True
        for name, each in self.rows.items():
            each.set_base((values or {}).get(name, each.knob.default))
        self._quiet = False
        self._edited()

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Enter values as a person would: they count as changes."""
        self._quiet = True
        for name, value in values.items():
            if name in self.rows:
                self.rows[name].set_value(value)
        self._quiet = False
        self._edited()

    def changed_names(self) -> list[str]:
        """Knobs that differ from the preset."""
        return [name for name, each in self.rows.items() if each.is_changed]

    def set_known(self, people: Mapping[str, int], judges: Mapping[str, int]) -> None:
        """Everybody who has judged, and every judge, for fields in which they are named."""
        for each in self.rows.values():
            if each.knob.names and isinstance(each.browse, WhoButton):
                each.browse.set_known(people, judges)

    # -- errors

    def show_error(self, error: WorkbenchError) -> None:
        """Show an error beside the field that its sentence names, or under the form."""
        named = self._named_by(error)
        if named is not None:
            named.show_error(error)
            self._lead_to(named)
        else:
            self.error_label.setText(" ".join(part for part in (error.text, error.hint) if part))
            self.error_label.show()

    def clear_errors(self) -> None:
        """Take away what was said to be wrong."""
        self.error_label.hide()
        for each in self.rows.values():
            each.show_error(None)

    def _named_by(self, error: WorkbenchError) -> FormRow | None:
        said = error.text.lower()
        for each in self.rows.values():
            words = {each.knob.label.lower(), each.knob.name.replace("_", " ")}
            if any(word in said for word in words):
                return each
        return None

    def _lead_to(self, each: FormRow) -> None:
        if each.knob.advanced:
            self.open_advanced(True)
        each.control.setFocus()

    # -- the advanced part

    def open_advanced(self, opened: bool) -> None:
        """Open or shut the advanced knobs."""
        self.advanced.setVisible(opened)
        self.opener.set_icon("chevron-down" if opened else "chevron-right")
        self._sum_up()

    def _edited(self) -> None:
        if not self._quiet:
            self.error_label.hide()
            self._sum_up()
            self.changed.emit()

    def _sum_up(self) -> None:
        hidden = [each for each in self.rows.values() if each.knob.advanced]
        changed = [each for each in hidden if each.is_changed]
        first = changed + [each for each in hidden if each not in changed and each.knob.type is not bool]
        opened = not self.advanced.isHidden()
        self.summary.setText(
            "" if opened else " · ".join(f"{said(each.knob.label.lower())} {_shown(each)}" for each in first[:7])
        )
        if changed:
            words = self.tr("{changed} of {count} changed").format(changed=len(changed), count=len(hidden))
        else:
            words = self.tr("{count} settings at preset").format(count=len(hidden))
        self.tally.setText(words)


def _readable(each: FormRow) -> Any:
    try:
        return each.knob.parse(each.value())
    except WorkbenchError:
        return each.value()


def _shown(each: FormRow) -> str:
    value = _readable(each)
    if not isinstance(value, str):
        return written(value)
    return said(value) if each.knob.choices else value
