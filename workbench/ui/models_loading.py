"""How a model is loaded to write: what runs it, number format, bits and attention kernel, kept for this model in the
project."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QWidget

from ..errors import WorkbenchError
from ..jobs import compute, load_choices
from ..jobs.load_choices import LoadChoice
from ..lm.llama_cpp import INSTALL, PACKAGE
from ..lm.refs import LLAMA_CPP
from .context import Context
from .models_library import Entry
from .models_machine import Machine
from .widgets import Divider, column, label, row


class LoadingSection(QWidget):
    """Four choices. What this machine cannot do is grey, with the reason; `changed` when another one was kept."""

    changed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._entry: Entry | None = None
        words = {"auto": self.tr("auto"), "none": self.tr("none")}
        self.engine = self._box(self.tr("Run with"), load_choices.ENGINES, words)
        self.dtype = self._box(self.tr("Number format"), load_choices.DTYPES, words)
        self.quantize = self._box(self.tr("Fewer bits"), load_choices.QUANTIZE, words)
        self.attention = self._box(self.tr("Attention"), load_choices.ATTENTION, words)
        self._boxes = (self.engine, self.dtype, self.quantize, self.attention)
        self._names = [label(box.accessibleName(), "small", "text2") for box in self._boxes]
        lines = [row(name, None, box) for name, box in zip(self._names, self._boxes, strict=True)]
        self.alone = label("", "small", "text2", wrap=True)
        self.note = label("", "small", "text2", wrap=True)
        self.setLayout(column(label(self.tr("Load as"), "head"), *lines, self.alone, self.note, Divider(), spacing=8))

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
        chosen = (choice.engine, choice.dtype, choice.quantize, choice.attention)
        for box, value in zip(self._boxes, chosen, strict=True):
            box.setCurrentIndex(box.findData(value))
        self._grey(entry, machine)
        self._show_engine(entry, choice)
        self.note.setText(self.tr("It is used when the model is loaded the next time.") if loaded else "")
        self.note.setVisible(loaded)

    def _show_engine(self, entry: Entry, choice: LoadChoice) -> None:
        """A choice for GGUF files alone; the others are for transformers."""
        for part in (self.engine, self._names[0]):
            part.setVisible(entry.base.format == "gguf")
        theirs = choice.engine == LLAMA_CPP
        for box in self._boxes[1:]:
            box.setEnabled(not theirs)
        self.alone.setText(
            self.tr(
                "llama.cpp keeps the file's own numbers and only writes answers. Training, scoring, reading for "
                "predictions and chances of other texts use transformers."
            )
            if theirs
            else ""
        )
        self.alone.setVisible(theirs)

    def _grey(self, entry: Entry, machine: Machine | None) -> None:
        card = machine is not None and machine.card_in_use and machine.card is not None
        cuda = bool(card and machine and machine.card and machine.card.name != "Apple GPU")
        no_card = "" if cuda else self.tr("Needs an NVIDIA or AMD card that PyTorch can use.")
        gguf = self.tr("Needs the model as a safetensors folder.") if entry.base.format == "gguf" else ""
        missing = "" if _has("bitsandbytes") else self.tr("Needs bitsandbytes: pip install bitsandbytes.")
        flash = "" if _has("flash_attn") else self.tr("Needs flash attention: pip install flash-attn.")
        whole = "" if entry.model.id == entry.base.id else self.tr("Needs a whole GGUF file: export it merged.")
        absent = "" if _has(PACKAGE) else self.tr("Needs llama.cpp's package: {command}.").format(command=INSTALL)
        _allow(self.engine, LLAMA_CPP, whole or absent)
        for value in ("8bit", "4bit"):
            _allow(self.quantize, value, no_card or gguf or missing)
        _allow(self.dtype, "float16", no_card)
        _allow(self.attention, "flash_attention_2", no_card or flash)

    def _keep(self) -> None:
        if self._entry is None:
            return
        engine, *rest = (box.currentData() for box in self._boxes)
        choice = LoadChoice(*rest, engine=engine)
        try:
            load_choices.keep(self._context.store, self._entry.model, choice)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._show_engine(self._entry, choice)
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
