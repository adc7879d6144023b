"""The right panel of Generate: how answers are drawn, how many, and by which models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QWidget

from ..jobs.tasks.generate import Options
from ..methods.base import knobs
from ..store import Model
from .theme import set_region
from .widgets import (
    Button,
    Divider,
    ElidedLabel,
    KeyHint,
    Option,
    Segmented,
    SliderField,
    StatusDot,
    Switch,
    WholeField,
    column,
    holding,
    label,
    row,
)

PRESETS = {"exact": (0.0, 1.0), "balanced": (0.8, 0.95), "varied": (1.1, 1.0)}
"""Temperature and top-p of each preset."""

DOTS = ("s1", "s3", "s4", "s5")


@dataclass(frozen=True)
class Sampling:
    """How one column draws its answers; the fields of lm.generating.Sampler that a person sets."""

    temperature: float = Options.temperature
    top_p: float = Options.top_p
    top_k: int = Options.top_k
    min_p: float = Options.min_p
    repetition_penalty: float = Options.repetition_penalty
    max_new_tokens: int = Options.max_new_tokens

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as a request wants it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Sampling:
        """What was kept, without names that this version does not know."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    def preset(self) -> str:
        """The preset that these values are, "" for none."""
        return next((name for name, pair in PRESETS.items() if pair == (self.temperature, self.top_p)), "")


