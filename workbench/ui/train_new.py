"""A new run: method, models, data, preset and knobs on a page; beside it what the run takes and what to know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from ..errors import WorkbenchError
from ..evaluation.readiness import Readiness
from ..jobs import functions
from ..jobs.functions import Untrusted
from ..lm.estimates import Estimate
from ..methods import METHODS, plain_text, presets
from ..methods.base import Data, kind_of, knobs, needs_reward, starts_from
from ..store import Model, Run
from . import keys
from .context import Context
from .figures import count, duration, size
from .first_batch import Seeing
from .form import Form
from .models_machine import Machine
from .theme import set_region
from .train_beside import BesidePanel
from .train_data import DataCard, counted
from .train_estimate import Room, bytes_of, estimated, memory, most_used, planned_units, room_of, seconds_a_unit
from .train_methods import MethodCards
from .train_models import ModelBoxes
from .train_presets import PresetCards
from .train_readiness import reading_readiness
from .train_whose import Judgements
from .trusting import TrustDialog
from .widgets import Button, Divider, column, holding, label, row
from .work import Work, looking

LABEL_WIDTH = 136
FIELDS_WIDTH = 760
PAUSE = 200  # milliseconds between a change and a new estimate
LOOP = ("ppo", "reward")
"""What a person comes for, the further step of the loop first."""
TASKS = ("generate", "evaluate", "features", "judge")


class NewRunPage(QWidget):
    """The page. `started(run)` is sent when a run begins, `left()` when the person goes back."""

    started = Signal(object)
    left = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._judgements = Judgements(context.store)
        self._runs: list[Run] = []
        self._named = ""
        self.method = next(iter(METHODS))
        self.forms: dict[str, Form] = {}
        self.methods = MethodCards()
        self.methods.chosen.connect(self.choose_method)
        self.cards = self.methods.cards
        self.preset = presets.BALANCED
        self.preset_cards = PresetCards()
        self.preset_cards.chosen.connect(self.choose_preset)
        self._text_size = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(lambda: self._estimate() if self.isVisible() else None)
        self.models = ModelBoxes(context.store)
        self.models.changed.connect(self._changed)
        self.model, self.reward = self.models.model, self.models.reward
        self.beside = BesidePanel()
        self.start_action = keys.action(self, self.tr("Start run"), "Ctrl Enter", self.start)
        tip = self.tr("What the model reads and what the loss reads of it, before anything is learned")
        self.look_action = keys.action(self, self.tr("First batch"), "B", self.look, tip=tip)
        self.beside.add_start(Button.of(self.look_action, size="lg"), Button.of(self.start_action, "primary", "lg"))
        self._seeing = Seeing(context.store.folder, self)
        self._seeing.ended.connect(self._end_look)
        keys.action(self, self.tr("Back to the runs"), "Esc", self.left.emit)
        self._machine: Machine | None = None
        self._looking = Work(context.store.folder, self)
        self._looking.finished.connect(self._on_looked)
        self._looking.failed.connect(context.tell)
        self._readiness: Readiness | None = None
        self._reading = Work(context.store.folder, self)
        self._reading.finished.connect(self._on_readiness)
        self._reading.failed.connect(context.tell)
        self.beside.readiness.report_wanted.connect(lambda: context.show_pane("data", {"view": "quality"}))
        self._build()

    # -- the page

    def _build(self) -> None:
        self._rows = QGridLayout()
        self._rows.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._rows.setColumnStretch(1, 1)
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(16)
        self._add_row(self.tr("Method"), self.tr("Methods that your data can feed come first."), self.methods)
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name"))
        self._add_row(self.tr("Name"), "", self.name)
        self._add_row(self.tr("Start from"), "", self.models)
        self.data_card = DataCard()
        self._add_row(self.tr("Data"), self.tr("Frozen when the run starts."), self.data_card)
        self._add_row(self.tr("Preset"), "", self.preset_cards)
        self._forms_box = QVBoxLayout()
        self._forms_box.setContentsMargins(0, 0, 0, 0)
        self._add_row(self.tr("Settings"), self.tr("What you change turns bold."), holding(self._forms_box))
        title = label(self.tr("New run"), "title")
        page = holding(column(title, 4, self._rows, None, spacing=10, margins=(24, 16, 24, 24)))
        page.setMaximumWidth(FIELDS_WIDTH + LABEL_WIDTH + 64)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        area.setWidget(page)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area = area
        set_region(self.beside, "panel")
        self.beside.setFixedWidth(316)
        self.setLayout(row(area, Divider(vertical=True), self.beside, spacing=0))

    def _add_row(self, title: str, note: str, field: QWidget) -> None:
        words = column(label(title, "head"), spacing=2)
        if note:
            words.addWidget(label(note, "small", "text3", wrap=True))
        words.addStretch(1)
        place = self._rows.rowCount()
        self._rows.addLayout(words, place, 0)
        self._rows.addWidget(field, place, 1)

    # -- what it starts with

    def begin(
        self,
        method: str = "",
        *,
        options: Mapping[str, Any] | None = None,
        model_id: str | None = None,
        reward_id: str | None = None,
    ) -> None:
        """A fresh page, or one that begins from another run's choices."""
        if not self._looking.busy:  # each time: what is free changes
            self._looking.start(looking)
        if not self._reading.busy:
            self._reading.start(reading_readiness)
        self.refresh()
        self.reward.setCurrentIndex(0)  # the newest, not none of them, which stood here while there was none
        ready = [name for name in self.cards if self._lack(name) == "" and starts_from(METHODS[name])]
        usual = next((name for name in LOOP if name in ready), ready[0] if ready else self.method)
        self.choose_method(method or usual)
        self.choose_preset(presets.BALANCED)
        if options:
            self.form.set_values(options)
        for box, wanted in ((self.model, model_id), (self.reward, reward_id)):
            if wanted and box.findData(wanted) >= 0:
                box.setCurrentIndex(box.findData(wanted))
        self.area.verticalScrollBar().setValue(0)
        self._estimate()

    def refresh(self) -> None:
        """Read the project again: models, judgements, past runs."""
        store = self._context.store
        self._judgements.refresh()
        for form in self.forms.values():
            self._judgements.tell(form)
        self._runs = [run for run in store.runs.list() if run.method not in TASKS]
        self.models.set_models(store.models.list())
        lacks = {name: self._lack(name) for name in self.cards}
        self.methods.show_lacks(lacks, {name: self._has(name) for name, lack in lacks.items() if not lack})
        self._changed()

    @property
    def data(self) -> Data:
        """What all people said; no judge."""
        return self._judgements.data

    def _learned(self, name: str) -> Data:
        """What a method would read as its form stands; what all people said while a name in it is a stranger's."""
        options = self.forms[name].values() if name in self.forms else {}
        return self.data if self._judgements.refused(options) else self._judgements.of(options)

    def _lack(self, name: str) -> str:
        method = METHODS[name]
        lack = method.lacks(self._learned(name))
        if lack or not method.NEEDS_REWARD:
            return lack
        chosen = name != self.method or self.reward.currentData() is not None
        if (self.models.has_rewards and chosen) or not needs_reward(
            method, self.forms[name].values() if name in self.forms else {}
        ):
            return ""
        return self.tr("Needs a reward model: train one first, or let a rule below say what answers are worth.")

    def _has(self, name: str) -> str:
        if METHODS[name].NEEDS_REWARD and not self.models.has_rewards:
            return self.tr("{count} prompts ready").format(count=count(len(self.data.split("train").prompts)))
        if METHODS[name].NEEDS_REWARD:
            return self.tr("{reward} ready").format(reward=self.reward.itemText(0).split(" · ")[0])
        kind = kind_of(METHODS[name])
        if kind == "documents":
            return self.tr("Asks for text")
        return self.tr("{examples} ready").format(examples=counted(kind, len(getattr(self._learned(name), kind))))

    # -- choices

    @property
    def form(self) -> Form:
        """The form of the method that is chosen."""
        if self.method not in self.forms:
            form = Form(METHODS[self.method].Options)
            form.changed.connect(self._changed)
            self._judgements.tell(form)
            self.forms[self.method] = form
            self._forms_box.addWidget(form)
        return self.forms[self.method]

    def choose_method(self, name: str) -> None:
        """Show a method's knobs."""
        self.method = name
        self.cards[name].setChecked(True)
        shown = self.form
        for form in self.forms.values():
            form.setVisible(form is shown)
        self.models.set_method(METHODS[name])
        if self.name.text() in ("", self._named):
            self._named = self._free_name(METHODS[name].title)
            self.name.setText(self._named)
        self.choose_preset(self.preset)

    def choose_preset(self, name: str) -> None:
        """Put a preset's values into the form."""
        self.preset = name
        self.preset_cards.choose(name)
        self.form.set_base(self._preset_values(name))
        self._tell_presets()

    def _preset_values(self, name: str) -> dict[str, Any]:
        """The knobs that a preset changes for the data that there are."""
        return presets.values(METHODS[self.method], name, self._amount())

    def _amount(self) -> int:
        """Training examples of the method, or bytes of the text that it reads."""
        method = METHODS[self.method]
        return self._text_size if kind_of(method) == "documents" else presets.amount(method, self._learned(self.method))

    def _tell_presets(self) -> None:
        changes = {name: self._preset_values(name) for name in presets.NAMES}
        self.preset_cards.tell(knobs(METHODS[self.method].Options), changes)

    def _fit_preset(self) -> None:
        """Another text, of which there is more or less: its preset, unless something was chosen besides."""
        place = str(self.form.values()["text"])
        wanted = self._preset_values(self.preset) | {"text": place}
        now = self.form.values()
        if set(self.form.changed_names()) <= {"text"} and any(now[key] != value for key, value in wanted.items()):
            self.form.set_base(wanted)
        self._tell_presets()

    def _free_name(self, title: str) -> str:
        taken = {run.name for run in self._context.store.runs.list()}
        number = 1
        while f"{title} {number}" in taken:
            number += 1
        return f"{title} {number}"

    def _changed(self) -> None:
        self._timer.start()

    # -- beside

    def _estimate(self) -> None:
        """Everything that follows from the choices."""
        method, options = METHODS[self.method], self.form.values()
        kind = kind_of(method)
        missing = self._show_text(str(options["text"])) if kind == "documents" else self._show_data(kind)
        base, reward, reward_base = self._chosen_models()
        room = room_of(self._machine, str(options.get("device", "auto")))
        bytes_each = bytes_of(options, self._runs, room.device)
        found = self._memory((base, reward, reward_base), options, bytes_each, room)
        self.beside.show_memory(found, bytes_each, room, self._measured())
        self._show_times()
        running = [run.name for run in self._runs if run.id in self._context.going()]
        loaded = self._context.session_model.name if self._context.session_model else ""
        self.beside.show_readiness(self._readiness if method.RESULT == "reward" else None)
        judges = self._judgements.judges(method, options)
        self.beside.show_judges(judges)
        self.beside.show_cautions(self._learned(self.method), (base, reward, reward_base), running, loaded, judges)
        why = self._judgements.refused(options) or self._lack(self.method) or missing
        if not why and base is None and starts_from(method):
            why = self.tr("There is no model to start from. Add one in Models.")
        self.start_action.setText(self.tr("Add to the queue") if self._context.training() else self.tr("Start run"))
        self.start_action.setEnabled(not why)
        self.look_action.setEnabled(not why and not self._seeing.busy)
        self.beside.say(why, "text2")

    def _show_data(self, kind: str) -> str:
        data = self._learned(self.method)
        self.data_card.show_data(data, kind)
        self.beside.show_data(data, kind)
        return ""

    def _show_text(self, place: str) -> str:
        """How much text there is at a place, or why there is none."""
        try:
            found = plain_text.find(place)
        except WorkbenchError as error:
            self.data_card.show_text(self.tr("No text yet"))
            self.beside.show_text(0, 0)
            return f"{error.text} {error.hint}"
        if found.size != self._text_size:
            self._text_size = found.size
            self._fit_preset()
        words = self.tr("{size} of text in {count} files") if len(found.files) > 1 else self.tr("{size} of text")
        self.data_card.show_text(words.format(size=size(found.size), count=count(len(found.files))))
        self.beside.show_text(len(found.files), found.size)
        return ""

    def _chosen_models(self) -> tuple[Model | None, Model | None, Model | None]:
        models = self._context.store.models
        chosen, reward_id = self.model.currentData(), self.reward.currentData()
        base = models.base_of(models.find(chosen)) if chosen else None
        reward = models.find(reward_id) if reward_id and METHODS[self.method].NEEDS_REWARD else None
        return base, reward, models.base_of(reward) if reward else None

    def _memory(
        self,
        models: tuple[Model | None, Model | None, Model | None],
        options: Mapping[str, Any],
        bytes_each: int,
        room: Room,
    ) -> Estimate | None:
        base, reward, reward_base = models
        try:
            if base is None and starts_from(METHODS[self.method]):
                return None
            return memory(base, reward, reward_base, options, self._learned(self.method), bytes_each, room.device)
        except (TypeError, ValueError, ZeroDivisionError):  # a field holds no usable number; the form says so at start
            return None

    def _measured(self) -> tuple[str, float, float | None] | None:
        """The newest run of this method on this model that said how much memory it used: name, bytes, its estimate."""
        for run in self._runs:
            if run.method == self.method and run.model_id == self.model.currentData():
                most = run.summary.get("peak_bytes") or most_used(self._context.store.runs.metrics(run.id))
                if most:
                    return run.name, float(most), estimated(run)
        return None

    def _on_looked(self, summary: dict[str, Any]) -> None:
        self._machine = summary["machine"]
        self._changed()

    def _on_readiness(self, summary: dict[str, Any]) -> None:
        self._readiness = summary["readiness"]
        self._changed()

    def _show_times(self) -> None:
        known = seconds_a_unit(self._runs, self.method, self.model.currentData())
        method, amount = METHODS[self.method], self._amount()
        for name in presets.NAMES:
            options = {each.name: each.default for each in knobs(method.Options)} | self._preset_values(name)
            units = planned_units(method, options, amount)
            self.preset_cards.set_time(name, f"~{duration(known[0] * units)}" if known and units else "")
        try:
            seconds = known[0] * planned_units(method, self.form.values(), amount) if known else None
        except (TypeError, ValueError, ZeroDivisionError):  # a field holds no usable number
            seconds = None
        self.beside.show_time(seconds, known[1] if known else 0)

    # -- start

    def _ask_for_trust(self, error: Untrusted, name: str) -> None:
        """Show a function that is to run, and start once it is confirmed."""
        dialog = TrustDialog(error, self)
        dialog.accepted.connect(lambda: functions.trust(self._context.store, name))
        dialog.accepted.connect(self.start)
        dialog.open()

    def look(self) -> None:
        """Have a child read the first batch, and show it."""
        options = self.form.options()
        if options is None or self._seeing.busy:
            return
        self.look_action.setEnabled(False)
        self.beside.say(self.tr("Reading the first batch"), "text2")
        self._seeing.start(self.method, dataclasses.asdict(options), **self.models.chosen())

    def _end_look(self, problem: str) -> None:
        self.look_action.setEnabled(self.start_action.isEnabled())
        self.beside.say(problem, "bad")

    def start(self) -> Run | None:
        """Start the run; what stands in its way is said beside its field or beside the button."""
        options = self.form.options()
        if options is None:
            return None
        try:
            name = self.name.text().strip()
            run = self._context.start_run(self.method, dataclasses.asdict(options), name=name, **self.models.chosen())
        except Untrusted as error:
            self._ask_for_trust(error, options.function)
            return None
        except WorkbenchError as error:
            self.beside.say(f"{error.text} {error.hint}".strip(), "bad")
            return None
        self.name.clear()
        self.started.emit(run)
        return run
