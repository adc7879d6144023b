"""Models: what this project can write and score with, where each model came from, and loading one."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSettings
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from ..errors import WorkbenchError
from . import work
from .context import Context
from .engine_banner import under_banner
from .messages import MessageStrip
from .models_adding import Adding, WorkLine
from .models_fits import FitsSection
from .models_inspector import Inspector
from .models_library import Entry, entries
from .models_loading import LoadingSection
from .models_machine import Machine
from .models_note import NoteSection
from .models_pages import Pages
from .models_removing import Removing
from .models_saving import Saving
from .models_servers import Servers
from .models_sources import Sources
from .models_table import ModelTable, Room
from .models_template import TemplateSection
from .pane import Pane
from .theme import set_region, theme_changed
from .widgets import Button, Divider, EmptyState, SearchField, ToggleChip, column, holding, label, row

TABLES = {"models", "responses", "runs"}


class ModelsPane(Pane):
    """The models of the project in a table, one of them in full at the right."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("models", parent)
        self.title = self.tr("Models")
        self.context = context
        self._entries: list[Entry] = []
        self._stale = True
        self._machine: Machine | None = None
        self._make_work()
        self._make_actions()
        self.sources = Sources(context.store.folder)
        self.sources.changed.connect(self._show_source)
        self.set_left(self.sources, width=204, minimum=180)
        self.set_body(under_banner(context, self._build_body()))
        self.inspector = self._build_inspector()
        self.set_right(self.inspector, width=340, minimum=280)
        self._build_header()
        self.by_base.setChecked(QSettings().value("models/by_base", False, type=bool) is True)
        self.setAcceptDrops(True)
        context.store_changed.connect(self._on_store_change)
        context.session_changed.connect(self._on_session_change)
        theme_changed.connect(self._show_chosen)

    # -- building

    def _make_work(self) -> None:
        self.adding = Adding(self.context, self._bases, lambda: self.strip, self)
        self.adding.begun.connect(self._show_work)
        self.adding.progressed.connect(lambda text, fraction: self.progress.show_progress(text, fraction))
        self.adding.added.connect(self._on_added)
        self.adding.ended.connect(lambda: self._allow_adding(True))
        self.saving = Saving(self.context.store, self)
        self.saving.begun.connect(self._show_work)
        self.saving.progressed.connect(lambda text, fraction: self.progress.show_progress(text, fraction))
        self.saving.saved.connect(self._on_saved)
        self.saving.stopped.connect(self._on_stopped)
        self.saving.failed.connect(self._on_not_saved)
        self.servers = Servers(self.context, self)
        self.servers.added.connect(self._on_added)
        self.servers.changed.connect(self._on_reached)
        self._looking = work.Work(self.context.store.folder, self)
        self._looking.finished.connect(self._on_looked)
        self._looking.failed.connect(self.context.tell)

    def _make_actions(self) -> None:
        self.load_action = self.action(self.tr("Load"), "Enter", self.load_chosen, icon="play")
        self.unload_action = self.action(self.tr("Unload"), "U", self._unload)
        self.generate_action = self.action(self.tr("Generate"), "", self._generate, icon="sparkles")
        self.save_action = self.action(
            self.tr("Save or send"), "Ctrl Shift S", self._save, icon="save",
            tip=self.tr("For other programs or the hub, with a card that says how it was made"),
        )  # fmt: skip
        self.template_action = self.action(
            self.tr("Edit the chat template"), "T", lambda: self.template.edit(), icon="pencil"
        )
        self.cancel_action = self.action(self.tr("Stop saving"), "Esc", self.saving.cancel, icon="circle-stop")
        self.cancel_action.setEnabled(False)
        self.remove_action = self.action(self.tr("Remove from this project"), "Delete", self._remove, icon="trash-2")
        self.undo_action = self.action(
            self.tr("Bring back the removed model"), "Ctrl Z", lambda: self.removing.undo(), icon="undo-2"
        )
        self.action(self.tr("Filter models"), "/", lambda: self.pages.find())
        self.action(self.tr("Next model"), "J", lambda: self.pages.step(1))
        self.action(self.tr("Previous model"), "K", lambda: self.pages.step(-1))
        self.action(self.tr("Get a model from the Hub"), "H", lambda: self._go("find"), icon="cloud-download")
        self.action(self.tr("Models on this computer"), "Shift H", lambda: self._go("here"), icon="hard-drive")
        self.action(self.tr("Pause or resume the download"), "P", lambda: self.pages.dock.toggle_current())
        self.action(self.tr("Pause or resume all downloads"), "Shift P", lambda: self.pages.dock.toggle_all())
        self.action(self.tr("Cancel the download"), "Shift Delete", lambda: self.pages.dock.cancel_current())
        self.add_folder_action = self.action(self.tr("Add folder"), "", self.adding.ask_folder, icon="folder")
        self.add_file_action = self.action(self.tr("Add GGUF file"), "", self.adding.ask_file, icon="file-box")
        self.add_server_action = self.action(self.tr("Add server"), "", self.servers.ask, icon="zap")
        self.edit_server_action = self.action(self.tr("Change server"), "", self._edit_server, icon="pencil")
        self.forget_key_action = self.action(self.tr("Forget its key"), "", self._forget_key, icon="key")
        self.starter_action = self.action(
            self.tr("Get the starter"),
            "",
            self.adding.get_starter,
            icon="cloud-download",
            tip=self.tr("SmolLM2-135M-Instruct, a small model that runs on any computer"),
        )
        self.undo_action.setEnabled(False)
        self.removing = Removing(self.context, self.undo_action, lambda: self.strip, self)
        self.removing.came_back.connect(self.choose)

    def _build_header(self) -> None:
        self._add_file_button = Button.of(self.add_file_action)
        self._add_folder_button = Button.of(self.add_folder_action)
        self._add_server_button = Button.of(self.add_server_action)
        self._starter_button = Button.of(self.starter_action)

    def _build_body(self) -> QWidget:
        self.filter = SearchField(self.tr("Filter models"))
        self.filter.setMinimumWidth(140)
        self.filter.setMaximumWidth(220)
        self.filter.textChanged.connect(lambda text: self._show_rows())
        self.fits = ToggleChip(self.tr("Fits this computer"), tone="model")
        self.fits.toggled.connect(lambda on: self._show_rows())
        self.by_base = ToggleChip(self.tr("By base"), tone="model")
        self.by_base.toggled.connect(self._arrange_rows)
        self.action(self.tr("Show models under their bases"), "B", self.by_base.toggle)
        self.counts = label("", "small", "text2", tabular=True)
        tools = row(self.filter, self.fits, self.by_base, None, self.counts, margins=(12, 7, 12, 7))
        tools.setStretch(0, 1)
        self.table = ModelTable(self.state_of)
        self.table.picked.connect(lambda entry: self._show_chosen())
        self.table.opened.connect(lambda entry: self.load_chosen())
        self.empty = EmptyState(
            self.tr("No models yet."), self.tr("Get the starter"), self.adding.get_starter, self.tr("Get from the Hub"),
            lambda: self._go("find"),
        )  # fmt: skip
        self.nothing = EmptyState(self.tr("No model fits this filter."), "", None, self.tr("Show all"), self._show_all)
        self.stack = QStackedWidget()
        for part in (self.table, self.empty, self.nothing):
            self.stack.addWidget(part)
        self.progress = WorkLine(self.cancel_action)
        body = holding(column(tools, Divider(), self.stack, self.progress, spacing=0))
        body.layout().setStretch(2, 1)  # type: ignore[union-attr]
        set_region(body, "surface")
        self.pages = Pages(self.context.store.folder, body, self.table, self.filter)
        self.pages.place_wanted.connect(lambda path, name: self.adding.add(path, name=name))
        self.pages.page_wanted.connect(self._go)
        self.pages.arrived.connect(lambda id_, name: self._on_added({"model_id": id_, "name": name}))
        self.pages.failed.connect(self.context.tell)
        self.strip = MessageStrip(self.pages)
        return self.pages

    def _build_inspector(self) -> Inspector:
        self.load_button = Button.of(self.load_action, "primary")
        self.unload_button = Button.of(self.unload_action)
        buttons = [self.load_button, self.unload_button, Button.of(self.generate_action)]
        saver = Button(icon="save", kind="ghost", key="Ctrl Shift S", tip=self.tr("Save or send"))
        saver.set_keys("")
        saver.clicked.connect(self.save_action.trigger)
        self.save_action.enabledChanged.connect(saver.setEnabled)
        remover = Button(icon="trash-2", kind="ghost", key="Delete", tip=self.tr("Remove from this project"))
        remover.set_keys("")
        remover.clicked.connect(self.remove_action.trigger)
        self.template = TemplateSection(self.context, Button.of(self.template_action, size="sm"))
        self.fitting, self.loading = FitsSection(self.context.store.folder), LoadingSection(self.context)
        self.loading.changed.connect(self._show_chosen)
        self.note = NoteSection(self.context)
        sections = [self.fitting, self.template, self.loading, self.note]
        inspector = Inspector(self.context.store, buttons, [saver, remover], sections)
        inspector.server_part.set_actions(self.edit_server_action, self.forget_key_action)
        self.fitting.known.connect(self._show_memory)
        inspector.model_wanted.connect(self.choose)
        inspector.people_wanted.connect(lambda run_id: self.context.show_pane("data", {"run_id": run_id}))
        return inspector

    def header_actions(self) -> list[QWidget]:
        return [self._add_server_button, self._add_file_button, self._add_folder_button, self._starter_button]

    def first_focus(self) -> QWidget:
        return self.table

    # -- what is shown

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.servers.reaching.set_shown(True)
        if self._machine is None and not self._looking.busy:
            self._looking.start(work.looking)
        if self._stale:
            self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.servers.reaching.set_shown(False)

    def refresh(self) -> None:
        """Read the models again."""
        self._stale = False
        try:
            self._entries = entries(self.context.store)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self.table.room = self._room()
        self.sources.set_entries(self._entries)
        self.servers.reaching.set_urls(self.sources.show_servers(self._entries, self.servers.reaching.known))
        self.pages.set_models([entry.model for entry in self._entries])
        has_starter = any(entry.model.source == "starter" and not entry.missing for entry in self._entries)
        self._starter_button.setVisible(not has_starter)
        self._show_rows()

    def _on_store_change(self, table: str, by: object) -> None:
        if table in TABLES:
            # Answers arrive several times a second while a model writes; only "last used" hangs on them.
            if self.isVisible() and table == "models":
                self.refresh()
            else:
                self._stale = True

    def _on_session_change(self) -> None:
        self.table.room = self._room()
        self._show_counts()
        self.table.viewport().update()
        self._show_chosen()

    def _on_reached(self) -> None:
        self.sources.show_servers(self._entries, self.servers.reaching.known)
        self._on_session_change()

    def visit(self, payload: object) -> None:
        """What another pane wants to see here: {"model_id": id}."""
        if isinstance(payload, dict) and payload.get("model_id"):
            self.choose(str(payload["model_id"]))

    def _on_looked(self, summary: dict[str, Any]) -> None:
        self._machine = summary["machine"]
        self.pages.set_machine(summary["machine"])
        self._on_session_change()

    def _room(self) -> Room:
        info = self.context.session_info
        bytes_each = 4 if info.get("dtype") == "float32" else 2
        if self._machine is None:
            return Room(bytes_each=bytes_each)
        return Room(self._machine.total, self._machine.free, bytes_each)

    def _go(self, source: str) -> None:
        self.sources.facets[source].setChecked(True)

    def _show_source(self, name: str) -> None:
        """The hub and what is on this computer take the place of the library, and of what is known of one model."""
        before = self.pages.on_library
        self.pages.show_page(name)
        if self.right is not None and self.pages.on_library != before:
            self.right.setVisible(not before and self.step != "narrow" and self._kept("right"))
        self._show_rows()

    def _show_rows(self) -> None:
        wanted = self.filter.text().lower().split()
        shown = [
            entry
            for entry in self.sources.shown(self._entries)
            if all(word in f"{entry.model.name} {entry.base.name} {entry.model.location}".lower() for word in wanted)
            and (not self.fits.isChecked() or self._fits(entry))
        ]
        self.table.show_entries(shown)
        page = self.table if shown else self.nothing if self._entries else self.empty
        self.stack.setCurrentWidget(page)
        self._show_counts()
        self._show_chosen()

    def _arrange_rows(self, by_base: bool) -> None:
        self.table.by_base = by_base
        QSettings().setValue("models/by_base", by_base)
        self._show_rows()

    def _fits(self, entry: Entry) -> bool:
        room, memory = self.table.room, entry.memory(self.table.room.bytes_each)
        return memory is None or not room.total or memory.total <= room.total

    def _show_all(self) -> None:
        self.filter.clear()
        self.fits.setChecked(False)
        self.sources.facets["all"].setChecked(True)

    def _show_counts(self) -> None:
        total, loaded = len(self._entries), sum(self.state_of(entry) == "loaded" for entry in self._entries)
        text = self.tr("1 model") if total == 1 else self.tr("{count} models").format(count=total)
        if (shown := self.table.shown_count()) != total:
            text = self.tr("{shown} of {total} models").format(shown=shown, total=total)
        more = self.tr("{models}, {count} loaded").format(models=text, count=loaded)
        self.counts.setText(more if loaded else text)

    def state_of(self, entry: Entry) -> str:
        """How a model is now: loaded, loading, ready or missing; a server's reachable, unreachable or unasked."""
        if entry.model.kind == "server":
            return self.servers.reaching.state_of(entry.model.location)
        if entry.model.id in self.context.loading_ids:
            return "loading"
        if entry.model.id in self.context.session_ids:
            return "loaded"
        return "missing" if entry.missing else "ready"

    def chosen(self) -> Entry | None:
        """The model under the cursor."""
        return self.table.chosen()

    def choose(self, model_id: str) -> None:
        """Choose a model, showing all models if a filter hides it."""
        if self._stale:
            self.refresh()
        if not self.table.choose_id(model_id):
            self._show_all()
            self.table.choose_id(model_id)

    def _show_chosen(self) -> None:
        entry = self.chosen() if self.pages.on_library else None
        self.inspector.show_entry(entry)
        here = entry if entry is None or entry.model.kind != "server" else None
        self.template.show_entry(here)
        self.fitting.show_entry(here, self._machine)
        self.note.show_entry(entry)
        self.loading.show_entry(here, self._machine, here is not None and self.state_of(here) == "loaded")
        self.template_action.setEnabled(not self.template.isHidden())
        state = self.state_of(entry) if entry else "ready"
        busy = state in ("loaded", "loading")
        self.load_action.setEnabled(entry is not None and entry.writes and state == "ready")
        self.unload_action.setEnabled(busy)
        served = entry is not None and entry.model.kind == "server"
        self.load_button.setVisible(entry is not None and entry.writes and not busy and not served)
        self.edit_server_action.setEnabled(served)
        self.forget_key_action.setEnabled(served)
        self.unload_button.setVisible(busy)
        self.generate_action.setEnabled(entry is not None and state != "missing")
        self.remove_action.setEnabled(entry is not None)
        self.save_action.setEnabled(self._can_save())
        if entry is not None:
            self.inspector.show_state(state, self.table.state_text(state))
            room = self.table.room
            self.inspector.show_memory(entry.memory(room.bytes_each) if entry.writes else None, room.total, room.free)

    def _show_memory(self, known: bool) -> None:
        """Whether it fits says more than the memory to generate, and of a model that does not write here nothing can
        be said."""
        entry = self.chosen()
        writes_here = entry is not None and entry.writes and entry.model.kind != "server"
        self.inspector.memory_part.setVisible(writes_here and not known)

    def _can_save(self) -> bool:
        entry = self.chosen() if self.pages.on_library else None
        if entry is None or entry.model.kind == "server":
            return False
        return entry.writes and not entry.missing and not (self.adding.busy or self.saving.busy)

    # -- what can be done

    def load_chosen(self) -> None:
        """Load the chosen model; a server's is ready to write as it is."""
        entry = self.chosen()
        if entry is not None and entry.model.kind == "server":
            self._generate()
            return
        if entry is None or not self.load_action.isEnabled():
            return
        try:
            self.context.load_model(entry.model.id)
        except WorkbenchError as error:
            self.context.tell(error)

    def _unload(self) -> None:
        if (entry := self.chosen()) is not None:
            self.context.unload_model(entry.model.id)

    def _generate(self) -> None:
        entry = self.chosen()
        if entry is not None:
            key = "model_id" if entry.writes else "reward_id"
            self.context.show_pane("generate", {key: entry.model.id})

    def _remove(self) -> None:
        if (entry := self.chosen()) is not None:
            self.removing.remove(entry.model, self.state_of(entry) in ("loaded", "loading"))

    # -- servers

    def _edit_server(self) -> None:
        if (entry := self.chosen()) is not None:
            self.servers.edit(entry.model)

    def _forget_key(self) -> None:
        if (entry := self.chosen()) is not None:
            self.servers.forget_key(entry.model)

    # -- adding

    def _bases(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.model.kind == "base"]

    def _show_work(self, title: str) -> None:
        self.progress.show_work(title)
        self._allow_adding(False)

    # -- saving

    def _save(self) -> None:
        entry = self.chosen()
        if entry is not None and self._can_save():
            self.saving.ask(entry.model)

    def _on_saved(self, text: str, hint: str) -> None:
        self._allow_adding(True)
        self.strip.show_message(text, hint, tone="good")

    def _on_stopped(self, text: str) -> None:
        self._allow_adding(True)
        self.strip.show_message(text)

    def _on_not_saved(self, error: WorkbenchError) -> None:
        self._allow_adding(True)
        self.context.tell(error)

    def _allow_adding(self, allowed: bool) -> None:
        for action in (self.add_folder_action, self.add_file_action, self.starter_action):
            action.setEnabled(allowed)
        self.save_action.setEnabled(allowed and self._can_save())
        self.empty.action.setEnabled(allowed)
        self.cancel_action.setEnabled(not allowed and self.saving.busy)
        self.progress.cancel_button.setVisible(self.saving.busy)
        self.progress.setVisible(not allowed)

    def _on_added(self, summary: dict[str, Any]) -> None:
        self._allow_adding(not self.adding.busy)
        self.context.store_changed.emit("models", self)
        if self.pages.on_library:
            self.choose(str(summary["model_id"]))
        self.strip.show_message(self.tr("Added {name}.").format(name=summary.get("name", "")), tone="good")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.add_folder_action.isEnabled() and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls()[:1]:
            self.adding.add(url.toLocalFile())
