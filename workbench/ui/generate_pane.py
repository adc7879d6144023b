"""Generate: prompts at the left, answers of one to four models side by side, sampling at the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..feedback.base import Message
from ..store import Model, Prompt
from ..store.prompts import prompt_hash
from . import keys
from .context import Context
from .engine_banner import under_banner
from .generate_answers import Answers, dot_of
from .generate_batches import BatchBar, Batches
from .generate_chances import Chances
from .generate_choices import note_on_memory, read_kept
from .generate_column_set import ColumnSet
from .generate_columns import ColumnsArea
from .generate_dock import Dock
from .generate_importing import Importer
from .generate_modes import SINGLE, Asking
from .generate_more import More
from .generate_prompts import CHAT, TYPED, PromptsPanel
from .generate_sampling import SamplingPanel
from .generate_starting import Starter
from .generate_writing import Request, Writer
from .messages import MessageStrip
from .pane import Pane
from .theme import set_region
from .tokens_dialog import tokens_action
from .widgets import Button, EmptyState, column, holding


class GeneratePane(Pane):
    """Writes answers and sends them to feedback."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("generate", parent)
        self.title = self.tr("Generate")
        self.context = context
        self.writer = Writer(context, self)
        self.columns = ColumnSet(context.store, self)
        self._stale = True
        self._follows = True
        self._wanted: dict[str, Any] = {}
        self._make_actions()
        self.prompts = PromptsPanel(context.store, [self.import_button, self.all_button])
        self.prompts.picked.connect(self._on_picked)
        self.more = More(self)
        self.set_left(self.prompts, width=268, minimum=220)
        self.set_body(under_banner(context, self._build_body()))
        self.sampling = SamplingPanel()
        self.sampling.changed.connect(self._on_sampling)
        self.sampling.column_wanted.connect(self.columns.add)
        self.sampling.shade.clicked.connect(self.shade_action.trigger)
        self.set_right(self.sampling, width=264, minimum=240)
        self.starter = Starter(context, self.columns, self.sampling, self.dock, self.writer, self.batches)
        self._build_header()
        self._connect()

    # -- building

    def _make_actions(self) -> None:
        self.generate_action = self.action(self.tr("Generate"), "Ctrl Enter", self.generate, icon="sparkles")
        self.again_action = self.action(self.tr("Again"), "R", self.again, icon="refresh-cw")
        self.action(self.tr("Go on from the next answer"), "N", lambda: self.answers.choose_next())
        self.anew_action = self.action(self.tr("New conversation"), "Shift N", self.start_anew, icon="plus")
        self.stop_action = self.action(self.tr("Stop"), "Esc", self._escape, icon="circle-stop")
        self.send_action = self.action(self.tr("Send to feedback"), "Enter", self.send, icon="message-square-text")
        self.action(self.tr("Next prompt"), "J", lambda: self.prompts.list.step(1))
        self.action(self.tr("Previous prompt"), "K", lambda: self.prompts.list.step(-1))
        self.action(self.tr("Find a prompt"), "/", self._find)
        self.all_action = self.action(self.tr("Write for all"), "B", self.write_for_all)
        self.shade_action = self.action(
            self.tr("Shade words by chance"), "P", self._shade, checkable=True,
            tip=self.tr("The darker a word, the less likely its model found it. Point at one to see what else it might "
                        "have said."),
        )  # fmt: skip
        self.tokens_action = tokens_action(self, self.context, self._shown)
        self.import_action = self.action(self.tr("Import"), "", lambda: self.importer.ask(), icon="upload")
        self.import_button = Button.of(self.import_action)
        self.all_button = Button.of(self.all_action)
        self.all_action.setToolTip(self.tr("Write answers to every prompt in this list that has none"))

    def _build_header(self) -> None:
        self.modes = self.asking.switch
        self.modes.changed.connect(self._on_mode)
        self.sampling_button = Button(self.tr("Sampling"), "sliders-horizontal", "G")
        self.sampling_button.setCheckable(True)
        self.sampling_button.clicked.connect(lambda on: self.show_right(on))
        self.sampling.installEventFilter(self)

    def _build_body(self) -> QWidget:
        self.asking = Asking(self.context, self)
        self.asking.typed.connect(self._on_typed)
        self.asking.add_actions(self.tokens_action, self.anew_action)
        self.card, self.chat = self.asking.card, self.asking.chat
        self.chat.said.connect(self.generate)
        self.chat.left.connect(self._on_left)
        self.area = ColumnsArea()
        self.answers = Answers(self.context, self.writer, self.area, self)
        self.chances = Chances(self.context, self.area, self)
        self.answers.shown.connect(self.chances.show)
        self.dock = Dock(self.generate_action, self.stop_action, self.again_action, self.send_action)
        self.dock.queue_at_once.toggled.connect(self.answers.set_queue_at_once)
        self.batches = Batches(self.context, self)
        self.batch_bar = BatchBar(self.batches)
        self.foot = holding(column(self.batch_bar, self.dock, spacing=0))
        page = holding(column(self.asking.widget, self.area, self.foot, spacing=0))
        page.layout().setStretch(1, 1)  # type: ignore[union-attr]
        self.no_models = EmptyState(
            self.tr("Load a model to write answers."), self.tr("Load a model"), lambda: self.context.show_pane("models")
        )
        self.no_prompts = EmptyState(
            self.tr("Prompts will be here."), self.tr("Import prompts"), self.import_action.trigger,
            self.tr("Begin with the sample prompts"), lambda: self.importer.import_samples(),
        )  # fmt: skip
        self.stack = QStackedWidget()
        for part in (page, self.no_models, self.no_prompts):
            self.stack.addWidget(part)
        self._page = page
        set_region(self.stack, "canvas")
        self.importer = Importer(self.context, self.import_action, MessageStrip(self.stack), self)
        return self.stack

    def _connect(self) -> None:
        self.answers.ticks_changed.connect(self._show_state)
        self.answers.model_wanted.connect(self._on_head_menu)
        self.answers.removal_wanted.connect(lambda place: self._on_head_menu(place, ""))
        self.answers.stop_wanted.connect(self.writer.stop)
        self.answers.again_wanted.connect(self.write_another)
        self.answers.chosen_changed.connect(lambda: self.chat.choose(self.answers.chosen))
        self.columns.changed.connect(self._show_columns)
        self.writer.changed.connect(self._show_state)
        self.writer.began.connect(self._on_began)
        self.writer.answered.connect(lambda request, index, response: self.prompts.count_one(request.prompt_id))
        self.writer.ended.connect(self._on_ended)
        self.batches.changed.connect(self._show_state)
        self.batches.answered.connect(self._on_batch_answer)
        self.context.store_changed.connect(self._on_store_change)
        self.more.connect_pane()

    def _on_batch_answer(self, prompt_id: str) -> None:
        self.prompts.count_one(prompt_id)
        if self.answers.prompt is not None and prompt_id == self.answers.prompt.id and not self.writer.busy:
            self.answers.show_prompt(self.answers.prompt)

    def header_widgets(self) -> list[QWidget]:
        return [self.modes]

    def header_actions(self) -> list[QWidget]:
        return [self.sampling_button]

    def first_focus(self) -> QWidget:
        return self.asking.first_field() or self.prompts.list

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide) and watched is self.sampling:
            self.sampling_button.setChecked(event.type() == QEvent.Type.Show)
        return super().eventFilter(watched, event)

    # -- reading the store

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def refresh(self) -> None:
        """Read models and prompts again."""
        first, self._stale = not self.columns.choices, False
        try:
            self._read_models(first)
            self.prompts.refresh()
            if first:
                self.batches.look()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self._take_wanted()
        self._show_page()
        self._show_state()

    def _read_models(self, first: bool) -> None:
        store, loaded = self.context.store, self.context.session_model
        self.sampling.set_rewards(store.models.list("reward"))
        if first:
            kept = read_kept(store)
            self.columns.begin(kept, loaded)
            self.starter.put(kept)
            self.asking.read_drafts()
        else:
            self.columns.read_again(loaded)

    def _on_store_change(self, table: str, by: object) -> None:
        if by is self.answers or table not in ("models", "prompts", "responses"):
            return
        if not self.isVisible():
            self._stale = True
        elif table == "responses":
            # While a model writes, the counts follow its answers one by one.
            if not self.writer.busy:
                self.prompts.refresh_counts()
                self.answers.show_prompt(self.answers.prompt)
        elif by is not self:
            self.refresh()

    def _show_page(self) -> None:
        no_prompts = not self.asking.types and not self.prompts.has_prompts()
        page = self.no_models if not self.columns.choices else self.no_prompts if no_prompts else self._page
        self.stack.setCurrentWidget(page)

    # -- modes and prompts

    def _on_mode(self, mode: str) -> None:
        self.asking.show_mode()
        self.answers.set_chats(self.asking.chats)
        self.prompts.show_only({SINGLE: TYPED, CHAT: CHAT}.get(mode, ""))
        self._show_page()
        if mode == CHAT:
            self._show_prompt(self.chat.prompt)
        elif mode == SINGLE:
            self._on_typed()
        else:
            self._on_picked(self.prompts.list.current_id())
        if self.asking.types:
            self.first_focus().setFocus()

    def start_anew(self) -> None:
        """Begin a conversation, and leave the one that is shown."""
        if self.writer.busy:
            return
        self.modes.pick(CHAT)
        self.chat.start_anew()

    def _on_left(self) -> None:
        self.prompts.list.mark("")
        self._show_prompt(None)

    def _on_picked(self, prompt_id: str) -> None:
        if self.writer.busy and prompt_id not in self.writer.prompts():
            self._follows = False
        try:
            prompt = self.context.store.prompts.find(prompt_id) if prompt_id else None
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if self.asking.types and prompt is not None:
            self.asking.show_picked(prompt)
        if self.modes.value() != SINGLE:
            self._show_prompt(prompt)

    def _show_prompt(self, prompt: Prompt | None) -> None:
        if prompt is not None and not self.asking.types:
            rows = self.prompts.list.rows
            self.card.show_prompt(prompt, rows.place_of(prompt.id) + 1, rows.rowCount())
        self.answers.show_prompt(prompt)
        if self.asking.chats:
            self.chat.choose(self.answers.chosen)
        self._show_state()

    def _on_typed(self) -> None:
        if self.modes.value() == SINGLE:
            known = self.context.store.prompts.by_hash(prompt_hash(*self.asking.messages()))
            shown = self.answers.prompt
            if (known.id if known else "") != (shown.id if shown else ""):
                self.answers.show_prompt(known)
        if self.asking.types:
            self._show_state()

    def _shown(self) -> tuple[Model | None, Sequence[Message]]:
        """The first column's model, and the conversation that it would be given."""
        model = self.columns.choices[0].model if self.columns.choices else None
        system, turns = self.asking.messages()
        if not turns and self.modes.value() != SINGLE:
            return model, self.answers.prompt.messages if self.answers.prompt else ()
        head: list[Message] = [{"role": "system", "content": system}] if system else []
        return model, [*head, *turns] if turns else ()

    def _find(self) -> None:
        self.prompts.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.prompts.search.selectAll()

    def visit(self, payload: object) -> None:
        """What another pane wants here: {"model_id"}, {"reward_id"}, {"prompt_id"}, or several of these."""
        if isinstance(payload, dict):
            self._wanted = dict(payload)
            if self.isVisible() and not self._stale:
                self._take_wanted()

    def _take_wanted(self) -> None:
        """What another pane asked for: a model, a reward model, or a prompt."""
        wanted, self._wanted = self._wanted, {}
        model_id = wanted.get("model_id")
        if model_id and self.columns.choices and all(choice.model.id != model_id for choice in self.columns.choices):
            self.columns.change_model(0, str(model_id))
        if wanted.get("reward_id"):
            self.sampling.set_reward(str(wanted["reward_id"]))
        if wanted.get("prompt_id"):
            self.prompts.list.choose(str(wanted["prompt_id"]))

    # -- columns

    def _show_columns(self) -> None:
        choices = self.columns.choices
        self.answers.set_columns(choices, self.columns.offered)
        names = [(dot_of(choices, place), choice.model.name) for place, choice in enumerate(choices)]
        models = [choice.model for choice in choices]
        note = note_on_memory(self.context.store, models)
        self.sampling.set_columns(names, [choice.sampling for choice in choices], note)
        self.sampling.add_button.setEnabled(self.columns.can_add() and not self.writer.busy)

    def _on_head_menu(self, place: int, model_id: str) -> None:
        """Another model, or none ("") to take the column away."""
        if self.writer.busy:
            return
        change = (
            (lambda: self.columns.change_model(place, model_id)) if model_id else (lambda: self.columns.remove(place))
        )
        QTimer.singleShot(0, self, change)  # the menu that asked for it is a child of what this replaces

    def _on_sampling(self) -> None:
        samplings = [self.sampling.column_sampling(place) for place in range(len(self.columns.choices))]
        self.columns.set_samplings(samplings)
        self.answers.show_samplings(samplings)

    # -- writing

    def generate(self) -> None:
        """Write answers to the prompt that is shown, or to what is typed."""
        if self.writer.busy or not self.columns.choices:
            return
        try:
            prompt = self._typed_prompt() if self.asking.messages()[1] else self._shown_prompt()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if prompt is None:
            return
        if self.answers.repeats(self.starter.requests(prompt.id)):
            self.sampling.take_new_seeds()
        self._follows = True
        self.starter.start(self.starter.requests(prompt.id))

    def again(self) -> None:
        """Write once more to what is shown, with seeds that were not used."""
        if self.writer.busy:
            return
        self.sampling.take_new_seeds()
        prompt = self.answers.prompt
        if self.asking.chats and prompt is not None:  # whatever is typed is said next, not now
            self.starter.start(self.starter.requests(prompt.id))
        else:
            self.generate()

    def write_another(self, place: int) -> None:
        """Write one more answer in one column, with a seed that was not used."""
        if self.writer.busy or self.answers.prompt is None:
            return
        self.sampling.take_new_seeds()
        self.starter.one(self.answers.prompt.id, place)

    def _shown_prompt(self) -> Prompt | None:
        """What is answered where nothing is typed. In Single prompt nothing typed is no prompt."""
        return None if self.modes.value() == SINGLE else self.answers.prompt

    def _typed_prompt(self) -> Prompt:
        prompt, new = self.asking.add_prompt(self)
        if new:
            self.prompts.refresh()
        self.prompts.list.mark(prompt.id)
        self.answers.show_prompt(prompt)
        return prompt

    def write_for_all(self) -> None:
        """Write answers to every prompt in the list that has none."""
        waiting = self.prompts.waiting()
        if self.writer.busy or self.batches.busy or not waiting or not self.columns.choices:
            return
        self._follows = True
        self.starter.all(waiting)

    def _on_began(self, request: Request) -> None:
        self.prompts.list.rows.set_running(self.writer.prompts())
        self.sampling.add_button.setEnabled(False)
        if self._follows and not self.asking.types:
            self.prompts.list.choose(request.prompt_id)

    def _on_ended(self, request: Request, how: str) -> None:
        self.prompts.list.rows.set_running(self.writer.prompts())
        if not self.writer.busy:
            self.prompts.refresh_counts()
        self.sampling.add_button.setEnabled(self.columns.can_add())

    def _shade(self) -> None:
        self.chances.set_on(self.shade_action.isChecked())
        self.sampling.shade.setChecked(self.shade_action.isChecked())

    def _escape(self) -> None:
        """Leave a text field first; stop writing otherwise."""
        focused = QApplication.focusWidget()
        if focused is not None and keys.takes_text(focused):
            if focused is self.prompts.search and isinstance(focused, QLineEdit) and focused.text():
                focused.clear()
            else:
                focused.clearFocus()
                self.prompts.list.setFocus()
        else:
            self.writer.stop()

    # -- sending

    def send(self) -> None:
        """Put the ticked answers into the feedback queue and go there."""
        try:
            sent = self.answers.send()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if sent:
            self.context.show_pane("feedback")

    def _show_state(self) -> None:
        can_write = bool(self.columns.choices) and (bool(self.asking.messages()[1]) or self._shown_prompt() is not None)
        self.dock.show_state(self.writer, len(self.answers.to_send()), can_write)
        waiting = len(self.prompts.waiting())
        text = self.tr("Write {count} waiting").format(count=waiting) if waiting else self.tr("Write for all")
        self.all_action.setText(text)
        busy = self.writer.busy or self.batches.busy
        self.all_action.setEnabled(bool(waiting) and bool(self.columns.choices) and not busy)
        self.all_button.setVisible(not self.asking.types)
        self.import_button.setVisible(not self.asking.types)
