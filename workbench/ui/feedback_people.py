"""People: who judges here, how far everybody is, and a new name where one is wrong. Names only, no passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QMenu, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..jobs.people import Progress, progress
from ..store import Store
from ..store.people import LONGEST_NAME, add, people, rename, renamings
from .context import Context
from .data_tabs import NameDialog
from .data_words import when
from .figures import count, duration, percent
from .palette import Item
from .report_words import kinds
from .theme import set_region
from .widgets import Banner, Button, Chip, Divider, LinkButton, StatusDot, column, holding, label, row, scrolling
from .work import Refreshing, Steps, Work

REFRESH_MS = 300
MOST_RENAMINGS = 3


def sit_down(context: Context, name: str) -> None:
    """Judge as a person, who is added when nobody has that name; a refusal is told."""
    try:
        if name not in people(context.store):
            name = add(context.store, name)
    except WorkbenchError as error:
        context.tell(error)
        return
    context.judge_as(name)


def judge_as_items(tr: Callable[[str], str], context: Context) -> list[Item]:
    """For the palette: "Judge as Noor" for everybody else."""
    others = [name for name in people(context.store) if name != context.annotator]
    text, group = tr("Judge as {name}"), tr("People")
    return [
        Item(text.format(name=name), group, lambda name=name: sit_down(context, name), icon="user") for name in others
    ]


def show_menu(context: Context, at: QWidget, show_people: Callable[[], object]) -> QMenu:
    """Everybody to choose from, at the button that shows who judges, and the way to the People window."""
    menu = QMenu(at)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    names = dict.fromkeys((*people(context.store), context.annotator))
    for name in sorted(names, key=str.casefold):
        action = menu.addAction(name.replace("&", "&&"))
        action.setCheckable(True)
        action.setChecked(name == context.annotator)
        action.triggered.connect(lambda _=False, name=name: sit_down(context, name))
    menu.addSeparator()
    menu.addAction(at.tr("People…")).triggered.connect(lambda: show_people())
    menu.popup(at.mapToGlobal(QPoint(0, -menu.sizeHint().height() - 2)))
    return menu


def looking(kind: str, name: str) -> Steps:
    """Work out everybody's progress."""

    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"people": progress(store, kind, [name])})

    return steps


def renaming(before: str, after: str) -> Steps:
    """Give a person another name: many rows take a moment."""

    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"renamed": rename(store, before, after)})

    return steps


