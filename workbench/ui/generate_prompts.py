"""The list at the left of Generate: which prompts, how many answers each has, and bringing in more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QComboBox, QFrame, QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ..store import Prompt, Store, saved_filters
from ..store.filtering import of_prompts
from ..store.task_templates import templates
from . import figures, icons
from .rows import Index
from .theme import font, set_region, text_scale, theme
from .widgets import Bar, Button, SearchField, column, holding, label, row
from .widgets.meters import paint_ring
from .widgets.painting import box, ring

ID = Qt.ItemDataRole.UserRole + 1
TYPED = "typed"
"""Source of prompts that were written in this pane."""
HERE = (TYPED, "task", "documents", "pasted")
"""Sources of all that a person has made here, but conversations."""
CHAT = "chat"
"""Source of prompts that are turns of a conversation from here."""


@dataclass(frozen=True)
class Filter:
    """Which prompts: all, one split, one tag, those typed here, turns of conversations from here, or a set of `ids`: of
    a task, or of a saved filter."""

    kind: str = "all"
    value: str = ""
    ids: frozenset[str] = field(default=frozenset(), compare=False)

    def holds(self, prompt: Prompt) -> bool:
        """Whether a prompt belongs to it."""
        if self.kind == "split":
            return prompt.split == self.value
        if self.kind == "tag":
            return self.value in prompt.tags
        if self.kind in ("task", "saved"):
            return prompt.id in self.ids
        if self.kind == CHAT:
            return prompt.source == CHAT
        return self.kind == "all" or prompt.source in HERE


def headline(prompt: Prompt) -> str:
    """What tells a prompt from others of its kind: of a question its words, and not the passages it was given."""
    if prompt.source == "documents":
        asked = prompt.text.rpartition("\n\n")[2]
        return asked.partition(": ")[2] or asked
    if prompt.source == "translation":
        return prompt.text.partition("\n\n")[2] or prompt.text
    return prompt.text


def sets(store: Store) -> list[tuple[Filter, str]]:
    """The prompts of each task that has some, and what saved filters of prompts show, with their names."""
    made = store.fillings.counts()
    found = [
        (Filter("task", each.id, frozenset(item.prompt_id for item in store.fillings.of_template(each.id))), each.title)
        for each in templates(store)
        if made.get(each.id)
    ]
    for saved in saved_filters.saved(store):
        if saved.lists == "prompts":
            where = of_prompts(store, saved.filter)
            rows = store.rows(f"SELECT p.id FROM prompts p WHERE {where.sql}", where.params)
            found.append((Filter("saved", saved.id, frozenset(row["id"] for row in rows)), saved.name))
    return found


def answer_counts(store: Store) -> dict[str, int]:
    """How many answers each prompt has."""
    return {
        row["prompt_id"]: row["n"]
        for row in store.rows("SELECT prompt_id, COUNT(*) AS n FROM responses GROUP BY prompt_id")
    }


class PromptsModel(QAbstractListModel):
    """Prompts as rows, each done (it has answers), running, or waiting."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompts: list[Prompt] = []
        self.counts: dict[str, int] = {}
        self.running: set[str] = set()
        self._places: dict[str, int] = {}

    def set_prompts(self, prompts: Sequence[Prompt], counts: Mapping[str, int]) -> None:
        """Show these prompts."""
        self.beginResetModel()
        self.prompts, self.counts = list(prompts), dict(counts)
        self._places = {prompt.id: place for place, prompt in enumerate(self.prompts)}
        self.endResetModel()

    def set_count(self, prompt_id: str, count: int) -> None:
        """Change how many answers a prompt has."""
        self.counts[prompt_id] = count
        self._tell(prompt_id)

    def set_running(self, prompt_ids: set[str]) -> None:
        """Mark the prompts that are being answered."""
        before, self.running = self.running, prompt_ids
        for each in before ^ prompt_ids:
            self._tell(each)

    def _tell(self, prompt_id: str) -> None:
        place = self.place_of(prompt_id)
        if place >= 0:
            self.dataChanged.emit(self.index(place), self.index(place))

    def place_of(self, prompt_id: str) -> int:
        """Where a prompt stands, -1 if it is not shown."""
        return self._places.get(prompt_id, -1)

    def state(self, prompt: Prompt) -> str:
        """done, running or waiting."""
        if prompt.id in self.running:
            return "running"
        return "done" if self.counts.get(prompt.id) else "waiting"

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.prompts)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        prompt = self.prompts[index.row()]
        if role == ID:
            return prompt.id
        if role == Qt.ItemDataRole.DisplayRole:
            return headline(prompt)
        if role == Qt.ItemDataRole.ToolTipRole:
            return None if len(prompt.text) < 40 else prompt.text[:600].replace("<", "\u2039")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(prompt)
        return None

    def _spoken(self, prompt: Prompt) -> str:
        words = {"done": self.tr("done"), "running": self.tr("running"), "waiting": self.tr("waiting")}
        pattern = self.tr("{prompt}, {state}, {count} answers")
        count = figures.count(self.counts.get(prompt.id, 0))
        return pattern.format(prompt=headline(prompt)[:200], state=words[self.state(prompt)], count=count)


