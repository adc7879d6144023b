"""Opens a project in a window: the only wiring between the store, what runs, and what is seen."""

from __future__ import annotations

import faulthandler
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QLockFile,
    QMessageLogContext,
    QObject,
    QSettings,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from . import __version__, paths, settings
from .errors import WorkbenchError
from .store import Store
from .ui.closing import tell_what_waits
from .ui.collecting import Collector
from .ui.context import Context
from .ui.theme import apply_theme
from .ui.window import PLACES, Window

if TYPE_CHECKING:
    from .jobs.demo import Plan

log = logging.getLogger(__name__)


def open_window(project: Path, demo: Plan | None = None, demo_out: Path | None = None) -> int:
    """Show the project and return the exit status when the window closes. `demo`: run the demo in it."""
    app = make_application()
    Collector(app)
    Opener(app)
    chosen = settings.load()
    apply_theme(app, chosen.theme, chosen.text_size / 100)
    try:
        window = make_window(project, chosen)
    except WorkbenchError as error:
        log.exception("the project does not open")
        tell(error)
        return 1
    context = window.context
    window.show()
    if demo is not None:
        from .ui.demo_run import DemoRun

        window.demo = DemoRun(window, demo, demo_out or project.parent)
        QTimer.singleShot(0, window.demo.start)
    status = app.exec()
    context.store.close()
    return status


class Opener(QObject):
    """Opens projects that the system hands over, as macOS does when one is opened in the Finder: each in a window, and
    so in a process, of its own."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QFileOpenEvent):
            return False
        project = Path(event.file())
        if not (project / "project.db").is_file():
            log.warning("%s is no project", project)
            return False
        subprocess.Popen(paths.window_command(project), creationflags=paths.HIDDEN, start_new_session=True)
        return True


def make_application() -> QApplication:
    """The application object, named so that its settings lie in one place."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setOrganizationName("feedback-workbench")
    app.setApplicationName("Workbench")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName(paths.APP)  # a Linux desktop finds the window's icon and menu entry by it
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(paths.user_config()))
    sys.excepthook = report_bug
    qInstallMessageHandler(keep_message)
    return app


def keep_message(kind: QtMsgType, where: QMessageLogContext, text: str) -> None:
    """What Qt has to say goes to the log: standard error is for sentences that a person can act on."""
    log.log(logging.WARNING if kind != QtMsgType.QtDebugMsg else logging.DEBUG, "Qt: %s", text)


def make_window(project: Path, chosen: settings.Settings) -> Window:
    """The window over a project. Raises WorkbenchError when the project cannot be opened or is open elsewhere."""
    store = Store.open(project)
    lock = QLockFile(str(project / "window.lock"))
    lock.setStaleLockTime(0)
    if not lock.tryLock(100):
        store.close()
        raise WorkbenchError(f"{project} is open in another Workbench window.", "Close that one first.")
    catch_crashes(project)
    store.runs.interrupt_orphans()
    context = Context(store, chosen.annotator)
    window = Window(context, chosen)
    window.lock = lock  # type: ignore[attr-defined]
    last = str(QSettings().value("window/pane", "models"))
    window.show_pane("first" if not store.models.list() else last if last in PLACES else "models")
    tell_what_waits(window)
    return window


def catch_crashes(project: Path) -> None:
    """Have a crash write its stack to a file of the project."""
    try:
        handle = os.open(project / "crash.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        log.warning("no crash log can be written: %s", error)
        return
    faulthandler.enable(handle)


def report_bug(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """An error that nobody expected: the log has it, the person gets a sentence, the window stays."""
    log.critical("bug", exc_info=(kind, error, trace))  # type: ignore[arg-type]
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, Window):
            text = widget.tr("Something went wrong: {error}").format(error=str(error) or kind.__name__)
            widget.messages.show_message(
                text, widget.tr("Nothing that was saved is lost. The log has the details."), "bad"
            )


def tell(error: WorkbenchError) -> None:
    """Say why the project does not open, before there is a window to say it in."""
    from PySide6.QtCore import Qt

    box = QMessageBox()
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(error.text)
    box.setInformativeText(error.hint)
    if QApplication.platformName() == "offscreen":
        print(error, file=sys.stderr)
        return
    box.exec()
