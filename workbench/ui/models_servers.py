"""Servers in Models: adding one, changing one, its key, and whether it can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QLineEdit, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..store import Model, Store
from . import work
from .context import Context
from .models_providers import USUAL
from .models_reaching import Reaching
from .theme import set_region, set_tone
from .widgets import Button, Divider, LinkButton, NumberField, column, label, row

NAME_WIDTH = 104


class ServerDialog(QDialog):
    """Where a server is, its key, and which of its models; or the name, prices and key of one that is here.

    Asks the server on a thread. A key goes from its field into the keyring and nowhere else.
    """

    done_with = Signal(dict)
    """What was added or changed: {"model_id", "name", "url"}."""

    def __init__(self, context: Context, model: Model | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Add a server's model") if model is None else self.tr("Change {name}").format(
            name=model.name))  # fmt: skip
        self.setMinimumWidth(520)
        set_region(self, "panel")
        self._testing, self._keeping = work.Work(context.store.folder, self), work.Work(context.store.folder, self)
        self._testing.finished.connect(self._on_tested)
        self._testing.failed.connect(self._on_failed)
        self._keeping.finished.connect(self._on_kept)
        self._keeping.failed.connect(self._on_failed)
        self._make_fields()
        self._make_buttons()
        self._lay_out()
        if model is not None:
            self._fill(model)
        self._on_change()
        (self.name if model else self.url).setFocus()

    def _make_fields(self) -> None:
        self.url = self._line_field(self.tr("Address"), "http://localhost:8080/v1")
        self.key = self._line_field(self.tr("Key"), self.tr("none is needed on this computer"))
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.model = QComboBox()
        self.model.setEditable(True)
        self.model.setLineEdit(self._line_field(self.tr("Model"), self.tr("press Test to choose one")))
        self.model.setAccessibleName(self.tr("Model"))
        self.name = self._line_field(self.tr("Name"), self.tr("the model's own"))
        self.price_in = self._price(self.tr("Price of a million tokens of prompts"))
        self.price_out = self._price(self.tr("Price of a million tokens of answers"))
        self.status = label("", "small", "text2", wrap=True)
        self.status.hide()
        self.url.textChanged.connect(self._on_change)
        self.model.editTextChanged.connect(self._on_change)

    def _line_field(self, name: str, placeholder: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setPlaceholderText(placeholder)
        field.setMaxLength(2000)
        return field

    def _price(self, name: str) -> NumberField:
        field = NumberField(name)
        field.setRange(0.0, 1e6)
        field.setDecimals(4)
        field.setSpecialValueText(self.tr("none"))
        return field

    def _make_buttons(self) -> None:
        self.usual = {name: LinkButton(name) for name in USUAL}
        for name, button in self.usual.items():
            button.clicked.connect(lambda _=False, url=USUAL[name]: self._take(url))
        self.test = Button(self.tr("Test"), icon="zap")
        self.test.clicked.connect(self.ask)
        self.go = Button(self.tr("Add") if self._model is None else self.tr("Change"), kind="primary", key="Enter")
        self.go.setDefault(True)
        self.go.clicked.connect(self.accept)
        self.cancel = Button(self.tr("Cancel"), key="Esc")
        self.cancel.clicked.connect(self.reject)

    def _lay_out(self) -> None:
        tr = self.tr
        lines = [(tr("Address"), self.url), (tr("Key"), self.key), (tr("Model"), self.model), (tr("Name"), self.name)]
        body = column(label(self.windowTitle(), "title"), spacing=10, margins=(24, 20, 24, 20))
        for text, field in lines:
            body.addLayout(self._line(text, field))
            if field is self.url and self._model is None:
                body.addLayout(self._line("", *self.usual.values(), None))
            elif field is self.key:
                note = tr("Kept in the system's keyring alone. Leave it empty to keep the one that is there.")
                body.addLayout(self._line("", label(note, "small", "text3", wrap=True)))
        body.addLayout(self._line(tr("Prices"), self.price_in, label(tr("in"), "small", "text2"), self.price_out,
                                  label(tr("out, a million tokens"), "small", "text2"), None))  # fmt: skip
        body.addWidget(self.status)
        body.addWidget(Divider())
        body.addLayout(row(self.test, None, self.cancel, self.go, spacing=8))
        self.setLayout(body)

    def _line(self, text: str, *parts: QWidget | None) -> Any:
        name = label(text, "body", "text2")
        name.setFixedWidth(NAME_WIDTH)
        line = row(name, *parts, spacing=8)
        if len(parts) == 1:
            line.setStretch(1, 1)
        return line

    def _fill(self, model: Model) -> None:
        info = model.info
        self.url.setText(model.location)
        self.model.setEditText(str(info.get("model", "")))
        self.name.setText(model.name)
        self.price_in.setValue(float(info.get("price_in") or 0))
        self.price_out.setValue(float(info.get("price_out") or 0))
        self.url.setEnabled(False)  # its answers came from there
        self.model.setEnabled(False)

    # -- what is done

    def _take(self, url: str) -> None:
        self.url.setText(url)
        if url != USUAL["OpenAI"] or self.key.text():
            self.ask()
        else:
            self.key.setFocus()

    def ask(self) -> None:
        """Ask the server which models it has."""
        if not self._testing.busy:
            self._say(self.tr("Asking"))
            self._testing.start(_testing(self.url.text(), self.key.text()))
            self._on_change()

    def accept(self) -> None:
        """Keep the key, if one was typed, and the model."""
        if not self.go.isEnabled():
            return
        prices = {"price_in": self.price_in.value() or None, "price_out": self.price_out.value() or None}
        values = {"url": self.url.text(), "model": self.model.currentText(), "name": self.name.text(), **prices}
        self._keeping.start(_keeping(self._model.id if self._model else "", self.key.text(), values))
        self._on_change()

    def _on_tested(self, found: dict[str, Any]) -> None:
        chosen = self.model.currentText()
        self.model.clear()
        self.model.addItems(found["models"])
        self.model.setEditText(chosen or (found["models"] or [""])[0])
        count, milliseconds = len(found["models"]), max(1, round(found["milliseconds"]))
        text = self.tr("Reachable in {ms} ms, 1 model.") if count == 1 else self.tr("Reachable in {ms} ms, {n} models.")
        self._say(text.format(ms=milliseconds, n=count), "good")
        self._on_change()

    def _on_kept(self, summary: dict[str, Any]) -> None:
        self.key.clear()
        super().accept()
        self.done_with.emit(summary)

    def _on_failed(self, error: WorkbenchError) -> None:
        self._say(str(error), "bad")
        self._on_change()

    def _say(self, text: str, tone: str = "text2") -> None:
        self.status.setText(text)
        set_tone(self.status, tone)
        self.status.show()

    def _on_change(self) -> None:
        busy, url = self._testing.busy or self._keeping.busy, self.url.text().strip()
        self.test.setEnabled(bool(url) and not busy)
        self.go.setEnabled(bool(url and self.model.currentText().strip()) and not self._keeping.busy)


class Servers(QObject):
    """Stands between the pane and its servers."""

    added = Signal(dict)
    """{"model_id", "name", "url"}"""
    changed = Signal()
    """A server was changed, or something else is known of one."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._over = context, parent
        self.dialog: ServerDialog | None = None
        self.reaching = Reaching(context.store.folder, self)
        self.reaching.changed.connect(self.changed)
        self._forgetting = work.Work(context.store.folder, self)
        self._forgetting.finished.connect(self._on_forgotten)
        self._forgetting.failed.connect(context.tell)

    def ask(self) -> None:
        """Have a person say where a server is."""
        self._open(None)

    def edit(self, model: Model) -> None:
        """Have a person change the name, prices or key of one."""
        self._open(model)

    def _open(self, model: Model | None) -> None:
        dialog = ServerDialog(self._context, model, self._over)
        dialog.done_with.connect(lambda summary: self._on_done(summary, model is None))
        dialog.finished.connect(lambda _: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _on_done(self, summary: dict[str, Any], new: bool) -> None:
        self.reaching.forget(str(summary["url"]))
        if new:
            self.added.emit(summary)
        else:
            self._context.store_changed.emit("models", self)

    def forget_key(self, model: Model) -> None:
        """Take the key of a model's server out of the keyring."""
        try:
            self._forgetting.start(_forgetting(model.location))
        except WorkbenchError as error:
            self._context.tell(error)

    def _on_forgotten(self, summary: dict[str, Any]) -> None:
        was, tr = summary["was"], self.tr
        text = tr("The key for {host} is forgotten.") if was else tr("There was no key for {host}.")
        self._context.message.emit(text.format(host=summary["host"]), "", "info")
        self.reaching.forget(summary["url"])


def _testing(url: str, key: str) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        from ..providers.addresses import checked_url
        from ..providers.reaching import check, models_of
        from ..providers.replies import Server

        address = checked_url(url)
        milliseconds = check(Server(address, ""), key.strip())
        yield Finished({"models": models_of(address, key.strip()), "milliseconds": milliseconds})

    return steps


def _keeping(model_id: str, key: str, values: dict[str, Any]) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.servers import add_server, change_server
        from ..providers import keys
        from ..providers.addresses import checked_url

        url = checked_url(values["url"])
        if key:
            keys.keep(url, key)
        if model_id:
            prices = {"price_in": values["price_in"], "price_out": values["price_out"]}
            model = change_server(store, model_id, values["name"], **prices)
        else:
            model = add_server(store, **values)
        yield Finished({"model_id": model.id, "name": model.name, "url": url})

    return steps


def _forgetting(url: str) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        from ..providers import keys
        from ..providers.addresses import host_of

        yield Finished({"was": keys.forget(url), "host": host_of(url), "url": url})

    return steps
