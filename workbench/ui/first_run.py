"""First run: this computer, a model, prompts, then the first ten answers. One step is open at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QScrollArea, QSizePolicy, QWidget

from .. import paths
from ..errors import WorkbenchError
from . import figures, icons, work
from .context import Context
from .engine_banner import EngineBanner
from .models_machine import Machine
from .pane import Pane
from .theme import set_region, theme_changed
from .widgets import (
    Bar,
    Button,
    Card,
    ChoiceCard,
    KeyHint,
    LetterBadge,
    LinkButton,
    column,
    holding,
    label,
    row,
)

WIDTH = 880


class Choices(QWidget):
    """Cards to pick from, side by side, and the one button that goes on with the picked one."""

    def __init__(self, choices: Sequence[tuple[str, str, str, str]], parent: QWidget | None = None) -> None:
        """choices: (title, note at the right, text, words of the button)."""
        super().__init__(parent)
        self.cards: list[ChoiceCard] = []
        self._words = [words for *_, words in choices]
        line = row(spacing=12)
        for number, (title, note, text, _) in enumerate(choices, start=1):
            head = row(label(title, "strong"), None, label(note, "small", "text2"), KeyHint(str(number)))
            inside = column(head, label(text, "small", "text2", wrap=True), None, spacing=4, margins=(13, 10, 13, 12))
            card = ChoiceCard(f"{title}. {text}", inside)
            card.clicked.connect(self._show_words)
            line.addWidget(card, 1)
            self.cards.append(card)
        self.button = Button("", key="Enter", kind="primary", size="lg")
        self.progress_text, self.progress = label("", "small", "text2"), Bar(self.tr("Progress"), "accentText")
        self.progress.setFixedWidth(160)
        self.aside = label("", "small", "text2")
        buttons = row(self.button, self.progress_text, self.progress, None, self.aside, spacing=12)
        self.setLayout(column(line, buttons, spacing=12))
        self.pick(0)
        self.set_busy(False)

    def picked(self) -> int:
        """Which card is on."""
        return next(place for place, card in enumerate(self.cards) if card.isChecked())

    def pick(self, place: int) -> None:
        """Turn a card on."""
        if place < len(self.cards):
            self.cards[place].setChecked(True)
            self._show_words()

    def _show_words(self) -> None:
        self.button.set_text(self._words[self.picked()])

    def set_busy(self, busy: bool, text: str = "", fraction: float = -1.0) -> None:
        """Show that it is being done, and how far it is."""
        for control in (*self.cards, self.button):
            control.setEnabled(not busy)
        self.progress_text.setText(text)
        self.progress_text.setVisible(busy and bool(text))
        self.progress.setVisible(busy and fraction >= 0)
        self.progress.set_fraction(max(0.0, fraction))


class Step(Card):
    """One step: a number or a tick, what it is about, and, while it is open, what to do."""

    def __init__(self, number: int, title: str, text: str, inside: QWidget | None = None) -> None:
        super().__init__()
        self.number = number
        self.title, self.text = label(title, "strong"), label(text, "body", "text2", wrap=True)
        self.inside = inside
        self._badge, self._tick = LetterBadge(str(number)), label()
        self.done = self.open = False
        words = column(self.title, self.text, spacing=3)
        if inside is not None:
            inside.setContentsMargins(0, 9, 0, 0)
            words.addWidget(inside)
        mark = holding(column(self._badge, self._tick, None, spacing=0))
        mark.setFixedWidth(26)
        line = row(mark, words, spacing=12, margins=(16, 14, 16, 14))
        line.setStretch(1, 1)
        self.setLayout(line)
        theme_changed.connect(self._show)
        self.set_state(False, False)

    def set_state(self, done: bool, is_open: bool) -> None:
        """Ticked or not, open or not."""
        self.done, self.open = done, is_open
        self._show()

    def _show(self) -> None:
        self._tick.setPixmap(icons.pixmap("circle-check", "good", 24))
        self._tick.setVisible(self.done)
        self._badge.setVisible(not self.done)
        self._badge.set_look("active" if self.open else "plain")
        self.active = self.open
        if self.inside is not None:
            self.inside.setVisible(self.open)
        state = self.tr("done") if self.done else self.tr("open") if self.open else self.tr("to do")
        name = self.tr("Step {number}, {title}, {state}")
        self.setAccessibleName(name.format(number=self.number, title=self.title.text(), state=state))

    def set_words(self, title: str, text: str) -> None:
        """Change what it says."""
        self.title.setText(title)
        self.text.setText(text)
        self._show()


class FirstRun(Pane):
    """What a new project shows instead of its panes. `done` when the person goes on, or skips it."""

    done = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("first-run", parent)
        self.title = self.tr("New project")
        self.context = context
        self.machine: Machine | None = None
        self._looking = work.Work(context.store.folder, self)
        self._looking.finished.connect(self._on_looked)
        self._looking.failed.connect(context.tell)
        self._work = work.Work(context.store.folder, self)
        self._work.progressed.connect(self._on_progress)
        self._work.finished.connect(self._on_finished)
        self._work.failed.connect(self._on_failed)
        self.steps = self._build_steps()
        self.set_body(self._build_body())
        self.action(self.tr("Go on"), "Enter", self.go_on)
        for number in (1, 2, 3):
            text = self.tr("Choice {number}").format(number=number)
            self.action(text, str(number), lambda place=number - 1: self._pick(place))
        context.store_changed.connect(lambda table, by: self.refresh() if table in ("models", "prompts") else None)
        context.engines.changed.connect(self._on_engines)
        self.refresh()

    # -- building

    def _build_steps(self) -> list[Step]:
        self.models = self._model_choices()
        self.prompts = self._prompt_choices()
        self.rate_button = Button(self.tr("Write answers"), "sparkles", "Enter", "primary", "lg")
        self.rate_button.clicked.connect(self.go_on)
        return [
            Step(1, self.tr("Looking at this computer"), ""),
            Step(2, self.tr("Choose a model to start from"), self.tr("You can add more later."), self.models),
            Step(
                3,
                self.tr("Bring some prompts"),
                self.tr("What the model will be asked: open a file, or begin with the sample prompts."),
                self.prompts,
            ),
            Step(
                4,
                self.tr("Rate your first ten answers"),
                self.tr(
                    "The model writes, you judge. Ten are enough to see every screen work, some hundred to train well."
                ),
                holding(row(self.rate_button, None)),
            ),
        ]

    def _model_choices(self) -> Choices:
        choices = Choices(
            [
                (
                    "SmolLM2-135M-Instruct",
                    "270 MB",
                    self.tr("Smallest. Good for a first lap on any computer, with every method."),
                    self.tr("Get SmolLM2-135M-Instruct"),
                ),
                (
                    self.tr("A folder"),
                    "safetensors",
                    self.tr("A model on this computer, as transformers saves it."),
                    self.tr("Choose the folder"),
                ),
                (
                    self.tr("A GGUF file"),
                    "GGUF",
                    self.tr("A model on this computer, as llama.cpp uses it."),
                    self.tr("Choose the file"),
                ),
            ]
        )
        choices.aside.setText(self.tr("Works offline after this"))
        choices.button.clicked.connect(self.go_on)
        return choices

    def _prompt_choices(self) -> Choices:
        samples = figures.count(sample_count())
        choices = Choices(
            [
                (
                    self.tr("Sample prompts"),
                    samples,
                    self.tr("Mail, questions, translations, code and writing, in English and Chinese."),
                    self.tr("Begin with the sample prompts"),
                ),
                (
                    self.tr("A file of yours"),
                    "JSONL, CSV, TXT",
                    self.tr("One prompt a row. Answers and judgements in it are kept too."),
                    self.tr("Choose the file"),
                ),
            ]
        )
        choices.button.clicked.connect(self.go_on)
        return choices

    def _build_body(self) -> QWidget:
        self._logo = label()
        self._show_logo()
        theme_changed.connect(self._show_logo)
        subtitle = self.tr("Generate answers, rate them, train on your ratings, compare, and go round again.")
        head = row(
            self._logo,
            column(
                label(self.tr("Teach a model what you like"), "display"), label(subtitle, "body", "text2"), spacing=2
            ),
            None,
            spacing=16,
        )
        self.skip_button = LinkButton(self.tr("Skip these steps"))
        self.skip_button.clicked.connect(self._skip)
        foot = row(
            self.skip_button,
            None,
            label(self.tr("Nothing leaves this computer unless you export it."), "small", "text2"),
        )
        self.no_engine = EngineBanner(self.context, margins=(0, 0, 0, 0))
        inside = holding(column(head, 10, self.no_engine, *self.steps, 4, foot, spacing=12))
        inside.setMaximumWidth(WIDTH)
        inside.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        middle = row(None, inside, None, margins=(24, 24, 24, 24))
        middle.setStretch(1, 100)
        page = holding(column(None, middle, None, spacing=0))
        set_region(page, "canvas")
        scroller = QScrollArea()
        scroller.setWidgetResizable(True)
        scroller.setFrameShape(QFrame.Shape.NoFrame)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroller.setWidget(page)
        return scroller

    def _show_logo(self) -> None:
        self._logo.setPixmap(icons.logo(40))

    def first_focus(self) -> QWidget:
        choices = self.models if self.steps[1].open else self.prompts
        return self.rate_button if self.steps[3].open else choices.cards[choices.picked()]

    # -- what is shown

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.machine is None and not self._looking.busy:
            self._looking.start(work.looking)

    def refresh(self) -> None:
        """Tick what is done and open the first step that is not."""
        store = self.context.store
        try:
            models, prompts = store.models.list(), store.prompts.count()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        done = [self.machine is not None and bool(self.machine.torch), bool(models), prompts > 0, False]
        if models:
            self.steps[1].set_words(self.tr("A model is here"), ", ".join(model.name for model in models[:3]))
        if prompts:
            text = self.tr("{count} in this project. Import more in Generate at any time.")
            self.steps[2].set_words(self.tr("Prompts are here"), text.format(count=figures.count(prompts)))
        # The machine check needs nobody: while it runs, the first step to do is open already.
        first = next(place for place in (1, 2, 3) if not done[place])
        for place, step in enumerate(self.steps):
            step.set_state(done[place], place == first)

    def _on_looked(self, summary: dict[str, Any]) -> None:
        machine: Machine = summary["machine"]
        self.machine = machine
        missing = self.tr("A compute engine is missing") if paths.bundle() else self.tr("PyTorch is missing")
        self.steps[0].set_words(
            self.tr("This computer is ready") if machine.torch else missing, self._words_of(machine)
        )
        self.refresh()

    def _on_engines(self) -> None:
        """Look again when there is an engine now and was none, or the other way round."""
        known = self.machine is not None and bool(self.machine.torch)
        if self.machine is not None and known != paths.has_engine() and not self._looking.busy and self.isVisible():
            self._looking.start(work.looking)

    def _words_of(self, machine: Machine) -> str:
        parts = []
        if machine.card is not None and machine.card_in_use:
            text = self.tr("{card} with {size}.")
            parts.append(text.format(card=machine.card.name, size=figures.size(machine.card.total)))
        elif machine.torch or not paths.bundle():
            text = self.tr("Models run on the processor: {cpu}, {threads} threads, {size} of memory.")
            size = figures.size(machine.memory_total)
            parts.append(text.format(cpu=machine.cpu, threads=machine.threads, size=size))
        if machine.card is not None and not machine.card_in_use and machine.torch:
            text = self.tr("There is a {card}, but this PyTorch was built without support for it.")
            parts.append(text.format(card=machine.card.name))
        parts.append(self._torch_words(machine))
        parts.append(self.tr("{size} free on disk.").format(size=figures.size(machine.disk_free)))
        return " ".join(parts)

    def _torch_words(self, machine: Machine) -> str:
        if machine.torch:
            return self.tr("PyTorch {version}.").format(version=machine.torch)
        if not paths.bundle():
            return self.tr("Install PyTorch to load models: pip install torch.")
        card = self.tr("There is a {card}: its engine is recommended.").format(
            card=machine.card.name if machine.card else ""
        )
        return " ".join([*([card] if machine.card else []), self.tr("You can get a model and prompts before that.")])

    def _open_choices(self) -> Choices | None:
        return self.models if self.steps[1].open else self.prompts if self.steps[2].open else None

    def _pick(self, place: int) -> None:
        choices = self._open_choices()
        if choices is not None and not self._work.busy:
            choices.pick(place)

    # -- what can be done

    def go_on(self) -> None:
        """Do what the button of the open step says."""
        if self._work.busy:
            return
        if self.steps[1].open:
            (self.get_starter, self._ask_folder, self._ask_model_file)[self.models.picked()]()
        elif self.steps[2].open:
            (self.import_samples, self._ask_prompts)[self.prompts.picked()]()
        else:
            self.context.show_pane("generate")
            self.done.emit()

    def _skip(self) -> None:
        self.context.show_pane("models")
        self.done.emit()

    def get_starter(self) -> None:
        """Fetch the starter model."""
        self._begin(work.fetching_starter)

    def add_model(self, location: str) -> None:
        """Add the model at a place on this computer."""
        self._begin(work.adding(location))

    def import_samples(self) -> None:
        """Import the prompts that come with the app."""
        self.import_prompts(paths.samples() / "prompts.jsonl")

    def import_prompts(self, path: Path) -> None:
        """Import a file of prompts."""
        self._begin(work.importing(path))

    def _ask_folder(self) -> None:
        self._with(QFileDialog.getExistingDirectory(self, self.tr("Choose a model folder")), self.add_model)

    def _ask_model_file(self) -> None:
        kinds = self.tr("GGUF files") + " (*.gguf)"
        found, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a GGUF file"), "", kinds)
        self._with(found, self.add_model)

    def _ask_prompts(self) -> None:
        found, _ = QFileDialog.getOpenFileName(self, self.tr("Import prompts"))
        self._with(found, lambda path: self.import_prompts(Path(path)))

    def _with(self, found: str, then: Callable[[str], None]) -> None:
        if found:
            then(found)

    def _begin(self, steps: work.Steps) -> None:
        try:
            self._work.start(steps)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self._on_progress("", -1.0)

    def _on_progress(self, text: str, fraction: float) -> None:
        choices = self._open_choices()
        if choices is not None:
            choices.set_busy(True, text or self.tr("Working"), fraction)

    def _on_finished(self, summary: dict[str, Any]) -> None:
        self._free()
        tables = ("models",) if "model_id" in summary else ("prompts", "responses", "feedback")
        for table in tables:
            self.context.store_changed.emit(table, None)
        if "model_id" in summary:
            self._load(str(summary["model_id"]))
        self.refresh()
        self.first_focus().setFocus()

    def _load(self, model_id: str) -> None:
        """Have the model in memory by the time that it is to write."""
        try:
            model = self.context.store.models.find(model_id)
            if model.kind == "base" and model.info.get("generates", True):
                self.context.load_model(model_id)
        except WorkbenchError as error:
            self.context.tell(error)

    def _on_failed(self, error: WorkbenchError) -> None:
        self._free()
        self.context.tell(error)

    def _free(self) -> None:
        for choices in (self.models, self.prompts):
            choices.set_busy(False)


def sample_count() -> int:
    """How many sample prompts come with the app."""
    try:
        return len((paths.samples() / "prompts.jsonl").read_text(encoding="utf-8").splitlines())
    except OSError:
        return 0
