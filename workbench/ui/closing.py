"""What becomes of a run when the window closes: it goes on without a window, or waits with a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QCheckBox, QMessageBox

from ..errors import WorkbenchError
from ..store import run_queue
from .figures import count
from .widgets import Option, Segmented

if TYPE_CHECKING:
    from .window import Window


def tr(text: str) -> str:
    """Translate a sentence of this file."""
    return QCoreApplication.translate("Closing", text)


def closing_choice(value: str) -> Segmented:
    """The choice as it stands in Settings."""
    options = [Option("ask", tr("Ask")), Option("keep", tr("Keep training")), Option("pause", tr("Pause it"))]
    chosen = Segmented(options, tr("Closing while a run goes"))
    chosen.set_value(value if value in ("keep", "pause") else "ask")
    return chosen


def ask(window: Window) -> tuple[str, bool]:
    """ "keep" or "pause", "" when the window is to stay; and whether that is the answer for every time."""
    box = QMessageBox(window)
    box.setObjectName("closing")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(_going(window))
    box.setInformativeText(
        tr("It can go on in the background and be watched here again, or wait until you are back. Nothing is lost.")
    )
    keep = box.addButton(tr("Keep training"), QMessageBox.ButtonRole.AcceptRole)
    pause = box.addButton(tr("Pause it"), QMessageBox.ButtonRole.AcceptRole)
    stay = box.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(stay)
    again = QCheckBox(tr("Always do this. Settings can change it."))
    again.setChecked(True)
    box.setCheckBox(again)
    box.exec()
    how = {keep: "keep", pause: "pause"}.get(box.clickedButton(), "")  # type: ignore[call-overload]
    return how, again.isChecked()


def _going(window: Window) -> str:
    context = window.context
    run = context.training()
    name = run.name if run is not None else ""
    waiting = len(run_queue.waiting(context.store))
    if not waiting:
        return tr("{name} is going.").format(name=name)
    if waiting == 1:
        return tr("{name} is going, and 1 run waits.").format(name=name)
    return tr("{name} is going, and {count} runs wait.").format(name=name, count=count(waiting))


def tell(error: WorkbenchError) -> None:
    """Say what did not work while the window was closing."""
    box = QMessageBox()
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(error.text)
    box.setInformativeText(error.hint)
    box.exec()


def tell_what_waits(window: Window) -> None:
    """When the window opens: what goes on in another process, or what waits to be resumed."""
    context = window.context
    line = run_queue.waiting(context.store)
    going = context.training()
    if going is not None:
        words = tr("{name} went on without the window.").format(name=going.name)
        show = lambda: window.show_pane("train", {"run": going.id})
        window.messages.show_message(words, "", "info", (tr("Watch it"), show))
    elif line:
        first = line[0]
        paused = tr("{name} is paused at step {step}.").format(name=first.name, step=count(first.step))
        words = paused if first.step else tr("{name} waits to be started.").format(name=first.name)
        more = tr("{count} more wait behind it.").format(count=count(len(line) - 1)) if len(line) > 1 else ""

        def resume() -> None:
            context.go_on()
            window.show_pane("train", {"run": first.id})

        window.messages.show_message(words, more, "info", (tr("Resume") if first.step else tr("Start it"), resume))
