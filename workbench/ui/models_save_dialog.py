"""Where a model goes, in which form and in which numbers: asked before it is saved or sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QLineEdit, QWidget

from ..errors import WorkbenchError
from ..jobs import exporting, pushing
from ..store import Model, Store
from .feedback_orders import Choice
from .models_converter import ConverterChoice
from .theme import set_region, set_tone
from .widgets import Button, ChoiceCard, Option, Segmented, column, holding, label, row

IN_GGUF = ("gguf", "ollama")
USUAL_MB = 5_000
SHARDS = (500, 1_000, 2_000, USUAL_MB, 10_000, 50_000)
"""Megabytes."""


@dataclass(frozen=True)
class Wish:
    """What was asked for. target: the new folder or file; repo: the name on the hub instead, with who sees it.

    shard_mb: most megabytes in one safetensors file. llama_cpp: where the converter to GGUF is, see jobs/llama_cpp.py.
    """

    format: str
    dtype: str
    target: Path | None = None
    repo: str = ""
    private: bool = True
    shard_mb: int = USUAL_MB
    llama_cpp: str = ""

    @property
    def knobs(self) -> dict[str, Any]:
        """The options of the export; what is as usual is not among them."""
        other = {"shard_mb": self.shard_mb} if self.shard_mb != USUAL_MB else {}
        return {"dtype": self.dtype} | other | ({"llama_cpp": self.llama_cpp} if self.llama_cpp else {})


def tr(text: str) -> str:
    """The text in the window's language."""
    return QCoreApplication.translate("SaveDialog", text)


def format_names() -> dict[str, tuple[str, str]]:
    """Every form: its name, and what it is for."""
    return {
        "folder": (tr("Folder for transformers"), tr("Safetensors, for Python programs and for more training.")),
        "gguf": (tr("GGUF file"), tr("For llama.cpp, LM Studio and other programs on this computer.")),
        "ollama": (tr("Folder for Ollama"), tr("A GGUF file, with the Modelfile by which Ollama takes it in.")),
        "adapter": (tr("Adapter alone"), tr("Only what was learned: small, for those who have its base.")),
        "hub": (tr("Hugging Face Hub"), tr("Sent to your account, once you have seen what goes.")),
    }


def number_names() -> dict[str, str]:
    """Every number format."""
    return {
        "auto": tr("As its base has it"),
        "bfloat16": "bfloat16",
        "float16": "float16",
        "float32": "float32",
        "q8_0": tr("8 bits (q8_0)"),
    }


