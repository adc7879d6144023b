"""Train: the runs at the left; in the middle one of them, live or ended, or the page of a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QStackedWidget, QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..feedback import ASIDE
from ..jobs.rounds import next_round, policy_before
from ..methods import METHODS
from ..store import Run, run_queue
from .context import Context
from .engine_banner import under_banner
from .figures import count
from .pane import Pane
from .train_compare import ComparePage
from .train_monitor import RunMonitor, now
from .train_new import TASKS, NewRunPage
from .train_pace import Pace
from .train_runs import LIVE, RunList
from .widgets import Button, EmptyState, column, holding, label, row


class TrainPane(Pane):
    """Watch runs and start them."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("train", parent)
        self._context = context
        self.title = self.tr("Train")
        self._paces: dict[str, Pace] = {}
        self._warned: dict[str, dict[str, str]] = {}
        self._phases: dict[str, str] = {}
        self._dirty = True
        self.new_action = self.action(self.tr("New run"), "N", self.new_run, "plus", self.tr("Set up another run"))
        self._new_button = Button.of(self.new_action, "primary")
        tip = self.tr("Curves of several runs over one another, and what was set otherwise")
        self.compare_action = self.action(self.tr("Compare"), "C", self.compare, "git-compare", tip)
        self._compare_button = Button.of(self.compare_action)
        self.runs = RunList(self._time_left)
        self.runs.picked.connect(self._picked)
        self.set_left(self._build_left(), width=268, minimum=220)
        self.monitor = RunMonitor(context)
        self.new_page = NewRunPage(context)
        self.compare_page = ComparePage(context)
        self.empty = EmptyState("", self.tr("New run"), self.new_run)
        self.body_stack = QStackedWidget()
        for page in (self.empty, self.monitor, self.new_page, self.compare_page):
            self.body_stack.addWidget(page)
        self.set_body(under_banner(context, self.body_stack))
        self._connect()

    def _build_left(self) -> QWidget:
        head = row(label(self.tr("Runs"), "head"), None, margins=(0, 0, 0, 0))
        return holding(column(head, self.runs, spacing=4, margins=(10, 14, 10, 10)))

    def _connect(self) -> None:
        context = self._context
        context.run_event.connect(self.hear)
        context.runs_changed.connect(self._runs_changed)
        context.store_changed.connect(self._store_changed)
        self.new_page.started.connect(self._started)
        self.new_page.left.connect(self.leave_page)
        self.compare_page.left.connect(self.leave_page)
        self.monitor.stop_wanted.connect(context.stop_run)
        self.monitor.evaluate_wanted.connect(lambda model_id: context.show_pane("evaluate", {"tuned": model_id}))
        self.monitor.next_wanted.connect(self._train_against)
        self.monitor.round_wanted.connect(self._next_round)
        self.monitor.again_wanted.connect(self._start_again)
        self.monitor.edit_wanted.connect(self._edit)
        self.monitor.resume_wanted.connect(self._resume)
        self.monitor.repeat_wanted.connect(self._repeat)
        self.monitor.line_changed.connect(self._started)

    def header_actions(self) -> list[QWidget]:
        return [self._compare_button, self._new_button]

    def first_focus(self) -> QWidget | None:
        return self.runs if self.runs.ids() else self.empty.action

    def visit(self, payload: object) -> None:
        """Show what another pane asks for: {"run": id} or {"new": method, "reward": id, "model": id}."""
        if not isinstance(payload, Mapping):
            return
        if "run" in payload:
            self.show_run(str(payload["run"]))
        elif "new" in payload:
            self.new_run(str(payload["new"] or ""), reward_id=payload.get("reward"), model_id=payload.get("model"))

    # -- runs

    def _methods_runs(self) -> list[Run]:
        return [run for run in self._context.store.runs.list() if run.method not in TASKS]

    def refresh(self) -> None:
        """Read the runs again."""
        self._dirty = False
        runs = self._methods_runs()
        line = [run.id for run in run_queue.waiting(self._context.store)]
        titles = {name: method.title for name, method in METHODS.items()}
        self.runs.set_runs(runs, titles, line, self._context.training() is None)
        self.compare_action.setEnabled(len(runs) > 1)
        if self.body_stack.currentWidget() is self.new_page:
            return
        if self.body_stack.currentWidget() is self.compare_page:
            self.compare_page.refresh(runs)
        elif not runs:
            self.empty.set_sentence(self._empty_words())
            self.body_stack.setCurrentWidget(self.empty)
        elif self.monitor.run is None:
            live = [run for run in runs if run.status in LIVE]
            self.show_run((live or runs)[0].id)
        else:
            self.monitor.refresh()

    def _empty_words(self) -> str:
        counts = self._context.store.feedback.counts()
        given = sum(number for kind, number in counts.items() if kind not in ASIDE)
        if not given:
            return self.tr("No runs yet. Judge some answers first: a run learns from them.")
        return self.tr("No runs yet. You have {count} judgements to learn from.").format(count=count(given))

    def show_run(self, run_id: str) -> None:
        """Show one run in the middle."""
        try:
            run = self._context.store.runs.find(run_id)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        if self.runs.chosen() != run_id:
            self.runs.blockSignals(True)
            self.runs.choose(run_id)
            self.runs.blockSignals(False)
        pace = self._paces.setdefault(run_id, Pace())
        self.monitor.show_run(
            run,
            pace,
            self._warned.setdefault(run_id, self._context.store.runs.warnings(run_id)),
            self._phases.get(run_id, ""),
        )
        self.body_stack.setCurrentWidget(self.monitor)

    def _picked(self, run_id: str | None) -> None:
        if run_id is not None:
            self.show_run(run_id)

    def _time_left(self, run: Run) -> float | None:
        pace = self._paces.get(run.id)
        return pace.left(run.total) if pace is not None else None

    # -- a new run

    def new_run(self, method: str = "", **chosen: Any) -> None:
        """Open the page of a new run."""
        try:
            self.new_page.begin(method, **chosen)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.body_stack.setCurrentWidget(self.new_page)
        self.new_page.cards[self.new_page.method].setFocus()

    def compare(self) -> None:
        """Open the page that compares runs: the one that was shown and the newest of its method before it."""
        runs = self._methods_runs()
        shown = self.monitor.run
        alike = [run.id for run in runs if shown is not None and run.method == shown.method and run.id != shown.id]
        self.compare_page.begin(runs, [shown.id, *alike[:1]] if shown is not None else ())
        self.body_stack.setCurrentWidget(self.compare_page)
        self._arrange()
        self.compare_page.runs.setFocus()

    def _arrange(self) -> None:
        super()._arrange()
        if self.left is not None and self.body_stack.currentWidget() is self.compare_page:
            for part in (self.left, self._strip):  # the page has its own list of runs
                part.hide()

    def leave_page(self) -> None:
        """Back from a page to the runs."""
        self.body_stack.setCurrentWidget(self.monitor if self.monitor.run else self.empty)
        self._arrange()
        self.refresh()
        focus = self.first_focus()
        if focus is not None:
            focus.setFocus()

    def _started(self, run: Run) -> None:
        self.body_stack.setCurrentWidget(self.monitor)
        self.monitor.run = None
        self.refresh()
        self.show_run(run.id)
        self.runs.setFocus()
        going = self._context.training()
        if run.status == "waiting" and going is not None:
            words = self.tr("{name} waits in line.").format(name=run.name)
            self._context.message.emit(words, self.tr("{name} goes first.").format(name=going.name), "info")

    def _edit(self, run: Run, changes: Mapping[str, Any]) -> None:
        options = dict(run.options) | dict(changes)
        self.new_run(run.method, options=options, model_id=run.model_id, reward_id=run.reward_id)

    def _train_against(self, reward_id: str) -> None:
        """Set up a run against a reward model, from what the round before it made."""
        self.new_run("ppo", reward_id=reward_id, model_id=policy_before(self._context.store, reward_id))

    def _next_round(self, run: Run) -> None:
        """Teach the reward model of a run what was judged since."""
        found = next_round(self._context.store, run)
        if found is None:  # what was new has been taken back
            self.monitor.offer_again()
            return
        try:
            started = self._context.start_run("reward", found.options, model_id=found.reward_id)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._started(started)

    def _start_again(self, run: Run, changes: Mapping[str, Any]) -> None:
        """A failed run once more, with the changes that were ticked."""
        options = dict(run.options) | dict(changes)
        try:
            started = self._context.start_run(run.method, options, model_id=run.model_id, reward_id=run.reward_id)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._started(started)

    def _repeat(self, run: Run) -> None:
        """A run once more, exactly as it was."""
        try:
            started = self._context.run_again(run.id)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._started(started)

    def _resume(self, run: Run, changes: Mapping[str, Any]) -> None:
        """A run that was cut off goes on as the same run, and its curves go on where they ended."""
        try:
            resumed = self._context.resume_run(run.id, changes)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        for known in (self._paces, self._warned, self._phases):
            known.pop(run.id, None)
        self._started(resumed)

    # -- what happens

    def hear(self, run_id: str, event: ev.Event) -> None:
        """An event of any run; it is in the store already."""
        if isinstance(event, ev.Metrics):
            self._paces.setdefault(run_id, Pace()).hear(event.step, now())
        elif isinstance(event, ev.Warned):
            self._warned.setdefault(run_id, {})[event.topic or event.text] = event.text
        elif isinstance(event, ev.Progress):
            self._phases[run_id] = event.text
        if self.monitor.run is not None and self.monitor.run.id == run_id:
            self.monitor.hear(event)
        if isinstance(event, ev.Metrics | ev.Started) and self.isVisible():
            self.runs.update_run(self._context.store.runs.find(run_id))
        elif isinstance(event, ev.ENDINGS):
            self._runs_changed()

    def _runs_changed(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._dirty = True

    def _store_changed(self, table: str, by: object) -> None:
        if table == "runs":
            self._runs_changed()
        elif table in ("feedback", "prompts", "models") and self.isVisible():
            if self.body_stack.currentWidget() is self.new_page:
                self.new_page.refresh()
            elif table == "feedback" and self.body_stack.currentWidget() is self.empty:
                self.empty.set_sentence(self._empty_words())

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._dirty:
            self.refresh()
        self.monitor.offer_again()
        if self.body_stack.currentWidget() is self.new_page:
            self.new_page.refresh()
