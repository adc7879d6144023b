"""Evaluate: this model against that one on held-out prompts; wins, rewards, drift, metrics, answers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QComboBox, QStackedWidget, QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs.tasks import evaluate
from ..store import Model, Run
from ..store.rows import now
from . import icons
from .context import Context
from .evaluate_figures import Beside, Figures, evaluations, figures, models_of
from .evaluate_results import EvaluateResults
from .evaluate_settings import EvaluateSettings
from .figures import count
from .form_controls import ChoiceBox
from .pane import Pane
from .train_runs import LIVE
from .widgets import Banner, Bar, Button, Card, EmptyState, column, holding, label, row

HELD_OUT = "held_out"


class EvaluatePane(Pane):
    """Compare two models."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("evaluate", parent)
        self._context = context
        self.title = self.tr("Evaluate")
        self.found: Figures | None = None
        self._progress: dict[str, ev.Progress] = {}
        self._dirty, self._filling = True, False
        self.base, self.tuned = self._build_choice(self.tr("Base")), self._build_choice(self.tr("Tuned model"))
        self.prompts = label("", "strong", tabular=True)
        self.again_action = self.action(self.tr("Run again"), "R", self.run_again, "play")
        self._again_button = Button.of(self.again_action, "primary")
        self._settings_button = Button(self.tr("Settings"), "sliders-horizontal", "G")
        self._settings_button.clicked.connect(self.toggle_right)
        arrow = label("")
        arrow.setPixmap(icons.pixmap("arrow-right", "text2", 16))
        self._header = [self.base, arrow, self.tuned, label(self.tr("on"), "body", "text2"), self.prompts]
        self._build_body()
        self.settings = EvaluateSettings()
        self.settings.chosen.connect(self._show_earlier)
        if QSettings().value("panels/evaluate-right") is None:  # the question is in the header; settings are for G
            QSettings().setValue("panels/evaluate-right", False)
        self.set_right(self.settings, width=300, minimum=280)
        self._connect()

    # -- what it is built from

    def _build_choice(self, name: str) -> ChoiceBox:
        box = ChoiceBox()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setMaximumWidth(300)
        box.currentIndexChanged.connect(lambda _: self._chosen())
        return box

    def _build_body(self) -> None:
        self.empty = EmptyState("", self.tr("Train a model"), self._empty_action)
        self.results = EvaluateResults(self._context)
        self.problem = Banner(tone="bad")
        self.problem.hide()
        self.body_stack = QStackedWidget()
        self.body_stack.addWidget(self.empty)
        self.body_stack.addWidget(self.results)
        body = holding(column(self._build_running(), self.problem, self.body_stack, margins=(16, 14, 16, 14)))
        self.set_body(body)

    def _build_running(self) -> Card:
        self.running = Card()
        self.doing = label("", "strong", tabular=True)
        self.bar = Bar(self.tr("Progress of the evaluation"), "accentText")
        self.stop = Button(self.tr("Stop"), "circle-stop")
        self.stop.clicked.connect(self._stop)
        words = column(self.doing, self.bar, spacing=8)
        layout = row(words, self.stop, spacing=16, margins=(14, 10, 12, 12))
        layout.setStretch(0, 1)
        self.running.setLayout(layout)
        self.running.hide()
        return self.running

    def _connect(self) -> None:
        context = self._context
        context.run_event.connect(self.hear)
        context.runs_changed.connect(self._mark)
        context.store_changed.connect(self._store_changed)
        self.results.wins.vote_wanted.connect(self.vote_blind)
        self.results.metrics.decided.connect(self.decide)
        self.results.beside.send.connect(self.send_lost)

    def header_widgets(self) -> list[QWidget]:
        return self._header

    def header_actions(self) -> list[QWidget]:
        return [self._settings_button, self._again_button]

    def first_focus(self) -> QWidget | None:
        return self.tuned

    def visit(self, payload: object) -> None:
        """Show what another pane asks for: {"tuned": model id}, {"run": evaluation id}, or that id alone."""
        if isinstance(payload, str):
            payload = {"run": payload}
        if not isinstance(payload, Mapping):
            return
        self.refresh()
        try:
            if "run" in payload:
                self._choose_run(self._context.store.runs.find(str(payload["run"])))
            elif "tuned" in payload:
                tuned = self._context.store.models.find(str(payload["tuned"]))
                self._choose_models(self._context.store.models.reference_of(tuned).id, tuned.id)
        except WorkbenchError as error:
            self._context.tell(error)

    # -- what is compared

    def refresh(self) -> None:
        """Read models and evaluations again."""
        self._dirty = False
        first = not self.base.count()
        models = self._context.store.models.list()
        self._filling = True
        bases, adapters = ([model for model in reversed(models) if model.kind == kind] for kind in ("base", "adapter"))
        self._fill(self.base, [*bases, *adapters])
        self._fill(self.tuned, [*adapters, *bases])
        self._filling = False
        self.settings.set_rewards([model for model in reversed(models) if model.kind == "reward"])
        number = self._context.store.prompts.count(HELD_OUT)
        self.prompts.setText(self.tr("Held-out {count}").format(count=count(number)))
        done = [run for run in evaluations(self._context.store) if models_of(run)]
        if first and done:
            self._choose_run(done[0])
        elif first and self.tuned.currentData():
            tuned = self._context.store.models.find(self.tuned.currentData())
            self._choose_models(self._context.store.models.reference_of(tuned).id, tuned.id)
        else:
            self._show_pair()

    def _fill(self, box: ChoiceBox, models: Sequence[Model]) -> None:
        chosen = box.currentData()
        box.clear()
        for model in models:
            words = self.tr("{model} (base)") if model.kind == "base" else "{model}"
            box.addItem(words.format(model=model.name), model.id)
        if chosen is not None:
            box.setCurrentIndex(max(0, box.findData(chosen)))

    def _choose_models(self, base_id: str, tuned_id: str) -> None:
        self._filling = True
        self.base.setCurrentIndex(self.base.findData(base_id))
        self.tuned.setCurrentIndex(self.tuned.findData(tuned_id))
        self._filling = False
        self._show_pair()

    def _choose_run(self, run: Run) -> None:
        pair = models_of(run)
        if pair is not None:
            self._choose_models(*pair)
            self._show_run(run)

    def _chosen(self) -> None:
        if not self._filling:
            self._show_pair()

    def pair(self) -> tuple[str, str] | None:
        """The ids of the two models, when they are two."""
        base, tuned = self.base.currentData(), self.tuned.currentData()
        return (base, tuned) if base and tuned and base != tuned else None

    def _show_pair(self) -> None:
        """The newest evaluation of these two models that has something to show."""
        pair = self.pair()
        runs = evaluations(self._context.store, *pair) if pair else []
        self.settings.set_earlier(runs)
        going = any(run.status in LIVE for run in runs)
        self.again_action.setEnabled(pair is not None and not going)
        self.again_action.setText(self.tr("Run again") if runs else self.tr("Run"))
        self._show_running(next((run for run in runs if run.status in LIVE), None))
        self._show_problem(runs[0] if runs else None)
        shown = next((run for run in runs if run.status == "finished"), None)
        kept = self.found.run.id if self.found is not None else None
        shown = next((run for run in runs if run.id == kept and run.status == "finished"), shown)
        if shown is not None:
            self._show_run(shown)
        else:
            self.found = None
            self._show_empty(pair is not None, bool(runs and runs[0].status in LIVE))

    def _show_empty(self, two: bool, going: bool) -> None:
        self.body_stack.setCurrentWidget(self.empty)
        if not two:
            self.empty.set_sentence(self.tr("Pick two models to compare."))
            self.empty.action.set_text(self.tr("Train a model"))
        elif going:
            self.empty.set_sentence(self.tr("The figures will be here when both models have answered."))
        else:
            words = self.tr("These two have not been compared yet. Both will answer {count} held-out prompts.")
            self.empty.set_sentence(words.format(count=count(self._context.store.prompts.count(HELD_OUT))))
            self.empty.action.set_text(self.tr("Compare them"))
        self.empty.action.setVisible(not going)

    def _empty_action(self) -> None:
        if self.pair() is None:
            self._context.show_pane("train")
        else:
            self.run_again()

    # -- one evaluation

    def _show_earlier(self, run_id: str) -> None:
        run = self._context.store.runs.find(run_id)
        if run.status == "finished":
            self._show_run(run)

    def _show_run(self, run: Run) -> None:
        if run.status != "finished":
            return
        self.found = figures(self._context.store, run)
        self.settings.show_run(run)
        base, tuned = self._names(run)
        self.results.show_figures(self.found, base, tuned)
        self.body_stack.setCurrentWidget(self.results)

    def _names(self, run: Run) -> tuple[str, str]:
        pair = models_of(run)
        assert pair is not None
        base, tuned = (self._context.store.models.find(model_id) for model_id in pair)
        return self.tr("base") if base.kind == "base" else base.name, tuned.name

    # -- running

    def run_again(self) -> Run | None:
        """Have both models answer the held-out prompts, and score the answers."""
        pair = self.pair()
        if pair is None:
            return None
        options = self.settings.options()
        if options is None:
            self.show_right(True)
            return None
        try:
            run = self._context.start_run(
                evaluate.name,
                options,
                model_id=None,
                reward_id=self.settings.reward_id(),
                other_ids=list(pair),
                split=HELD_OUT,
            )
        except WorkbenchError as error:
            self._context.tell(error)
            return None
        self._show_pair()
        return run

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.doing.setText(self.tr("Stopping"))
        self._context.stop_run(str(self.running.property("run")))

    def _show_running(self, run: Run | None) -> None:
        self.running.setVisible(run is not None)
        if run is None:
            return
        self.running.setProperty("run", run.id)
        self.stop.setEnabled(run.id in self._context.jobs)
        progress = self._progress.get(run.id)
        if progress is None or not progress.total:
            self.doing.setText(progress.text if progress is not None else self.tr("Starting"))
            self.bar.set_fraction(0.0)
            return
        words = self.tr("{what}, {done} of {total}")
        self.doing.setText(words.format(what=progress.text, done=count(progress.done), total=count(progress.total)))
        self.bar.set_fraction(progress.done / progress.total)

    def _show_problem(self, newest: Run | None) -> None:
        """How the newest evaluation of these two ended, when it did not end well."""
        bad = newest is not None and newest.status in ("failed", "stopped", "interrupted")
        self.problem.setVisible(bad)
        if newest is None or not bad:
            return
        if newest.status == "stopped":
            self.problem.set_banner(self.tr("The evaluation was stopped."), self.tr("It made no figures."), "info")
        else:
            self.problem.set_banner(newest.error, newest.hint, "bad" if newest.status == "failed" else "warn")

    def hear(self, run_id: str, event: ev.Event) -> None:
        """An event of any run; only evaluations matter here."""
        if isinstance(event, ev.Progress):
            self._progress[run_id] = event
            if self.running.isVisible() and self.running.property("run") == run_id:
                self._show_running(self._context.store.runs.find(run_id))
        elif isinstance(event, ev.ENDINGS):
            self._progress.pop(run_id, None)
            if self.running.property("run") == run_id:
                self.found = None  # the new figures are wanted, not those shown before
            self._mark()

    # -- what a person does

    def vote_blind(self) -> None:
        """Judge the answers of this evaluation without names, in Feedback."""
        if self.found is not None:
            self._context.show_pane("feedback", {"compare": self.found.run.id})

    def decide(self, kept: bool) -> None:
        """Keep the decision with the evaluation."""
        if self.found is None:
            return
        store, run = self._context.store, self.found.run
        decision = {"kept": kept, "by": self._context.annotator, "at": now()}
        try:
            store.runs.update(run.id, by=self, summary={**run.summary, "decision": decision})
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._show_run(store.runs.find(run.id))

    def send_lost(self, lost: Sequence[Beside]) -> None:
        """Put both answers of the prompts that were lost into the feedback queue."""
        ids = [response.id for each in lost for response in (each.base, each.tuned)]
        try:
            self._context.store.responses.queue(ids, by=self)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        words = self.tr("{count} prompts wait in Feedback, with both answers.")
        self._context.message.emit(words.format(count=count(len(lost))), "", "good")

    # -- what changes

    def _mark(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._dirty = True

    def _store_changed(self, table: str, by: object) -> None:
        if by is not self and table in ("models", "prompts", "feedback", "runs"):
            self._mark()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._dirty:
            self.refresh()
