"""The kinds of feedback that the pane has: their names and keys, and a view for each, made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from ..errors import WorkbenchError
from .context import Context
from .feedback_best_worst import BestWorstView
from .feedback_compare import CompareView
from .feedback_edit import EditView
from .feedback_mode import ModeView
from .feedback_rank import RankView
from .feedback_rate import RateView
from .feedback_rubric import RubricView
from .feedback_rubric_editor import SETTING, RubricEditor, project_rubric
from .feedback_thumbs import ThumbsView
from .widgets import Option


class Modes(QStackedWidget):
    """Shows the view of one kind. A view takes a while to make, so that those nobody wants are not made."""

    said = Signal()
    """Something was said, in whichever view."""
    finished = Signal()
    """Everything is said where there is nothing to confirm."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._made: dict[str, ModeView] = {}
        self._makers: dict[str, Callable[[], ModeView]] = {
            "rating": RateView,
            "comparison": CompareView,
            "ranking": RankView,
            "edit": EditView,
            "thumbs": ThumbsView,
            "best_worst": BestWorstView,
            "rubric": self._rubric,
        }

    def options(self) -> list[Option]:
        """Every kind as a choice of the header."""
        return [
            Option("rating", self.tr("Rate"), "star", "Alt 1"),
            Option("comparison", self.tr("Compare"), "columns-2", "Alt 2"),
            Option("ranking", self.tr("Rank"), "list-ordered", "Alt 3"),
            Option("edit", self.tr("Edit"), "pencil", "Alt 4"),
            Option("thumbs", self.tr("Thumbs"), "thumbs-up", "Alt 5"),
            Option("best_worst", self.tr("Best-worst"), "trophy", "Alt 6"),
            Option("rubric", self.tr("Rubric"), "square-check", "Alt 7"),
        ]

    def __contains__(self, kind: object) -> bool:
        return kind in self._makers

    def view(self, kind: str) -> ModeView:
        """The view of a kind."""
        if kind not in self._made:
            view = self._made[kind] = self._makers[kind]()
            view.changed.connect(self.said)
            view.finished.connect(self.finished)
            view.setAccessibleName(next(option.text for option in self.options() if option.value == kind))
            self.addWidget(view)
        return self._made[kind]

    def make_all(self) -> None:
        """Make every view."""
        for kind in self._makers:
            self.view(kind)

    # --- the rubric's criteria

    def _rubric(self) -> RubricView:
        view = RubricView(project_rubric(self._context.store, self._context.tell))
        view.editor_wanted.connect(lambda: self._edit_rubric(view))
        return view

    def _edit_rubric(self, view: RubricView) -> None:
        editor = RubricEditor(view.own, self)
        editor.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        editor.accepted.connect(lambda: self._keep_rubric(view, editor))
        editor.open()

    def _keep_rubric(self, view: RubricView, editor: RubricEditor) -> None:
        try:
            criteria = editor.criteria()
            self._context.store.set_setting(SETTING, criteria)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        view.set_own(criteria)
