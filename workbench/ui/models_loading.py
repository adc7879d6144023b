"""How a model is loaded to write: number format, bits and attention kernel, kept for this model in the project."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QWidget

from ..errors import WorkbenchError
from ..jobs import compute, load_choices
from ..jobs.load_choices import LoadChoice
from .context import Context
from .models_library import Entry
from .models_machine import Machine
from .widgets import Divider, column, label, row


class LoadingSection(QWidget):
    """Three choices. What this machine cannot do is grey, with the reason; `changed` when another one was kept."""

    changed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._entry: Entry | None = None
        words = {"auto": self.tr("auto"), "none": self.tr("none")}
        self.dtype = self._box(self.tr("Number format"), load_choices.DTYPES, words)
        self.quantize = self._box(self.tr("Fewer bits"), load_choices.QUANTIZE, words)
        self.attention = self._box(self.tr("Attention"), load_choices.ATTENTION, words)
        lines = [
            row(label(box.accessibleName(), "small", "text2"), None, box)
            for box in (self.dtype, self.quantize, self.attention)
        ]
        self.note = label("", "small", "text2", wrap=True)
        self.setLayout(column(label(self.tr("Load as"), "head"), *lines, self.note, Divider(), spacing=8))

    def _box(self, name: str, values: tuple[str, ...], words: dict[str, str]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setMinimumWidth(172)
        for value in values:
            box.addItem(words.get(value, value), value)
        box.activated.connect(self._keep)
        return box

    def show_entry(self, entry: Entry | None, machine: Machine | None, loaded: bool) -> None:
        """Show what is chosen for a model that can write."""
        self._entry = entry
        self.setVisible(entry is not None and entry.writes and not entry.missing)
        if entry is None or self.isHidden():
            return
        choice = load_choices.of(self._context.store, entry.model)
        for box, value in (
            (self.dtype, choice.dtype),
            (self.quantize, choice.quantize),
            (self.attention, choice.attention),
        ):
            box.setCurrentIndex(box.findData(value))
        self._grey(entry, machine)
        self.note.setText(self.tr("It is used when the model is loaded the next time.") if loaded else "")
        self.note.setVisible(loaded)

    def _grey(self, entry: Entry, machine: Machine | None) -> None:
        card = machine is not None and machine.card_in_use and machine.card is not None
        cuda = bool(card and machine and machine.card and machine.card.name != "Apple GPU")
        no_card = "" if cuda else self.tr("Needs an NVIDIA or AMD card that PyTorch can use.")
        gguf = self.tr("Needs the model as a safetensors folder.") if entry.base.format == "gguf" else ""
        missing = "" if _has("bitsandbytes") else self.tr("Needs bitsandbytes: pip install bitsandbytes.")
        flash = "" if _has("flash_attn") else self.tr("Needs flash attention: pip install flash-attn.")
        for value in ("8bit", "4bit"):
            _allow(self.quantize, value, no_card or gguf or missing)
        _allow(self.dtype, "float16", no_card)
        _allow(self.attention, "flash_attention_2", no_card or flash)

    def _keep(self) -> None:
        if self._entry is None:
            return
        chosen = (box.currentData() for box in (self.dtype, self.quantize, self.attention))
        try:
            load_choices.keep(self._context.store, self._entry.model, LoadChoice(*chosen))
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.changed.emit()


def _allow(box: QComboBox, value: str, reason: str) -> None:
    """Let a line be chosen, or say why not."""
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    item = model.item(box.findData(value))
    item.setEnabled(not reason)
    item.setToolTip(reason)
    item.setData(reason, Qt.ItemDataRole.AccessibleDescriptionRole)


@cache
def _has(package: str) -> bool:
    return compute.has(package)
