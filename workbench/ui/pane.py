"""Pane: what the six panes have in common.

    class ModelsPane(Pane):
        def __init__(self, store, parent=None):
            super().__init__("models", parent)
            self.title = self.tr("Models")
            self.set_left(self._sources(), width=204)
            self.set_body(self._table())
            self.set_right(self._inspector(), width=328, minimum=280)
            self.load = self.action(self.tr("Load"), "Enter", self.load_chosen, icon="play")

        def header_widgets(self): return [self.modes]        # after the title
        def header_actions(self): return [Button.of(self.add)]   # right end, the primary one last
        def first_focus(self): return self.table             # takes the focus when the pane is shown

Regions sit in a splitter whose sizes are kept. G shows or hides the right panel, Shift G the left one.
Under 1360 px of window the right panel is closed at first and opens over the body, and the left one is a
strip of 40 px; from 1920 px on the panel given to `set_third` appears.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from . import keys
from .theme import set_region
from .widgets import Button, Divider, PanelSplitter, column, holding, row

NARROW, WIDE = 1360, 1920
STRIP = 40


class Pane(QWidget):
    """A place in the rail: left panel, body, right panel."""

    title_changed = Signal(str)
    step_changed = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self._title = name, ""
        self.step = "normal"
        self.left: QWidget | None = None
        self.body: QWidget | None = None
        self.right: QWidget | None = None
        self.third: QWidget | None = None
        self.foot: QWidget | None = None
        self._widths: dict[str, int] = {}
        self._placed = False
        app = QApplication.instance()
        if isinstance(app, QApplication):
            keys.guard(app)
        set_region(self, "canvas")
        self._splitter = PanelSplitter(f"{name}-panels")
        self._strip = self._build_strip()
        frame = QHBoxLayout(self)
        frame.setContentsMargins(0, 0, 0, 0)
        frame.setSpacing(0)
        frame.addWidget(self._strip)
        frame.addWidget(self._splitter, 1)
        right, left = self.tr("Show or hide the right panel"), self.tr("Show or hide the left panel")
        self.toggle_right_action = keys.action(self, right, "G", self.toggle_right, shared="Pane")
        self.toggle_left_action = keys.action(self, left, "Shift G", self.toggle_left, shared="Pane")

    def _build_strip(self) -> QWidget:
        result = QWidget(self)
        set_region(result, "panel")
        result.setFixedWidth(STRIP)
        opener = Button(icon="panel-left", kind="ghost", key="Shift G", tip=self.tr("Show the list"))
        opener.set_keys("")
        opener.clicked.connect(self.toggle_left)
        inside = column(opener, None, margins=(5, 9, 4, 9))
        result.setLayout(row(holding(inside), Divider(vertical=True), spacing=0))
        result.hide()
        return result

    def foot_height(self) -> int:
        """Pixels of the bar at the bottom with what a person does next: messages leave it free."""
        return self.foot.height() if self.foot is not None and self.foot.isVisible() else 0

    # -- what a pane fills in

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, text: str) -> None:
        self._title = text
        self.setAccessibleName(text)
        self.title_changed.emit(text)

    def visit(self, payload: object) -> None:
        """Show what another pane asks for. Panes that can be asked override this."""

    def header_widgets(self) -> list[QWidget]:
        """Widgets after the title, such as a mode switch. Return the same ones on every call."""
        return []

    def header_actions(self) -> list[QWidget]:
        """Widgets at the right end of the header, the primary one last. The same ones on every call."""
        return []

    def make_all(self) -> None:
        """Make what is otherwise made when it is first wanted, so that all its actions can be listed."""

    def first_focus(self) -> QWidget | None:
        """What takes the focus when the pane is shown."""
        return self.body

    def action(
        self,
        text: str,
        key: str = "",
        slot: Callable[[], object] | None = None,
        icon: str | None = None,
        tip: str = "",
        checkable: bool = False,
    ) -> QAction:
        """An action of this pane: live while it is shown, listed by `?` and by the palette."""
        return keys.action(self, text, key, slot, icon, tip, checkable)

    # -- regions

    def set_left(self, widget: QWidget, width: int = 268, minimum: int = 200) -> None:
        """The list at the left."""
        self.left = widget
        self._take(widget, "left", width, minimum)

    def set_body(self, widget: QWidget) -> None:
        """The middle; it takes the room that is left."""
        self.body = widget
        self._take(widget, "body", 0, 320)

    def set_right(self, widget: QWidget, width: int = 272, minimum: int = 240) -> None:
        """The details at the right."""
        self.right = widget
        self._take(widget, "right", width, minimum)

    def set_third(self, widget: QWidget, width: int = 400, minimum: int = 320) -> None:
        """A panel that is there only from 1920 px on."""
        self.third = widget
        self._take(widget, "third", width, minimum)
        widget.hide()

    def _take(self, widget: QWidget, region: str, width: int, minimum: int) -> None:
        self._widths[region] = width
        widget.setMinimumWidth(minimum)
        if region != "body" and not widget.property("region"):
            set_region(widget, "panel")
        ordered = [part for part in (self.left, self.body, self.right, self.third) if part is not None]
        for place, part in enumerate(ordered):
            self._splitter.insertWidget(place, part)
            self._splitter.setStretchFactor(place, 1 if part is self.body else 0)

    # -- panels

    def toggle_right(self) -> None:
        """Show or hide the right panel."""
        if self.right is not None:
            self.show_right(self.right.isHidden())

    def show_right(self, shown: bool) -> None:
        """Show or hide the right panel; kept for next time unless the window is narrow."""
        if self.right is None:
            return
        self.right.setVisible(shown)
        if self.step == "narrow":
            self._float_right()
        else:
            QSettings().setValue(f"panels/{self.name}-right", shown)

    def toggle_left(self) -> None:
        """Show or hide the left panel."""
        if self.left is None:
            return
        shown = self.left.isHidden()
        self.left.setVisible(shown)
        self._strip.setVisible(not shown)
        if self.step != "narrow":
            QSettings().setValue(f"panels/{self.name}-left", shown)

    def set_window_width(self, width: int) -> None:
        """Called by the window when its width changes."""
        step = "narrow" if width < NARROW else "wide" if width >= WIDE else "normal"
        if step != self.step:
            self.step = step
            self._arrange()
            self.step_changed.emit(step)

    def _arrange(self) -> None:
        narrow = self.step == "narrow"
        if self.right is not None:
            self._dock_right(not narrow)
            self.right.setVisible(not narrow and self._kept("right"))
        if self.left is not None:
            shown = not narrow and self._kept("left")
            self.left.setVisible(shown)
            self._strip.setVisible(not shown)
        if self.third is not None:
            self.third.setVisible(self.step == "wide")

    def _kept(self, side: str) -> bool:
        return bool(QSettings().value(f"panels/{self.name}-{side}", True, bool))

    def _dock_right(self, docked: bool) -> None:
        """Put the right panel into the splitter, or take it out to float over the body."""
        right = self.right
        if right is None or docked == (right.parentWidget() is self._splitter):
            return
        if docked:
            after = 1 if self.left is None else 2
            self._splitter.insertWidget(after, right)
            self._splitter.setStretchFactor(after, 0)
        else:
            right.setParent(self)
            right.hide()

    def _float_right(self) -> None:
        right = self.right
        if right is None or right.parentWidget() is not self:
            return
        width = max(self._widths["right"], right.minimumWidth())
        right.setGeometry(self.width() - width, 0, width, self.height())
        right.raise_()
        self._edge().setGeometry(self.width() - width - 1, 0, 1, self.height())
        self._edge().setVisible(right.isVisible())
        self._edge().raise_()

    def _edge(self) -> Divider:
        found = self.findChild(Divider, "floating-edge", Qt.FindChildOption.FindDirectChildrenOnly)
        if found is None:
            found = Divider(vertical=True, parent=self)
            found.setObjectName("floating-edge")
        return found

    def minimumSizeHint(self) -> QSize:
        return QSize(600, 400)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._float_right()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            self._arrange()
            sides = sum(self._widths.get(side, 0) for side in ("left", "right", "third"))
            body = max(320, self.width() - sides)
            order = [side for side in ("left", "body", "right", "third") if side in self._widths]
            self._splitter.set_first_sizes([body if side == "body" else self._widths[side] for side in order])
