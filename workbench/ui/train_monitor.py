"""One run, live or ended: where it stands, how it is doing, its curves and its answers."""

from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timedelta

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs import first_batch, frozen
from ..jobs.rounds import next_round
from ..lm import checkpoints
from ..methods.base import Data
from ..store import Run, RunSample, run_queue
from .context import Context
from .figures import count, duration, percent
from .first_batch import FirstBatchDialog
from .train_charts import RunCharts, smoothing_of
from .train_controls import RunControls
from .train_data import counted
from .train_ended import FailedView
from .train_health import HealthBanner, findings, kl_limit
from .train_pace import Pace
from .train_runs import LIVE, waiting_words
from .train_samples import KEPT, SampleTable
from .train_sources import RunSources
from .train_worth import RewardWorth
from .widgets import Banner, Bar, Button, Chip, ElidedLabel, LinkButton, column, holding, label, row

LOG_TAIL = 8000


class RunMonitor(QScrollArea):
    """Shows the run it was given; `hear` feeds it the run's events."""

    stop_wanted = Signal(str)
    evaluate_wanted = Signal(str)
    next_wanted = Signal(str)
    """Train PPO with this reward model."""
    round_wanted = Signal(object)
    """Teach the reward model of this run what was judged since."""
    again_wanted = Signal(object, object)
    repeat_wanted = Signal(object)
    """The run once more, exactly as it was."""
    line_changed = Signal(object)
    """The run, which goes now or waits."""
    edit_wanted = Signal(object, object)
    resume_wanted = Signal(object, object)
    """Go on with this run, with these knobs changed."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.run: Run | None = None
        self._curves: dict[str, list[tuple[int, float | None]]] = {}
        self._warned: dict[str, str] = {}
        self._phase = ""
        self.pace = Pace()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._build_head()
        self._build_progress()
        self.health = HealthBanner()
        self.ended = Banner()
        self.failed = FailedView()
        self.failed.again.connect(lambda changes: self.again_wanted.emit(self.run, changes))
        self.failed.edit.connect(lambda changes: self.edit_wanted.emit(self.run, changes))
        self.failed.resume.connect(lambda changes: self.resume_wanted.emit(self.run, changes))
        self.charts = RunCharts()
        self.charts.setMinimumHeight(280)
        self.worth = RewardWorth()
        self.samples = SampleTable()
        self.samples.send.connect(self._send)
        parts = (self.progress_box, self.ended, self.failed, self.health, self.charts, self.worth, self.samples)
        whole = column(self._head, *parts, spacing=10, margins=(16, 12, 16, 14))
        self._filler = QWidget()
        whole.addWidget(self._filler)
        for part, stretch in ((self.charts, 5), (self.samples, 2), (self._filler, 1)):
            whole.setStretchFactor(part, stretch)
        self.setWidget(holding(whole))

    def _build_head(self) -> None:
        self.name = label("", "title")
        self.state = Chip("")
        self.line = ElidedLabel("", "body", "text2")
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.stop = Button(self.tr("Stop and keep"), "circle-stop", tip="")
        self.stop.setToolTip(self.tr("Ends the run and keeps what it has learned so far"))
        self.stop.clicked.connect(self._stop)
        self.sources = RunSources(self._context)
        self.controls = RunControls(self._context)
        self.controls.add_stop(self.stop)
        self.controls.asked.connect(self._asked)
        self.controls.again_wanted.connect(lambda: self.repeat_wanted.emit(self.run))
        self.controls.change_wanted.connect(lambda: self.edit_wanted.emit(self.run, {}))
        self.controls.started.connect(self.line_changed)
        self.batch = LinkButton(self.tr("First batch"))
        self.batch.setToolTip(self.tr("The first batch as the model saw it, token by token"))
        self.batch.clicked.connect(self._show_batch)
        parts = (self.name, self.state, self.line, self.batch, self.sources, self.controls)
        self._head = row(*parts, spacing=10)

    def _build_progress(self) -> None:
        self.step = label("", "strong", tabular=True)
        self.share = label("", "body", "text2", tabular=True)
        self.left = label("", "body", "text2", tabular=True)
        self.bar = Bar(self.tr("Progress of the run"), "accentText")
        words = row(self.step, self.share, None, self.left)
        self.progress_box = holding(column(words, self.bar, spacing=6))
        self.progress_box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    # -- which run

    def show_run(self, run: Run, pace: Pace, warned: dict[str, str], phase: str) -> None:
        """Show a run from the store: its curves, its samples, its state."""
        self.run, self.pace, self._warned, self._phase = run, pace, warned, phase
        self._curves = self._context.store.runs.metrics(run.id)
        self.name.setText(run.name)
        self.line.setText(self._describe(run))
        self.sources.show_run(run)
        self.charts.show_run(run, self._curves)
        samples = self._context.store.runs.samples(run.id, KEPT)
        pairs = run.method == "reward"
        self.samples.show_samples(samples, pairs=pairs, kl_limit=kl_limit(run.method))
        self._show_state()
        self.verticalScrollBar().setValue(0)

    def refresh(self) -> None:
        """The run's row has changed: show its new state."""
        if self.run is not None:
            was = self.run.status
            self.run = self._context.store.runs.find(self.run.id)
            if was != self.run.status or self.run.status == "waiting":
                self._show_state()
            else:
                self.controls.show_run(self.run)

    def offer_again(self) -> None:
        """Say anew what can come next: judgements may have come or been taken back since."""
        if self.run is not None and self.run.status not in (*LIVE, "failed"):
            self._show_ended(self.run)

    def _describe(self, run: Run) -> str:
        """Qwen2.5-0.5B-Instruct → LoRA r16 · reward r3 · 412 prompts."""
        models = self._context.store.models
        parts = []
        if run.model_id:
            whole = run.options.get("train") == "full"
            words = self.tr("{model} \u2192 whole") if whole else self.tr("{model} \u2192 LoRA r{rank}")
            parts.append(words.format(model=models.find(run.model_id).name, rank=run.options.get("rank", "")))
        if run.reward_id:
            parts.append(models.find(run.reward_id).name)
        data = self._learned_from(run)
        if data is not None:
            kinds = ("pairs", "labels", "demonstrations", "prompts")
            known = [counted(kind, len(getattr(data, kind))) for kind in kinds if getattr(data, kind)]
            parts += known[:1]
        return " · ".join(parts)

    def _learned_from(self, run: Run) -> Data | None:
        path = self._context.store.runs_folder / run.id / "data.jsonl"
        try:
            return frozen.read(path).split("train") if path.exists() else None
        except WorkbenchError:
            return None  # an old run whose file was removed still has its curves

    # -- events

    def hear(self, event: ev.Event) -> None:
        """An event of the run that is shown. It is in the store already."""
        if self.run is None:
            return
        if isinstance(event, ev.Started) and "resumed" in event.info:
            # What was past the checkpoint is gone from the store.
            self.show_run(self._context.store.runs.find(self.run.id), self.pace, self._warned, self._phase)
        elif isinstance(event, ev.Started):
            self.run = dataclasses.replace(self._context.store.runs.find(self.run.id), total=event.total)
            self.line.setText(self._describe(self.run))
            self.charts.set_planned_end(event.total)
            self._show_state()
        elif isinstance(event, ev.Progress):
            self._phase = event.text
            self._show_progress()
        elif isinstance(event, ev.FirstBatch):
            self.batch.show()
        elif isinstance(event, ev.Metrics):
            self._add(event)
        elif isinstance(event, ev.Sample):
            sample = RunSample(
                self.run.id, event.step, event.prompt, event.text, ev.plain(event.scores), event.prompt_id
            )
            self.samples.add(sample)
            self.samples.setVisible(True)
        elif isinstance(event, ev.Warned):
            self._show_health()
        elif isinstance(event, ev.ENDINGS):
            self.refresh()
            self.charts.set_planned_end(self.run.step)

    def _add(self, event: ev.Metrics) -> None:
        assert self.run is not None
        for name, value in event.values.items():
            self._curves.setdefault(name, []).append((event.step, value))
        self.run = dataclasses.replace(self.run, step=max(self.run.step, event.step))
        self.charts.append(event.step, event.values)
        self.charts.setVisible(True)
        self._show_progress()
        self._show_health()

    # -- state

    def _show_state(self) -> None:
        assert self.run is not None
        run = self.run
        text, icon, tone = self._states()["paused" if run.status == "waiting" and run.step else run.status]
        self.state.set_chip(text, icon, tone)
        self.state.setToolTip(run.device)
        live = run.status in LIVE
        self.controls.show_run(run)
        self.stop.setVisible(run.status == "running")
        self.stop.setEnabled(run.id in self._context.going())
        self.batch.setVisible((self._context.store.runs_folder / run.id / first_batch.NAME).exists())
        self.progress_box.setVisible(live)
        self.failed.setVisible(run.status == "failed")
        self.ended.setVisible(not live and run.status != "failed")
        self.charts.setVisible(run.status == "running" or bool(self._curves))
        self.worth.show_summary({} if live else run.summary)
        has_samples = bool(self._context.store.runs.samples(run.id, 1))
        self.samples.setVisible(has_samples or (run.status == "running" and run.method != "reward"))
        self._filler.setVisible(not self.charts.isVisibleTo(self))
        self._show_health()
        if run.status == "failed":
            self.failed.show_run(run, self._result_name(), self._log_tail(run), self._checkpoint())
        elif not live:
            self._show_ended(run)
        self._show_progress()

    def _states(self) -> dict[str, tuple[str, str, str]]:
        return {
            "waiting": (self.tr("Waiting"), "clock", "neutral"),
            "paused": (self.tr("Paused"), "pause", "neutral"),
            "running": (self.tr("Running"), "loader-circle", "model"),
            "finished": (self.tr("Finished"), "circle-check", "good"),
            "stopped": (self.tr("Stopped"), "circle-stop", "neutral"),
            "failed": (self.tr("Failed"), "circle-alert", "bad"),
            "interrupted": (self.tr("Cut off"), "circle-alert", "warn"),
        }

    def _show_progress(self) -> None:
        run = self.run
        if run is None or run.status not in LIVE:
            return
        if run.status == "waiting":
            self._show_place(run)
            return
        if not run.total or not run.step:
            self.step.setText(self._phase or self.tr("Starting"))
            self.share.setText("")
            self.left.setText("")
            self.bar.set_fraction(0.0)
            return
        words = self.tr("Step {step} of {total}")
        self.step.setText(words.format(step=count(run.step), total=count(run.total)))
        self.share.setText(percent(run.step / run.total))
        self.bar.set_fraction(run.step / run.total)
        seconds = self.pace.left(run.total)
        if seconds is None:
            self.left.setText("")
        else:
            ends = datetime.now() + timedelta(seconds=seconds)
            words = self.tr("{time} left · ends about {clock}")
            self.left.setText(words.format(time=duration(max(1.0, seconds)), clock=ends.strftime("%H:%M")))

    def _show_place(self, run: Run) -> None:
        """Where a run stands that waits, and for what."""
        line = run_queue.waiting(self._context.store)
        place = next((place for place, each in enumerate(line, 1) if each.id == run.id), 1)
        words = waiting_words(run, place)
        self.step.setText(words[:1].upper() + words[1:])
        self.share.setText(percent(run.step / run.total) if run.step and run.total else "")
        self.bar.set_fraction(run.step / run.total if run.total else 0.0)
        going = self._context.training()
        after = self.tr("Goes on after {name}") if run.step else self.tr("Starts after {name}")
        before = line[place - 2] if place > 1 else going
        words = after.format(name=before.name) if going is not None and before is not None else ""
        self.left.setText(words or self.tr("The queue is not going"))

    def _show_health(self) -> None:
        assert self.run is not None
        live = self.run.status in LIVE
        curves = dict(self._curves)
        kept = self.run.summary.get("accuracy")
        if not live and isinstance(kept, int | float) and "accuracy/held_out" in curves:
            # The weights that were kept are the best, not the last.
            curves["accuracy/held_out"] = [*curves["accuracy/held_out"], (self.run.step, float(kept))]
        found = findings(self.run.method, self.run.options, curves, smoothing_of(self.run))
        tone = self.health.show_health(found, self._warned, live, curves)
        # Of a run that went well, one line says everything.
        shown = live or tone in ("warn", "bad")
        self.health.setVisible(shown and bool(found or self._warned) and self.run.status != "failed")

    def _show_ended(self, run: Run) -> None:
        for button in self.ended.findChildren(QWidget, "ended-action"):
            button.hide()
            button.deleteLater()
        result = self._result_name()
        if run.status == "finished":
            if result:
                text = self.tr("{model} is saved and can be used.").format(model=result)
            else:
                text = self.tr("It made no model.")
            if self.health.isHidden() and self.health.text:
                text = f"{text} {self.health.text}"
            self.ended.set_banner(self._took(run), text, "good")
        else:
            step = self.tr("Stopped at step {step}.").format(step=count(run.step))
            if run.status == "interrupted":
                step = self.tr("Cut off at step {step}.").format(step=count(run.step))
            if result:
                text = self.tr("{model} holds what it had learned, and can be used.").format(model=result)
            elif kept := self._checkpoint():
                text = self.tr("What it had learned by step {step} is kept.").format(step=count(kept))
            else:
                text = self.tr("Nothing was saved. Your judgements were not touched.")
            self.ended.set_banner(step, text, "info" if run.status == "stopped" else "warn")
        self._offer_next(run)

    def _offer_next(self, run: Run) -> None:
        offers = []
        kept = self._checkpoint()
        if kept is not None and run.status != "finished":
            words = self.tr("Resume from step {step}").format(step=count(kept))
            offers.append((words, lambda: self.resume_wanted.emit(run, {})))
        if run.result_id and run.method == "reward":
            offers.append((self.tr("Train with it"), lambda: self.next_wanted.emit(run.result_id)))
        elif run.result_id and self._has_a_base(run.result_id):
            offers.append((self.tr("Compare with its base"), lambda: self.evaluate_wanted.emit(run.result_id)))
        if (round_ := next_round(self._context.store, run)) is not None:
            words = self.tr("Next round: teach the reward model {count} new judgements")
            offers.append((words.format(count=count(round_.new)), lambda: self.round_wanted.emit(run)))
        offers.append((self.tr("Run again"), lambda: self.repeat_wanted.emit(run)))
        offers.append((self.tr("Change and run"), lambda: self.edit_wanted.emit(run, {})))
        for text, slot in offers:
            self.ended.add_action(text, slot).setObjectName("ended-action")

    def _has_a_base(self, model_id: str) -> bool:
        """Whether a model writes answers, and was made from one whose answers its own can be compared with."""
        model = self._context.store.models.find(model_id)
        return model.parent_id is not None and bool(model.info.get("generates", True))

    def _took(self, run: Run) -> str:
        if run.started_at and run.ended_at:
            seconds = (datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.started_at)).total_seconds()
            return self.tr("Finished in {time}.").format(time=duration(seconds))
        return self.tr("Finished.")

    def _checkpoint(self) -> int | None:
        """The step from which the run can go on; None when it has no checkpoint."""
        assert self.run is not None
        found = checkpoints.newest(self._context.store.runs_folder / self.run.id, deep=False)
        return found.step if found is not None else None

    def _result_name(self) -> str:
        assert self.run is not None
        return self._context.store.models.find(self.run.result_id).name if self.run.result_id else ""

    def _log_tail(self, run: Run) -> str:
        path = self._context.store.runs_folder / run.id / "log.txt"
        try:
            return path.read_text("utf-8", "replace")[-LOG_TAIL:] if path.exists() else ""
        except OSError as error:
            return self.tr("The log cannot be read: {reason}").format(reason=error.strerror or "")

    # -- what a person does

    def _stop(self) -> None:
        assert self.run is not None
        self._asked(self.tr("Stopping, and saving what it has learned"))
        self.stop_wanted.emit(self.run.id)

    def _asked(self, words: str) -> None:
        """The run was asked to end or to pause, and will at its next step."""
        self.stop.setEnabled(False)
        self._phase = words
        self.left.setText(words)

    def _show_batch(self) -> None:
        assert self.run is not None
        batch = first_batch.of_run(self._context.store.runs_folder / self.run.id)
        if batch is not None:
            FirstBatchDialog(batch, self).open()

    def _send(self, sample: RunSample) -> None:
        """Put an answer of the run into the feedback queue; the same answer twice is there once."""
        assert self.run is not None
        store = self._context.store
        base = store.models.base_of(store.models.find(self.run.model_id)).id if self.run.model_id else None
        try:
            response = store.responses.add(
                sample.prompt_id, sample.text, model_id=base, run_id=self.run.id, scores=dict(sample.scores),
                source="generated", import_key=f"sample:{self.run.id}:{sample.step}:{hash_of(sample)}", by=self,
            )  # fmt: skip
            store.responses.queue([response.id], by=self)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._context.message.emit(self.tr("The answer waits in Feedback."), "", "good")


def hash_of(sample: RunSample) -> str:
    """What tells two answers of one step apart."""
    import hashlib

    return hashlib.sha256(f"{sample.prompt_id}\0{sample.text}".encode()).hexdigest()[:16]


def now() -> float:
    """The clock that paces are measured on."""
    return time.monotonic()
