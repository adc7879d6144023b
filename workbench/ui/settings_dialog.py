"""Settings: preferences of the person and of the project; what is changed acts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QLineEdit, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..jobs import hub
from ..settings import Settings
from ..store import repeating
from ..store.queueing import ENOUGH, MOST_PEOPLE, judgements_per_item
from .closing import closing_choice
from .context import Context
from .figures import count
from .settings_compute import ComputePage
from .settings_doctor import DoctorPage
from .settings_keys import Group, KeysPage
from .theme import set_region
from .widgets import Button, Divider, LinkButton, Option, Segmented, Switch, WholeField, column, holding, label, row

NAME_WIDTH = 190
TRACKED = {"tensorboard": "TensorBoard", "wandb": "Weights && Biases"}
"""Names of jobs.tracking.TRACKERS, and what they are called (&& is one & on a box)."""


class SettingsDialog(QDialog):
    """Pages: how the app looks, how judgements are collected in this project, the keys, compute engines, checks."""

    people_wanted = Signal()

    def __init__(
        self,
        settings: Settings,
        changed: Callable[[Settings], None],
        context: Context,
        groups: Callable[[], Sequence[Group]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self._changed, self._context = changed, context
        self.setWindowTitle(self.tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)  # its pages listen to what is at work
        set_region(self, "panel")
        self.keys = KeysPage(groups)
        self.keys.chosen.connect(lambda chosen: self._set(keys=chosen))
        self.compute, self.doctor = ComputePage(context), DoctorPage(context)
        self._pages = {"general": self._general(), "feedback": self._feedback()}
        self._pages |= {"keys": self.keys, "compute": self.compute, "doctor": self.doctor}
        names = (self.tr("General"), self.tr("Feedback"), self.tr("Keys"), self.tr("Compute"), self.tr("Doctor"))
        options = [Option(value, text) for value, text in zip(self._pages, names, strict=True)]
        self.pages = Segmented(options, self.tr("Settings"))
        self.pages.changed.connect(self.show_page)
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        done = Button(self.tr("Done"), kind="primary")
        done.clicked.connect(self.accept)
        body = column(
            row(self.pages, None), self._stack, Divider(), row(None, done), spacing=16, margins=(24, 20, 24, 20)
        )
        body.setStretch(1, 1)
        self.setLayout(body)
        self.setMinimumSize(640, 540)
        context.person_changed.connect(self._show_person)
        context.people_changed.connect(self._show_person)

    def show_page(self, name: str) -> None:
        """Show a page: "general", "feedback", "keys", "compute" or "doctor"."""
        self.pages.set_value(name)
        for page in (self.keys, self.compute, self.doctor):
            if page is self._pages[name]:
                page.fill()
        self._stack.setCurrentWidget(self._pages[name])

    def _line(self, text: str, widget: QWidget, why: str = "") -> QWidget:
        name = label(text, "body", "text2")
        name.setFixedWidth(NAME_WIDTH)
        line = row(name, widget, None)
        if not why:
            return holding(line)
        words = label(why, "small", "text3", wrap=True)
        words.setContentsMargins(NAME_WIDTH + 8, 0, 0, 0)
        return holding(column(line, words, spacing=4))

    # --- general

    def _general(self) -> QWidget:
        self.theme = self._theme()
        self.text_size = self._text_size()
        self.letters = Switch(self.tr("Single keys act"))
        self.letters.setChecked(self.settings.letters)
        self.letters.toggled.connect(lambda on: self._set(letters=on))
        self.track = self._track()
        why_track = self.tr("Curves are always kept here. These tools get them too, if their packages are installed.")
        self.closing = closing_choice(self.settings.closing)
        self.closing.changed.connect(lambda value: self._set(closing=value))
        why_closing = self.tr("Either way nothing is lost: a run goes on from where it was.")
        why_mirror = self.tr("Where models are searched and fetched. Empty: what HF_ENDPOINT says, or huggingface.co.")
        why = self.tr("Turn it off when keys such as S act by accident, as with speech input. Ctrl and Alt stay.")
        return holding(
            column(
                self._line(self.tr("Theme"), self.theme),
                self._line(self.tr("Text size"), self.text_size),
                self._line(self.tr("Single keys act"), self.letters, why),
                self._line(self.tr("Closing while a run goes"), self.closing, why_closing),
                self._line(self.tr("Curves also go to"), self.track, why_track),
                self._line(self.tr("Mirror of the hub"), self._mirror(), why_mirror),
                None,
                spacing=16,
            )
        )

    def _theme(self) -> Segmented:
        options = [
            Option("system", self.tr("System")),
            Option("light", self.tr("Light")),
            Option("dark", self.tr("Dark")),
        ]
        chosen = Segmented(options, self.tr("Theme"))
        chosen.set_value(self.settings.theme)
        chosen.changed.connect(lambda value: self._set(theme=value))
        return chosen

    def _text_size(self) -> Segmented:
        chosen = Segmented([Option(str(size), f"{size}%") for size in (90, 100, 115, 130, 150)], self.tr("Text size"))
        chosen.set_value(str(self.settings.text_size))
        chosen.changed.connect(lambda value: self._set(text_size=int(value)))
        return chosen

    def _track(self) -> QWidget:
        boxes = {name: QCheckBox(text) for name, text in TRACKED.items()}
        chosen = self.settings.track.split(",")
        for name, box in boxes.items():
            box.setChecked(name in chosen)
            box.toggled.connect(
                lambda _: self._set(track=",".join(each for each, box in boxes.items() if box.isChecked()))
            )
        return holding(row(*boxes.values(), spacing=16))

    def _mirror(self) -> QLineEdit:
        self.mirror = QLineEdit(self.settings.hub_endpoint)
        self.mirror.setAccessibleName(self.tr("Mirror of the hub"))
        self.mirror.setPlaceholderText(hub.USUAL)
        self.mirror.setMinimumWidth(260)
        self.mirror.editingFinished.connect(self._keep_mirror)
        return self.mirror

    def _keep_mirror(self) -> None:
        text = self.mirror.text().strip()
        try:
            self._set(hub_endpoint=hub.checked_address(text) if text else "")
        except WorkbenchError as error:
            self.mirror.setText(self.settings.hub_endpoint)
            self._context.tell(error)

    # --- feedback

    def _feedback(self) -> QWidget:
        self.who = label("", "strong")
        people = LinkButton(self.tr("People"))
        people.clicked.connect(self.people_wanted)
        self._show_person()
        share = repeating.share(self._context.store)
        self.repeats = Switch(self.tr("Hidden repeats"))
        self.repeats.setChecked(share > 0)
        self.share = WholeField(self.tr("Share of hidden repeats"))
        self.share.setRange(1, repeating.MOST_SHARE)
        self.share.setSuffix(self.tr(" % of the items"))
        self.share.setValue(share or repeating.USUAL_SHARE)
        self.share.setEnabled(share > 0)
        self.repeats.toggled.connect(lambda _: self._keep_share())
        self.share.valueChanged.connect(lambda _: self._keep_share())
        why_repeats = self.tr("What you judged a while ago comes back unannounced, to tell how steady judgements are.")
        why_enough = self.tr("What so many have judged leaves everybody else's queue. Rules and skips do not count.")
        return holding(
            column(
                self._line(self.tr("Judges here"), holding(row(self.who, people, spacing=12))),
                self._line(self.tr("Hidden repeats"), holding(row(self.repeats, self.share, spacing=12)), why_repeats),
                self._line(self.tr("Judgements per item"), self._enough_box(), why_enough),
                label(self.tr("Repeats and judgements per item are kept in this project."), "small", "text3"),
                None,
                spacing=16,
            )
        )

    def _show_person(self) -> None:
        self.who.setText(self._context.annotator)

    def _enough_box(self) -> QComboBox:
        self.enough = QComboBox()
        self.enough.setAccessibleName(self.tr("Judgements per item"))
        self.enough.addItem(self.tr("As many as there are people"), 0)
        for number in range(1, MOST_PEOPLE + 1):
            many = self.tr("{count} people").format(count=count(number))
            self.enough.addItem(self.tr("1 person") if number == 1 else many, number)
        self.enough.setCurrentIndex(self.enough.findData(judgements_per_item(self._context.store)))
        self.enough.activated.connect(lambda _: self._keep(ENOUGH, self.enough.currentData()))
        return self.enough

    def _keep_share(self) -> None:
        on = self.repeats.isChecked()
        self.share.setEnabled(on)
        self._keep(repeating.SHARE, self.share.value() if on else 0)

    def _keep(self, key: str, value: int) -> None:
        """A setting of the project."""
        store = self._context.store
        try:
            store.set_setting(key, value)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        store.changed("settings", self)

    def _set(self, **values: object) -> None:
        self.settings = replace(self.settings, **values)  # type: ignore[arg-type]
        self._changed(self.settings)