class _PromptDelegate(QStyledItemDelegate):
    """A mark of the state, one line of text, the number of answers."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, round(36 * max(1.0, text_scale())))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        view, model = self.parent(), index.model()
        assert isinstance(view, PromptList) and isinstance(model, PromptsModel)
        painter.save()
        on, rect = theme(), QRectF(option.rect).adjusted(0, 1, 0, -1)  # type: ignore[attr-defined]
        chosen = view.currentIndex() == index
        hovered = view.indexAt(view.viewport().mapFromGlobal(view.cursor().pos())) == index and view.underMouse()
        if chosen or hovered:
            box(painter, rect, 6, on.color("selected" if chosen else "hover"))
        prompt = model.prompts[index.row()]
        state, count = model.state(prompt), model.counts.get(prompt.id, 0)
        self._paint_mark(painter, rect, state)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font("small", tabular=True))
        painter.setPen(on.color("text2"))
        if count:
            painter.drawText(rect.adjusted(0, 0, -10, 0), middle | Qt.AlignmentFlag.AlignRight, figures.count(count))
        face = font("strong" if chosen else "body")
        painter.setFont(face)
        painter.setPen(on.color("text2" if state == "waiting" and not chosen else "text"))
        room = rect.adjusted(32, 0, -38, 0)
        flat = " ".join(headline(prompt)[:300].split())
        shown = QFontMetricsF(face).elidedText(flat, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle | Qt.TextFlag.TextSingleLine, shown)
        if chosen and view.hasFocus() and view.property("kbfocus"):
            ring(painter, rect, 6)
        painter.restore()

    def _paint_mark(self, painter: QPainter, rect: QRectF, state: str) -> None:
        y = rect.center().y()
        if state == "done":
            icons.paint(painter, "check", "good", round(rect.x() + 9), round(y - 7), 14)
        elif state == "running":
            paint_ring(painter, QRectF(rect.x() + 9, y - 7, 14, 14), 0.4)
        else:
            mark = QRectF(rect.x() + 12.5, y - 3.5, 7, 7)
            box(painter, mark, 3.5, None, theme().color("text3"), 1.4)


class PromptList(QListView):
    """The prompts to pick from."""

    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Prompts"))
        self.rows = PromptsModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_PromptDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        set_region(self, "panel")
        set_region(self.viewport(), "panel")
        self.selectionModel().currentChanged.connect(self._pick)

    def _pick(self, current: QModelIndex, previous: QModelIndex) -> None:
        if current.isValid():
            self.picked.emit(current.data(ID))

    def current_id(self) -> str:
        """The id of the prompt that is picked, "" for none."""
        return self.currentIndex().data(ID) or ""

    def choose(self, prompt_id: str) -> bool:
        """Pick a prompt, and say whether it is in the list."""
        place = self.rows.place_of(prompt_id)
        if place >= 0:
            self.setCurrentIndex(self.rows.index(place))
        return place >= 0

    def mark(self, prompt_id: str) -> None:
        """Show which prompt it is about, or that it is none (""), without picking it."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self.rows.index(self.rows.place_of(prompt_id)))

    def step(self, by: int) -> None:
        """Pick the next (1) or the previous (-1) one."""
        place = self.currentIndex().row() + by
        if 0 <= place < self.rows.rowCount():
            self.setCurrentIndex(self.rows.index(place))

    def point_of(self, place: int) -> QPoint:
        """The middle of a row, for a click."""
        return self.visualRect(self.rows.index(place)).center()


