"""The criteria of the project's rubric, and the dialog that changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QComboBox, QDialog, QLineEdit, QVBoxLayout, QWidget

from ..errors import WorkbenchError
from ..feedback import rubric
from ..store import Store
from . import keys
from .figures import percent
from .theme import set_region
from .widgets import Button, NumberField, column, holding, label, row, scrolling

SETTING = "rubric"
LONGEST = 60
"""Characters of a criterion's name."""


def tr(text: str) -> str:
    """A sentence of the rubric in the person's language."""
    return QCoreApplication.translate("Rubric", text)


def starting() -> list[dict[str, Any]]:
    """What a project begins with."""
    stars = [tr("Helpful"), tr("Correct"), tr("Clear")]
    criteria = [{"name": name, "scale": "stars", "weight": 1.0} for name in stars]
    return [*criteria, {"name": tr("Safe"), "scale": "pass_fail_critical", "weight": 1.0}]


def project_rubric(store: Store, tell: Callable[[WorkbenchError], object]) -> list[dict[str, Any]]:
    """The project's criteria. One that cannot be used is told of, and the starting one stands in for it."""
    kept = store.setting(SETTING)
    if kept is None:
        return starting()
    try:
        return rubric.check_criteria(kept)
    except WorkbenchError as error:
        tell(error)
        return starting()


class _Line(QWidget):
    """One criterion to change."""

    def __init__(self, criterion: Mapping[str, Any], editor: RubricEditor) -> None:
        super().__init__()
        self.name = QLineEdit(criterion["name"])
        self.name.setMaxLength(LONGEST)
        self.name.setPlaceholderText(tr("Name of the criterion"))
        self.name.setAccessibleName(tr("Name"))
        self.scale = QComboBox()
        self.scale.setAccessibleName(tr("Scale"))
        for value, text in (
            ("stars", tr("1 to 5")),
            ("pass_fail", tr("Pass or fail")),
            ("pass_fail_critical", tr("Pass, fail or critical")),
        ):
            self.scale.addItem(text, value)
        self.scale.setCurrentIndex(self.scale.findData(criterion["scale"]))
        self.weight = NumberField(tr("Weight"))
        self.weight.setRange(0.1, 1000)
        self.weight.setDecimals(1)
        self.weight.setSingleStep(0.5)
        self.weight.setPrefix("× ")
        self.weight.setToolTip(tr("Weight"))
        self.weight.setValue(criterion["weight"])
        self.weight.setMinimumWidth(92)
        self.share = label("", "small", "text3", tabular=True)
        self.share.setMinimumWidth(44)
        self.share.setToolTip(tr("Share of the overall score"))
        self.share.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.up = self._button("arrow-up", tr("Move up"), "Alt Up", lambda: editor.move(self, -1))
        self.down = self._button("arrow-down", tr("Move down"), "Alt Down", lambda: editor.move(self, 1))
        self.remover = self._button("x", tr("Remove the criterion"), "", lambda: editor.remove(self))
        line = row(self.name, self.scale, self.weight, self.share, 4, self.up, self.down, self.remover, spacing=8)
        line.setStretch(0, 1)
        self.setLayout(line)
        self.weight.valueChanged.connect(editor.show_shares)

    def _button(self, icon: str, tip: str, key: str, slot: Callable[[], object]) -> Button:
        button = Button(icon=icon, key=key, kind="ghost", size="sm", tip=tip)
        button.set_keys("")
        button.clicked.connect(lambda: slot())
        return button

    def criterion(self) -> dict[str, Any]:
        """What stands in the fields."""
        weight = round(self.weight.value(), 1)
        return {"name": self.name.text().strip(), "scale": self.scale.currentData(), "weight": weight}


