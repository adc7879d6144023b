"""What the Data pane does to the rows that are chosen; each step can be undone, also after a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from ..errors import WorkbenchError
from ..store import bulk
from ..store.bulk import Action
from ..store.listing import targets
from ..store.rows import to_json
from .context import Context
from .data_table import EntriesModel, EntriesTable
from .data_tabs import NameDialog
from .data_words import tr
from .figures import count

MANY = 3_000
"""So many rows take long enough for the pointer to say so."""


STANDS = """SELECT EXISTS (SELECT 1 FROM feedback WHERE retracted_at IS NULL
    AND id IN (SELECT value FROM json_each(?)))"""


class Acting(QObject):
    """Takes back, puts back, tags and flags. `done` after each change, so that the list is read again."""

    done = Signal()

    def __init__(self, context: Context, table: EntriesTable, model: EntriesModel, pane: QWidget) -> None:
        super().__init__(pane)
        self._context, self._table, self._model, self._pane = context, table, model, pane
        self.dialog: NameDialog | None = None

    def _chosen(self) -> list[str]:
        if self._model.lists == "judgements" and self._model.filter.judges:
            said = tr("What judges said stays as it is.")
            self._context.message.emit(said, tr("It counts for nothing until you ask for it."), "info")
            return []
        return self._model.ids_of(self._table.ranges())

    def retract(self) -> None:
        """Take the chosen judgements out of everything that learns or counts; if all were taken back, put them back."""
        if self._model.lists != "judgements" or not (ids := self._chosen()):
            return
        act = bulk.retract if self._context.store.value(STANDS, [to_json(ids)]) else bulk.restore
        self._do(len(ids), lambda who: act(self._context.store, ids, who, self._pane))

    def flag(self) -> None:
        """Flag the prompts of the chosen rows, with the answers that the rows show."""
        store, lists = self._context.store, self._model.lists
        if lists != "runs" and (ids := self._chosen()):
            self._do(len(ids), lambda who: bulk.flag(store, targets(store, lists, ids), who, by=self._pane))

    def choose_tag(self, on: bool = True) -> None:
        """Have a person type a tag for the prompts of the chosen rows, or one to take from them."""
        lists = self._model.lists
        if lists == "runs" or not (ids := self._chosen()):
            return
        prompts = list(dict.fromkeys(prompt_id for prompt_id, _ in targets(self._context.store, lists, ids)))
        title = tr("Tag {count} prompts") if on else tr("Take a tag from {count} prompts")
        if len(prompts) == 1:
            title = tr("Tag this prompt") if on else tr("Take a tag from this prompt")
        dialog = NameDialog(
            title.format(count=count(len(prompts))), tr("Tag") if on else tr("Take away"), parent=self._pane
        )
        dialog.given.connect(lambda name: self._tag(prompts, name, on))
        dialog.finished.connect(lambda _: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _tag(self, prompts: list[str], name: str, on: bool) -> None:
        act = bulk.tag if on else bulk.untag
        self._do(len(prompts), lambda who: act(self._context.store, prompts, name, who, self._pane))

    def undo(self) -> None:
        """Undo the last step that this person took here."""
        self._turn(bulk.undo, tr("Undone: {what}"), tr("Nothing to undo in Data."))

    def redo(self) -> None:
        """Do again what undo undid."""
        self._turn(bulk.redo, tr("Done again: {what}"), tr("Nothing to do again in Data."))

    def _do(self, amount: int, act: Callable[[str], Action | None]) -> None:
        try:
            action = self._waiting(amount, lambda: act(self._context.annotator))
        except WorkbenchError as error:
            self._context.tell(error)
            return
        if action is None:
            self._context.message.emit(tr("Nothing to change: all of them are so already."), "", "info")
            return
        self._context.message.emit(words(action) + ".", tr("Ctrl Z undoes it."), "info")
        self.done.emit()

    def _turn(self, turn: Callable[..., Action | None], said: str, nothing: str) -> None:
        try:
            action = self._waiting(MANY, lambda: turn(self._context.store, self._context.annotator, self._pane))
        except WorkbenchError as error:
            self._context.tell(error)
            return
        if action is None:
            self._context.message.emit(nothing, "", "info")
            return
        what = words(action)
        self._context.message.emit(said.format(what=what[:1].lower() + what[1:]) + ".", "", "info")
        self.done.emit()

    def _waiting(self, amount: int, act: Callable[[], Any]) -> Any:
        if amount < MANY:
            return act()
        QGuiApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            return act()
        finally:
            QGuiApplication.restoreOverrideCursor()


def words(action: Action) -> str:
    """What was done, as a sentence without its full stop."""
    one, many = {
        "retract": (tr("Took back 1 judgement"), tr("Took back {count} judgements")),
        "restore": (tr("Put back 1 judgement"), tr("Put back {count} judgements")),
        "tag": (tr("Tagged 1 prompt {tag}"), tr("Tagged {count} prompts {tag}")),
        "untag": (tr("Took the tag {tag} from 1 prompt"), tr("Took the tag {tag} from {count} prompts")),
        "flag": (tr("Flagged 1 item"), tr("Flagged {count} items")),
        "filters": (tr("Changed the saved filters"), tr("Changed the saved filters")),
    }[action.what]
    text = one if action.amount == 1 else many
    return text.format(count=count(action.amount), tag=action.details.get("tag", ""))