class PromptsPanel(QWidget):
    """Filter, search field, list, progress, and the buttons under it."""

    picked = Signal(str)

    def __init__(self, store: Store, buttons: Sequence[Button], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._all: list[Prompt] = []
        self._counts: dict[str, int] = {}
        self._only = ""
        self.filter = QComboBox()
        self.filter.setAccessibleName(self.tr("Prompt set"))
        self.filter.setMinimumContentsLength(12)
        self.filter.currentIndexChanged.connect(lambda place: self._show())
        self.search = SearchField(self.tr("Find a prompt"))
        self.search.textChanged.connect(lambda text: self._show())
        self.list = PromptList()
        self.list.picked.connect(self.picked)
        self.nothing = label("", "small", "text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.nothing.setContentsMargins(10, 8, 10, 0)
        self.progress_text = label("", "small", "text2", tabular=True)
        self.progress = Bar(self.tr("Prompts with answers"))
        self._progress_row = holding(row(self.progress_text, self.progress, spacing=10))
        self._head = row(self.filter, spacing=8)
        self._head.setStretch(0, 1)
        top = column(self._head, self.search, self.list, self.nothing, spacing=8)
        top.setStretch(2, 1)
        top.setStretch(3, 1)
        self._foot = column(spacing=0)
        under = row(*buttons, None, spacing=8)
        layout = column(top, self._progress_row, under, self._foot, spacing=8, margins=(10, 12, 10, 12))
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def add_parts(self, beside_filter: QWidget, foot: QWidget) -> None:
        """Put a button beside the filter, and something under the list."""
        self._head.addWidget(beside_filter, 0, Qt.AlignmentFlag.AlignRight)
        self._foot.addWidget(foot)

    def refresh(self) -> None:
        """Read prompts and counts again, keeping filter and choice."""
        self._all, self._counts = self._store.prompts.list(), answer_counts(self._store)
        self._fill_filter()
        self._show()

    def refresh_counts(self) -> None:
        """Read only the counts again."""
        self._counts = answer_counts(self._store)
        self.list.rows.counts = dict(self._counts)
        self.list.viewport().update()
        self._show_progress()

    def count_one(self, prompt_id: str) -> None:
        """One more answer to a prompt."""
        self._counts[prompt_id] = self._counts.get(prompt_id, 0) + 1
        self.list.rows.set_count(prompt_id, self._counts[prompt_id])
        self._show_progress()

    def show_only(self, kind: str) -> None:
        """Show nothing but what was typed before, alone ("typed") or in conversations ("chat"); "" shows sets."""
        self._only = kind
        self.filter.setVisible(not kind)
        self._progress_row.setVisible(not kind)
        self._show()

    def _fill_filter(self) -> None:
        kept = self.filter.currentData()
        options = [(Filter(), self.tr("All prompts"))]
        options.append((Filter("split", "train"), self.tr("To train on")))
        options.append((Filter("split", "held_out"), self.tr("Held out")))
        options.append((Filter("typed"), self.tr("Typed here")))
        options.append((Filter(CHAT), self.tr("Conversations")))
        options += sets(self._store)
        options += [(Filter("tag", tag), tag) for tag in self._store.prompts.tags()]
        self.filter.blockSignals(True)
        self.filter.clear()
        for each, text in options:
            number = sum(1 for prompt in self._all if each.holds(prompt))
            if number or each.kind == "all":
                pattern = self.tr("{name} ({count})")
                self.filter.addItem(pattern.format(name=text, count=figures.count(number)), each)
        self.filter.setCurrentIndex(max(0, self._place_of(kept)))
        self.filter.blockSignals(False)

    def _place_of(self, wanted: Filter | None) -> int:
        return next((i for i in range(self.filter.count()) if self.filter.itemData(i) == wanted), -1)

    def set_filter(self, wanted: Filter) -> None:
        """Choose a set of prompts."""
        self.filter.setCurrentIndex(max(0, self._place_of(wanted)))

    def _show(self) -> None:
        kept = self.list.current_id()
        within = Filter(self._only) if self._only else self.filter.currentData() or Filter()
        wanted = self.search.text().lower().split()
        shown = [
            prompt
            for prompt in self._all
            if within.holds(prompt)
            and (not wanted or all(word in f"{prompt.text} {prompt.system}".lower() for word in wanted))
        ]
        # Beside a field to type in, a list that is read again picks nothing: it would take the place of what is typed.
        quiet = QSignalBlocker(self.list) if self._only else None
        self.list.rows.set_prompts(shown, self._counts)
        self.list.setVisible(bool(shown))
        self.nothing.setVisible(not shown)
        self.nothing.setText(self._why_nothing())
        if not self.list.choose(kept) and shown and not self._only:
            self.list.choose(shown[0].id)
        del quiet
        self._show_progress()

    def _why_nothing(self) -> str:
        if self._only and not any(Filter(self._only).holds(prompt) for prompt in self._all):
            if self._only == CHAT:
                return self.tr("What you say in conversations will be listed here.")
            return self.tr("Prompts that you type will be listed here.")
        return self.tr("No prompt fits.") if self._all else self.tr("No prompts yet.")

    def _show_progress(self) -> None:
        shown = self.list.rows.prompts
        done = sum(1 for prompt in shown if self._counts.get(prompt.id))
        text = self.tr("{done} of {all} done")
        self.progress_text.setText(text.format(done=figures.count(done), all=figures.count(len(shown))))
        self.progress.set_fraction(done / len(shown) if shown else 0.0)

    def waiting(self) -> list[str]:
        """Ids of the prompts in the list that have no answers yet, in order."""
        return [prompt.id for prompt in self.list.rows.prompts if not self._counts.get(prompt.id)]

    def has_prompts(self) -> bool:
        """Whether the project has any prompt."""
        return bool(self._all)
