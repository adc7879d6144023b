"""Does it fit: a model's memory on this machine by part, to write with and for each way of training it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from ..events import Event, Finished
from ..jobs import load_choices, preparing
from ..methods.fitting import PROMPT, Fit, Machine, fits
from ..store import Store
from . import figures, icons, models_machine
from .models_library import Entry
from .theme import set_tone
from .train_estimate import bytes_of, room_of
from .widgets import Bar, Divider, StatusDot, column, holding, label, row
from .work import Refreshing, Steps

PAUSE_MS = 150
PARTS = (("model", "s1"), ("optimiser", "s5"), ("passing", "s3"), ("process", "ref"))
LOOKS = {"fits": ("check", "good"), "tight": ("triangle-alert", "warn"), "too large": ("x", "bad"), "": ("", "text2")}


class FitsSection(QWidget):
    """Rows of ways with bars against the memory there is. The figures are made beside the window."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted: tuple[str, models_machine.Machine | None] | None = None
        self._stale = False
        self._refreshing = Refreshing(folder, self._steps, PAUSE_MS, self)
        self._refreshing.found.connect(self._on_found)
        self._refreshing.failed.connect(lambda error: self._say(f"{error.text} {error.hint}"))
        self.found: Sequence[Fit] = ()
        self.room = label("", "small", "text2", tabular=True)
        self.note = label("", "small", "text2", wrap=True)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        names = {"model": self.tr("Model"), "optimiser": self.tr("Optimiser"),
                 "passing": self.tr("Activations, cache"), "process": self.tr("Libraries")}  # fmt: skip
        marks = [row(StatusDot(token), label(names[part], "micro", "text2"), spacing=5) for part, token in PARTS]
        self._legend = holding(row(*marks, None, spacing=10))
        head = row(label(self.tr("Does it fit"), "head"), None, self.room)
        self.setLayout(column(head, self._grid, self._legend, self.note, Divider(), spacing=8))

    known = Signal(bool)
    """Whether figures are shown."""

    @property
    def busy(self) -> bool:
        """Whether figures are still to come."""
        return self._refreshing.busy

    def show_entry(self, entry: Entry | None, machine: models_machine.Machine | None) -> None:
        """Show how a model fits on a machine; None while that is not known."""
        shown = entry is not None and not entry.missing and entry.model.kind != "reward" and entry.writes
        self.setVisible(shown)
        if not shown or entry is None:
            self.known.emit(False)
            return
        self._wanted, self._stale = (entry.model.id, machine), True
        self._ask()

    def _ask(self) -> None:
        if self._stale and self.isVisible() and self._wanted and self._wanted[1] is not None:
            self._stale = False
            self._refreshing.want()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    def _steps(self) -> Steps:
        wanted = self._wanted
        assert wanted is not None

        def steps(store: Store) -> Iterator[Event]:
            yield Finished({"wanted": wanted, **_figures(store, *wanted)})

        return steps

    def _on_found(self, found: dict[str, Any]) -> None:
        if found["wanted"] == self._wanted:
            self.show_fits(found["fits"], found["machine"])

    def show_fits(self, found: Sequence[Fit], machine: Machine) -> None:
        """Draw the rows."""
        self.found = found
        self._clear()
        text = self.tr("{total} in all, {free} free now")
        self.room.setText(text.format(total=figures.size(machine.total), free=figures.size(machine.free)))
        for fit in found:
            self._add(fit, machine)
        self._legend.setVisible(bool(found))
        said = self.tr("With prompts and answers of {count} tokens each, and each method's usual settings.")
        unknown = self.tr("Its files do not tell its shape, so this is not known.")
        self.note.setText(said.format(count=figures.count(PROMPT)) if found else unknown)
        self.known.emit(bool(found))

    def _say(self, text: str) -> None:
        self._clear()
        self._legend.hide()
        self.note.setText(text)

    def _clear(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _add(self, fit: Fit, machine: Machine) -> None:
        line = self._grid.rowCount()
        icon, tone = LOOKS[fit.verdict]
        name, reason = self._name(fit.way), self.reason(fit)
        bar = Bar(self.tr("{way}: {reason}").format(way=name, reason=reason))
        most = max(machine.total, 1)
        bar.set_segments([(fit.parts.get(part, 0) / most, token) for part, token in PARTS])
        size = label(figures.size(fit.total), "small", tone if fit.over else "text", tabular=True)
        size.setAlignment(Qt.AlignmentFlag.AlignRight)
        mark = QLabel()
        if icon:
            mark.setPixmap(icons.pixmap(icon, tone, 14))
        mark.setAccessibleName(reason)
        for place, part in enumerate((label(name, "small"), bar, size, mark)):
            part.setToolTip(reason)
            self._grid.addWidget(part, line, place, Qt.AlignmentFlag.AlignVCenter)
        if fit.over:
            said = label(reason, "micro", "text2", wrap=True)
            set_tone(said, tone)
            self._grid.addWidget(said, line + 1, 0, 1, 4)

    def _name(self, way: str) -> str:
        names = {
            "running": self.tr("Running"),
            "sft": self.tr("SFT, LoRA"),
            "reward": self.tr("Reward model"),
            "dpo": self.tr("DPO, LoRA"),
            "ppo": self.tr("PPO, LoRA"),
            "ppo_whole": self.tr("PPO, all weights"),
            "grpo": self.tr("GRPO, 16 samples"),
        }
        return names[way]

    def reason(self, fit: Fit) -> str:
        """Why a way fits or not, in a sentence or two."""
        part = {
            "model": self.tr("the model"),
            "optimiser": self.tr("the optimiser"),
            "passing": self.tr("activations and cache"),
            "process": self.tr("the libraries"),
        }[fit.most]
        texts = {
            "fits": self.tr("Fits. Most of it is {part}."),
            "tight": self.tr("Tight: {over} more than is free now. Most of it is {part}."),
            "too large": self.tr("Too large by {over}. Most of it is {part}."),
            "": self.tr("Most of it is {part}."),
        }
        near = self.tr("Tight: close to what is free now. Most of it is {part}.")
        text = near if fit.verdict == "tight" and not fit.over else texts[fit.verdict]
        said = text.format(over=figures.size(fit.over), part=part)
        if fit.micro_tokens:
            more = self.tr("It fits with micro-batches of {count} tokens.")
            said = f"{said} {more.format(count=figures.count(fit.micro_tokens))}"
        return said


def _figures(store: Store, model_id: str, seen: models_machine.Machine | None) -> dict[str, Any]:
    model = store.models.find(model_id)
    room, choice = room_of(seen, "auto"), load_choices.of(store, model)
    plain = bytes_of(
        {"dtype": choice.dtype if choice.dtype != "float16" else "bfloat16"}, store.runs.list(), room.device
    )
    machine = Machine(room.device, room.total, room.free, plain, choice.quantize)
    return {"fits": fits(preparing.reference(store, model_id), machine), "machine": machine}
