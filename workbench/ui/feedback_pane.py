"""Feedback: what people say about answers, in seven kinds, by keys alone.

The pane shows and asks; which item is on screen and what becomes of it is decided in feedback_flow.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..feedback import mark, rating
from ..store.queueing import Item
from . import keys
from .context import Context
from .feedback_asking import Asker
from .feedback_becoming import Becoming
from .feedback_drafts import Drafts
from .feedback_edit import EditView
from .feedback_empty import EmptyPage
from .feedback_flow import Flow, Given
from .feedback_frame import Dock, PromptCard, SessionBar
from .feedback_guide import GuidePanel
from .feedback_guidelines import Desk, GuidelinesPage
from .feedback_marking import Marker
from .feedback_mode import ModeView
from .feedback_modes import Modes
from .feedback_names import Names
from .feedback_next import NextUp
from .feedback_rate import RateView
from .feedback_sources import ratings_given
from .feedback_switch import ModeSwitch
from .feedback_words import becoming
from .pane import Pane
from .theme import set_region
from .widgets import Banner, Button, column, holding, row

DRAFT_MS = 400


class FeedbackPane(Pane):
    """The modes over one queue."""

    saved = Signal(str)
    """A judgement is on disk: "Saved 12:03", for the status bar."""
    left_changed = Signal(int)
    """How many items of the present kind are left, for the badge in the rail."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("feedback", parent)
        self.title = self.tr("Feedback")
        self.context = context
        self.flow = Flow(context, self)
        self._drafts = Drafts(context)
        self._gap_seen = False
        self._hasty_told = False
        self._shown = Given()
        self._drafting = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self.stack = Modes(context)
        self._make_actions()
        self._build()
        Asker(context, self.flow, self._edit)
        self.marker = Marker(context, self.flow, self, lambda: self._given().blind)
        self._connect()
        self.next_up.refresh()
        self.flow.start("rating")

    # --- building

    def _make_actions(self) -> None:
        kinds = self.stack.options()
        self.modes = ModeSwitch(kinds, self.tr("Kind of feedback"))
        for each in kinds:
            self.action(each.text, each.keys, lambda kind=each.value: self.show_mode(kind))
        self.undo_action = self._once(self.tr("Undo"), "Z", self.undo, "undo-2")
        self._once(self.tr("Undo"), "Ctrl Z", self.undo)
        self._once(self.tr("Redo"), "Ctrl Shift Z", self.redo)
        self.skip_action = self._once(self.tr("Skip"), "S", lambda: self.set_aside("skip"), "skip-forward")
        self.flag_action = self._once(self.tr("Flag"), "F", lambda: self.set_aside("flag"), "flag")
        self.cannot_action = self._once(self.tr("Can’t judge"), "N", lambda: self.set_aside("cannot"), "circle-help")
        self.comment_action = self._once(self.tr("Comment"), "M", self.write_comment, "message-square")
        self.blind_action = self._once(self.tr("Blind"), "H", self.toggle_blind, "eye-off")
        self.reveal_action = self._once(self.tr("Show who wrote the last item"), "Shift H", self.reveal_last)
        self._once(self.tr("Edit the guidelines"), "E", lambda: self.desk.open_page())
        self.submit_action = self._once(self.tr("Submit and next"), "Enter", self.submit)
        self.save_action = self._once(self.tr("Save and next"), "Ctrl Enter", self.submit)

    def _once(self, text: str, key: str, slot: Callable[[], object], icon: str | None = None) -> QAction:
        """An action that a held key does not repeat."""
        made = self.action(text, key, slot, icon)
        made.setAutoRepeat(False)
        return made

    def _build(self) -> None:
        self.bar = SessionBar(self.blind_action)
        self.prompt = PromptCard()
        self.vote = Banner("", "", "info", "scale")
        self.vote.add_action(self.tr("Back to Evaluate"), self.leave_run)
        self.vote.hide()
        rows = self.tr("Show them in Data")
        self.becomes = Becoming(self.tr("What the judgements become"), rows)
        self.action(self.tr("Show the judgements of this kind in Data"), "Ctrl D", self.show_rows)
        work = column(self.vote, self.prompt, self.stack, spacing=12, margins=(16, 14, 16, 0))
        work.setStretch(2, 1)
        self._work = holding(column(work, row(self.becomes, margins=(16, 2, 16, 4)), spacing=2))
        self.empty = EmptyPage(self.context, self.flow)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._work)
        self._pages.addWidget(self.empty)
        dock = [self.undo_action, self.skip_action, self.flag_action, self.comment_action]
        self.foot = self.dock = Dock(dock, self.submit)
        body = holding(column(self.bar, self._pages, self.dock, spacing=0))
        set_region(body, "canvas")
        self.desk = Desk(self, body, GuidelinesPage(self.context, self._drafts))
        self.set_body(self.desk)
        meanings = [(choice.key, self._rate.meaning(choice.value)) for choice in reversed(rating.choices)]
        self.guide = GuidePanel(meanings)
        self.names = Names(self.context.store, self.bar, self.guide, self)
        self.next_up = NextUp(self.context, self.flow, self.bar, self.guide, self._is_untouched, self)
        self._show_guidelines()
        self.set_right(self.guide, 272)
        self._opener = Button(self.tr("Guidelines"), "book-open", "G")
        self._opener.setCheckable(True)
        self._opener.setChecked(True)

    def _connect(self) -> None:
        self.modes.changed.connect(self.show_mode)
        self.flow.shown.connect(self._on_shown)
        self.flow.counted.connect(self._on_counted)
        self.flow.saved.connect(self.saved)
        self.marker.saved.connect(self.saved)
        self.marker.noted.connect(lambda text: self.dock.show_note(text, "text2"))
        self.empty.widening.connect(self.next_up.widen)
        self.empty.leaving.connect(self.leave_run)
        self.context.person_leaving.connect(self._leave_person)
        self.context.person_changed.connect(self._meet_person)
        self.guide.closed.connect(lambda: self.show_right(False))
        self.guide.reveal_wanted.connect(self.reveal_last)
        self.guide.edit_wanted.connect(self.desk.open_page)
        self.desk.changed.connect(self._on_desk)
        self.guide.comment.left.connect(self._leave_comment)
        self.guide.installEventFilter(self)
        self._opener.clicked.connect(self.toggle_right)
        self.step_changed.connect(self._on_step)
        self._drafting.timeout.connect(self._keep_draft)
        self.stack.said.connect(self._on_said)
        self.stack.finished.connect(self.submit)
        self.becomes.chosen.connect(self.show_rows)

    def header_widgets(self) -> list[QWidget]:
        return [self.modes]

    def header_actions(self) -> list[QWidget]:
        return [self._opener]

    def first_focus(self) -> QWidget | None:
        if self.desk.is_open:
            return self.desk.page.editor
        if self.flow.item is None:
            return self.empty.action
        self.view.focus_first()
        return self.window().focusWidget() or self.body

    # --- where we are

    @property
    def view(self) -> ModeView:
        """The mode that is on."""
        return self.stack.view(self.flow.kind)

    @property
    def _rate(self) -> RateView:
        return cast(RateView, self.stack.view("rating"))

    @property
    def _edit(self) -> EditView:
        return cast(EditView, self.stack.view("edit"))

    def show_mode(self, kind: str) -> None:
        """Go over to a kind of feedback, a key of feedback.KINDS."""
        self.desk.close_page()
        if kind != self.flow.kind or self.flow.run_id is not None:
            self._keep_draft()
            self.flow.start(kind, self._given())
        self.modes.set_value(kind)

    def show_comparisons(self, run_id: str) -> None:
        """Compare the answers of an evaluation's two models, blind. These votes measure and teach nothing."""
        try:
            run = self.context.store.runs.find(run_id)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self.desk.close_page()
        self._keep_draft()
        self.flow.start_run(run.id, self._given())
        self.vote.set_banner(
            self.tr("Blind vote for {name}").format(name=run.name),
            self.tr("Votes measure the two models. They are never trained on."),
            "info",
            "scale",
        )

    def visit(self, payload: object) -> None:
        """What another pane wants to see here: {"compare": run id}, or the name of a kind."""
        if isinstance(payload, dict) and payload.get("compare"):
            self.show_comparisons(str(payload["compare"]))
        elif payload in self.stack:
            self.show_mode(str(payload))

    def show_rows(self, kind: str = "") -> None:
        """Show the judgements of a kind, of the present one unless another is named, in Data."""
        self.context.show_pane("data", {"filters": {"kinds": [kind or self.flow.kind]}})

    def leave_run(self) -> None:
        """Back to the pane that asked for the comparisons."""
        run_id = self.flow.run_id
        self.flow.start("comparison")
        self.context.show_pane("evaluate", run_id)

    # --- showing

    def _given(self) -> Given:
        comment = self.guide.comment.toPlainText()
        return Given(self.view.value(), self.view.reasons(), comment, self.names.judged_blind)

    def _is_untouched(self) -> bool:
        return self._given() == self._shown and not self.flow.given.value

    def _on_shown(self) -> None:
        item, given = self.flow.item, self.flow.given
        self._gap_seen = False
        self.names.begin(given.blind)
        self._drafting.stop()
        self.modes.set_value(self.flow.kind)
        self.vote.setVisible(self.flow.run_id is not None)
        self.next_up.refresh()
        self.guide.comment.setPlainText(given.comment)
        self.dock.show_note("")
        for action in (
            self.skip_action,
            self.flag_action,
            self.cannot_action,
            self.submit_action,
            self.save_action,
            self.comment_action,
        ):
            action.setEnabled(item is not None)
        self.dock.submit.setEnabled(item is not None)
        if item is None:
            self._pages.setCurrentWidget(self.empty)
            self.empty.show_why()
        else:
            self._show_item(item, given)

    def _show_item(self, item: Item, given: Given) -> None:
        view = self.view
        self.prompt.show_item(item)
        value = given.value
        if isinstance(view, EditView):
            view.set_ratings(ratings_given(self.context.store, item, self.context.annotator))
            value = value or self._drafts.value(item)
        view.show_item(item, value, given.reasons)
        self._shown = self._given()
        self.marker.show_item(view, item)
        self.names.show(view, item)
        self._show_hints()
        self.dock.set_submit(*view.submit_words())
        self.submit_action.setEnabled(not isinstance(view, EditView))  # only Ctrl Enter saves an edit
        self.guide.show_numbers(isinstance(view, RateView))
        self.stack.setCurrentWidget(view)
        self._pages.setCurrentWidget(self._work)
        if self._work.isVisible():
            view.focus_first()

    def _show_hints(self) -> None:
        """The keys of this kind in the dock, as a person has chosen them."""
        self.dock.set_hints([(keys.hint(self.view, usual), words) for usual, words in self.view.hints()])

    def keys_changed(self) -> None:
        """A person has chosen other keys."""
        self._show_hints()

    def make_all(self) -> None:
        self.stack.make_all()

    def _on_counted(self) -> None:
        self.bar.show_session(self.flow.judged, self.flow.left, self.flow.median_seconds())
        voting = self.flow.run_id is not None
        self.becomes.show_kinds([] if voting else becoming(self, self.flow.harvest, self.flow.kind))
        self.left_changed.emit(self.flow.left)
        self.next_up.refresh()
        if self.flow.is_hasty() and not self._hasty_told:
            self._hasty_told = True
            self.context.message.emit(self.tr("Faster than usual. Take a break?"), "", "info")

    # --- judging

    def _on_said(self) -> None:
        self._gap_seen = False
        self.dock.show_note("")
        if isinstance(self.view, EditView):
            self._drafting.start()

    def submit(self) -> None:
        """Store what is said and go on. A gap is shown first; where it may be left, the next press leaves it."""
        item = self.flow.item
        if item is None:
            return
        gap = self.view.gap()
        if gap and not (self._gap_seen and self.view.may_be_left()):
            self.view.focus_gap()
            self.dock.show_note(gap)
            self._gap_seen = True
            return
        self._drafting.stop()
        if self.flow.submit(self._given()):
            self.names.set_last(item)
            if item.kind == "edit":
                self._drafts.keep(item, "")

    def set_aside(self, aside: str) -> None:
        """Skip the item, flag it for somebody to look at, or say that it cannot be judged; it does not come back
        unless that is undone."""
        self._keep_draft()
        if self.flow.set_aside(aside, self.guide.comment.toPlainText()):
            self.names.set_last(None)

    def undo(self) -> None:
        """Take back the last judgement of this person, also one from before a restart, and return to its item."""
        self._keep_draft()
        if self.marker.put_back():
            return
        undone = self.flow.undo(self._given())
        if undone is None:
            self.dock.show_note(self.tr("Nothing to undo."), "text2")
        elif undone.kind == mark.name:
            self.marker.undone(undone)
        else:
            self.names.set_last(None)
            self.dock.show_note(self.tr("Taken back. Change it, or submit it again."), "text2")

    def redo(self) -> None:
        """Put back what undo took."""
        redone = self.flow.redo()
        if redone is None:
            self.dock.show_note(self.tr("Nothing to redo."), "text2")
        elif redone.kind == mark.name:
            self.marker.redone(redone)

    # --- blind

    @property
    def blind(self) -> bool:
        """Whether names are hidden."""
        return self.names.blind

    def toggle_blind(self) -> None:
        """Show who wrote the answers, or hide it. An item seen with names is recorded as not blind."""
        self.names.toggle(self.view, self.flow.item)

    def reveal_last(self) -> None:
        """Show who wrote the answers of the item that was submitted last."""
        if self.names.reveal_last():
            self.show_right(True)

    # --- comment and drafts

    def write_comment(self) -> None:
        """Go to the comment."""
        self.show_right(True)
        self.guide.comment.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _leave_comment(self) -> None:
        if self.step == "narrow":
            self.show_right(False)
        self.view.focus_first()

    def _keep_draft(self) -> None:
        self._drafting.stop()
        if self.flow.item is not None and self.flow.kind == "edit":
            self._drafts.keep(self.flow.item, self._edit.draft())

    # --- people

    def _leave_person(self) -> None:
        """Keep what this person has begun, under their name."""
        self._keep_draft()
        if self.desk.is_open:
            self.desk.close_page()
        self.flow.leave(self._given())

    def _meet_person(self) -> None:
        """Somebody else judges: their queue and undo, and nothing of what the last person did."""
        self.names.set_last(None)
        self._hasty_told = False
        self.flow.arrive()
        self._show_guidelines()

    # --- guidelines

    def _show_guidelines(self) -> None:
        self.guide.show_guidelines(self.context.store, self.desk.page.has_draft())

    def _on_desk(self) -> None:
        """The guidelines are being changed, or no longer: the clock stands still meanwhile."""
        self.flow.rest(self.desk.is_open)
        self._show_guidelines()
        if not self.desk.is_open and self._work.isVisible():
            self.view.focus_first()

    # --- the window

    def _on_step(self, step: str) -> None:
        self.bar.set_narrow(step == "narrow")
        self.dock.set_narrow(step == "narrow")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.guide and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._opener.setChecked(not self.guide.isHidden())
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape that no field wanted closes the panel that floats over the body."""
        if event.key() == Qt.Key.Key_Escape and self.step == "narrow" and self.guide.isVisible():
            self.show_right(False)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.prompt.set_room(self.height())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.flow.rest(self.desk.is_open)
        self._show_guidelines()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.flow.rest(True)
        self._keep_draft()
