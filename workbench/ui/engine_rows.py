"""Lines of the page "Compute": an engine that is installed, and one that can be added, each with what can be done."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from ..events import Progress, Transferred
from ..jobs.compute import Engine, Variant
from . import figures
from .engines import ADD, Doing, Engines
from .widgets import Bar, Button, Chip, ElidedLabel, LinkButton, column, holding, label, row

USUAL_SPEED = 6e6
"""Bytes a second of an ordinary line, to say about how long something takes before it has begun."""


def sizes_of(variant: Variant) -> str:
    """What adding an engine takes, in words."""
    tr = QCoreApplication.translate
    if not variant.download_bytes:
        return tr("Engines", "its size is known only when it is fetched")
    fetch = figures.size(variant.download_bytes)
    time = figures.duration(variant.download_bytes / USUAL_SPEED)
    speed = figures.size(USUAL_SPEED)
    text = tr("Engines", "{fetch} to fetch, {disk} on disk, about {time} at {speed}/s")
    disk = figures.size(variant.installed_bytes)
    disk = tr("Engines", "about {size}").format(size=disk) if variant.estimated else disk
    return text.format(fetch=fetch, disk=disk, time=time, speed=speed)


def progress_words(doing: Doing) -> str:
    """How far it is."""
    tr, at = QCoreApplication.translate, doing.progress
    phases = {
        "Fetching": tr("Engines", "Fetching"),
        "Compiling": tr("Engines", "Compiling"),
        "Trying it": tr("Engines", "Trying it"),
        "Deleting": tr("Engines", "Deleting"),
    }
    if doing.stopping:
        return tr("Engines", "Stopping")
    if not isinstance(at, Transferred):
        return phases.get(at.text, at.text) if at is not None else tr("Engines", "Starting")
    parts = [_bytes_words(at)]
    if at.speed:
        parts.append(tr("Engines", "{speed}/s").format(speed=figures.size(at.speed)))
    if at.seconds_left is not None:
        parts.append(tr("Engines", "{time} left").format(time=figures.duration(at.seconds_left)))
    return ", ".join(parts)


def _bytes_words(at: Transferred) -> str:
    if not at.total:
        return QCoreApplication.translate("Engines", "{done} so far").format(done=figures.size(at.done))
    text = QCoreApplication.translate("Engines", "{done} of {total}")
    return text.format(done=figures.part(at.done, at.total), total=figures.size(at.total))


def fraction_of(at: Progress | None) -> float:
    """From 0 to 1; what follows the bytes counts as all of them."""
    if at is None:
        return 0.0
    return at.done / at.total if at.total else 0.0 if isinstance(at, Transferred) else 1.0


class Going(QWidget):
    """How far it is, with a way to stop it."""

    def __init__(self, engines: Engines, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engines = engines
        self.bar = Bar(self.tr("Progress of {engine}").format(engine=title), "accentText")
        self.text = ElidedLabel("", "small", "text2")
        self.cancel = Button(self.tr("Cancel"), size="sm")
        self.cancel.clicked.connect(engines.cancel)
        words = row(self.text, self.cancel, spacing=12)
        words.setStretch(0, 1)
        self.setLayout(column(self.bar, words, spacing=4, margins=(0, 5, 0, 0)))
        self.hide()

    def show_doing(self, doing: Doing | None) -> None:
        """Show what is at work, or nothing."""
        self.setVisible(doing is not None)
        if doing is not None:
            self.bar.set_fraction(fraction_of(doing.progress))
            self.text.setText(progress_words(doing))
            self.cancel.setEnabled(not doing.stopping)


class _Line(QWidget):
    """A title with a mark, facts below it, buttons at the right, and below them how far something is."""

    def __init__(self, engines: Engines, name: str, title: str, heard: str = "") -> None:
        """heard: what a screen reader says of it, where the title alone may stand twice."""
        super().__init__()
        self.engines, self.name, self.title = engines, name, heard or title
        self.mark, self.facts = Chip(""), label("", "small", "text2", wrap=True, selectable=True)
        self.mark.hide()
        self.buttons = row(spacing=8)
        self.usual = holding(self.buttons)
        self.going = Going(engines, self.title)
        head = row(label(title, "strong"), self.mark, None, self.usual, spacing=8)
        self.whole = column(head, self.facts, self.going, spacing=3)
        self.setLayout(self.whole)

    def button(self, text: str, what: str, kind: str = "default") -> Button:
        """A button at the right, called after the engine for who hears it."""
        result = Button(text, kind=kind, size="sm")
        result.setAccessibleName(what.format(engine=self.title))
        self.buttons.addWidget(result)
        return result

    def set_mark(self, text: str, tone: str) -> None:
        self.mark.set_chip(text, tone=tone)
        self.mark.setVisible(bool(text))

    @property
    def doing(self) -> Doing | None:
        """What is done about this one now."""
        doing = self.engines.doing
        return doing if doing is not None and doing.name == self.name else None

    def advance(self) -> None:
        """Show how far it is."""
        self.going.show_doing(self.doing)


class EngineRow(_Line):
    """An engine that is installed. Removing asks in its place."""

    def __init__(self, engines: Engines, engine: Engine) -> None:
        super().__init__(engines, engine.name, engine.title, f"{engine.title} {engine.torch}".strip())
        self.engine = engine
        self.use = self.button(self.tr("Use"), self.tr("Use {engine}"))
        self.use.clicked.connect(lambda: engines.use(self.name))
        self.verify = self.button(self.tr("Verify"), self.tr("Verify {engine}"))
        self.verify.setToolTip(self.tr("Compare every file with its published hash, and try the engine"))
        self.verify.clicked.connect(lambda: engines.verify(self.name))
        self.remove = self.button(self.tr("Remove"), self.tr("Remove {engine}"))
        self.remove.clicked.connect(self._ask)
        self.whole.addWidget(self._question())

    def _question(self) -> QWidget:
        size = figures.size(self.engine.bytes)
        text = self.tr("Delete {size}? Models, judgements and runs stay; the engine can be added again.")
        asked = label(text.format(size=size), "small", "text2", wrap=True)
        self.keep = Button(self.tr("Keep"), size="sm")
        self.keep.clicked.connect(lambda: self._answer(False))
        self.delete = Button(self.tr("Delete"), kind="danger", size="sm")
        self.delete.setAccessibleName(self.tr("Delete {engine}").format(engine=self.title))
        self.delete.clicked.connect(lambda: self._answer(True))
        line = row(asked, self.keep, self.delete, spacing=8)
        line.setStretch(0, 1)
        self.question = holding(line)
        self.question.hide()
        return self.question

    def _ask(self) -> None:
        self.question.show()
        self.usual.hide()
        self.keep.setFocus()

    def _answer(self, delete: bool) -> None:
        self.question.hide()
        self.usual.show()
        self.remove.setFocus()
        if delete:
            self.engines.remove(self.name)

    def show_engine(self, engine: Engine, held: bool) -> None:
        """Show it as it is now. held: something runs on an engine, so that none may be deleted."""
        self.engine = engine
        self.set_mark(self.tr("in use") if engine.active else "", "model")
        self.facts.setText(self._facts())
        free = not self.engines.busy
        self.use.setVisible(not engine.active)
        self.remove.setVisible(not engine.built_in)
        self.use.setEnabled(free)
        self.verify.setEnabled(free)
        self.remove.setEnabled(free and not held)
        self.remove.setToolTip(self.tr("Possible when nothing runs and no model is loaded") if held else "")
        self.advance()

    def _facts(self) -> str:
        engine = self.engine
        parts = [self.tr("PyTorch {version}").format(version=engine.torch)] if engine.torch else []
        if engine.transformers:
            parts.append(self.tr("transformers {version}").format(version=engine.transformers))
        if engine.bytes:
            parts.append(self.tr("{size} on disk").format(size=figures.size(engine.bytes)))
        parts += [self.tr("came with the app")] if engine.built_in else []
        return ", ".join(parts) or engine.name


class OfferRow(_Line):
    """An engine that can be added."""

    def __init__(self, engines: Engines, variant: Variant) -> None:
        super().__init__(engines, variant.name, variant.title)
        self.variant = variant
        self.add = self.button(self.tr("Add"), self.tr("Add {engine}"))
        self.add.clicked.connect(lambda: engines.add(self.name))
        self.folder = LinkButton(self.tr("From a folder of wheels…"))
        self.folder.setAutoDefault(False)
        self.folder.setAccessibleName(self.tr("Add {engine} from a folder of wheels").format(engine=self.title))
        self.folder.clicked.connect(self._ask_folder)
        self.buttons.insertWidget(0, self.folder)

    def _ask_folder(self) -> None:
        asked = self.tr("The folder of wheels for {engine}").format(engine=self.title)
        if found := QFileDialog.getExistingDirectory(self, asked):
            self.engines.add(self.name, Path(found))

    def show_variant(self, variant: Variant) -> None:
        """Show it as it is now."""
        self.variant, card = variant, self.engines.card
        recommended = self.engines.recommends(variant.name) and card is not None
        text = self.tr("Recommended for {card}").format(card=card.name) if recommended and card is not None else ""
        self.set_mark(text, "model")
        self.add.set_kind("primary" if text else "default")
        version = self.tr("PyTorch {version}").format(version=variant.torch)
        self.facts.setText(", ".join([version, sizes_of(variant)] if variant.torch else [sizes_of(variant)]))
        for button in (self.add, self.folder):
            button.setEnabled(not self.engines.busy)
        self.advance()

    def advance(self) -> None:
        super().advance()
        self.usual.setVisible(self.doing is None or self.doing.what != ADD)