class SamplingPanel(QScrollArea):
    """Sampling for all columns or for one; `changed` after each change, `column_wanted` to add one."""

    changed = Signal()
    column_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._columns: list[Sampling] = [Sampling()]
        self._texts = {each.name: each for each in knobs(Options)}
        inside = holding(column(*self._top(), Divider(), *self._middle(), Divider(), *self._bottom(), None, spacing=10,
                                margins=(16, 10, 16, 12)))  # fmt: skip
        set_region(inside, "panel")
        self.setWidget(inside)
        self._show()

    # -- building

    def _top(self) -> list[Any]:
        self.scope = QComboBox()
        self.scope.setAccessibleName(self.tr("Sampling of"))
        self.scope.addItem(self.tr("All columns"), -1)
        self.scope.currentIndexChanged.connect(lambda place: self._show())
        self.presets = Segmented(
            [
                Option("exact", self.tr("Exact")),
                Option("balanced", self.tr("Balanced")),
                Option("varied", self.tr("Varied")),
            ],
            self.tr("Preset"),
        )
        self.presets.changed.connect(self._on_preset)
        self.fields = {
            "temperature": self._slider("temperature", self.tr("Temperature"), 0, 2, 0.05),
            "top_p": self._slider("top_p", self.tr("Top-p"), 0.01, 1, 0.01),
            "top_k": self._slider("top_k", self.tr("Top-k"), 0, 200, 1, 0),
            "min_p": self._slider("min_p", self.tr("Min-p"), 0, 1, 0.01),
            "repetition_penalty": self._slider("repetition_penalty", self.tr("Repetition penalty"), 0.5, 2, 0.05),
            "max_new_tokens": self._slider("max_new_tokens", self.tr("Longest answer"), 1, 1024, 1, 0),
        }
        head = row(label(self.tr("Sampling"), "head"), None, self.scope)
        return [head, row(self.presets, None), column(*self.fields.values(), spacing=0)]

    def _slider(self, name: str, text: str, low: float, high: float, step: float, decimals: int = 2) -> SliderField:
        field = SliderField(text, low, high, getattr(Sampling(), name), step, decimals, self._texts[name].text)
        field.changed.connect(lambda value: self._on_value(name, value))
        return field

    def _middle(self) -> list[Any]:
        self.samples = self._number(self.tr("Samples a prompt"), Options.samples, 1, 64)
        self.seed = self._number(self.tr("Seed"), Options.seed, 0, 2**31 - 1)
        self.seed.setToolTip(self._texts["seed"].text)
        self.same_seed = Switch(self.tr("Same seed in every column"))
        self.same_seed.setChecked(True)
        self.same_seed.setToolTip(self.tr("A difference then comes from the model, not from luck."))
        self.same_seed.toggled.connect(lambda on: self.changed.emit())
        self.reward = QComboBox()
        self.reward.setAccessibleName(self.tr("Score with"))
        self.reward.currentIndexChanged.connect(lambda place: self.changed.emit())
        self.shade = Switch(self.tr("Shade words by chance"))
        self.shade.setToolTip(self.tr("The darker a word, the less likely its model found it."))
        self._reward_label = label(self.tr("Score with"), "small", "text2")
        self._same_label = label(self.tr("Same seed in every column"), "small", "text2")
        return [
            row(label(self.tr("Samples a prompt"), "small", "text2"), None, self.samples),
            row(label(self.tr("Seed"), "small", "text2"), None, self.seed),
            row(self._same_label, None, self.same_seed),
            column(self._reward_label, self.reward, spacing=5),
            row(label(self.tr("Shade words by chance"), "small", "text2"), KeyHint("P"), None, self.shade, spacing=6),
        ]

    def _number(self, name: str, value: int, low: int, high: int) -> WholeField:
        field = WholeField(name, dense=True)
        field.setRange(low, high)
        field.setValue(value)
        field.setAlignment(Qt.AlignmentFlag.AlignRight)
        field.setFixedWidth(104 if high > 9999 else 72)
        field.valueChanged.connect(lambda number: self.changed.emit())
        return field

    def _bottom(self) -> list[Any]:
        self._list = column(spacing=8)
        self.add_button = Button(self.tr("Add column"), "plus", size="sm")
        self.add_button.clicked.connect(self.column_wanted)
        self.note = label("", "small", "text2", wrap=True)
        well = QFrame()
        well.setLayout(column(self.note, margins=(10, 8, 10, 8)))
        set_region(well, "sunken")
        self._note_well = well
        return [label(self.tr("Columns"), "head"), self._list, row(self.add_button, None), well]

    # -- values

    def column_sampling(self, place: int) -> Sampling:
        """How a column draws."""
        return self._columns[place] if place < len(self._columns) else self._columns[-1]

    def set_columns(self, names: Sequence[tuple[str, str]], samplings: Sequence[Sampling], note: str) -> None:
        """Show the columns: (colour token, name) of each, how each draws, and a note about their memory."""
        self._columns = list(samplings) or [Sampling()]
        kept = self.scope.currentIndex()
        self.scope.blockSignals(True)
        self.scope.clear()
        self.scope.addItem(self.tr("All columns"), -1)
        for place in range(len(names)):
            self.scope.addItem(self.tr("Column {number}").format(number=place + 1), place)
        self.scope.setCurrentIndex(kept if 0 <= kept <= len(names) else 0)
        self.scope.blockSignals(False)
        self.scope.setVisible(len(names) > 1)
        self._same_label.setVisible(len(names) > 1)
        self.same_seed.setVisible(len(names) > 1)
        self._fill_list(names)
        self.note.setText(note)
        self._note_well.setVisible(bool(note))
        self._show()

    def _fill_list(self, names: Sequence[tuple[str, str]]) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for token, name in names:
            line = row(StatusDot(token), ElidedLabel(name, "small"), spacing=8)
            line.setStretch(1, 1)
            self._list.addWidget(holding(line))

    def set_rewards(self, models: Sequence[Model]) -> None:
        """Offer these reward models."""
        kept = self.reward.currentData()
        self.reward.blockSignals(True)
        self.reward.clear()
        self.reward.addItem(self.tr("No reward model"), None)
        for model in models:
            self.reward.addItem(model.name, model.id)
        self.reward.setCurrentIndex(max(0, self.reward.findData(kept) if kept else 0))
        self.reward.blockSignals(False)
        self.reward.setVisible(bool(models))
        self._reward_label.setVisible(bool(models))

    def reward_id(self) -> str | None:
        """The reward model to score with, if one is chosen."""
        return self.reward.currentData()

    def set_reward(self, model_id: str) -> None:
        """Choose a reward model."""
        self.reward.setCurrentIndex(max(0, self.reward.findData(model_id)))

    def seed_of(self, place: int) -> int:
        """The seed of a column's first answer; each further answer takes the next one."""
        apart = 0 if self.same_seed.isChecked() else place * self.samples.value()
        return self.seed.value() + apart

    def take_new_seeds(self) -> None:
        """Move on to seeds that were not used, so that writing again gives other answers."""
        columns = 1 if self.same_seed.isChecked() else len(self._columns)
        self.seed.setValue((self.seed.value() + self.samples.value() * columns) % self.seed.maximum())

    # -- changes

    def _reached(self) -> list[int]:
        place = self.scope.currentData()
        return list(range(len(self._columns))) if place is None or place < 0 else [place]

    def _show(self) -> None:
        sampling = self._columns[self._reached()[0]]
        for name, field in self.fields.items():
            field.set_value(getattr(sampling, name))
        self._show_preset(sampling.preset())

    def _show_preset(self, name: str) -> None:
        if name:
            self.presets.set_value(name)
            return
        group = self.presets.button("exact").group()  # values of one's own: no preset is on
        group.setExclusive(False)
        for each in PRESETS:
            self.presets.button(each).setChecked(False)
        group.setExclusive(True)

    def _on_preset(self, name: str) -> None:
        temperature, top_p = PRESETS[name]
        self._set(temperature=temperature, top_p=top_p)
        self._show()

    def _on_value(self, name: str, value: float) -> None:
        whole = name in ("top_k", "max_new_tokens")
        self._set(**{name: round(value) if whole else round(value, 4)})
        self._show_preset(self._columns[self._reached()[0]].preset())

    def _set(self, **values: Any) -> None:
        for place in self._reached():
            self._columns[place] = Sampling(**asdict(self._columns[place]) | values)
        self.changed.emit()
