"""How a run ended: what happened, what is safe, what to change, and one button that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QWidget

from ..jobs.run import worker
from ..methods.base import Knob, knobs
from ..store import Run
from .figures import count
from .form_controls import written
from .messages import DetailsBox
from .theme import set_role
from .widgets import Button, Card, column, holding, label, row

MEMORY = ("out of memory", "SIGKILL", "memory")
FIXED = {"rank"}
"""Knobs that cannot be turned in the middle of a run."""
NUMBER = ("no longer a number",)


@dataclass(frozen=True)
class Remedy:
    """A knob to turn: from what to what. `why` is a key of the words for its effect."""

    knob: Knob
    before: Any
    after: Any
    why: str


_CURES: dict[str, tuple[tuple[str, float, str], ...]] = {  # knob, factor, effect; cheapest first
    "memory": (
        ("max_prompt_tokens", 0.5, "cut_prompts"),
        ("max_new_tokens", 0.5, "cut_answers"),
        ("max_tokens", 0.5, "cut_answers"),
        ("rank", 0.5, "smaller"),
    ),
    "number": (("learning_rate", 0.5, "slower"), ("kl_coef", 2.0, "closer"), ("value_rate", 0.5, "slower")),
}


def trouble(run: Run) -> str:
    """ "memory" or "number" for an error whose cause is known, else ""."""
    said = f"{run.error} {run.hint}"
    if any(word in said for word in NUMBER):
        return "number"
    return "memory" if any(word in said for word in MEMORY) else ""


def remedies(run: Run) -> list[Remedy]:
    """What could be changed about a failed run, cheapest first."""
    known = {knob.name: knob for knob in knobs(worker(run.method).Options)}
    found = []
    for name, factor, why in _CURES.get(trouble(run), ()):
        knob = known.get(name)
        if knob is None:
            continue
        before = run.options.get(name, knob.default)
        after = _within(knob, before * factor)
        if after != before:
            found.append(Remedy(knob, before, after, why))
    return found


def _within(knob: Knob, value: float) -> Any:
    if knob.low is not None:
        value = max(knob.low, value)
    if knob.high is not None:
        value = min(knob.high, value)
    return knob.type(value)


class FailedView(QWidget):
    """A failed run. `again(changes)` asks to start it with some knobs changed, `resume(changes)` to go on with it,
    `edit(changes)` to open its form."""

    again = Signal(object)
    edit = Signal(object)
    resume = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log_path = ""
        self._kept: int | None = None
        self.what = label("", "head", wrap=True, selectable=True)
        self.safe = label("", "body", wrap=True)
        self.hint = label("", "body", wrap=True, selectable=True)
        happened = Card(fill="badSoft")
        happened.set_edge("bad")
        happened.setLayout(column(self.what, self.safe, self.hint, spacing=4, margins=(16, 12, 16, 12)))
        self.heading = row(label(self.tr("What to change"), "head"))
        self.heading.addWidget(label(self.tr("ordered by how little it costs you"), "small", "text2"))
        self.heading.addStretch(1)
        self.heading_box = holding(self.heading)
        self.choices: list[tuple[QCheckBox, Remedy]] = []
        self._list = column(spacing=8)
        self.details = DetailsBox("")
        self.opener = Button(self.tr("Open log"), "file-text", kind="ghost", size="sm")
        self.opener.clicked.connect(self._open_log)
        self.more = Button(self.tr("Change more settings"), "sliders-horizontal")
        self.more.clicked.connect(lambda: self.edit.emit(self.changes()))
        self.start = Button(self.tr("Start again"), kind="primary", size="lg")
        self.start.clicked.connect(lambda: self.again.emit(self.changes()))
        self.go_on = Button("", kind="primary", size="lg")
        self.go_on.clicked.connect(lambda: self.resume.emit(self.changes()))
        technical = Card()
        technical.setLayout(column(self.details, spacing=0, margins=(8, 6, 8, 6)))
        buttons = row(self.more, self.opener, None, self.start, self.go_on)
        self.setLayout(column(happened, self.heading_box, self._list, technical, buttons, spacing=10))

    def show_run(self, run: Run, result: str, log: str, kept: int | None = None) -> None:
        """A run that failed; `result` names the model that it had saved ("" for none), `log` is its log's end, `kept`
        the step of its newest checkpoint (None for none)."""
        self._log_path, self._kept = run.log_path, kept
        self.go_on.setVisible(kept is not None)
        self.start.set_kind("primary" if kept is None else "default")
        self.opener.setEnabled(bool(run.log_path) and Path(run.log_path).exists())
        self.what.setText(self._what(run))
        self.safe.setText(self._safe(run, result))
        self.hint.setText(run.hint)
        self.hint.setVisible(bool(run.hint))
        details = "\n\n".join(part for part in (run.details.strip(), log.strip()) if part)
        self.details.set_details(details or self.tr("There is nothing more in the log."))
        self._show_remedies(remedies(run))

    def _what(self, run: Run) -> str:
        if not run.step:
            return run.error
        words = self.tr("{error} It had reached step {step} of {total}.")
        return words.format(error=run.error, step=count(run.step), total=count(run.total))

    def _safe(self, run: Run, result: str) -> str:
        if result:
            words = self.tr(
                "Nothing is lost. {model} was saved before it failed, and your judgements were not touched."
            )
            return words.format(model=result)
        if self._kept is not None:
            words = self.tr("What it had learned by step {step} is kept, and your judgements were not touched.")
            return words.format(step=count(self._kept))
        if run.step:
            return self.tr("Your judgements were not touched, and its curves are kept. The weights were not saved.")
        return self.tr("Nothing is lost: it failed before its first step, and your judgements were not touched.")

    def _show_remedies(self, found: list[Remedy]) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.choices = [self._choice(remedy) for remedy in found]
        if self.choices:
            self.choices[0][0].setChecked(True)
        self.heading_box.setVisible(bool(found))
        self._name_start()

    def _choice(self, remedy: Remedy) -> tuple[QCheckBox, Remedy]:
        words = self.tr("{name} {before} \u2192 {after}").format(
            name=remedy.knob.label, before=written(remedy.before), after=written(remedy.after)
        )
        box = QCheckBox(words)
        box.setAccessibleName(words)
        set_role(box, "strong")
        box.toggled.connect(lambda on: self._chosen(card, on))
        effect = label(self._effects()[remedy.why], "small", "text2", wrap=True)
        card = Card()
        card.setLayout(column(box, row(26, effect, spacing=0), spacing=0, margins=(10, 8, 14, 9)))
        self._list.addWidget(card)
        return box, remedy

    def _chosen(self, card: Card, on: bool) -> None:
        card.chosen = on
        self._name_start()

    def _name_start(self) -> None:
        changed = any(box.isChecked() for box, _ in self.choices)
        self.start.set_text(self.tr("Apply and start again") if changed else self.tr("Start again"))
        words = self.tr("Apply and resume from step {step}") if changed else self.tr("Resume from step {step}")
        self.go_on.set_text(words.format(step=count(self._kept or 0)))
        fixed = FIXED & self.changes().keys()
        self.go_on.setEnabled(not fixed)
        self.go_on.setToolTip(self.tr("An adapter cannot change its rank: start again for that.") if fixed else "")

    def _effects(self) -> Mapping[str, str]:
        return {
            "same": self.tr("Same learning, slower: fewer answers are in memory at once."),
            "cut_prompts": self.tr("Longer prompts are cut off at their beginning."),
            "cut_answers": self.tr("Longer answers are cut off."),
            "smaller": self.tr("The adapter can learn a little less."),
            "slower": self.tr("Smaller steps: it learns slower, and steadier."),
            "closer": self.tr("Holds the model closer to its base."),
        }

    def changes(self) -> dict[str, Any]:
        """The knobs that are ticked, with their new values."""
        return {remedy.knob.name: remedy.after for box, remedy in self.choices if box.isChecked()}

    def _open_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._log_path))
