"""Data: every judgement of the project to look at, to take back, to bring in and to take out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..feedback import ASIDE
from ..store.backups import all_of
from ..store.browsing import Entry, Facets, entry, facets
from ..store.store import DATABASE
from .context import Context
from .data_entry import EntryPanel
from .data_exporting import Export, exports, writing
from .data_facets import FacetPanel
from .data_importing import ImportDialog, added_words, samples
from .data_predicting import score_answers
from .data_quality import QualityView
from .data_table import MODEL, PREDICTED, WHO, EntriesModel, entries_table
from .data_words import when
from .figures import count, size
from .models_work import Work
from .pane import Pane
from .theme import set_region
from .widgets import (
    Button,
    Divider,
    ElidedLabel,
    EmptyState,
    Option,
    Segmented,
    ToggleChip,
    column,
    holding,
    label,
    row,
)

SEARCH_MS, REFRESH_MS = 160, 120


class DataPane(Pane):
    """Facets, list and entry."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("data", parent)
        self.title = self.tr("Data")
        self.context = context
        self._stale = True
        self._dropped: list[tuple[list[str], bool]] = []
        self._undone: list[tuple[list[str], bool]] = []
        self._facets = Facets()
        self._beside: list[QWidget] = []
        self.import_dialog: ImportDialog | None = None
        self._work = Work(context.store.folder, self)
        self.facets = FacetPanel()
        self.model = EntriesModel(context.store, context.instant, self)
        self.table = entries_table(self.model, self.tr("Judgements"))
        self.entry = EntryPanel(context.store, context.instant)
        self.quality = QualityView(context)
        self.modes = Segmented(
            [Option("browse", self.tr("Browse")), Option("quality", self.tr("Quality report"))], self.tr("View")
        )
        self._make_actions()
        self.set_left(self.facets, 224)
        self._views = QStackedWidget()
        self._views.addWidget(self._build_body())
        self._views.addWidget(self.quality)
        self.set_body(self._views)
        self.set_right(self.entry, 280)
        self._waiting = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._refreshing = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._connect()
        self._show_predictions()

    # --- building

    def _make_actions(self) -> None:
        self.import_action = self.action(self.tr("Import"), "Ctrl I", self.choose_import, icon="upload")
        self.export_action = self.action(self.tr("Export"), "Ctrl E", self.choose_export, icon="download")
        self.action(self.tr("Take back or put back"), "Delete", self.retract)
        self.action(self.tr("Undo"), "Ctrl Z", self.undo)
        self.action(self.tr("Redo"), "Ctrl Shift Z", self.redo)
        self.action(self.tr("Search"), "/", self.facets.search.setFocus)
        self.action(self.tr("Next"), "J", lambda: self.table.step(1))
        self.action(self.tr("Previous"), "K", lambda: self.table.step(-1))
        self.action(self.tr("Score answers with the reward model"), "", lambda: score_answers(self.context))
        self._import_button = Button.of(self.import_action)
        self._import_button.set_keys("")
        self._export_button = Button.of(self.export_action)
        self._export_button.set_keys("")

    def _build_body(self) -> QWidget:
        self.total = label("", "strong", tabular=True)
        self._aside_chip = ToggleChip(self.tr("Not skipped"), "x", "neutral", False)
        self._aside_chip.setToolTip(self.tr("Show what was skipped or flagged as well"))
        self._run_chip = ToggleChip("", "x", "model", False)
        self._run_chip.hide()
        self.clear_action = Button(self.tr("Show all"), kind="ghost", size="sm")
        top = row(self.total, self._aside_chip, self._run_chip, None, self.clear_action, margins=(12, 7, 12, 7))
        self.place = ElidedLabel("", "small", "text2", Qt.TextElideMode.ElideMiddle)
        self.backup = label("", "small", "text2", tabular=True)
        foot = row(self.place, None, self.backup, margins=(12, 6, 12, 6))
        foot.setStretch(0, 1)
        self.empty = EmptyState(
            self.tr("Your ratings will be here."),
            self.tr("Import"),
            self.choose_import,
            self.tr("Import the samples"),
            lambda: self.import_path(samples()),
        )
        self.nothing = EmptyState(self.tr("Nothing matches."), self.tr("Show all"), self.facets.clear)
        self._pages = QStackedWidget()
        for page in (self.table, self.empty, self.nothing):
            self._pages.addWidget(page)
        layout = column(top, Divider(), self._pages, Divider(), foot, spacing=0)
        layout.setStretch(2, 1)
        body = holding(layout)
        set_region(body, "surface")
        return body

    def _connect(self) -> None:
        self.modes.changed.connect(self.show_view)
        self.facets.changed.connect(self._waiting.start)
        self._waiting.timeout.connect(self._reload)
        self._refreshing.timeout.connect(self.refresh)
        self.table.picked.connect(self._on_picked)
        self.table.opened.connect(lambda _: self.show_right(True))
        self.table.horizontalHeader().sectionClicked.connect(self._sort)
        self.entry.retract_wanted.connect(self.retract)
        self.entry.closed.connect(lambda: self.show_right(False))
        self.entry.run_wanted.connect(lambda run_id: self.context.show_pane("train", {"run": run_id}))
        self._aside_chip.clicked.connect(self._show_aside)
        self._run_chip.clicked.connect(lambda: self._show_used_by(None))
        self.clear_action.clicked.connect(self.facets.clear)
        self._work.finished.connect(self._on_exported)
        self._work.failed.connect(self.context.tell)
        self.context.store_changed.connect(self._on_store_change)
        self.context.instant.changed.connect(self._show_predictions)
        self.step_changed.connect(self._on_step)

    def header_widgets(self) -> list[QWidget]:
        return [self.modes]

    def header_actions(self) -> list[QWidget]:
        return [self._import_button, self._export_button]

    def first_focus(self) -> QWidget | None:
        return self.table if self.model.rowCount() else self.empty.action

    def visit(self, payload: object) -> None:
        """What another pane wants: "import", or {"run_id": id} for what a run has learned from."""
        if payload == "import":
            self.choose_import()
        elif isinstance(payload, dict) and payload.get("run_id"):
            self.show_view("browse")
            self._show_used_by(str(payload["run_id"]))

    def show_view(self, view: str) -> None:
        """Show "browse" or "quality"."""
        self.modes.set_value(view)
        self._views.setCurrentIndex(int(view == "quality"))
        if view == "quality":
            self._beside = [part for part in (self.facets, self.entry) if not part.isHidden()]
            self.quality.refresh()
        for part in self._beside:  # the report is about everything, whatever the facets say
            part.setVisible(view == "browse")

    # --- what is shown

    def refresh(self) -> None:
        """Read everything again, keeping the place."""
        try:
            self._facets = facets(self.context.store)
            self.facets.show_facets(self._facets)
            self._show_file()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self._stale = False
        self._reload()
        if self.modes.value() == "quality":
            self.quality.refresh()

    def _reload(self) -> None:
        """Show what the facets ask for; the judgement that was chosen stays chosen if it is still there."""
        self._waiting.stop()
        chosen = self.entry.entry
        row_now = max(0, self.table.currentIndex().row())
        try:
            self.model.load(self.facets.filter())
            self.model.entry_at(0)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        shown = self.model.rowCount()
        whole = self._facets.standing + self._facets.retracted
        text = self.tr("{shown} of {all} judgements").format(shown=count(shown), all=count(whole))
        self.total.setText(text)
        self._aside_chip.setVisible(self._hides_aside())
        self.clear_action.setVisible(bool(whole) and shown < whole)
        self._pages.setCurrentWidget(self.table if shown else self.nothing if whole else self.empty)
        self._choose_again(chosen, row_now)

    def _choose_again(self, chosen: Entry | None, row_now: int) -> None:
        place = self.model.place_of(chosen.id) if chosen is not None else -1
        if place < 0:
            place = min(row_now, self.model.rowCount() - 1)
        if place >= 0:
            self.table.setCurrentIndex(self.model.index(place, 0))
        else:
            self.entry.show_entry(None)

    def _show_predictions(self) -> None:
        """The instant head has learned: the cells on screen are drawn again, and nothing else moves."""
        self.table.setColumnHidden(PREDICTED, not self.context.instant.predicts())
        self.table.viewport().update()
        self.entry.show_predictions()

    def _hides_aside(self) -> bool:
        rows = self.facets.kinds.rows
        return any(kind in rows and not rows[kind].box.isChecked() for kind in ASIDE)

    def _show_aside(self) -> None:
        for kind in ASIDE:
            if kind in self.facets.kinds.rows:
                self.facets.kinds.rows[kind].box.setChecked(True)

    def _show_used_by(self, run_id: str | None) -> None:
        self.facets.used_by = run_id
        self._run_chip.setVisible(run_id is not None)
        if run_id is not None:
            try:
                name = self.context.store.runs.find(run_id).name
            except WorkbenchError as error:
                self.context.tell(error)
                return
            self._run_chip.setText(self.tr("Used by {run}").format(run=name))
            self._run_chip.updateGeometry()
        self._reload()

    def _on_picked(self, index: QModelIndex | None) -> None:
        found = self.model.entry_at(index.row()) if index is not None else None
        self.entry.show_entry(found)

    def _sort(self, section: int) -> None:
        order = self.model.order_after_click(section)
        if order is not None:
            self.model.load(order=order)
            if self.model.rowCount():
                self.table.setCurrentIndex(self.model.index(0, 0))

    def _show_file(self) -> None:
        path = self.context.store.folder / DATABASE
        amount = sum(part.stat().st_size for part in path.parent.glob(f"{DATABASE}*") if part.is_file())
        self.place.setText(self.tr("Saved on this computer: {path}, {size}").format(path=path, size=size(amount)))
        copies = all_of(self.context.store.folder)
        at = when(copies[0].moment.isoformat()) if copies else ""
        self.backup.setText(self.tr("Backup {when}").format(when=at) if copies else "")

    # --- taking back

    def _chosen(self) -> list[Entry]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        found = [self.model.entry_at(place) for place in rows]
        return [each for each in found if each is not None]

    def retract(self) -> None:
        """Take the chosen judgements out of everything that learns or counts; those taken back already come back."""
        chosen = self._chosen()
        if not chosen:
            return
        back = all(each.retracted for each in chosen)
        ids = [each.id for each in chosen if each.retracted == back]
        if self._set_retracted(ids, not back):
            self._dropped.append((ids, not back))
            self._undone.clear()
            one = self.tr("Put back 1 judgement.") if back else self.tr("Took back 1 judgement.")
            many = self.tr("Put back {count} judgements.") if back else self.tr("Took back {count} judgements.")
            text = one if len(ids) == 1 else many.format(count=count(len(ids)))
            self.context.message.emit(text, self.tr("Ctrl Z undoes it."), "info")

    def undo(self) -> None:
        """Undo the last taking back or putting back of this pane."""
        if self._dropped:
            ids, gone = self._dropped[-1]
            if self._set_retracted(ids, not gone):
                self._undone.append(self._dropped.pop())

    def redo(self) -> None:
        """Do again what undo undid."""
        if self._undone:
            ids, gone = self._undone[-1]
            if self._set_retracted(ids, gone):
                self._dropped.append(self._undone.pop())

    def _set_retracted(self, ids: list[str], gone: bool) -> bool:
        try:
            self.context.store.feedback.retract(ids, gone, by=self)
            shown = self.entry.entry
            if shown is not None and shown.id in ids:
                self.entry.show_entry(entry(self.context.store, shown.id))
        except WorkbenchError as error:
            self.context.tell(error)
            return False
        self.refresh()
        return True

    # --- in and out

    def choose_import(self) -> None:
        """Have a person choose a file to import."""
        found, _ = QFileDialog.getOpenFileName(self.window(), self.tr("Import"))
        if found:
            self.import_path(Path(found))

    def import_path(self, path: Path) -> None:
        """Show what a file would add; it is imported from there."""
        dialog = ImportDialog(self.context.store.folder, path, self.context.annotator, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.imported.connect(self._on_imported)
        dialog.finished.connect(lambda _: setattr(self, "import_dialog", None))
        self.import_dialog = dialog
        dialog.open()

    def _on_imported(self, report: dict[str, Any]) -> None:
        for table in ("prompts", "responses", "feedback"):
            if report["added"].get(table):
                self.context.store_changed.emit(table, None)
        what = added_words(self, report["added"])
        hint = ""
        if report["skipped"]:
            hint = self.tr("{count} rows were left out.").format(count=count(len(report["skipped"])))
        self.context.message.emit(self.tr("Imported {what}.").format(what=what), hint, "good")
        self.refresh()

    def choose_export(self) -> None:
        """Have a person choose what to export."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for export in exports():
            menu.addAction(export.title, lambda export=export: self._choose_target(export))
        corner = QPoint(self._export_button.width() - menu.sizeHint().width(), self._export_button.height() + 4)
        menu.popup(self._export_button.mapToGlobal(corner))

    def _choose_target(self, export: Export) -> None:
        found, _ = QFileDialog.getSaveFileName(self.window(), export.title, export.file_name)
        if found:
            self.export_to(export, Path(found))

    def export_to(self, export: Export, path: Path) -> None:
        """Write a file beside the window."""
        try:
            self._work.start(writing(export, path))
        except WorkbenchError as error:
            self.context.tell(error)

    def _on_exported(self, report: dict[str, Any]) -> None:
        text = self.tr("Wrote {count} rows to {path}.")
        self.context.message.emit(text.format(count=count(report["rows"]), path=report["path"]), "", "good")

    # --- the window

    def _on_store_change(self, table: str, by: object) -> None:
        if by is self or table not in ("feedback", "models", "prompts", "responses"):
            return
        self._stale = True
        if self.isVisible():
            self._refreshing.start()

    def _on_step(self, step: str) -> None:
        for place in (MODEL, WHO):
            self.table.setColumnHidden(place, step == "narrow")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape that no field wanted closes the panel that floats over the body."""
        if event.key() == Qt.Key.Key_Escape and self.step == "narrow" and self.entry.isVisible():
            self.show_right(False)
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._stale = self._stale or self._waiting.isActive() or self._refreshing.isActive()
        self._waiting.stop()
        self._refreshing.stop()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()
