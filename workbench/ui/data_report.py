"""The cards of the quality report: a verdict, its figure, a drawing, facts; what judgements become; what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from ..jobs.reporting import Becoming, Step
from . import icons
from .figures import count
from .report_advice import becoming_rule, step_words
from .report_pictures import Picture
from .report_words import Said, kinds
from .theme import font, text_scale, theme, theme_changed
from .widgets import Button, Card, FactRows, LinkButton, column, label, row
from .widgets.painting import KeyboardFocus, box, ring, text_width

ICONS = {"good": ("circle-check", "good"), "warn": ("triangle-alert", "warn"), "none": ("info", "text3")}
KIND_ICONS = {
    "rating": "star", "comparison": "scale", "ranking": "list-ordered", "edit": "pencil", "thumbs": "thumbs-up",
    "best_worst": "trophy", "rubric": "square-check", "mark": "tag",
}  # fmt: skip
MARGINS = (16, 14, 16, 14)


class FindingCard(Card):
    """A verdict as the title, its figure, a sentence, a drawing, facts, and perhaps the rows that it is about."""

    rows_wanted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict = "none"
        self._mark = label()
        self.title = label("", "head", wrap=True)
        self.number = label("", "head", tabular=True)
        self.text = label("", "body", "text2", wrap=True)
        self.picture = Picture(name)
        self.facts = FactRows(key_width=130)
        self.rows = LinkButton("")
        self.rows.hide()
        self.rows.clicked.connect(self.rows_wanted)
        head = row(self._mark, self.title, self.number)
        head.setStretch(1, 1)
        foot = row(self.rows, None)
        self.setLayout(column(head, self.text, self.picture, self.facts, foot, None, spacing=10, margins=MARGINS))
        theme_changed.connect(self._restyle)
        self._restyle()

    def show_said(self, said: Said) -> None:
        """Show all of it."""
        self._verdict = said.verdict
        self.title.setText(said.title)
        self.number.setText(said.number)
        self.text.setText(said.text)
        self.facts.set_facts(list(said.facts))
        self.facts.setVisible(bool(said.facts))
        self.setAccessibleName(f"{said.title} {said.number}. {said.text}")
        self._restyle()

    def show_rows(self, text: str) -> None:
        """A link to the rows that it is about; "" for none."""
        self.rows.setText(text)
        self.rows.setAccessibleName(text)
        self.rows.setVisible(bool(text))

    def _restyle(self) -> None:
        self._mark.setPixmap(icons.pixmap(*ICONS[self._verdict], 16))


class Tile(KeyboardFocus, QPushButton):
    """ "212 ratings → 148 pairs", and the rule below. Pressed, it opens its rows."""

    def __init__(self, icon: str, before: str, after: str, rule: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name, self._before, self._after, self._rule = icon, before, after, rule
        self.setAccessibleName(f"{before} → {after}. {rule}")
        self.setToolTip(self.accessibleName())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        wide = max(text_width("head", self._before) + text_width("head", self._after) + 36, self._rule_width())
        return QSize(round(wide) + 52, round(54 * text_scale()))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def _rule_width(self) -> float:
        return text_width("small", self._rule)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, place = theme(), QRectF(self.rect())
        box(painter, place, 6, on.color("hover" if self.underMouse() else "sunken"))
        icons.paint(painter, self._icon_name, "humanText", 12, round(place.height() / 2 - 16))
        x, half = 38.0, place.height() / 2
        for text, token in ((self._before, "text"), ("→", "text3"), (self._after, "accentText")):
            painter.setFont(font("head", tabular=True))
            painter.setPen(on.color(token))
            painter.drawText(QRectF(x, 6, place.width() - x - 6, half - 4), Qt.AlignmentFlag.AlignVCenter, text)
            x += text_width("head", text) + 10
        painter.setFont(font("small"))
        painter.setPen(on.color("text2"))
        below = QRectF(38, half, place.width() - 44, half - 6)
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, self._rule)
        if self.ring_shown():
            ring(painter, place, 6)
        painter.end()


class BecomingCard(Card):
    """What the judgements become: a tile a kind, and the conflicts."""

    kind_wanted = Signal(str)
    conflicts_wanted = Signal()
    COLUMNS = 3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: dict[str, Tile] = {}
        self.title = label("", "head")
        self.total = label("", "body", "text2", tabular=True)
        self.conflicts = LinkButton("", "warn")
        self.conflicts.clicked.connect(self.conflicts_wanted)
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        head = row(self.title, None, self.total, self.conflicts, spacing=14)
        self.setLayout(column(head, self._grid, spacing=10, margins=MARGINS))

    def show_becoming(self, found: Becoming, judgements: int) -> None:
        """Show the counts under the project's rules."""
        self.title.setText(self.tr("What {count} judgements become").format(count=count(judgements)))
        words = self.tr("{pairs} pairs for reward models and DPO, {shown} demonstrations for SFT")
        self.total.setText(words.format(pairs=count(found.pairs), shown=count(found.demonstrations)))
        conflicts = len(found.contradictions)
        many = self.tr("{count} conflicts").format(count=count(conflicts))
        self.conflicts.setText(self.tr("1 conflict") if conflicts == 1 else many)
        self.conflicts.setAccessibleName(
            self.tr("Open the judgements behind {what}").format(what=self.conflicts.text())
        )
        self.conflicts.setToolTip(self.tr("The same two answers were judged both ways: A over B and B over A."))
        self.conflicts.setVisible(bool(conflicts))
        self._show_tiles(found)

    def _show_tiles(self, found: Becoming) -> None:
        for tile in self.tiles.values():
            self._grid.removeWidget(tile)
            tile.hide()
            tile.deleteLater()
        self.tiles.clear()
        named = kinds(self.tr)
        for place, (kind, counts) in enumerate(found.counts.items()):
            before = self.tr("{count} {kind}").format(count=count(counts["judgements"]), kind=named.get(kind, kind))
            after = self.tr("{count} pairs").format(count=count(counts["pairs"]))
            rule = becoming_rule(kind, found, self.tr)
            if counts["demonstrations"]:
                more = self.tr("{rule}, and {count} demonstrations")
                rule = more.format(rule=rule, count=count(counts["demonstrations"]))
            tile = Tile(KIND_ICONS.get(kind, "circle"), before, after, rule)
            tile.clicked.connect(lambda _=False, kind=kind: self.kind_wanted.emit(kind))
            self._grid.addWidget(tile, place // self.COLUMNS, place % self.COLUMNS)
            self.tiles[kind] = tile


class StepsCard(Card):
    """Worth doing next, the most useful first, a button each."""

    step_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[Button] = []
        self._rows: list[QWidget] = []
        self._list = column(spacing=12)
        self.nothing = label(self.tr("Nothing presses."), "body", "text2", wrap=True)
        title = label(self.tr("Worth doing next"), "head")
        self.setLayout(column(title, self.nothing, self._list, None, spacing=12, margins=MARGINS))

    def show_steps(self, steps: Sequence[Step]) -> None:
        """Show these."""
        for each in self._rows:
            each.hide()
            each.deleteLater()
        self._rows.clear()
        self.buttons.clear()
        self.nothing.setVisible(not steps)
        for number, step in enumerate(steps, 1):
            self._list.addWidget(self._row(number, step))

    def _row(self, number: int, step: Step) -> QWidget:
        title, text, button = step_words(step, self.tr)
        pressed = Button(button, size="sm")
        pressed.setAccessibleName(f"{button}: {title}")
        pressed.clicked.connect(lambda _=False: self.step_wanted.emit(step))
        words = column(label(title, "strong", wrap=True), label(text, "small", "text2", wrap=True), spacing=2)
        place = label(str(number), "strong", "human", tabular=True)
        line = row(place, words, pressed, spacing=12)
        line.setStretch(1, 1)
        line.setAlignment(pressed, Qt.AlignmentFlag.AlignTop)
        line.setAlignment(place, Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        holder.setLayout(line)
        self._rows.append(holder)
        self.buttons.append(pressed)
        return holder


class UnknownCard(Card):
    """Every question that there is too little to answer, in one place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts = FactRows(key_width=150)
        title = label(self.tr("Too few to tell"), "head")
        self.setLayout(column(title, self.facts, None, spacing=12, margins=MARGINS))

    def show_unknown(self, cards: Sequence[Said]) -> None:
        """Show what each would need."""
        self.facts.set_facts([(said.title, said.text) for said in cards])
