"""The ways from a run to what it learned from: people's judgements, and what judges said where it was told to."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ..jobs.learned import judges_of
from ..store import Run
from .context import Context
from .figures import count
from .judge_words import short_name
from .widgets import LinkButton, row


class RunSources(QWidget):
    """Two links to Data, each hidden where there is nothing behind it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._run_id = ""
        self.rows, self.verdicts = LinkButton(""), LinkButton("")
        self.rows.setToolTip(self.tr("Show the judgements that it learned from"))
        self.rows.clicked.connect(lambda: context.show_pane("data", {"run": self._run_id}))
        self.verdicts.clicked.connect(
            lambda: context.show_pane("data", {"filters": {"used_by": self._run_id, "judges": True}})
        )
        self.setLayout(row(self.rows, self.verdicts, spacing=10))

    def show_run(self, run: Run) -> None:
        """Count what went into a run."""
        self._run_id = run.id
        rows = self._context.store.runs.count_feedback(run.id)
        judges = judges_of(self._context.store, run)
        said = sum(judges.values())
        words = self.tr("{count} judgement") if rows == 1 else self.tr("{count} judgements")
        self._show(self.rows, words, rows)
        self._show(self.verdicts, self.tr("{count} from a judge"), said)
        told = self.tr("A model or a rule said this, not a person: {names}")
        self.verdicts.setToolTip(told.format(names=", ".join(short_name(name) for name in judges)))
        self.setVisible(bool(rows or said))

    def _show(self, link: LinkButton, words: str, number: int) -> None:
        link.setVisible(bool(number))
        link.setText(words.format(count=count(number)))
        link.setAccessibleName(link.text())
        link.updateGeometry()
