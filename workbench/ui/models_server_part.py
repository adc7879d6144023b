"""What the right panel of Models has for a model behind a server: its facts, and what only it has to press."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from ..store import Model
from . import figures
from . import models_words as words
from .widgets import Button, row


class ServerPart(QWidget):
    """A row of buttons: the pane's actions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = row(spacing=6)
        self.setLayout(self._row)
        self.hide()

    def set_actions(self, *actions: QAction) -> None:
        """Show these."""
        for action in actions:
            self._row.addWidget(Button.of(action))
        self._row.addStretch(1)

    def show_model(self, model: Model) -> None:
        """Show them for a server's model alone."""
        self.setVisible(model.kind == "server")


def facts(model: Model) -> list[tuple[str, str]]:
    """Facts of a server's model."""
    tr = lambda text: QCoreApplication.translate("Models", text)
    priced = ((model.info.get("price_in"), tr("{price} in")), (model.info.get("price_out"), tr("{price} out")))
    prices = [text.format(price=figures.figure(float(price))) for price, text in priced if price is not None]
    return [
        (tr("Address"), model.location.replace("/", "/\u200b")),
        (tr("Model there"), str(model.info.get("model", ""))),
        (
            tr("Prices"),
            tr("{prices}, a million tokens").format(prices=", ".join(prices)) if prices else tr("none given"),
        ),
        (tr("Added"), words.moment(model.created_at)),
    ]