class PeopleDialog(QDialog):
    """Everybody with their progress; to choose who judges, to add and to rename."""

    def __init__(self, context: Context, kind: str = "rating", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self._kind = context, kind
        self.setWindowTitle(self.tr("People"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        set_region(self, "panel")
        folder = context.store.folder
        self._progress = Refreshing(folder, lambda: looking(self._kind, context.annotator), REFRESH_MS, self)
        self._progress.found.connect(lambda found: self.show_people(found["people"]))
        self._renaming = Work(folder, self)
        self._renaming.finished.connect(self._on_renamed)
        for work in (self._progress, self._renaming):
            work.failed.connect(self._on_failed)
        self.shown: list[Progress] = []
        self.problem = Banner("", "", "bad")
        self.problem.hide()
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._history = label("", "small", "text3", wrap=True)
        self._history.hide()
        self._build()
        context.person_changed.connect(lambda: self._progress.want())
        context.people_changed.connect(lambda: self._progress.want())
        context.store_changed.connect(self._on_store_change)

    def _build(self) -> None:
        note = self.tr("Each person has a queue and an undo of their own. There are no passwords.")
        head = column(label(self.tr("People"), "title"), label(note, "body", "text2", wrap=True), spacing=4)
        inside = holding(column(holding(self._grid), self._history, None, spacing=12, margins=(0, 0, 12, 0)))
        set_region(inside, "clear")
        self.add = Button(self.tr("Add a person"), icon="plus")
        self.add.clicked.connect(self.ask_for_person)
        self.report = LinkButton(self.tr("Who agrees with whom"))
        self.report.clicked.connect(self.open_report)
        done = Button(self.tr("Done"), kind="primary")
        done.clicked.connect(self.accept)
        foot = row(self.add, self.report, None, done, spacing=12)
        body = column(head, self.problem, scrolling(inside), Divider(), foot, spacing=12, margins=(24, 20, 24, 20))
        body.setStretch(2, 1)
        self.setLayout(body)
        self.setMinimumSize(720, 380)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _on_store_change(self, table: str, by: object) -> None:
        if table in ("feedback", "people", "responses"):
            self._progress.want()

    def refresh(self) -> None:
        """Work it out again."""
        self._progress.want(soon=True)

    # --- showing

    def show_people(self, found: Sequence[Progress]) -> None:
        """Show everybody."""
        self.shown = list(found)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        tr = self.tr
        titles = ("", tr("Today"), tr("In all"), tr("Median"), tr("Left"), tr("Same as others"), "")
        for place, title in enumerate(titles):
            head = label(title, "small", "text2")
            head.setContentsMargins(0, 0, 0, 6)
            self._grid.addWidget(head, 0, place, _side(place))
        for number, each in enumerate(found, start=1):
            self._grid.addWidget(Divider(), 2 * number - 1, 0, 1, len(titles))
            self._add_row(2 * number, each)
        self._show_history()

    def _add_row(self, at: int, each: Progress) -> None:
        none = "–"
        median = none if each.median is None else duration(each.median)
        share = percent(each.same / each.shared) if each.shared else ""
        same = self.tr("{share} of {count}").format(share=share, count=count(each.shared)) if share else none
        figures = (count(each.today), count(each.total), median, count(each.left), same)
        self._grid.addWidget(self._name(each), at, 0)
        for place, text in enumerate(figures, start=1):
            self._grid.addWidget(label(text, "body", tabular=True), at, place, _side(place))
        self._grid.addWidget(self._buttons(each), at, len(figures) + 1)

    def _name(self, each: Progress) -> QWidget:
        here = each.name == self.context.annotator
        dot = StatusDot("human", hollow=not here)
        parts = [dot, label(each.name, "strong")]
        if here:
            parts.append(Chip(self.tr("judges now"), tone="person"))
        named = kinds(self.tr)
        said = "  ·  ".join(f"{named.get(kind, kind)} {count(number)}" for kind, number in each.kinds.items())
        words = label(said or self.tr("nothing judged yet"), "small", "text2", wrap=True)
        return holding(column(row(*parts, None), words, spacing=2, margins=(0, 9, 0, 9)))

    def _buttons(self, each: Progress) -> QWidget:
        judge = Button(self.tr("Judge as"), size="sm")
        judge.setAccessibleName(self.tr("Judge as {name}").format(name=each.name))
        judge.clicked.connect(lambda: self.context.judge_as(each.name))
        judge.setVisible(each.name != self.context.annotator)
        tip = self.tr("Rename {name}").format(name=each.name)
        pencil = Button(icon="pencil", kind="ghost", size="sm", tip=tip)
        pencil.clicked.connect(lambda: self.ask_for_name(each))
        return holding(row(None, judge, pencil, spacing=4))

    def _show_history(self) -> None:
        text = self.tr("{before} is {after} since {when}.")
        last = renamings(self.context.store)[-MOST_RENAMINGS:]
        done = [text.format(before=each.before, after=each.after, when=when(each.at)) for each in last]
        self._history.setText(" ".join(done))
        self._history.setVisible(bool(done))

    # --- doing

    def ask_for_person(self) -> NameDialog:
        """Ask for the name of somebody new."""
        dialog = NameDialog(self.tr("Add a person"), self.tr("Add"), parent=self)
        dialog.given.connect(self.add_person)
        dialog.show()
        return dialog

    def add_person(self, name: str) -> None:
        """Add somebody, who does not judge before they are chosen."""
        self.problem.hide()
        try:
            add(self.context.store, name, by=self)
        except WorkbenchError as error:
            self._on_failed(error)
            return
        self.context.people_changed.emit()

    def ask_for_name(self, each: Progress) -> NameDialog:
        """Ask for another name, and say first what that changes."""
        many = self.tr("{count} judgements will say the new name.").format(count=count(each.total))
        said = self.tr("1 judgement will say the new name.") if each.total == 1 else many
        hint = self.tr("Runs and files that were made before keep the old one. You can rename again.")
        title = self.tr("Rename {name}").format(name=each.name)
        dialog = NameDialog(title, self.tr("Rename"), each.name, f"{said} {hint}" if each.total else "", self)
        dialog.field.setMaxLength(LONGEST_NAME)
        dialog.given.connect(lambda name: self.rename_person(each.name, name))
        dialog.show()
        return dialog

    def rename_person(self, before: str, after: str) -> None:
        """Give somebody another name, in every judgement."""
        self.problem.hide()
        if self._renaming.busy or " ".join(after.split()) == before:
            return
        self.setEnabled(False)
        self._renaming.start(renaming(before, after))

    def _on_renamed(self, found: Mapping[str, Any]) -> None:
        self.setEnabled(True)
        done = found["renamed"]
        self.context.has_new_name(done.before, done.after)
        for table in ("feedback", "people"):
            self.context.store.changed(table, self)

    def _on_failed(self, error: WorkbenchError) -> None:
        self.setEnabled(True)
        self.problem.set_banner(error.text, error.hint, "bad")
        self.problem.show()

    def open_report(self) -> None:
        """The matrix of who agrees with whom stands in Data's quality report."""
        self.accept()
        self.context.show_pane("data", {"view": "quality"})


def _side(place: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if place == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
