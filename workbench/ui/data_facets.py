"""The left panel of Data: what there is, how much of it, and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QScrollArea, QVBoxLayout, QWidget

from ..feedback import ASIDE
from ..store.browsing import Facets
from .data_table import Filter
from .data_words import kind_title, model_title, person
from .figures import count
from .theme import set_region
from .widgets import Bar, Divider, ElidedLabel, SearchField, SectionLabel, column, holding, label, row

MOST_TAGS = 14
SPLITS = ("train", "held_out")


class FacetRow(QWidget):
    """A value to show or to leave out, its share as a bar, its count."""

    toggled = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QCheckBox()
        self.box.setAccessibleName(text)
        self.box.setFixedWidth(22)
        self.text = ElidedLabel(text, "body")
        self.bar = Bar(text, "human", height=4)
        self.bar.setFixedWidth(40)
        self.count = label("", "small", "text2", tabular=True)
        self.count.setMinimumWidth(28)
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        inside = row(self.box, self.text, self.bar, self.count, spacing=5)
        inside.setStretch(1, 1)
        self.setLayout(inside)
        self.setFixedHeight(24)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.box.toggled.connect(lambda _: self.toggled.emit())

    def show_count(self, number: int, most: int) -> None:
        """The count, and its share of the greatest one of its group."""
        self.count.setText(count(number))
        tone = "ref" if self.text.text().startswith("rule:") else "human"
        self.bar.set_fraction(number / most if most else 0.0, tone)

    def mouseReleaseEvent(self, event: object) -> None:
        self.box.toggle()


class FacetGroup(QWidget):
    """One property. `inclusive`: all are on at first, and turning one off leaves it out; else none is on, and
    turning one on shows only that."""

    changed = Signal()

    def __init__(self, title: str, name: Callable[[str], str], inclusive: bool = True, off: Sequence[str] = ()) -> None:
        super().__init__()
        self._name, self.inclusive, self._off = name, inclusive, set(off)
        self.rows: dict[str, FacetRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.setLayout(column(SectionLabel(title), self._list, 4, Divider(), spacing=4))

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show these values; what a person turned on or off stays so."""
        most = max(counts.values(), default=0)
        if list(counts) != list(self.rows):
            self._rebuild(counts)
        for value, number in counts.items():
            self.rows[value].show_count(number, most)
        self.setVisible(bool(counts))

    def _rebuild(self, counts: Mapping[str, int]) -> None:
        kept = {value: each.box.isChecked() for value, each in self.rows.items()}
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        for value in counts:
            made = FacetRow(self._name(value))
            made.box.setChecked(kept.get(value, self.inclusive and value not in self._off))
            made.toggled.connect(self.changed)
            self.rows[value] = made
            self._list.addWidget(made)

    def chosen(self) -> tuple[str, ...] | None:
        """The values to show; None for all."""
        on = tuple(value for value, each in self.rows.items() if each.box.isChecked())
        everything = len(on) == len(self.rows) if self.inclusive else not on
        return None if everything else on

    def set_all(self) -> None:
        """Show everything."""
        for each in self.rows.values():
            each.box.setChecked(self.inclusive)

    def is_as_at_first(self) -> bool:
        """Whether nothing was turned on or off."""
        return all(
            each.box.isChecked() == (self.inclusive and value not in self._off) for value, each in self.rows.items()
        )


class FacetPanel(QWidget):
    """Search field and facets; `changed` when what is to be shown changed."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = SearchField(self.tr("Search text"), "/")
        self.kinds = FacetGroup(self.tr("Kind"), kind_title, off=ASIDE)
        self.models = FacetGroup(self.tr("Model"), model_title)
        self.people = FacetGroup(self.tr("Who"), person)
        self.splits = FacetGroup(self.tr("Prompts"), self._split_title)
        self.tags = FacetGroup(self.tr("Tags"), str, inclusive=False)
        self.gone = FacetGroup(self.tr("Taken back"), lambda _: self.tr("Show them too"), inclusive=False)
        self.used_by: str | None = None
        self._loading = False
        groups = column(*self.groups(), None, spacing=10, margins=(12, 4, 12, 12))
        body = holding(groups)
        set_region(body, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(body)
        layout = column(row(self.search, margins=(12, 12, 12, 4)), area, spacing=4)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.search.textChanged.connect(lambda _: self._on_change())
        for group in self.groups():
            group.changed.connect(self._on_change)

    def groups(self) -> tuple[FacetGroup, ...]:
        """Every property, from above to below."""
        return self.kinds, self.models, self.people, self.splits, self.tags, self.gone

    def _split_title(self, split: str) -> str:
        return {"train": self.tr("Training"), "held_out": self.tr("Held out")}.get(split, split)

    def _on_change(self) -> None:
        if not self._loading:
            self.changed.emit()

    def show_facets(self, facets: Facets) -> None:
        """Show how much there is of everything."""
        self._loading = True
        self.kinds.show_counts(facets.kinds)
        self.models.show_counts(facets.models)
        self.people.show_counts(facets.annotators)
        self.splits.show_counts(facets.splits)
        self.tags.show_counts(dict(list(facets.tags.items())[:MOST_TAGS]))
        self.gone.show_counts({"gone": facets.retracted} if facets.retracted else {})
        self._loading = False

    def filter(self) -> Filter:
        """What is to be shown."""
        splits = self.splits.chosen()
        found = Filter(
            kinds=self.kinds.chosen(),
            annotators=self.people.chosen(),
            models=self.models.chosen(),
            tags=self.tags.chosen(),
            split=None if splits is None else "".join(splits[:1]),
            search=self.search.text(),
            retracted=None if self.gone.chosen() else False,
        )
        return replace(found, used_by=self.used_by)

    def clear(self) -> None:
        """Show everything."""
        self._loading = True
        self.search.clear()
        self.used_by = None
        for group in (self.kinds, self.models, self.people, self.splits, self.tags):
            group.set_all()
        self._loading = False
        self.changed.emit()
