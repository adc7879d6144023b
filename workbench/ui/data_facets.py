"""The left panel of Data: what there is, how much of it, and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QScrollArea, QVBoxLayout, QWidget

from ..feedback import ASIDE
from ..store.filtering import Filter
from .data_words import kind_title, model_title, only_title, person, status_title
from .figures import count
from .theme import set_region
from .widgets import Bar, Divider, ElidedLabel, SearchField, SectionLabel, column, holding, label, row

MOST_ROWS = 14
SHOWN = {
    "judgements": ("kinds", "models", "annotators", "splits", "only", "reasons", "tags", "gone"),
    "prompts": ("judged", "models", "splits", "only", "tags"),
    "answers": ("judged", "models", "splits", "only", "tags"),
    "runs": ("methods", "statuses"),
}
"""The groups of each list, from above to below."""


_HELD = ("used_by", "ids", "prompt_ids", "response_ids", "guideline", "judges")
"""What is asked for without a box."""


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

    def show_count(self, number: int, most: int, by_people: int) -> None:
        """The count, and its share of the greatest one of its group: amber as far as people said it."""
        self.count.setText(count(number))
        self.box.setAccessibleDescription(count(number))
        share = 1 / most if most else 0.0
        parts = [(by_people * share, "human"), ((number - by_people) * share, "ref")]
        self.bar.set_segments([part for part in parts if part[0] > 0] or [(0.0, "ref")])

    def mouseReleaseEvent(self, event: object) -> None:
        self.box.toggle()


class FacetGroup(QWidget):
    """One property. `inclusive`: all are on at first, and turning one off leaves it out; else none is on, and
    turning one on shows only that."""

    changed = Signal()

    def __init__(
        self, title: str, name: Callable[[str], str], inclusive: bool = True, off: Sequence[str] = (), most: int = 999
    ) -> None:
        super().__init__()
        self._name, self.inclusive, self._off, self._most = name, inclusive, set(off), most
        self.rows: dict[str, FacetRow] = {}
        self._wanted: set[str] | None = None
        self._all = False
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.setLayout(column(SectionLabel(title), self._list, 4, Divider(), spacing=4))

    def show_counts(self, counts: Mapping[str, int], by_people: Mapping[str, int]) -> None:
        """Show these values; what a person turned on or off stays so."""
        chosen = set(self.chosen() or ()) if not self.inclusive else set()
        kept = dict(list(counts.items())[: self._most])
        kept |= {value: counts.get(value, 0) for value in sorted(chosen | (self._wanted or set())) if value in counts}
        most = max(kept.values(), default=0)
        if list(kept) != list(self.rows):
            self._rebuild(kept)
        for value, number in kept.items():
            self.rows[value].show_count(number, most, by_people.get(value, 0))
        self.setVisible(bool(kept))

    def _rebuild(self, counts: Mapping[str, int]) -> None:
        kept = {value: each.box.isChecked() for value, each in self.rows.items()}
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        for value in counts:
            made = FacetRow(self._name(value))
            made.box.setChecked(kept.get(value, self._at_first(value)))
            made.toggled.connect(self._on_toggle)
            self.rows[value] = made
            self._list.addWidget(made)

    def _on_toggle(self) -> None:
        self._wanted = None
        self.changed.emit()

    def _at_first(self, value: str) -> bool:
        """Whether a value is on before anybody touches it: as a filter asked for, or as usual."""
        if self._wanted is not None:
            return value in self._wanted
        return self.inclusive and (self._all or value not in self._off)

    def chosen(self) -> tuple[str, ...] | None:
        """The values to show; None for all."""
        if self._wanted is not None:
            return tuple(sorted(self._wanted))
        on = tuple(value for value, each in self.rows.items() if each.box.isChecked())
        everything = len(on) == len(self.rows) if self.inclusive else not on
        return None if everything else on

    def show_chosen(self, values: Sequence[str] | None) -> None:
        """Turn on these alone, also values that are not there yet; None for how it is at first."""
        self._wanted, self._all = None if values is None else set(values), False
        for value, each in self.rows.items():
            each.box.blockSignals(True)
            each.box.setChecked(self._at_first(value))
            each.box.blockSignals(False)

    def set_all(self) -> None:
        """Show everything, also values that are not there yet."""
        self._wanted, self._all = None, True
        for each in self.rows.values():
            each.box.setChecked(self.inclusive)

    def is_as_at_first(self) -> bool:
        """Whether nothing was turned on or off."""
        if self._wanted is not None or (self._all and not self.rows):
            return False
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
        self.tags = FacetGroup(self.tr("Tags"), str, inclusive=False, most=MOST_ROWS)
        self.reasons = FacetGroup(self.tr("Reasons"), str, inclusive=False, most=MOST_ROWS)
        self.only = FacetGroup(self.tr("Only"), only_title, inclusive=False)
        self.gone = FacetGroup(self.tr("Taken back"), lambda _: self.tr("Show them too"), inclusive=False)
        self.judged = FacetGroup(self.tr("Judged"), self._judged_title)
        self.methods = FacetGroup(self.tr("Method"), str)
        self.statuses = FacetGroup(self.tr("State"), status_title)
        self.lists = "judgements"
        self.held = Filter()
        """What is asked for without a box of its own: rows by id, by run, by guidelines."""
        self._groups = {
            "kinds": self.kinds, "models": self.models, "annotators": self.people, "splits": self.splits,
            "only": self.only, "reasons": self.reasons, "tags": self.tags, "gone": self.gone,
            "judged": self.judged, "methods": self.methods, "statuses": self.statuses,
        }  # fmt: skip
        self._loading = False
        self._build()

    def _build(self) -> None:
        order = ("judged", "kinds", "models", "annotators", "methods", "statuses", "splits", "only", "reasons", "tags")
        groups = column(*(self._groups[name] for name in order), self.gone, None, spacing=10, margins=(12, 4, 12, 12))
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
        for group in self._groups.values():
            group.changed.connect(self._on_change)

    def groups(self) -> tuple[FacetGroup, ...]:
        """Every property of the list that is shown."""
        return tuple(self._groups[name] for name in SHOWN[self.lists])

    def _split_title(self, split: str) -> str:
        return {"train": self.tr("Training"), "held_out": self.tr("Held out")}.get(split, split)

    def _judged_title(self, judged: str) -> str:
        return self.tr("Judged") if judged == "judged" else self.tr("Never judged")

    def _on_change(self) -> None:
        if not self._loading:
            self.changed.emit()

    def show_facets(
        self, lists: str, facets: Mapping[str, Mapping[str, int]], rules: Mapping[str, Mapping[str, int]]
    ) -> None:
        """Show how much there is of everything. rules: how much of it rules said and not people."""
        self._loading = True
        self.lists = lists
        for name, group in self._groups.items():
            counts = facets.get(name, {}) if name in SHOWN[lists] else {}
            by_rules = rules.get(name, {})
            said = {value: number - by_rules.get(value, 0) for value, number in counts.items()}
            group.show_counts(counts, said if lists == "judgements" else {})
        self._loading = False

    def filter(self) -> Filter:
        """What is to be shown."""
        shown = SHOWN[self.lists]

        def chosen(name: str) -> tuple[str, ...] | None:
            return self._groups[name].chosen() if name in shown else None

        splits, judged = chosen("splits"), chosen("judged")
        as_usual = "kinds" in shown and self.kinds.is_as_at_first()
        exact = self.held.used_by is not None or self.held.ids is not None  # whatever was taken back since
        return replace(
            self.held,
            kinds=None if as_usual else chosen("kinds"),
            aside=exact or not as_usual,
            annotators=chosen("annotators"),
            models=chosen("models"),
            tags=chosen("tags"),
            reasons=chosen("reasons"),
            only=chosen("only") or (),
            methods=chosen("methods"),
            statuses=chosen("statuses"),
            split=None if splits is None else "".join(splits[:1]),
            judged=None if judged is None or len(judged) != 1 else judged[0] == "judged",
            search=self.search.text(),
            retracted=True if self.held.retracted else None if exact or chosen("gone") else False,
        )

    def show_filter(self, wanted: Filter) -> None:
        """Ask for this, as if a person had turned boxes on and off."""
        self._loading = True
        self.search.setText(wanted.search)
        splits = None if wanted.split is None else (wanted.split,)
        judged = None if wanted.judged is None else ("judged" if wanted.judged else "open",)
        for group, values in (
            (self.models, wanted.models), (self.people, wanted.annotators), (self.splits, splits),
            (self.tags, wanted.tags), (self.reasons, wanted.reasons), (self.only, wanted.only or None),
            (self.judged, judged), (self.methods, wanted.methods), (self.statuses, wanted.statuses),
            (self.gone, ("gone",) if wanted.retracted is None else None), (self.kinds, wanted.kinds),
        ):  # fmt: skip
            group.show_chosen(values)
        if wanted.kinds is None and wanted.aside:
            self.kinds.set_all()
        usual = Filter()
        self.held = replace(
            usual,
            **{name: getattr(wanted, name) for name in _HELD},
            retracted=bool(wanted.retracted),
        )
        self._loading = False
        self.changed.emit()

    def clear(self) -> None:
        """Show everything."""
        self._loading = True
        self.search.clear()
        self.held = Filter()
        for name, group in self._groups.items():
            if name != "gone":
                group.set_all()
        self._loading = False
        self.changed.emit()
