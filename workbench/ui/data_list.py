"""The middle of Data: tabs, what is listed and narrowed by what, the table, what can be done to what is chosen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..store import Store
from ..store.backups import all_of
from ..store.filtering import Filter
from ..store.store import DATABASE
from .data_table import EntriesModel, EntriesTable
from .data_tabs import FilterTabs
from .data_words import tr, when
from .figures import count, size
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

HELD = ("used_by", "ids", "prompt_ids", "response_ids", "guideline")


class ListView(QWidget):
    """Shows; the pane decides what."""

    aside_wanted = Signal()
    held_dropped = Signal(str)
    tag_wanted = Signal()
    flag_wanted = Signal()
    retract_wanted = Signal()
    order_wanted = Signal(str)
    judges_wanted = Signal(bool)

    def __init__(self, table: EntriesTable, store: Store) -> None:
        super().__init__()
        self.table, self._store = table, store
        self.whole, self.counted, self.title = 0, True, ""
        """How many rows there are at all; whether the list was counted; what rows given by their ids are."""
        self.tabs = FilterTabs()
        lists = [
            Option("judgements", tr("Judgements"), keys="Alt 1"), Option("prompts", tr("Prompts"), keys="Alt 2"),
            Option("answers", tr("Answers"), keys="Alt 3"), Option("runs", tr("Runs"), keys="Alt 4"),
        ]  # fmt: skip
        self.lists = Segmented(lists, tr("What is listed"), "sm")
        self.pages = QStackedWidget()
        self.empty = EmptyState("")
        self.nothing = EmptyState("")
        layout = column(
            self.tabs, Divider(), self._build_top(), Divider(), self.pages, self._build_bar(), Divider(),
            self._build_foot(), spacing=0,
        )  # fmt: skip
        layout.setStretch(4, 1)
        self.setLayout(layout)
        set_region(self, "surface")

    def empty_asks(
        self, bring: Callable[[], object], bring_samples: Callable[[], object], clear: Callable[[], object]
    ) -> None:
        """What an empty list offers."""
        self.empty = EmptyState(
            tr("Your ratings will be here."), tr("Import"), bring, tr("Import the samples"), bring_samples
        )
        self.nothing = EmptyState(tr("Nothing matches."), tr("Show all"), clear)
        for page in (self.table, self.empty, self.nothing):
            self.pages.addWidget(page)

    def _build_top(self) -> QWidget:
        self.total = label("", "strong", tabular=True)
        self.aside = ToggleChip(tr("Not skipped"), "x", "neutral", False)
        self.aside.setToolTip(tr("Show what was skipped, flagged or could not be judged as well"))
        self.aside.clicked.connect(self.aside_wanted)
        self.chips: dict[str, ToggleChip] = {}
        for name in HELD:
            chip = ToggleChip("", "x", "model" if name == "used_by" else "neutral", False)
            chip.clicked.connect(lambda _=False, name=name: self.held_dropped.emit(name))
            chip.hide()
            self.chips[name] = chip
        self.judges = ToggleChip(tr("Judges"), None, "model")
        self.judges.setToolTip(tr("Show what models and rules said, instead of what people said (Shift J)"))
        self.judges.clicked.connect(self.judges_wanted)
        self.judges.hide()
        self.clear = Button(tr("Show all"), kind="ghost", size="sm")
        self.order = QComboBox()
        self.order.setAccessibleName(tr("Order"))
        self.order.activated.connect(lambda place: self.order_wanted.emit(self.order.itemData(place)))
        found = row(self.total, self.aside, *self.chips.values(), None, self.clear, self.order, spacing=8)
        return holding(column(row(self.lists, self.judges, None, spacing=10), found, spacing=7, margins=(12, 7, 12, 7)))

    def _build_bar(self) -> QWidget:
        """What can be done to several rows at once."""
        self.chosen = label("", "strong", tabular=True)
        self.tag = Button(tr("Tag"), icon="tag", size="sm", key="T")
        self.flag = Button(tr("Flag"), icon="flag", size="sm", key="F")
        self.retract = Button(tr("Take back"), icon="undo-2", size="sm", key="Del")
        self.tag.clicked.connect(self.tag_wanted)
        self.flag.clicked.connect(self.flag_wanted)
        self.retract.clicked.connect(self.retract_wanted)
        self.bar = holding(row(self.chosen, None, self.tag, self.flag, self.retract, margins=(12, 6, 12, 6)))
        set_region(self.bar, "panel")
        self.bar.hide()
        return self.bar

    def _build_foot(self) -> QWidget:
        self.place = ElidedLabel("", "small", "text2", Qt.TextElideMode.ElideMiddle)
        self.backup = label("", "small", "text2", tabular=True)
        foot = row(self.place, None, self.backup, margins=(12, 6, 12, 6))
        foot.setStretch(0, 1)
        return holding(foot)

    # --- showing

    def show_total(self, lists: str, shown: int) -> None:
        """How many rows there are, and of how many."""
        self.total.setText(_total_words(lists, shown, max(shown, self.whole), self.counted))
        self.table.setAccessibleName(self.total.text())
        self.clear.setVisible(bool(self.whole) and shown < self.whole)
        self.pages.setCurrentWidget(self.table if shown else self.nothing if self.whole else self.empty)

    def show_aside(self, hides: bool) -> None:
        """Whether what was set aside is left out."""
        self.aside.setVisible(hides)

    def show_held(self, held: Filter) -> None:
        """A chip for all that is asked for without a box in the left panel, and one for judges where there are any."""
        self.judges.setVisible(self.lists.value() == "judgements" and bool(held.judges or self._store.judges.counts()))
        self.judges.setChecked(bool(held.judges))
        for name, chip in self.chips.items():
            value = getattr(held, name)
            chip.setVisible(value is not None)
            if value is not None:
                chip.setText(self._held_words(name, value))
                chip.setAccessibleName(tr("Remove the filter: {what}").format(what=chip.text()))
                chip.updateGeometry()

    def _held_words(self, name: str, value: object) -> str:
        if name == "used_by":
            return tr("Used by {run}").format(run=self._run_name(str(value)))
        if name == "guideline":
            return tr("Without guidelines") if not value else tr("One version of the guidelines")
        amount = count(len(value)) if isinstance(value, tuple) else ""
        if name == "ids":
            return tr("{count} {what}").format(count=amount, what=self.title or tr("rows"))
        one = {"prompt_ids": tr("One prompt"), "response_ids": tr("One answer")}[name]
        many = {"prompt_ids": tr("{count} prompts"), "response_ids": tr("{count} answers")}[name]
        return one if amount == "1" else many.format(count=amount)

    def _run_name(self, run_id: str) -> str:
        try:
            return self._store.runs.find(run_id).name
        except WorkbenchError:  # a saved filter may name a run of another project
            return tr("an unknown run")

    def show_order(self, model: EntriesModel) -> None:
        """The orders that the list knows, and the one it is in."""
        titles = {
            "newest": tr("Newest first"), "oldest": tr("Oldest first"), "kind": tr("By kind"),
            "annotator": tr("By person"), "slowest": tr("Slowest first"), "fastest": tr("Fastest first"),
            "given": tr("Most surprising first"),
        }  # fmt: skip
        known = ["newest", "oldest"]
        if model.lists == "judgements":
            known += ["kind", "annotator", "slowest", "fastest"]
        if model.order not in known:
            known.append(model.order)
        self.order.clear()
        for order in known:
            self.order.addItem(titles[order], order)
        self.order.setCurrentIndex(known.index(model.order))

    def show_chosen(self, amount: int, lists: str) -> None:
        """Offer what can be done when several rows are chosen."""
        self.bar.setVisible(amount > 1 and lists != "runs")
        self.chosen.setText(tr("{count} chosen").format(count=count(amount)))
        self.retract.setVisible(lists == "judgements")

    def show_file(self) -> None:
        """Where everything is, how large that is, and when it was copied last."""
        path = self._store.folder / DATABASE
        amount = sum(part.stat().st_size for part in path.parent.glob(f"{DATABASE}*") if part.is_file())
        self.place.setText(tr("Saved on this computer: {path}, {size}").format(path=path, size=size(amount)))
        copies = all_of(self._store.folder)
        at = when(copies[0].moment.isoformat()) if copies else ""
        self.backup.setText(tr("Backup {when}").format(when=at) if copies else "")


def _total_words(lists: str, shown: int, whole: int, counted: bool) -> str:
    text = {
        "judgements": tr("{shown} of {all} judgements"),
        "prompts": tr("{shown} of {all} prompts"),
        "answers": tr("{shown} of {all} answers"),
        "runs": tr("{shown} of {all} runs"),
    }[lists]
    known = count(shown) if counted else tr("{count} or more").format(count=count(shown))
    return text.format(shown=known, all=count(whole))
