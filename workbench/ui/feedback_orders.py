"""What comes next in Feedback: the order of the queue, and the prompt set. Each order says in a line what it is for."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ..jobs.ordering import Upcoming
from ..store.repeating import AFTER
from . import icons
from .figures import count
from .instant_head import InstantHead
from .tables import Index
from .theme import font, theme
from .widgets.painting import box, text_width

WHY = Qt.ItemDataRole.UserRole + 1
TWO_LINES, PADDING, MARK = 46, 12, 24
SMALLEST = 92
"""Width of a box in a narrow window, where the end of its text is cut off."""
MOST_SETS = 200
"""Of more prompt sets the largest are offered."""


class Choice(QComboBox):
    """A combo box that keeps arrows and letters to itself while it has the focus: they are shortcuts elsewhere."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.view().installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        return QSize(SMALLEST, super().minimumSizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_plain(event):
            event.accept()
            return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_plain(event):
            event.accept()
            return True
        return super().eventFilter(watched, event)


def _is_plain(event: QKeyEvent) -> bool:
    leaves = event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
    return not leaves and event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


def order_names(tr: QObject) -> dict[str, tuple[str, str]]:
    """Every order: its name, and what it is for in one line."""
    return {
        "newest": (tr.tr("Newest"), tr.tr("The latest answers first.")),
        "oldest": (tr.tr("Oldest"), tr.tr("What has waited longest first.")),
        "random": (tr.tr("Random"), tr.tr("By chance: a fair sample of everything that waits.")),
        "fewest": (tr.tr("Fewest judgements"), tr.tr("What people have judged least, so that all of it is seen.")),
        "uncertain": (
            tr.tr("Most uncertain"),
            tr.tr("What the reward model can least tell: a judgement of it teaches most."),
        ),
        "disagreement": (
            tr.tr("Largest disagreement"),
            tr.tr("What people, or a person and the reward model, judge differently."),
        ),
        "again": (
            tr.tr("Again, for consistency"),
            tr.tr("What you judged a while ago, without showing how. Do you say the same?"),
        ),
    }


def impossible(tr: QObject, known: Upcoming | None, instant: InstantHead) -> dict[str, str]:
    """The orders that cannot work now, and why."""
    found = {"uncertain": "" if instant.predicts() else instant.missing()}
    if known is not None and "disagreement" in known.impossible:
        found["disagreement"] = tr.tr("It takes two people who judged the same, or a reward model that differs.")
    if known is not None and "again" in known.impossible:
        text = tr.tr("Nothing yet: a judgement comes back after {count} others.")
        found["again"] = text.format(count=AFTER)
    return found


class _TwoLines(QStyledItemDelegate):
    """An order's name, and what it is for below it; a tick at the one that is on."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        wide = max(text_width("strong", index.data()), text_width("small", index.data(WHY) or ""))
        return QSize(round(wide) + 2 * PADDING + MARK, TWO_LINES)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        rect = QRectF(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        if enabled and state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            box(painter, rect.adjusted(0, 1, 0, -1), 4, theme().color("selected"))
        holder = self.parent()
        if isinstance(holder, QComboBox) and holder.currentIndex() == index.row():
            icons.paint(painter, "check", "accentText", round(rect.right() - MARK), round(rect.center().y() - 8))
        room = rect.adjusted(PADDING, 5, -PADDING - MARK, -5)
        half = room.height() / 2
        for top, text, role, tone in (
            (room.top(), index.data(), "strong", "text"),
            (room.top() + half, index.data(WHY) or "", "small", "text2"),
        ):
            painter.setFont(font(role))
            painter.setPen(theme().color(tone if enabled else "text3"))
            shown = QFontMetricsF(font(role)).elidedText(text, Qt.TextElideMode.ElideRight, room.width() + 1)
            painter.drawText(QRectF(room.x(), top, room.width() + 1, half), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class OrderBox(Choice):
    """The orders, each with what it is for; one that cannot work is grey and says why."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Next up"), parent)
        self._orders = order_names(self)
        for value, (name, _) in self._orders.items():
            self.addItem(name, value)
        self.setItemDelegate(_TwoLines(self))
        self._reasons: dict[str, str] | None = None
        self.set_impossible({})
        self.activated.connect(self._on_activated)
        self.currentIndexChanged.connect(lambda _: self._show_tip())

    def _on_activated(self, _: int) -> None:
        self.chosen.emit(self.currentData())

    def set_impossible(self, reasons: Mapping[str, str]) -> None:
        """Offer all orders but these, which say why not."""
        if reasons == self._reasons:
            return
        self._reasons = dict(reasons)
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        for place, (value, (_, why)) in enumerate(self._orders.items()):
            reason = reasons.get(value, "")
            model.item(place).setEnabled(not reason)
            self.setItemData(place, reason or why, WHY)
            self.setItemData(place, reason or why, Qt.ItemDataRole.ToolTipRole)
            self.setItemData(place, f"{self._orders[value][0]}. {reason or why}", Qt.ItemDataRole.AccessibleTextRole)
        self._show_tip()

    def words(self) -> str:
        """The order that is on, and what it is for or why it cannot work."""
        return self.tr("{order}: {why}").format(order=self.currentText(), why=self.currentData(WHY))

    def _show_tip(self) -> None:
        self.setToolTip(self.currentData(WHY))

    def showPopup(self) -> None:
        """Wide enough for the lines below the names."""
        rows = range(self.count())
        hint = self.itemDelegate().sizeHint
        wide = max(hint(QStyleOptionViewItem(), self.model().index(row, 0)).width() for row in rows)
        self.view().setMinimumWidth(wide + 12)
        super().showPopup()


class SetBox(Choice):
    """The prompt sets of the project, which are its tags; hidden while there are none."""

    chosen = Signal(object)
    """A tag, or None for all prompts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Prompt set"), parent)
        self._shown: list[tuple[str, int]] = []
        self.addItem(self.tr("All prompts"), None)
        self.setToolTip(self.tr("Only prompts of one set come next: a set is a tag of its prompts."))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))
        self.hide()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to choose from."""
        return self.count() < 2

    def show_sets(self, sets: Mapping[str, int], current: str | None) -> None:
        """Offer these tags with how many prompts wait in each; the chosen one stays although it is gone."""
        found = list(sets.items())[:MOST_SETS]
        if current is not None and current not in sets:
            found.append((current, 0))
        if found != self._shown:
            self._shown = found
            while self.count() > 1:
                self.removeItem(1)
            for tag, number in found:
                self.addItem(f"{tag}  {count(number)}", tag)
        self.setCurrentIndex(max(0, self.findData(current)))
