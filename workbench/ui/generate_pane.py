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
from .generate_answers import Answers, ColumnChoice, dot_of
from .generate_batches import MANY, Batch, BatchBar, Batches
from .generate_chances import Chances
from .generate_choices import Kept, note_on_memory, read_kept, write_kept
from .generate_column_set import ColumnSet
from .generate_columns import ColumnsArea
from .generate_dock import Dock
from .generate_importing import Importer
from .generate_more import More
from .generate_prompt_card import PromptCard
from .generate_prompts import PromptsPanel
from .generate_sampling import SamplingPanel
from .generate_writing import Request, Writer
from .messages import MessageStrip
from .pane import Pane
from .theme import set_region
from .tokens_dialog import tokens_action
from .widgets import Button, EmptyState, Option, Segmented, column, holding, row


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
        self._build_header()
        self._connect()

    # -- building

    def _make_actions(self) -> None:
        self.generate_action = self.action(self.tr("Generate"), "Ctrl Enter", self.generate, icon="sparkles")
        self.again_action = self.action(self.tr("Again"), "R", self.again, icon="refresh-cw")
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
        modes = [Option("set", self.tr("Prompt set")), Option("single", self.tr("Single prompt"))]
        self.modes = Segmented(modes, self.tr("Mode"))
        self.modes.changed.connect(self._on_mode)
        self.sampling_button = Button(self.tr("Sampling"), "sliders-horizontal", "G")
        self.sampling_button.setCheckable(True)
        self.sampling_button.clicked.connect(lambda on: self.show_right(on))
        self.sampling.installEventFilter(self)

    def _build_body(self) -> QWidget:
        self.card = PromptCard(self.context)
        self.card.typed.connect(self._on_typed)
        self.card.add_action(self.tokens_action)
        self.area = ColumnsArea()
        self.answers = Answers(self.context, self.writer, self.area, self)
        self.chances = Chances(self.context, self.area, self)
        self.answers.shown.connect(self.chances.show)
        self.dock = Dock(self.generate_action, self.stop_action, self.again_action, self.send_action)
        self.dock.queue_at_once.toggled.connect(self.answers.set_queue_at_once)
        over = holding(row(self.card, margins=(16, 14, 16, 12)))
        self.batches = Batches(self.context, self)
        self.batch_bar = BatchBar(self.batches)
        self.foot = holding(column(self.batch_bar, self.dock, spacing=0))
        page = holding(column(over, self.area, self.foot, spacing=0))
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
        return self.card.first_field() if self._single() else self.prompts.list

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
            self._put_kept(kept)
        else:
            self.columns.read_again(loaded)

    def _put_kept(self, kept: Kept) -> None:
        self.sampling.samples.setValue(kept.samples)
        self.sampling.seed.setValue(kept.seed)
        self.sampling.same_seed.setChecked(kept.same_seed)
        self.sampling.set_reward(kept.reward_id)
        self.dock.queue_at_once.setChecked(kept.queue_at_once)
        self.card.read_draft()

    def _keep(self) -> None:
        kept = Kept(
            columns=[(choice.model.id, choice.sampling) for choice in self.columns.choices],
            samples=self.sampling.samples.value(),
            seed=self.sampling.seed.value(),
            same_seed=self.sampling.same_seed.isChecked(),
            reward_id=self.sampling.reward_id() or "",
            queue_at_once=self.dock.queue_at_once.isChecked(),
        )
        try:
            write_kept(self.context.store, kept)
        except WorkbenchError as error:
            self.context.tell(error)

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
        no_prompts = not self._single() and not self.prompts.has_prompts()
        page = self.no_models if not self.columns.choices else self.no_prompts if no_prompts else self._page
        self.stack.setCurrentWidget(page)

    # -- modes and prompts

    def _single(self) -> bool:
        return self.modes.value() == "single"

    def _on_mode(self, mode: str) -> None:
        single = mode == "single"
        self.card.set_typing(single)
        self.prompts.show_only_typed(single)
        self._show_page()
        if single:
            self._on_typed()
            self.card.first_field().setFocus()
        else:
            self._on_picked(self.prompts.list.current_id())

    def _on_picked(self, prompt_id: str) -> None:
        if self.writer.busy and prompt_id not in self.writer.prompts():
            self._follows = False
        try:
            prompt = self.context.store.prompts.find(prompt_id) if prompt_id else None
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if self._single():
            if prompt is not None:
                self.card.show_picked(prompt)
            return
        self._show_prompt(prompt)

    def _show_prompt(self, prompt: Prompt | None) -> None:
        if prompt is not None:
            rows = self.prompts.list.rows
            self.card.show_prompt(prompt, rows.place_of(prompt.id) + 1, rows.rowCount())
        self.answers.show_prompt(prompt)
        self._show_state()

    def _on_typed(self) -> None:
        if not self._single():
            return
        system, text = self.card.fields()
        known = self.context.store.prompts.by_hash(prompt_hash(system, [{"role": "user", "content": text}]))
        shown = self.answers.prompt
        if (known.id if known else "") != (shown.id if shown else ""):
            self.answers.show_prompt(known)
        self._show_state()

    def _shown(self) -> tuple[Model | None, Sequence[Message]]:
        """The first column's model, and the conversation that it would be given."""
        model = self.columns.choices[0].model if self.columns.choices else None
        if not self._single():
            return model, self.answers.prompt.messages if self.answers.prompt else ()
        system, text = self.card.fields()
        said: list[Message] = [{"role": "system", "content": system}] if system else []
        return model, [*said, {"role": "user", "content": text}] if text else ()

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

    def _requests(self, prompt: Prompt) -> list[Request]:
        return [self._request(prompt.id, place, choice) for place, choice in enumerate(self.columns.choices)]

    def _request(self, prompt_id: str, place: int, choice: ColumnChoice) -> Request:
        # Without chance every sample would be the same answer.
        samples = 1 if choice.sampling.temperature == 0 else self.sampling.samples.value()
        reward_id = self.sampling.reward_id()
        seed = self.sampling.seed_of(place)
        return Request(prompt_id, choice.model.id, place, samples, seed, choice.sampling, reward_id)

    def generate(self) -> None:
        """Write answers to the prompt that is shown."""
        if self.writer.busy or not self.columns.choices:
            return
        try:
            prompt = self._typed_prompt() if self._single() else self.answers.prompt
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if prompt is None:
            return
        if self.answers.repeats(self._requests(prompt)):
            self.sampling.take_new_seeds()
        self._keep()
        self._follows = True
        self.writer.start(self._requests(prompt))

    def again(self) -> None:
        """Write once more, with seeds that were not used."""
        if not self.writer.busy:
            self.sampling.take_new_seeds()
            self.generate()

    def _typed_prompt(self) -> Prompt:
        prompt, new = self.card.add_prompt(self)
        if new:
            self.prompts.refresh()
        self.answers.show_prompt(prompt)
        return prompt

    def write_for_all(self) -> None:
        """Write answers to every prompt in the list that has none."""
        waiting = self.prompts.waiting()
        if self.writer.busy or self.batches.busy or not waiting or not self.columns.choices:
            return
        self._keep()
        if len(waiting) >= MANY:
            choices = enumerate(self.columns.choices)
            self.batches.start([self._batch(choice, place, waiting) for place, choice in choices])
            return
        self._follows = True
        requests = [
            self._request(prompt_id, place, choice)
            for place, choice in enumerate(self.columns.choices)
            for prompt_id in waiting
        ]
        self.writer.start(requests)

    def _batch(self, choice: ColumnChoice, place: int, prompt_ids: Sequence[str]) -> Batch:
        request = self._request(prompt_ids[0], place, choice)
        options = choice.sampling.to_json() | {"samples": request.samples, "seed": request.seed}
        return Batch(choice.model.id, options, tuple(prompt_ids), request.reward_id)

    def _on_began(self, request: Request) -> None:
        self.prompts.list.rows.set_running(self.writer.prompts())
        self.sampling.add_button.setEnabled(False)
        if self._follows and not self._single():
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
        text = self.card.fields()[1] if self._single() else ""
        can_write = bool(self.columns.choices) and (bool(text) if self._single() else self.answers.prompt is not None)
        self.dock.show_state(self.writer, len(self.answers.to_send()), can_write)
        waiting = len(self.prompts.waiting())
        text = self.tr("Write {count} waiting").format(count=waiting) if waiting else self.tr("Write for all")
        self.all_action.setText(text)
        busy = self.writer.busy or self.batches.busy
        self.all_action.setEnabled(bool(waiting) and bool(self.columns.choices) and not busy)
        self.all_button.setVisible(not self._single())
        self.import_button.setVisible(not self._single())