class RubricEditor(QDialog):
    """Criteria to add, remove, rename, move and weigh. Nothing is kept before `Save`."""

    def __init__(self, criteria: Sequence[Mapping[str, Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Criteria of the rubric"))
        set_region(self, "panel")
        self.lines: list[_Line] = []
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 8, 0)
        self._list.setSpacing(8)
        inside = holding(column(holding(self._list), None))
        set_region(inside, "clear")
        self.adder = Button(tr("Add a criterion"), "plus", "Alt N", "ghost")
        self.adder.clicked.connect(lambda: self.add())
        self.problem = label("", "body", "bad", wrap=True)
        safe = tr("Judgements that were given keep the criteria they were given under.")
        note = label(safe, "small", "text2", wrap=True)
        save = Button(tr("Save"), key="Enter", kind="primary")
        save.setDefault(True)
        save.clicked.connect(self.accept)
        cancel = Button(tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        foot = row(self.problem, cancel, save)
        foot.setStretch(0, 1)
        self.setLayout(column(scrolling(inside), row(self.adder, None), note, foot, spacing=12, margins=(24,) * 4))
        self.setMinimumSize(680, 360)
        for criterion in criteria:
            self.add(criterion)
        for text, key, by in ((tr("Move up"), "Alt Up", -1), (tr("Move down"), "Alt Down", 1)):
            keys.action(self, text, key, lambda by=by: self.move(self._focused(), by))
        keys.action(self, tr("Add a criterion"), "Alt N", self.add)

    def _focused(self) -> _Line | None:
        field = self.focusWidget()
        return next((line for line in self.lines if field is not None and line.isAncestorOf(field)), None)

    def add(self, criterion: Mapping[str, Any] | None = None) -> None:
        """Add a criterion at the end; a new one is named next."""
        if len(self.lines) >= rubric.MOST:
            return
        line = _Line(criterion or {"name": "", "scale": "stars", "weight": 1.0}, self)
        self.lines.append(line)
        self._list.addWidget(line)
        self._settle()
        line.name.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def remove(self, line: _Line) -> None:
        """Take a criterion away."""
        at = self.lines.index(line)
        self.lines.remove(line)
        self._list.removeWidget(line)
        line.hide()
        line.deleteLater()
        self._settle()
        if self.lines:
            self.lines[min(at, len(self.lines) - 1)].name.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def move(self, line: _Line | None, by: int) -> None:
        """Move a criterion up (-1) or down (1); its field keeps the keyboard."""
        if line is None:
            return
        at = self.lines.index(line)
        to = at + by
        if 0 <= to < len(self.lines):
            field = self.focusWidget()
            self.lines.insert(to, self.lines.pop(at))
            self._list.removeWidget(line)
            self._list.insertWidget(to, line)
            self._settle()
            if field is not None and line.isAncestorOf(field):
                field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _settle(self) -> None:
        for at, line in enumerate(self.lines):
            line.up.setEnabled(at > 0)
            line.down.setEnabled(at < len(self.lines) - 1)
            line.remover.setEnabled(len(self.lines) > 1)
        self.adder.setEnabled(len(self.lines) < rubric.MOST)
        self.show_shares()

    def show_shares(self) -> None:
        """What part of the overall score each criterion makes."""
        whole = sum(line.weight.value() for line in self.lines)
        for line in self.lines:
            line.share.setText(percent(line.weight.value() / whole))

    def criteria(self) -> list[dict[str, Any]]:
        """What stands in the fields; raises WorkbenchError when that is no rubric."""
        found = [line.criterion() for line in self.lines]
        names = [each["name"].casefold() for each in found]
        for at, (line, name) in enumerate(zip(self.lines, names, strict=True)):
            if not name or name in names[:at]:
                line.name.setFocus(Qt.FocusReason.OtherFocusReason)
                text = tr("Two criteria have the same name.") if name else tr("A criterion has no name.")
                raise WorkbenchError(text, tr("Change it, or remove the criterion."))
        return rubric.check_criteria(found)

    def accept(self) -> None:
        """Close with what stands in the fields, or say what is wrong with it."""
        try:
            self.criteria()
        except WorkbenchError as error:
            self.problem.setText(f"{error.text} {error.hint}")
            return
        super().accept()
