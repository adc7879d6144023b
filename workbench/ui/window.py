"""The window: rail, header, the pane that is shown, status bar. Panes are made when they are first wanted."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from .. import events as ev
from .. import settings as preferences
from ..errors import NoEngine, WorkbenchError
from ..methods import METHODS
from ..settings import Settings
from ..store import backups
from . import closing, icons, keys, meter
from .context import Context
from .figures import size
from .frame import Header, Rail, RailItem, StatusBar
from .messages import MessageStrip
from .palette import Item, Palette, ShortcutSheet, action_items
from .pane import NARROW, Pane
from .settings_keys import Group, groups_of, parts_of
from .theme import apply_theme
from .window_counts import Counted, Counting

if TYPE_CHECKING:
    from .demo_run import DemoRun

log = logging.getLogger(__name__)

METER_MS = 2000
SOON_MS = 100
"""After the first picture: to ask for a card takes as long as a good part of it."""
PLACES = ("models", "generate", "feedback", "train", "evaluate", "data")
"""The panes of the rail, in its order; "first" is shown instead while a project has no model."""


class Window(QMainWindow):
    """Everything a person sees of one project."""

    def __init__(self, context: Context, settings: Settings) -> None:
        super().__init__()
        self.context = context
        self.settings = settings
        keys.set_letters(settings.letters)
        keys.remap(settings.keys)
        self.panes: dict[str, Pane] = {}
        self.demo: DemoRun | None = None
        self._makers = self._pane_makers()
        self._pace: dict[str, tuple[float, int]] = {}
        self.setWindowTitle(self.tr("{project} — Workbench").format(project=context.store.folder.name))
        self.setWindowIcon(icons.app_icon())
        self.setMinimumSize(1024, 680)
        # Its timers and panes end with it, and do not ask a store that is closed.
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build()
        self._make_actions()
        self._connect()
        self._restore()
        self._refresh_status()

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.rail = Rail(
            [
                RailItem("models", self.tr("Models"), "box", "Ctrl 1"),
                None,
                RailItem("generate", self.tr("Generate"), "sparkles", "Ctrl 2"),
                RailItem("feedback", self.tr("Feedback"), "message-square-text", "Ctrl 3"),
                RailItem("train", self.tr("Train"), "chart-line", "Ctrl 4"),
                RailItem("evaluate", self.tr("Evaluate"), "scale", "Ctrl 5"),
                None,
                RailItem("data", self.tr("Data"), "database", "Ctrl 6"),
            ]
        )
        self.header, self.status, self.stack = Header(), StatusBar(), QStackedWidget()
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.header)
        inner.addWidget(self.stack, 1)
        upper = QWidget()
        side = QHBoxLayout(upper)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addWidget(self.rail)
        side.addWidget(body, 1)
        whole = QWidget()
        outer = QVBoxLayout(whole)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(upper, 1)
        outer.addWidget(self.status)
        self.setCentralWidget(whole)
        self.messages = MessageStrip(self.stack, lambda: self.current.foot_height() if self.current else 0)
        self.palette_ = Palette(self)

    def _pane_makers(self) -> dict[str, Callable[[], Pane]]:
        """Each pane's import waits until it is wanted: charts alone take a quarter of a second."""

        def models() -> Pane:
            from .models_pane import ModelsPane

            return ModelsPane(self.context)

        def generate() -> Pane:
            from .generate_pane import GeneratePane

            return GeneratePane(self.context)

        def feedback() -> Pane:
            from .feedback_pane import FeedbackPane

            return FeedbackPane(self.context)

        def train() -> Pane:
            from .train_pane import TrainPane

            return TrainPane(self.context)

        def evaluate() -> Pane:
            from .evaluate_pane import EvaluatePane

            return EvaluatePane(self.context)

        def data() -> Pane:
            from .data_pane import DataPane

            return DataPane(self.context)

        def first() -> Pane:
            from .first_run import FirstRun

            return FirstRun(self.context)

        return {
            "first": first,
            "models": models,
            "generate": generate,
            "feedback": feedback,
            "train": train,
            "evaluate": evaluate,
            "data": data,
        }

    def _make_actions(self) -> None:
        for number, name in enumerate(PLACES, 1):
            shown = self.tr("Show {pane}").format(pane=self.rail_text(name))
            keys.action(self, shown, f"Ctrl {number}", lambda name=name: self.show_pane(name))
        keys.action(self, self.tr("Search or run"), "Ctrl K", self.palette_.open, icon="search")
        keys.action(self, self.tr("Settings"), "Ctrl ,", self.show_settings, icon="settings")
        keys.action(self, self.tr("Shortcuts"), "?", self.show_shortcuts, icon="keyboard")
        keys.action(self, self.tr("People"), "", self.show_people, icon="users")
        keys.action(self, self.tr("Compute engines"), "", lambda: self.show_settings("compute"), icon="cpu")
        keys.action(self, self.tr("Doctor"), "", lambda: self.show_settings("doctor"), icon="activity")

    def rail_text(self, name: str) -> str:
        """What the rail calls a pane."""
        return {
            "models": self.tr("Models"),
            "generate": self.tr("Generate"),
            "feedback": self.tr("Feedback"),
            "train": self.tr("Train"),
            "evaluate": self.tr("Evaluate"),
            "data": self.tr("Data"),
        }[name]

    def _connect(self) -> None:
        self.rail.chosen.connect(self.show_pane)
        self.rail.shortcuts_wanted.connect(self.show_shortcuts)
        self.rail.settings_wanted.connect(lambda: self.show_settings())
        self.header.command_wanted.connect(self.palette_.open)
        self.status.shortcuts_wanted.connect(self.show_shortcuts)
        self.status.job_wanted.connect(lambda: self.show_pane("train"))
        self.status.person_wanted.connect(self._choose_person)
        self.palette_.add_source(self._pane_actions)
        self.palette_.add_source(self._places)
        self.palette_.add_source(self._people)
        context = self.context
        context.message.connect(self._tell)
        context.pane_wanted.connect(self.show_pane)
        context.settings_wanted.connect(self.show_settings)
        context.session_changed.connect(self._refresh_model)
        context.run_event.connect(self._on_run_event)
        context.runs_changed.connect(self._refresh_job)
        context.store_changed.connect(self._on_store_change)
        context.person_changed.connect(self._on_person)
        context.people_changed.connect(self._on_person)
        self._counting = Counting(context, self)
        self._counting.counted.connect(self._show_counts)
        self._memory = meter.MemoryWatch()
        clock = QTimer(self, interval=METER_MS)
        clock.timeout.connect(self._refresh_device)
        clock.start()

    # --- panes ----------------------------------------------------------------------------------------------------

    def pane(self, name: str) -> Pane:
        """A pane, made when it is first wanted."""
        if name not in self.panes:
            pane = self._makers[name]()
            self.panes[name] = pane
            self.stack.addWidget(pane)
            self.header.add(pane)
            pane.set_window_width(self.width())
            pane.title_changed.connect(lambda: self._title_changed(pane))
            saved = getattr(pane, "saved", None)
            if saved is not None:
                saved.connect(lambda text: self.status.set_saved(text, str(self.context.store.folder)))
        return self.panes[name]

    def _tell(self, text: str, hint: str, tone: str) -> None:
        """Show a message; one that says that there is no engine leads to where one is added, whoever found that out."""
        leads = NoEngine().text in text
        action = (self.tr("Open Settings"), lambda: self.show_settings("compute")) if leads else None
        self.messages.show_message(text, hint, tone, action)

    def _title_changed(self, pane: Pane) -> None:
        if self.stack.currentWidget() is pane:
            self.header.show_pane(pane)

    def show_pane(self, name: str, payload: Any = None) -> None:
        """Show a pane; `payload` says what in it, to panes that have a `visit`."""
        pane = self.pane(name)
        self.stack.setCurrentWidget(pane)
        self.messages.place()
        self.rail.set_current("models" if name == "first" else name)
        self.header.show_pane(pane)
        if name in PLACES:
            QSettings().setValue("window/pane", name)
        if payload is not None:
            pane.visit(payload)
        focus = pane.first_focus()
        if focus is not None:
            focus.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def current(self) -> Pane | None:
        """The pane that is shown."""
        widget = self.stack.currentWidget()
        return widget if isinstance(widget, Pane) else None

    def _pane_actions(self) -> list[Item]:
        return action_items(self.current, self.tr("This pane")) if self.current else []

    def _places(self) -> list[Item]:
        items = action_items(self, self.tr("Everywhere"))
        items += [
            Item(run.name, self.tr("Runs"), lambda run=run: self.show_pane("train", {"run": run.id}), icon="chart-line")
            for run in self.context.store.runs.list()[:50]
            if run.method in METHODS
        ]
        return items

    def show_shortcuts(self) -> None:
        """The sheet of keys for this pane."""
        here = parts_of(self.current, seen=True) if self.current else {}
        ShortcutSheet(self, [*here.items(), (self.tr("Everywhere"), self.actions())]).show()

    # --- people ---------------------------------------------------------------------------------------------------

    def _people(self) -> list[Item]:
        from .feedback_people import judge_as_items

        return judge_as_items(self.tr, self.context)

    def _choose_person(self, at: QWidget) -> None:
        from .feedback_people import show_menu

        show_menu(self.context, at, self.show_people)

    def show_people(self) -> None:
        """Open People."""
        from .feedback_people import PeopleDialog

        feedback = self.panes.get("feedback")
        kind = feedback.flow.kind if feedback is not None else "rating"  # type: ignore[attr-defined]
        PeopleDialog(self.context, kind, self).show()

    def _on_person(self) -> None:
        """Somebody else judges, or has another name: that is kept for the next start."""
        self.status.set_person(self.context.annotator)
        self._counting.want(soon=True)
        if self.context.annotator != self.settings.annotator:
            self.settings = replace(self.settings, annotator=self.context.annotator)
            preferences.save(self.settings)

    # --- settings -------------------------------------------------------------------------------------------------

    def show_settings(self, page: str = "general") -> None:
        """Open Settings on a page."""
        from .settings_dialog import SettingsDialog

        dialog = SettingsDialog(self.settings, self._apply, self.context, self._key_groups, self)
        dialog.people_wanted.connect(self.show_people)
        dialog.show_page(page)
        dialog.show()

    def _key_groups(self) -> list[Group]:
        """Every action of every pane: for that all of them are made."""
        panes = [self.pane(name) for name in PLACES]
        for pane in panes:
            pane.make_all()
        return groups_of(self, self.tr("Everywhere"), panes)

    def _apply(self, settings: Settings) -> None:
        before = self.settings
        self.settings = settings = replace(settings, annotator=self.context.annotator)
        preferences.save(settings)
        keys.set_letters(settings.letters)
        keys.remap(settings.keys)
        app = QApplication.instance()
        looks_other = (settings.theme, settings.text_size) != (before.theme, before.text_size)
        if looks_other and isinstance(app, QApplication):  # every widget is styled anew: seconds, with all panes made
            apply_theme(app, settings.theme, settings.text_size / 100)

    # --- status ---------------------------------------------------------------------------------------------------

    def _refresh_status(self) -> None:
        QTimer.singleShot(SOON_MS, self, self._refresh_device)
        self._refresh_model()
        self._refresh_job()
        self.status.set_person(self.context.annotator)
        self._counting.want(soon=True)
        self.status.set_saved(self.tr("Saved"), str(self.context.store.folder))

    def _refresh_device(self) -> None:
        reading = meter.read(self.context.session_info)
        self.status.set_device(reading.name, reading.used, reading.total, reading.load, reading.celsius)
        self._watch_memory()

    def _watch_memory(self) -> None:
        if (low := self._memory.look(bool(self.context.jobs))) is not None:
            text = self.tr("Memory is almost full: {free} of {total} are free.")
            hint = self.tr("Close other programs, or stop the run: what it has learned is kept.")
            self.context.message.emit(text.format(free=size(low[0]), total=size(low[1])), hint, "warn")

    def _refresh_model(self) -> None:
        model, count = self.context.session_model, len(self.context.session_ids)
        if loading := sorted(self.context.loading_ids):
            name = self.context.store.models.find(loading[0]).name
            self.status.set_model(self.tr("Loading {model}").format(model=name), "s1", hollow=True)
        elif count > 1:
            self.status.set_model(self.tr("{count} models loaded").format(count=count))
        elif model is None:
            self.status.set_model(self.tr("No model loaded"), "text3", hollow=True)
        else:
            self.status.set_model(self.tr("{model} loaded").format(model=model.name))

    def _on_run_event(self, run_id: str, event: ev.Event) -> None:
        if isinstance(event, ev.Metrics | ev.Started | ev.Progress):
            self._refresh_job()
        elif isinstance(event, ev.Failed):
            self.rail.set_job("train", 1.0, "failed")

    def _refresh_job(self) -> None:
        running = [self.context.store.runs.find(run_id) for run_id in self.context.going()]
        if not running:
            self.status.set_job("")
            self.rail.set_job("train", 0.0, "")
            return
        run = running[-1]
        fraction = run.step / run.total if run.total else 0.0
        text = (
            self.tr("step {step} of {total}").format(step=run.step, total=run.total)
            if run.total
            else self.tr("starting")
        )
        self.status.set_job(run.name, text, fraction)
        self.rail.set_job("train", fraction, "running")

    def _on_store_change(self, table: str, by: object) -> None:
        if table in ("feedback", "responses", "models"):
            self._counting.want()
        if table == "feedback":
            moment = datetime.now().strftime("%H:%M")
            self.status.set_saved(self.tr("Saved {time}").format(time=moment), str(self.context.store.folder))

    def _show_counts(self, found: Counted) -> None:
        self.rail.set_count("feedback", found.waiting)
        many = self.tr("{count} new judgements").format(count=found.new)
        words = self.tr("1 new judgement") if found.new == 1 else many
        self.status.set_round(self.tr("Round {number}").format(number=1 + found.rounds), words)

    # --- the window itself ----------------------------------------------------------------------------------------

    def _restore(self) -> None:
        geometry = QSettings().value("window/geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1440, 900)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell the panes how much room there is."""
        super().resizeEvent(event)
        for pane in self.panes.values():
            pane.set_window_width(self.width())
        self.status.set_narrow(self.width() < NARROW)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about a running job, keep the layout, back the project up."""
        demo = self.demo if self.demo is not None and self.demo.running else None
        trains = not demo and any(job.spec.method in METHODS for job in self.context.jobs.values())
        how = self._how_to_close() if trains else "pause"
        if not how or ((self.context.jobs or demo) and not trains and not self._may_stop_jobs()):
            event.ignore()
            return
        if demo is not None:
            demo.stop()
        QSettings().setValue("window/geometry", self.saveGeometry())
        self._counting.close()
        self.hide()  # a checkpoint takes a moment
        try:
            self.context.close(goes_on=how == "keep")
        except WorkbenchError as error:
            log.exception("nothing goes on without the window")
            closing.tell(error)
        try:
            if shutil.disk_usage(self.context.store.folder).free > 200e6:
                backups.back_up_if_changed(self.context.store)
        except (WorkbenchError, OSError):
            log.exception("no backup was made")
        super().closeEvent(event)

    def _how_to_close(self) -> str:
        """ "keep" or "pause", as the person chose before or chooses now; "" to stay."""
        if self.settings.closing != "ask":
            return self.settings.closing
        how, always = closing.ask(self)
        if how and always:
            self._apply(replace(self.settings, closing=how))
        return how

    def _may_stop_jobs(self) -> bool:
        box = QMessageBox(self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(self.tr("A run is going."))
        box.setInformativeText(self.tr("Closing stops it. What it has learned so far is kept."))
        stop = box.addButton(self.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.exec()
        return box.clickedButton() is stop
