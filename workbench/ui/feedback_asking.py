"""Having the loaded model change an edit by an instruction: what was asked, what it wrote, and what of it is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from ..errors import WorkbenchError
from ..events import Rewritten
from ..feedback import correction
from . import icons
from .context import Context
from .feedback_flow import Flow
from .figures import MINUS, count
from .theme import set_tone, theme_changed
from .widgets import Button, Card, ElidedLabel, LinkButton, label, row
from .word_diff import difference, word_count

if TYPE_CHECKING:
    from .feedback_edit import EditView


@dataclass(frozen=True)
class Step:
    """One change by a model, and the text that it was asked to change (None for a step from an earlier session)."""

    instruction: str
    model_id: str
    text: str
    before: str | None = None

    def value(self) -> dict[str, str]:
        """As the edit keeps it, see feedback.correction."""
        return {"instruction": self.instruction, "model_id": self.model_id, "text": self.text}


class Steps:
    """What a model did to one text, as far as that is still in it: undo, redo and restore take steps out and in."""

    def __init__(self, values: Sequence[Mapping[str, str]] = ()) -> None:
        self._now = tuple(Step(**value) for value in values)
        self._were: dict[str, tuple[Step, ...]] = {}

    @property
    def last(self) -> Step | None:
        """The newest step that stands."""
        return self._now[-1] if self._now else None

    def add(self, step: Step) -> None:
        """A model changed the text."""
        self._now = (*self._now, step)
        self._were[step.text] = self._now

    def see(self, text: str) -> None:
        """The text is another: a step whose beginning is back was undone, one whose result is back was redone."""
        self._now = self._were.get(text, self._now)
        while self._now and self._now[-1].before == text:
            self._now = self._now[:-1]

    def restart(self, text: str) -> None:
        """All of `text` is about to go."""
        self._were[text] = self._now
        self._now = ()

    def values(self) -> list[dict[str, str]]:
        """The steps that stand, as the edit keeps them."""
        return [step.value() for step in self._now]


class _Field(QLineEdit):
    """One line; Escape leaves it."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class AskBar(Card):
    """A line for the instruction, and what has become of it. Nothing in it says which model is loaded."""

    asked = Signal(str)
    stopped = Signal()
    accepted = Signal()
    refused = Signal()
    left = Signal()
    model_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, fill="panel")
        self.state = ""
        self._picture = label()
        self.field = _Field()
        self.field.setAccessibleName(self.tr("Ask the model to change it"))
        self.field.setPlaceholderText(self.tr("Ask the model to change it: shorter, fix the date…"))
        self.status = ElidedLabel("", "small", "text2")
        self.stop = Button(self.tr("Stop"), "circle-stop", "Esc", kind="ghost", size="sm")
        self.accept = Button(self.tr("Accept"), "check", "Alt Enter", size="sm")
        self.refuse = Button(self.tr("Take back"), "rotate-ccw", "Ctrl R", kind="ghost", size="sm")
        self.ask = Button(self.tr("Ask"), key="Ctrl I", size="sm")
        self.load = LinkButton(self.tr("Load a model"))
        buttons = (self.load, self.stop, self.accept, self.refuse, self.ask)
        inside = row(self._picture, self.field, self.status, *buttons, margins=(14, 5, 10, 5))
        inside.setStretch(1, 3)
        inside.setStretch(2, 2)
        self.setLayout(inside)
        self.setFixedHeight(40)
        self.field.returnPressed.connect(self._ask)
        self.field.textChanged.connect(lambda _: self._arrange())
        self.field.left.connect(lambda: self.stopped.emit() if self.state == "writing" else self.left.emit())
        self.ask.clicked.connect(self._ask)
        for button, signal in ((self.stop, self.stopped), (self.accept, self.accepted), (self.refuse, self.refused)):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
        self.load.clicked.connect(lambda: self.model_wanted.emit())
        theme_changed.connect(self._restyle)
        self._restyle()
        self.show_state("")

    def _restyle(self) -> None:
        self._picture.setPixmap(icons.pixmap("wand-sparkles", "accentText", 16))

    def _ask(self) -> None:
        if self.field.text().strip() and self.state != "writing":
            self.asked.emit(self.field.text().strip())

    def show_state(self, state: str, words: str = "", tone: str = "text2") -> None:
        """state: "" (nothing is asked), "writing", "proposal" (it stands in the editor) or "late" (it does not yet)."""
        self.state = state
        self.status.setText(words)
        self.status.setVisible(bool(words))
        set_tone(self.status, tone)
        self.accept.set_text(self.tr("Use it") if state == "late" else self.tr("Accept"))
        self.refuse.set_text(self.tr("Drop it") if state == "late" else self.tr("Take back"))
        self._arrange()

    def set_model(self, there: bool) -> None:
        """Whether a model is loaded, whichever it is."""
        self.load.setVisible(not there)

    def _arrange(self) -> None:
        proposed = self.state in ("proposal", "late")
        self.stop.setVisible(self.state == "writing")
        self.accept.setVisible(proposed)
        self.refuse.setVisible(proposed)
        self.field.setReadOnly(self.state == "writing")
        self.ask.setVisible(self.state != "writing" and not (proposed and not self.field.text().strip()))
        self.ask.setEnabled(bool(self.field.text().strip()))


