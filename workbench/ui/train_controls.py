"""What can be done with one run: pause, end, resume, its place in line, once more, taken along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QMenu, QMessageBox, QWidget

from ..errors import WorkbenchError
from ..jobs import bundling
from ..methods import METHODS
from ..store import Run, run_queue
from . import keys
from .context import Context
from .widgets import Button, row


class RunControls(QWidget):
    """The buttons of a run, by its state."""

    asked = Signal(str)
    """The run was asked to do something, in words to show until it has done it."""
    again_wanted = Signal()
    change_wanted = Signal()
    started = Signal(object)
    """This run goes on, or waits to."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.run: Run | None = None
        self._taken_out: tuple[str, int] | None = None
        self.setAccessibleName(self.tr("Run"))
        self._make_actions()
        self.buttons = {
            "go": Button.of(self.go, "primary"),
            "pause": Button.of(self.pause),
            "up": self._small(self.up, "arrow-up"),
            "down": self._small(self.down, "arrow-down"),
            "out": self._small(self.out, "x"),
        }
        self.more = Button(icon="ellipsis", tip=self.tr("More"))
        self.more.clicked.connect(self.show_menu)
        self.setLayout(row(*self.buttons.values(), self.more))

    def _make_actions(self) -> None:
        def act(text: str, key: str, slot: Callable[[], object], icon: str = "", tip: str = "") -> QAction:
            return keys.action(self, text, key, slot, icon or None, tip)

        self.go = act(self.tr("Resume"), "R", self._go, "play")
        why = self.tr("Frees the machine; the run goes on later from where it is")
        self.pause = act(self.tr("Pause"), "P", self._pause, "pause", why)
        self.up = act(self.tr("Move up"), "Alt Up", lambda: self._move(-1))
        self.down = act(self.tr("Move down"), "Alt Down", lambda: self._move(1))
        self.out = act(self.tr("Take out of the queue"), "Del", self._take_out)
        self.back = act(self.tr("Put back into the queue"), "Ctrl Z", self._put_back)
        self.discard = act(self.tr("Stop and discard"), "", self._discard, "trash-2")
        self.again = act(self.tr("Run again"), "", self.again_wanted.emit, "repeat")
        self.change = act(self.tr("Change and run"), "", self.change_wanted.emit, "sliders-horizontal")
        self.export = act(self.tr("Export as bundle"), "", self._export, "package")

    def _small(self, action: QAction, icon: str) -> Button:
        button = Button(icon=icon, tip=action.text(), key=action.property("usual"))
        button.set_keys("")
        button.clicked.connect(action.trigger)
        return button

    def add_stop(self, button: Button) -> None:
        """The button that ends a run stands after the one that pauses it."""
        layout = self.layout()
        assert isinstance(layout, QBoxLayout)
        layout.insertWidget(1 + layout.indexOf(self.buttons["pause"]), button)

    def show_run(self, run: Run) -> None:
        """Show what can be done with this run now."""
        self.run = run
        line = [each.id for each in run_queue.waiting(self._context.store)]
        live = run.status == "running"
        waits = run.id in line
        rests = self._context.training() is None
        going = run.id in self._context.going()
        self.go.setText(self.tr("Resume") if run.step else self.tr("Start"))
        for name, action, shown, enabled in (
            ("go", self.go, waits and rests, waits and rests),
            ("pause", self.pause, live and run.method in METHODS, live and going),
            ("up", self.up, waits, waits and run.id != line[0]),
            ("down", self.down, waits, waits and run.id != line[-1]),
            ("out", self.out, waits, waits),
        ):
            action.setEnabled(enabled)
            self.buttons[name].setVisible(shown)
            self.buttons[name].setEnabled(enabled)
        self.back.setEnabled(self._taken_out is not None)
        self.discard.setEnabled(live and going)
        for action in (self.again, self.change, self.export):
            action.setEnabled(run.method in METHODS)

    def show_menu(self) -> QMenu:
        """What is seldom wanted."""
        menu = QMenu(self.more)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self.discard.isEnabled():
            menu.addAction(self.discard)
            menu.addSeparator()
        menu.addActions([self.again, self.change, self.export])
        menu.popup(self.more.mapToGlobal(QPoint(self.more.width() - menu.sizeHint().width(), self.more.height() + 2)))
        return menu

    # -- what a person does

    def _go(self) -> None:
        assert self.run is not None
        self._trying(lambda run: self.started.emit(self._context.line_up(run.id, 1)))

    def _pause(self) -> None:
        assert self.run is not None
        self.asked.emit(self.tr("Pausing, with a checkpoint"))
        self._context.stop_run(self.run.id, "pause")
        self.pause.setEnabled(False)

    def _discard(self) -> None:
        assert self.run is not None
        if self._is_sure(self.run):
            self.asked.emit(self.tr("Stopping, and keeping nothing"))
            self._context.stop_run(self.run.id, "discard")

    def _is_sure(self, run: Run) -> bool:
        box = QMessageBox(self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(self.tr("Stop {name} and keep nothing?").format(name=run.name))
        box.setInformativeText(self.tr("Its checkpoints and what it has learned are deleted. Its curves stay."))
        stop = box.addButton(self.tr("Stop and discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(self.tr("Go on"), QMessageBox.ButtonRole.RejectRole))
        box.exec()
        return box.clickedButton() is stop

    def _move(self, steps: int) -> None:
        self._trying(lambda run: run_queue.move(self._context.store, run.id, steps))

    def _take_out(self) -> None:
        def take(run: Run) -> None:
            self._taken_out = (run.id, run_queue.take_out(self._context.store, run.id))
            self.back.setEnabled(True)
            words = self.tr("{name} was taken out of the queue.").format(name=run.name)
            self._context.message.emit(words, self.tr("Ctrl Z puts it back."), "info")

        self._trying(take)

    def _put_back(self) -> None:
        assert self._taken_out is not None
        (run_id, place), self._taken_out = self._taken_out, None
        self._trying(lambda _: run_queue.put(self._context.store, run_id, place))
        self.back.setEnabled(False)

    def _export(self) -> None:
        assert self.run is not None
        name = f"{self.run.name}.zip".replace("/", "-")
        found, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Export as bundle"), name)
        if found:
            self.export_to(Path(found))

    def export_to(self, path: Path) -> None:
        """Write what the run was made of into a file, to be run anywhere. Its models are named, not taken along."""

        def export(run: Run) -> None:
            bundling.write(self._context.store, run.id, path)
            words = self.tr("{name} is in {file}.").format(name=run.name, file=path.name)
            hint = self.tr("Run it anywhere with: workbench train --bundle {file}").format(file=path.name)
            self._context.message.emit(words, hint, "good")

        self._trying(export)

    def _trying(self, act: Callable[[Run], object]) -> None:
        assert self.run is not None
        try:
            act(self.run)
        except WorkbenchError as error:
            self._context.tell(error)
