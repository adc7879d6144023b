"""The table of Models: its columns, and which of them leave when room is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from . import figures
from . import models_words as words
from .models_library import Entry, tree
from .tables import Cell, Column, Group, RowsModel, Table

DISK, FORM, MEMORY, STATE, USED = 1, 2, 3, 4, 5
LEAVING = ((USED, 800), (FORM, 720), (DISK, 630))
"""Columns and the width of the table under which each one is hidden."""


@dataclass(frozen=True)
class Room:
    """Memory of the computer or its card in bytes, and how many a weight takes; total 0 while not known."""

    total: int = 0
    free: int = 0
    bytes_each: int = 2


class ModelTable(Table):
    """Models in groups. `state_of` says how a model is now: loaded, loading, ready or missing."""

    def __init__(self, state_of: Callable[[Entry], str], parent: QWidget | None = None) -> None:
        self.room = Room()
        self.by_base = False
        """Whether models stand under what they grew from, and not in groups."""
        self._depths: dict[str, int] = {}
        self._state_of = state_of
        super().__init__(self.tr("Models"), two_lines=True, parent=parent)
        self.rows_model = RowsModel(self._columns(), self)
        self.setModel(self.rows_model)

    def _columns(self) -> list[Column]:
        return [
            Column(self.tr("Name"), self._name, stretch=True, key=lambda entry: entry.model.name.lower()),
            Column(self.tr("On disk"), self._disk, 92, key=lambda entry: entry.model.size_bytes, right=True),
            Column(self.tr("Format"), lambda entry: Cell(words.form(entry), tone="text2"), 98),
            Column(self.tr("Memory to generate"), self._memory, 152, key=self._needed),
            Column(self.tr("State"), self._state, 130),
            Column(self.tr("Last used"), self._used, 86, key=lambda entry: entry.last_used, right=True),
        ]

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these, keeping the chosen one and the place that is looked at."""
        chosen, place = self.chosen(), self.verticalScrollBar().value()
        self.rows_model.set_rows(self._tree(entries) if self.by_base else self._groups(entries))
        if chosen is not None:
            self.choose_id(chosen.model.id)
        if self.chosen() is None and entries:
            self.choose(self.rows_model.rows()[0])
        self.verticalScrollBar().setValue(place)

    def shown_count(self) -> int:
        """How many models are shown."""
        return sum(isinstance(row, Entry) for row in self.rows_model.rows())

    def _tree(self, entries: Sequence[Entry]) -> list[Entry | Group]:
        found = tree(entries)
        self._depths = {entry.model.id: depth for entry, depth in found}
        return [entry for entry, _ in found]

    def _groups(self, entries: Sequence[Entry]) -> list[Entry | Group]:
        self._depths = {}
        mine = [entry for entry in entries if entry.mine]
        bases = [entry for entry in entries if not entry.mine and entry.model.kind == "base"]
        served = [entry for entry in entries if entry.model.kind == "server"]
        rest = [entry for entry in entries if not entry.mine and entry.model.kind not in ("base", "server")]
        rows: list[Entry | Group] = []
        for title, part in (
            (self.tr("Trained by me"), mine),
            (self.tr("Adapters and reward models from elsewhere"), rest),
            (self.tr("Bases"), bases),
            (self.tr("Behind servers"), served),
        ):
            rows += [Group(title), *part] if part else []
        return rows

    def choose_id(self, model_id: str) -> bool:
        """Choose a model by its id, and say whether it is shown."""
        for entry in self.rows_model.rows():
            if entry.model.id == model_id:
                self.choose(entry)
                return True
        return False

    # -- cells

    def _name(self, entry: Entry) -> Cell:
        token = "text2" if entry.model.kind in ("base", "server") else "s1"
        depth = self._depths.get(entry.model.id, 0)
        about = {"icon": words.icon_of(entry.model), "icon_tone": token, "depth": depth}
        return Cell(entry.model.name, words.summary(entry), **about)

    def _disk(self, entry: Entry) -> Cell:
        if not entry.model.size_bytes:
            return Cell("\u2013", tone="text3")
        size = figures.size(entry.model.size_bytes)
        return Cell(f"+ {size}" if entry.model.kind != "base" else size, tone="text2")

    def _needed(self, entry: Entry) -> int:
        memory = entry.memory(self.room.bytes_each)
        return memory.total if memory else 0

    def _memory(self, entry: Entry) -> Cell:
        if entry.model.kind == "server":
            return Cell(self.tr("not needed"), tone="text3")
        needed, room = self._needed(entry), self.room
        if not needed:
            return Cell("\u2013", tone="text3")
        if not room.total:
            return Cell(figures.size(needed))
        token = "s1" if needed <= room.free or self._state_of(entry) == "loaded" else "warn"
        token = "bad" if needed > room.total else token
        tone = "bad" if token == "bad" else "text"
        return Cell(figures.size(needed), bar=(min(1.0, needed / room.total), token), tone=tone)

    def _state(self, entry: Entry) -> Cell:
        state = self._state_of(entry)
        text = self.state_text(state)
        if state == "loaded":
            return Cell(text, dot=("good", False))
        if state == "loading":
            return Cell(text, dot=("accentText", False), tone="accent")
        if state == "missing":
            return Cell(text, dot=("bad", False), tone="bad")
        if state == "reachable":
            return Cell(text, dot=("good", False))
        return Cell(text, dot=("text3", True), tone="text2")

    def state_text(self, state: str) -> str:
        """A state in words."""
        texts = {
            "loaded": self.tr("Loaded"),
            "loading": self.tr("Loading"),
            "missing": self.tr("Files missing"),
            "reachable": self.tr("Reachable"),
            "unreachable": self.tr("Not reachable"),
            "unasked": self.tr("Not asked yet"),
        }
        return texts.get(state, self.tr("Ready"))

    def _used(self, entry: Entry) -> Cell:
        return Cell(words.moment(entry.last_used), tone="text3")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column, width in LEAVING:
            self.setColumnHidden(column, self.width() < width)