class Asker(QObject):
    """Asks the loaded model, and puts what it wrote into the editor as a proposal."""

    def __init__(self, context: Context, flow: Flow, view: EditView) -> None:
        super().__init__(view)
        self._context, self._flow, self._view, self._bar = context, flow, view, view.ask
        self._id, self._instruction, self._text = "", "", ""
        self._late: Step | None = None
        self._dropped: set[str] = set()
        self._times = 0
        bar = self._bar
        bar.asked.connect(self.ask)
        bar.stopped.connect(self.stop)
        bar.accepted.connect(self.accept)
        bar.refused.connect(self.refuse)
        bar.model_wanted.connect(lambda: context.show_pane("models"))
        view.turned.connect(self.forget)
        flow.shown.connect(self._on_shown)
        context.rewritten.connect(self._on_written)
        context.session_changed.connect(self._on_session)
        self._on_session()

    def ask(self, instruction: str) -> None:
        """Have the text that stands in the editor changed."""
        if self._flow.item is None:
            return
        self._times += 1  # another seed, so that asking again gives another text
        text = self._view.text()
        try:
            if not text.strip():
                raise WorkbenchError("There is no text to change.", "Write or choose one first.")
            self._id = self._context.request_rewrite(
                prompt_id=self._flow.item.prompt.id, text=text, instruction=instruction, seed=self._times
            )
        except WorkbenchError as error:
            self._bar.show_state("", f"{error.text} {error.hint}", "bad")
            return
        self._instruction, self._text, self._late = instruction, text, None
        self._bar.show_state("writing", self.tr("The model is rewriting…"), "accent")

    def stop(self) -> None:
        """Have the model stop; the text stays as it is."""
        if self._id:
            self.forget()
            self._bar.show_state("", self.tr("Stopped. The text is as it was."))

    def forget(self) -> None:
        """Another text is in the editor: what was asked about the last one comes to nothing."""
        if self._id:
            self._dropped.add(self._id)
            self._id = ""
            self._context.stop_writing()
        self._late = None
        self._bar.show_state("")

    def _on_shown(self) -> None:
        if self._flow.kind != correction.name:
            self.forget()

    def _on_written(self, event: Rewritten) -> None:
        if event.id in self._dropped:
            if event.ended:
                self._dropped.discard(event.id)
            else:  # a stop that came before the model began was not heard
                self._context.stop_writing()
        elif event.id and event.id == self._id:
            self._on_mine(event)

    def _on_mine(self, event: Rewritten) -> None:
        if not event.ended:
            words = self.tr("The model is rewriting: {count} words").format(count=count(word_count(event.text)))
            self._bar.show_state("writing", words, "accent")
            return
        self._id = ""
        if event.ended == "failed":
            self._bar.show_state("", f"{event.text} {event.hint}", "bad")
        elif event.ended == "stopped":
            self._bar.show_state("", self.tr("Stopped. The text is as it was."))
        else:
            self._propose(Step(self._instruction, event.model_id, event.text.replace("\r\n", "\n"), self._text))

    def _propose(self, step: Step) -> None:
        if not step.text:
            self._bar.show_state("", self.tr("The model wrote nothing. Word it in another way."), "bad")
        elif step.text == (step.before or "").strip():
            self._bar.show_state("", self.tr("The model changed nothing. Word it in another way."))
        elif self._view.text() != step.before:
            self._late = step
            self._bar.show_state("late", self.tr("The model is done, but you have gone on. Use its text?"), "accent")
        else:
            self._put(step)

    def _put(self, step: Step) -> None:
        self._view.propose(step)
        found = difference(step.before or "", step.text)
        text = self.tr("Proposed by the model: +{added} {minus}{removed} words")
        words = text.format(added=count(found.added), minus=MINUS, removed=count(found.removed))
        self._bar.field.clear()
        self._bar.show_state("proposal", words, "accent")

    def accept(self) -> None:
        """Keep the proposal; go on editing it, or save."""
        step, self._late = self._late, None
        if step is not None:
            self._put(Step(step.instruction, step.model_id, step.text, self._view.text()))
        elif self._bar.state == "proposal":
            self._bar.show_state("")
        self._view.focus_first()

    def refuse(self) -> None:
        """Take the proposal back, or drop the one that came late."""
        if self._late is None and self._bar.state == "proposal":
            self._view.take_back()
        self._late = None
        self._bar.show_state("")
        self._view.focus_first()

    def _on_session(self) -> None:
        self._bar.set_model(self._context.session is not None)
        if self._context.session is None and self._id:
            self._id = ""
            self._bar.show_state("", self.tr("The model is no longer loaded. The text is as it was."), "bad")
