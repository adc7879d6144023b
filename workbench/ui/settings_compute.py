"""The page "Compute" of Settings: the device that was found, the engines that are here, and those that can be added."""

from __future__ import annotations

import sys
from typing import TypeVar

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ..errors import NoEngine
from . import figures
from .context import Context
from .engine_rows import EngineRow, OfferRow
from .theme import set_region
from .widgets import Banner, Button, Divider, StatusDot, column, holding, label, row, scrolling

_Row = TypeVar("_Row", bound=QWidget)
PYTORCH = "https://pytorch.org/get-started/locally/"


class ComputePage(QWidget):
    """What jobs compute with. What is at work goes on when Settings is closed."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._engines = context, context.engines
        self.rows: dict[str, EngineRow] = {}
        self.offers: dict[str, OfferRow] = {}
        self.result = Banner()
        self.result.hide()
        inside = holding(column(self._device_part(), self._note(), self._parts(), None, spacing=14))
        set_region(inside, "clear")
        layout = column(self.result, scrolling(inside), spacing=12)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self._engines.changed.connect(self.refresh)
        self._engines.advanced.connect(self._advance)
        context.session_changed.connect(self._on_work)
        context.runs_changed.connect(self._on_work)

    # -- building

    def _device_part(self) -> QWidget:
        self.dot = StatusDot("text3", hollow=True)
        self.device = label(self.tr("Looking…"), "strong", wrap=True, selectable=True)
        self.device_facts = label("", "small", "text2", wrap=True, selectable=True)
        self.again = Button(self.tr("Look again"), icon="refresh-cw", kind="ghost", size="sm")
        self.again.clicked.connect(self._engines.look_anew)
        line = row(self.dot, column(self.device, self.device_facts, spacing=2), self.again, spacing=10)
        line.setStretch(1, 1)
        return holding(column(label(self.tr("Computes on"), "head"), line, spacing=6))

    def _note(self) -> QWidget:
        self.note = Banner()
        self.unload = self.note.add_action(self.tr("Unload"), lambda: self._context.unload_model())
        self.note.hide()
        return self.note

    def _parts(self) -> QWidget:
        return self._engine_parts() if self._engines.standalone else self._pip_part()

    def _engine_parts(self) -> QWidget:
        self.back = Button(self.tr("Roll back"), icon="undo-2", size="sm")
        self.back.clicked.connect(self._engines.roll_back)
        head = row(label(self.tr("Engines"), "head"), None, self.back)
        self._here, self._more = column(spacing=12), column(spacing=12)
        self._here_part = holding(column(Divider(), head, self._here, spacing=10))
        self._more_head = label(self.tr("Can be added"), "head")
        hint = self.tr("Each package is compared with its published hash. Jobs that begin later use the new engine.")
        self._more_hint = label(hint, "small", "text3", wrap=True)
        self._more_part = holding(column(Divider(), self._more_head, self._more, self._more_hint, spacing=10))
        return holding(column(self._here_part, self._more_part, spacing=12))

    def _pip_part(self) -> QWidget:
        text = self.tr("pip installed this app, so jobs use the PyTorch of its environment, {place}.")
        here = label(text.format(place=sys.prefix), "body", "text2", wrap=True, selectable=True)
        only = self.tr(
            "Engines are for the standalone app. For another device, install the PyTorch that is made for it:"
        )
        self.address = label(PYTORCH, "body", "accentText", mono=True, selectable=True)
        self.address.setAccessibleName(self.tr("Where PyTorch says how it is installed"))
        self.copy = Button(self.tr("Copy address"), icon="copy", size="sm")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(PYTORCH))
        words = label(only, "body", "text2", wrap=True)
        return holding(column(Divider(), here, words, row(self.address, self.copy, None, spacing=12), spacing=10))

    # -- showing

    def fill(self) -> None:
        """Look, and show what there is."""
        self._engines.look()
        self.refresh()

    def _on_work(self) -> None:
        """Something began or ended; when nothing runs any more, the device can be asked."""
        self.fill() if self.isVisible() else self.refresh()

    def refresh(self) -> None:
        """Show everything as it is now; a line that is there already stays, and so does the focus in it."""
        self._show_device()
        self._show_note()
        self._show_result()
        if self._engines.standalone:
            self._show_engines()
            self._show_offers()

    def _show_device(self) -> None:
        engines = self._engines
        found, error = engines.device, engines.device_error
        self.again.setEnabled(not engines.looking)
        if error is not None:
            self._say_device("bad", error.text, error.hint)
        elif found:
            facts = [self.tr("PyTorch {version}").format(version=found["torch"])]
            facts += [str(found["device"])] if found.get("device") else []
            facts += [str(found["dtype"])] if found.get("dtype") else []
            if found.get("memory"):
                facts.append(self.tr("{size} of memory").format(size=figures.size(found["memory"])))
            self._say_device("good", str(found.get("name") or found.get("device")), ", ".join(facts))
        elif found is not None:
            self._say_device("warn", NoEngine().text, self._without_engine())
        elif not engines.looking and self._context.computing:
            why = self.tr(
                "A trial could take memory from what runs. It is made when nothing does, or when you ask for it."
            )
            self._say_device("text3", self.tr("Not tried yet"), why)
        else:
            self._say_device("text3", self.tr("Looking…"), self.tr("A small computation is tried, as jobs do it."))

    def _without_engine(self) -> str:
        if self._engines.standalone:
            return self.tr("Add one below. Rating, import, export and models on servers work without it.")
        return self.tr("Install PyTorch. Rating, import, export and models on servers work without it.")

    def _say_device(self, tone: str, text: str, facts: str) -> None:
        self.dot.set_dot(tone, hollow=tone == "text3")
        self.device.setText(text)
        self.device_facts.setText(facts)

    def _show_note(self) -> None:
        loaded, going = self._context.session is not None, bool(self._context.going())
        texts = []
        if going:
            texts.append(self.tr("A run goes on with the engine that it began with."))
        if loaded:
            texts.append(self.tr("The loaded model stays on its engine until it is unloaded."))
        self.note.set_banner("", " ".join(texts), "info")
        self.unload.setVisible(loaded)
        self.note.setVisible(bool(texts) and self._engines.standalone)

    def _show_result(self) -> None:
        error, said = self._engines.error, self._engines.said
        if error is not None:
            self.result.set_banner("", f"{error} {self._stays(error.hint)}".strip(), "bad")
        else:
            self.result.set_banner("", said, "good")
        self.result.setVisible(error is not None or bool(said))

    def _stays(self, hint: str) -> str:
        active = self._engines.active
        if "stays in use" in hint or "has changed" in hint or active is None:
            return ""
        return self.tr("{engine} stays in use.").format(engine=active.title)

    def _show_engines(self) -> None:
        installed = {engine.name: engine for engine in self._engines.installed}
        _drop(self._here, self.rows, set(installed))
        for name, engine in installed.items():
            if name not in self.rows:
                self.rows[name] = EngineRow(self._engines, engine)
                self._here.addWidget(self.rows[name])
            self.rows[name].show_engine(engine, self._context.computing)
        self._here_part.setVisible(bool(installed))
        self.back.setVisible(bool(self._engines.previous))
        self.back.setEnabled(not self._engines.busy)
        title = next((each.title for each in installed.values() if each.name == self._engines.previous), "")
        tip = self.tr("Go back to the engine before: {engine}").format(engine=title)
        self.back.setToolTip(tip)
        self.back.setAccessibleName(tip)

    def _show_offers(self) -> None:
        offered = {variant.name: variant for variant in self._engines.offered}
        _drop(self._more, self.offers, set(offered))
        for place, (name, variant) in enumerate(offered.items()):
            if name not in self.offers:
                self.offers[name] = OfferRow(self._engines, variant)
            if self._more.indexOf(self.offers[name]) != place:
                self._more.insertWidget(place, self.offers[name])
            self.offers[name].show_variant(variant)
        self._more_part.setVisible(bool(offered))

    def _advance(self) -> None:
        for each in (*self.rows.values(), *self.offers.values()):
            each.advance()


def _drop(layout: QVBoxLayout, rows: dict[str, _Row], wanted: set[str]) -> None:
    """Take the lines away that are not wanted any more."""
    for name in set(rows) - wanted:
        gone = rows.pop(name)
        layout.removeWidget(gone)
        gone.hide()
        gone.deleteLater()