class SaveDialog(QDialog):
    """`wished` carries a Wish. What cannot be is said under the place, and Save is off while it is."""

    wished = Signal(object)

    def __init__(self, store: Store, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store, self._model = store, model
        title = self.tr("Save {name}").format(name=model.name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        set_region(self, "canvas")
        self.setFixedWidth(600)
        self._typed: dict[bool, str] = {}
        self._build_fields()
        self._build(title)
        self.cards["folder"].setChecked(True)
        self.cards["folder"].setFocus(Qt.FocusReason.OtherFocusReason)
        self._offer()

    # -- building

    def _build_fields(self) -> None:
        self.cards = {key: self._card(key, *words) for key, words in format_names().items()}
        self.cards["adapter"].setEnabled(self._model.kind == "adapter")
        self.sent = Choice(self.tr("What to send"))
        for key in pushing.FORMATS:
            if key != "adapter" or self._model.kind == "adapter":
                self.sent.addItem(format_names()[key][0], key)
        self.numbers = Choice(self.tr("Number format"))
        self.shards = Choice(self.tr("Largest file"))
        for size in SHARDS:
            self.shards.addItem(_size(size * 1e6), size)
        self.shards.setCurrentIndex(SHARDS.index(USUAL_MB))
        self.converter = ConverterChoice()
        self.converter.changed.connect(self._weigh)
        self.place = QLineEdit()
        self.browse = Button(self.tr("Choose"), icon="folder")
        self.who = Segmented(
            [Option("private", self.tr("Only you")), Option("public", self.tr("Everybody"))], self.tr("Who sees it")
        )
        self.room = label("", "small", "text2", wrap=True, tabular=True)
        self.room.setMinimumHeight(2 * self.room.fontMetrics().lineSpacing() + 4)  # so that nothing moves
        self.room.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sent.currentIndexChanged.connect(lambda _: self._offer())
        self.numbers.currentIndexChanged.connect(lambda _: self._weigh())
        self.place.textEdited.connect(self._on_typed)
        self.browse.clicked.connect(self._browse)

    def _card(self, key: str, name: str, text: str) -> ChoiceCard:
        words = row(label(name, "strong"), label(text, "small", "text2"), None, spacing=10)
        card = ChoiceCard(f"{name}. {text}", column(words, margins=(12, 9, 12, 9)))
        card.setAutoDefault(False)  # Enter saves, wherever the focus is
        card.toggled.connect(lambda on: self._offer() if on else None)
        card.installEventFilter(self)
        return card

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down choose the form before and after."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in steps:
            cards = [card for card in self.cards.values() if card.isEnabled()]
            card = cards[(cards.index(watched) + steps[Qt.Key(event.key())]) % len(cards)]  # type: ignore[arg-type]
            card.setChecked(True)
            card.setFocus(Qt.FocusReason.TabFocusReason)
            return True
        return super().eventFilter(watched, event)

    def _build(self, title: str) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.names: dict[str, QWidget] = {}
        at: dict[str, QWidget] = {"sent": self.sent, "numbers": self.numbers, "shards": self.shards}
        at |= {"converter": self.converter, "place": holding(row(self.place, self.browse)), "who": self.who}
        words = (
            self.tr("What"), self.tr("Numbers"), self.tr("Largest file"), self.tr("Converter"), self.tr("Place"),
            self.tr("Who sees it"),
        )  # fmt: skip
        for place, ((key, part), word) in enumerate(zip(at.items(), words, strict=True)):
            self.names[key] = label(word, "body", "text2")
            grid.addWidget(self.names[key], place, 0)
            align = Qt.AlignmentFlag.AlignLeft if key == "who" else Qt.AlignmentFlag(0)
            grid.addWidget(part, place, 1, align)
        grid.addWidget(self.room, len(at), 1)
        cancel = Button(self.tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Save"), kind="primary", size="lg", key="Enter")
        self.go.setDefault(True)
        self.go.clicked.connect(self._wish)
        cards = column(*self.cards.values(), spacing=6)
        buttons = row(None, cancel, self.go)
        self.setLayout(column(label(title, "title"), cards, grid, buttons, spacing=14, margins=(20, 18, 20, 16)))

    # -- what is asked for

    @property
    def format(self) -> str:
        """The form that is chosen."""
        return next(key for key, card in self.cards.items() if card.isChecked())

    @property
    def written(self) -> str:
        """The form of what is written: for the hub, what is sent to it."""
        return str(self.sent.currentData()) if self.format == "hub" else self.format

    def wish(self) -> Wish:
        """What is asked for now. Raises WorkbenchError for what cannot be."""
        dtype = str(self.numbers.currentData() or "auto")
        more: dict[str, Any] = {"shard_mb": self.shards.currentData()} if self.written == "folder" else {}
        more |= {"llama_cpp": self.converter.value()} if self.written in IN_GGUF else {}
        if self.format == "hub":
            repo = self.place.text().strip()
            pushing.check_repo(repo)
            return Wish(self.written, dtype, repo=repo, private=self.who.value() == "private", **more)
        text = self.place.text().strip()
        if not text:
            raise WorkbenchError(self.tr("No place is named."), self.tr("Name a new folder."))
        target = Path(text).expanduser()
        if not target.is_absolute():
            target = Path.home() / target
        if target.exists():
            raise WorkbenchError(self.tr("This is there already."), self.tr("Name a new one: nothing is overwritten."))
        return Wish(self.format, dtype, target, **more)

    def _offer(self) -> None:
        """What goes with the form that is chosen."""
        hub = self.format == "hub"
        shown = {"sent": hub, "who": hub, "shards": self.written == "folder", "converter": self.written in IN_GGUF}
        for key, part in (
            ("sent", self.sent),
            ("who", self.who),
            ("shards", self.shards),
            ("converter", self.converter),
        ):
            self.names[key].setVisible(shown[key])
            part.setVisible(shown[key])
        self.browse.setVisible(not hub)
        self.go.set_text(self.tr("Go on") if hub else self.tr("Save"))
        self.place.setAccessibleName(self.tr("Name on the hub") if hub else self.tr("Place"))
        self.place.setPlaceholderText(self.tr("owner/name") if hub else "")
        self.names["place"].setText(self.tr("Name") if hub else self.tr("Place"))  # type: ignore[attr-defined]
        self._offer_numbers()
        self._suggest()
        self._weigh()

    def _offer_numbers(self) -> None:
        before = self.numbers.currentData()
        self.numbers.blockSignals(True)
        self.numbers.clear()
        for key, name in number_names().items():
            if key != "q8_0" or self.written in IN_GGUF:
                self.numbers.addItem(name, key)
        self.numbers.setCurrentIndex(max(0, self.numbers.findData(before)))
        self.numbers.setEnabled(self.written != "adapter")
        self.numbers.blockSignals(False)

    def _suggest(self) -> None:
        """What was typed, or a place that is free; on the hub nobody but the person knows the owner."""
        name, hub = self._model.name.replace("/", "-"), self.format == "hub"
        end = ".gguf" if self.format == "gguf" else ""
        numbers = ("", *(f"-{number}" for number in range(2, 100)))
        places = (Path.home() / f"{name}{number}{end}" for number in numbers)
        usual = "" if hub else str(next((place for place in places if not place.exists()), Path.home()))
        self.place.setText(self._typed.get(hub) or usual)

    def _on_typed(self, text: str) -> None:
        self._typed[self.format == "hub"] = text
        self._weigh()

    def _browse(self) -> None:
        title = self.tr("Where to save it")
        found, _ = QFileDialog.getSaveFileName(self, title, self.place.text())
        if found:
            self.place.setText(found)
            self._on_typed(found)

    def _weigh(self) -> None:
        """How large it becomes and what is free there; or why it cannot be."""
        needed = exporting.bytes_needed(self._store, self._model, self.written, str(self.numbers.currentData()))
        try:
            wish = self.wish()
        except WorkbenchError as error:
            waits = not self.place.text().strip()
            self._show(str(error) if not waits else self._about(needed, Path.home()), ready=False, warns=not waits)
            return
        place = wish.target or pushing.folder_for(self._model, wish.repo, wish.format, **wish.knobs)
        fits = exporting.free_bytes(place) >= needed
        problem = self.converter.problem if self.written in IN_GGUF and fits else ""
        self._show(problem or self._about(needed, place), ready=fits, warns=bool(problem) or not fits)

    def _about(self, needed: int, place: Path) -> str:
        free = exporting.free_bytes(place)
        text = (
            self.tr("About {size}. {free} are free there.")
            if free >= needed
            else self.tr(
                "About {size}, and only {free} are free there. Choose another place or a smaller number format."
            )
        )
        return text.format(size=_size(needed), free=_size(free))

    def _show(self, text: str, *, ready: bool, warns: bool) -> None:
        self.room.setText(text)
        set_tone(self.room, "warn" if warns else "text2")
        self.go.setEnabled(ready)

    def _wish(self) -> None:
        try:
            wish = self.wish()
        except WorkbenchError as error:
            self._show(str(error), ready=False, warns=True)
            return
        self.wished.emit(wish)
        self.accept()


class SendDialog(QDialog):
    """The files that will be sent, their sizes, and who will see them. Accepted: send them."""

    def __init__(self, plan: pushing.Plan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = self.tr("Send to {repo}").format(repo=plan.repo)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        set_region(self, "canvas")
        self.setFixedWidth(480)
        seen = self.tr("Only you will see it.") if plan.private else self.tr("Everybody will see it.")
        one = len(plan.files) == 1
        counts = self.tr("1 file, {size}.") if one else self.tr("{count} files, {size}.")
        counts = counts.format(count=len(plan.files), size=_size(plan.size))
        self.words = label(f"{counts} {seen}", "body" if plan.private else "strong", wrap=True)
        cancel = Button(self.tr("Do not send"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Send"), kind="primary", size="lg", key="Enter")
        self.go.setDefault(True)
        self.go.clicked.connect(self.accept)
        body = column(label(title, "title"), self.words, self._files(plan), row(None, cancel, self.go), spacing=14)
        body.setContentsMargins(20, 18, 20, 16)
        self.setLayout(body)

    def _files(self, plan: pushing.Plan, most: int = 12) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        for place, (name, size) in enumerate(plan.files[:most]):
            grid.addWidget(label(name, "small", mono=True), place, 0)
            grid.addWidget(label(_size(size), "small", "text2", tabular=True), place, 1, Qt.AlignmentFlag.AlignRight)
        if (left := len(plan.files) - most) > 0:
            grid.addWidget(label(self.tr("and {count} more").format(count=left), "small", "text2"), most, 0)
        return grid


def _size(count: float) -> str:
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 10 else f"{count:.0f} {unit}"
    return f"{count / 1000:.1f} GB"
