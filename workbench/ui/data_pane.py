"""Data: every prompt, answer, judgement and run of the project to look at; to tag, flag and take back, in and out.

    context.show_pane("data", {"run": run_id})                           # the rows that a run learned from
    context.show_pane("data", {"filters": {"ids": [...]}, "title": "conflicts"})
    context.show_pane("data", {"filters": {"kinds": ["rating"], "annotators": ["Noor"], "only": ["repeats"]}})
    context.show_pane("data", {"conflicts": True})                       # looked for beside the window

The fields of "filters" are those of `store.filtering.Filter`; "list" is "judgements", "prompts", "answers" or "runs".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..feedback import ASIDE
from ..store.browsing import entry
from ..store.filtering import Filter
from .context import Context
from .data_acting import Acting
from .data_conflicts import Conflicts
from .data_counting import Amounts, Counting, is_small
from .data_entry import EntryPanel
from .data_exporting import Export
from .data_facets import FacetPanel
from .data_judging import offer_judges
from .data_list import ListView
from .data_moving import Moving
from .data_predicting import score_answers
from .data_quality import QualityView
from .data_saving import Saving
from .data_table import PREDICTED, EntriesModel, entries_table
from .data_words import tr
from .pane import Pane
from .widgets import Button, Option, Segmented

SEARCH_MS, REFRESH_MS = 160, 120


class DataPane(Pane):
    """Facets, list and details."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("data", parent)
        self.title = tr("Data")
        self.context = context
        self._stale = True
        self._beside: list[QWidget] = []
        self.facets = FacetPanel()
        self.model = EntriesModel(context.store, context.instant, self)
        self.table = entries_table(self.model, tr("Judgements"))
        self.list = ListView(self.table, context.store)
        self.entry = EntryPanel(context.store, context.instant)
        self.acting = Acting(context, self.table, self.model, self)
        self.saving = Saving(context, self.list.tabs, self)
        self.counting = Counting(context, self)
        self.conflicts = Conflicts(context, self)
        self.moving = Moving(context, self)
        self.quality = QualityView(context)
        views = [Option("browse", tr("Browse")), Option("quality", tr("Quality report"))]
        self.modes = Segmented(views, tr("View"))
        self._make_actions()
        self._make_list_actions()
        self.set_left(self.facets, 224)
        self._views = QStackedWidget()
        self._views.addWidget(self.list)
        self._views.addWidget(self.quality)
        self.set_body(self._views)
        self.set_right(self.entry, 304)
        self._waiting = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._refreshing = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._connect()
        self._connect_parts()
        offer_judges(self)
        self._show_predictions()

    # the names that other parts of the window and tests know
    total = property(lambda self: self.list.total)
    place = property(lambda self: self.list.place)
    empty = property(lambda self: self.list.empty)
    nothing = property(lambda self: self.list.nothing)
    clear_action = property(lambda self: self.list.clear)
    import_dialog = property(lambda self: self.moving.import_dialog)

    # --- building

    def _make_actions(self) -> None:
        self.import_action = self.action(tr("Import"), "Ctrl I", self.moving.choose_import, icon="upload")
        self.export_action = self.action(tr("Export"), "Ctrl E", self.moving.choose_export, icon="download")
        self.action(tr("Import a folder"), "Ctrl Shift I", self.moving.choose_import_folder, icon="upload")
        self.action(tr("Take back or put back"), "Delete", self.acting.retract)
        self.action(tr("Tag"), "T", self.acting.choose_tag, icon="tag")
        self.action(tr("Take a tag away"), "Shift T", lambda: self.acting.choose_tag(False))
        self.action(tr("Flag"), "F", self.acting.flag, icon="flag")
        self.action(tr("Undo"), "Ctrl Z", self.acting.undo)
        self.action(tr("Redo"), "Ctrl Shift Z", self.acting.redo)
        self.action(tr("Score answers with the reward model"), "", lambda: score_answers(self.context))
        self._import_button = Button.of(self.import_action)
        self._import_button.set_keys("")
        self._export_button = Button.of(self.export_action)
        self._export_button.set_keys("")

    def _make_list_actions(self) -> None:
        self.action(tr("Search"), "/", self.facets.search.setFocus)
        self.action(tr("Next"), "J", lambda: self.table.step(1))
        self.action(tr("Previous"), "K", lambda: self.table.step(-1))
        self.action(tr("Choose all"), "Ctrl A", self.table.selectAll)
        names = {"judgements": tr("Judgements"), "prompts": tr("Prompts"), "answers": tr("Answers"), "runs": tr("Runs")}
        for number, (lists, name) in enumerate(names.items(), 1):
            self.action(name, f"Alt {number}", lambda lists=lists: self.list.lists.pick(lists))
        self.action(tr("Another order"), "O", lambda: self._load(order=self.model.next_order()))
        self.action(tr("Save filter"), "S", self._save_filter, icon="save")
        self.action(tr("Rename the saved filter"), "F2", self.saving.choose_name)
        self.action(tr("Remove the saved filter"), "Shift Delete", self.saving.remove)
        self.action(tr("Next saved filter"), "]", lambda: self.list.tabs.step(1))
        self.action(tr("Previous saved filter"), "[", lambda: self.list.tabs.step(-1))
        self.action(tr("Show everything"), "Shift X", self.facets.clear)
        self.action(tr("Find contradictions"), "", self.conflicts.look)
        self.action(tr("Open the run that used it"), "R", self._open_run)
        self.action(tr("Show the rows of that run"), "Shift R", self._show_rows_of_run)
        self.list.empty_asks(self.moving.choose_import, self.moving.import_samples, self.facets.clear)

    def _connect(self) -> None:
        self.modes.changed.connect(self.show_view)
        self.facets.changed.connect(self._waiting.start)
        self._waiting.timeout.connect(self._reload)
        self._refreshing.timeout.connect(self.refresh)
        self.table.picked.connect(self._on_picked)
        self.table.opened.connect(self._on_opened)
        self.table.horizontalHeader().sectionClicked.connect(self._sort)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_chosen())
        self.moving.imported.connect(self.refresh)
        self.context.store_changed.connect(self._on_store_change)
        self.context.instant.changed.connect(self._show_predictions)
        self.step_changed.connect(lambda _: self._fit_columns())

    def _connect_parts(self) -> None:
        self.entry.retract_wanted.connect(self.acting.retract)
        self.entry.closed.connect(lambda: self.show_right(False))
        self.entry.run_wanted.connect(lambda run_id: self.context.show_pane("train", {"run": run_id}))
        self.entry.rows_wanted.connect(self.show_rows)
        self.entry.entry_wanted.connect(self.show_judgement)
        self.list.lists.changed.connect(self.show_list)
        self.list.tabs.save_wanted.connect(self._save_filter)
        self.list.clear.clicked.connect(self.facets.clear)
        self.list.aside_wanted.connect(self.facets.kinds.set_all)
        self.list.held_dropped.connect(self._drop_held)
        self.list.tag_wanted.connect(self.acting.choose_tag)
        self.list.flag_wanted.connect(self.acting.flag)
        self.list.retract_wanted.connect(self.acting.retract)
        self.list.order_wanted.connect(lambda order: self._load(order=order))
        self.acting.done.connect(self._on_done)
        self.saving.picked.connect(self._show_saved)
        self.saving.changed.connect(self.refresh)
        self.counting.counted.connect(self._show_amounts)
        self.counting.rows_counted.connect(self._on_rows_counted)
        self.conflicts.found.connect(lambda ids: self.show_rows({"ids": ids}, tr("contradictions")))

    def header_widgets(self) -> list[QWidget]:
        return [self.modes]

    def header_actions(self) -> list[QWidget]:
        return [self._import_button, self._export_button]

    def first_focus(self) -> QWidget | None:
        return self.table if self.model.rowCount() else self.empty.action

    def visit(self, payload: object) -> None:
        """What another pane wants to be shown here; see the head of this file."""
        if payload == "import":
            self.moving.choose_import()
        elif isinstance(payload, Filter):
            self.show_rows(payload)
        elif isinstance(payload, dict):
            run_id = payload.get("run") or payload.get("run_id")
            if payload.get("conflicts"):
                self.conflicts.look()
            elif run_id:
                self.show_rows({"used_by": str(run_id)})
            elif isinstance(payload.get("filters"), Mapping):
                self.show_rows(payload["filters"], str(payload.get("title", "")), str(payload.get("list", "")))
            elif payload.get("view") in ("browse", "quality"):
                self.show_view(payload["view"])

    def show_rows(self, wanted: Filter | Mapping[str, Any], title: str = "", lists: str = "") -> None:
        """List what a filter (or its fields) lets through. title: what rows given by their ids are."""
        shown = wanted if isinstance(wanted, Filter) else Filter.of({"aside": False, **wanted})
        self.show_view("browse")
        self.list.title = title
        self.show_list(lists or "judgements", shown)

    def show_judgement(self, feedback_id: str) -> None:
        """Go to a judgement: in the list as it is, or in a list of its prompt when it is not in there."""
        place = self.model.place_of(feedback_id) if self.model.lists == "judgements" else -1
        if place < 0 and (row := self.entry.row) is not None:
            prompt_id = getattr(row, "prompt_id", row.id)
            self.show_rows(Filter(prompt_ids=(prompt_id,), retracted=None), tr("of this prompt"))
            place = self.model.place_of(feedback_id)
        if place >= 0:
            self.table.setCurrentIndex(self.model.index(place, 0))

    def show_view(self, view: str) -> None:
        """Show "browse" or "quality"."""
        self.modes.set_value(view)
        self._views.setCurrentIndex(int(view == "quality"))
        if view == "quality":
            self._beside = [part for part in (self.facets, self.entry) if not part.isHidden()]
            self.quality.refresh()
        for part in self._beside:  # the report is about everything, whatever the facets say
            part.setVisible(view == "browse")

    def show_list(self, lists: str, wanted: Filter | None = None, order: str | None = None) -> None:
        """List "judgements", "prompts", "answers" or "runs", under a filter of its own if one is given."""
        self.list.lists.set_value(lists)
        if lists != self.facets.lists:
            self.facets.lists = lists
            held = self.facets.held  # ids are those of judgements, and mean nothing in another list
            self.facets.held = Filter(used_by=held.used_by, prompt_ids=held.prompt_ids)
            self.counting.want(lists)
        if wanted is not None:
            self.facets.show_filter(wanted)
        self._load(lists=lists, order=order)

    # --- what is shown

    def refresh(self) -> None:
        """Read everything again, keeping the place."""
        try:
            self.saving.refresh()
            self.counting.want(self.facets.lists)
            self.list.show_file()
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self._stale = False
        self._reload()
        if self.modes.value() == "quality":
            self.quality.refresh()

    def _show_amounts(self, found: Amounts) -> None:
        if found.lists == self.facets.lists:
            self.facets.show_facets(found.lists, found.facets, found.rules)
            self.list.whole = found.whole
            every = {"": found.whole} if found.lists == "judgements" else {}
            self.list.tabs.show_amounts(found.tabs | every)
            self.list.show_aside(self._hides_aside())
            self._show_total()

    def _reload(self) -> None:
        """Show what the facets ask for; the row that was chosen stays chosen if it is still there."""
        self._load(keep=True)

    def _load(self, lists: str | None = None, order: str | None = None, keep: bool = False) -> None:
        self._waiting.stop()
        chosen, row_now = self.entry.row, max(0, self.table.currentIndex().row())
        wanted = self.facets.filter()
        try:
            known = self.model.load(wanted, order, lists, counted=is_small(self.context.store))
            self.model.entry_at(0)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        if not known:
            self.counting.want_rows((self.model.lists, self.model.filter))
        self.list.counted = known
        self._fit_columns()
        self.list.show_held(self.facets.held)
        self.list.show_aside(self._hides_aside())
        self.list.show_order(self.model)
        self.saving.mark(self.model.lists, wanted)
        self._show_total()
        self._choose_again(chosen if keep else None, row_now if keep else 0)

    def _show_total(self) -> None:
        self.list.show_total(self.model.lists, self.model.rowCount())
        self._show_chosen()

    def _on_rows_counted(self, asked: object, total: int) -> None:
        if asked == (self.model.lists, self.model.filter):
            self.model.set_total(total)
            self.list.counted = True
            self._show_total()

    def _choose_again(self, chosen: Any, row_now: int) -> None:
        place = self.model.place_of(chosen.id) if chosen is not None else -1
        if place < 0:
            place = min(row_now, self.model.rowCount() - 1)
        if place >= 0:
            self.table.setCurrentIndex(self.model.index(place, 0))
        else:
            self.entry.show_row(None)

    def _fit_columns(self) -> None:
        predicts = self.context.instant.predicts() or self.model.lists != "judgements"
        self.table.fit_columns(self.step == "narrow", () if predicts else (PREDICTED,))

    def _show_predictions(self) -> None:
        """The instant head has learned: the cells on screen are drawn again, and nothing else moves."""
        if self.model.lists == "judgements":
            self.table.setColumnHidden(PREDICTED, not self.context.instant.predicts())
        self.table.viewport().update()
        self.entry.show_predictions()

    def _hides_aside(self) -> bool:
        there = any(kind in self.facets.kinds.rows for kind in ASIDE)
        return there and self.facets.lists == "judgements" and not self.facets.filter().aside

    def _drop_held(self, name: str) -> None:
        self.facets.held = Filter(**vars(self.facets.held) | {name: getattr(Filter(), name), "retracted": False})
        self._load()

    def _on_picked(self, index: QModelIndex | None) -> None:
        self.entry.show_row(self.model.entry_at(index.row()) if index is not None else None)

    def _on_opened(self, index: QModelIndex) -> None:
        """Enter: the details of a judgement; the judgements of anything else."""
        row, field = self.model.entry_at(index.row()), {"prompts": "prompt_ids", "answers": "response_ids"}
        if row is None or self.model.lists == "judgements":
            self.show_right(True)
        elif self.model.lists == "runs":
            self.show_rows({"used_by": row.id})
        else:
            title = tr("of this prompt") if self.model.lists == "prompts" else tr("of this answer")
            self.show_rows({field[self.model.lists]: (row.id,)}, title)

    def _sort(self, section: int) -> None:
        order = self.model.order_after_click(section)
        if order is not None:
            self._load(order=order)

    # --- saved filters, runs

    def _save_filter(self) -> None:
        self.saving.choose(self.model.lists, self.facets.filter(), self.model.order)

    def _show_saved(self, lists: str, wanted: Filter, order: str) -> None:
        self.list.title = ""
        self.show_list(lists, wanted, order)

    def _open_run(self) -> None:
        if self.model.lists == "runs" and self.entry.row is not None:
            self.context.show_pane("train", {"run": self.entry.row.id})
        elif self.entry.line is not None and self.entry.line.uses:
            self.context.show_pane("train", {"run": self.entry.line.uses[0].run.id})

    def _show_rows_of_run(self) -> None:
        if self.model.lists == "runs" and self.entry.row is not None:
            self.show_rows({"used_by": self.entry.row.id})
        elif self.entry.line is not None and self.entry.line.uses:
            self.show_rows({"used_by": self.entry.line.uses[0].run.id})

    # --- doing something to what is chosen

    def _show_chosen(self) -> None:
        self.list.show_chosen(self.table.chosen_amount(), self.model.lists)

    def import_path(self, path: Path) -> None:
        """Show what a file would add; it is imported from there."""
        self.moving.import_path(path)

    def export_to(self, export: Export, path: Path) -> None:
        """Write a file beside the window."""
        self.moving.export_to(export, path)

    def _on_done(self) -> None:
        self.refresh()
        if (shown := self.entry.entry) is not None:  # its words may have changed, though its row has not
            self.entry.show_row(entry(self.context.store, shown.id))

    # --- the window

    def _on_store_change(self, table: str, by: object) -> None:
        if by is self or table not in ("feedback", "models", "prompts", "responses", "runs", "guidelines", "judges"):
            return
        self._stale = True
        if self.isVisible():
            self._refreshing.start()

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
