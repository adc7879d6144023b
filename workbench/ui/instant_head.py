"""The instant head beside the window: fitted again on a thread after each judgement, and told to the panes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..store import Store
from ..store.features import FEWEST_PAIRS
from ..store.queueing import Ranked
from .figures import count
from .work import Work

if TYPE_CHECKING:
    from ..jobs.instant_head import InstantHead as Head
    from ..jobs.instant_head import Prediction, Reading

SOON_MS, LATER_MS = 120, 2_000
"""Quiet time before a fit: after a judgement, and while vectors trickle in."""
TABLES = {"feedback": SOON_MS, "features": LATER_MS, "responses": LATER_MS, "models": LATER_MS}


class InstantHead(QObject):
    """What is expected of each answer, as of the last judgement. Never more than one fit runs; the latest wins."""

    changed = Signal()
    """Another reading is there."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._work = Work(Path(store.folder), self)
        self._work.finished.connect(self._on_read)
        self._work.failed.connect(self._on_failed)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start)
        self._head: Head | None = None
        self._again = False
        self._closed = False
        self.reading: Reading | None = None
        self.problem: WorkbenchError | None = None

    def want(self, table: str) -> None:
        """Rows of a table changed: fit again before long, if that table matters."""
        wait = TABLES.get(table)
        if wait is None or self._closed or not self._has_something():
            return
        if not self._timer.isActive() or wait < self._timer.remainingTime():
            self._timer.start(wait)

    def _has_something(self) -> bool:
        """Whether any answer was read or scored: until then there is nothing to do, and nothing runs."""
        if self.reading is None:
            try:
                return self._store.features.any() or self._store.features.scorer() is not None
            except WorkbenchError as error:
                self.problem = error
                return False
        return True

    def close(self) -> None:
        """Start nothing more."""
        self._closed = True
        self._timer.stop()

    def _start(self) -> None:
        if self._closed:
            return
        if self._work.busy:
            self._again = True
            return
        self._again = False
        self._work.start(self._steps)

    def _steps(self, store: Store) -> Iterator[Event]:
        # numpy comes with this import, beside the window and not before its first picture.
        from ..jobs.instant_head import InstantHead as Head

        self._head = self._head or Head()
        yield Finished({"reading": self._head.refresh(store)})

    def _on_read(self, found: Mapping[str, Any]) -> None:
        self.reading, self.problem = found["reading"], None
        self.changed.emit()
        self._go_on()

    def _on_failed(self, error: WorkbenchError) -> None:
        # A person who judges is not interrupted for a forecast; the panes say why there is none.
        self.problem = error
        self.changed.emit()
        self._go_on()

    def _go_on(self) -> None:
        if self._again:
            self._timer.start(SOON_MS)

    # --- what panes ask

    @property
    def ready(self) -> bool:
        """Whether the heads are fitted to enough judgements."""
        return self.reading is not None and self.reading.ready

    def prediction(self, response_id: str) -> Prediction | None:
        """What is expected of an answer; None while that is not known."""
        return self.reading.prediction(response_id) if self.reading is not None else None

    def predicts(self) -> bool:
        """Whether anything is expected of any answer."""
        return self.reading is not None and (self.reading.ready or self.reading.model_id is not None)

    def surprising(self) -> tuple[str, ...]:
        """The judgements that it says the opposite of, worst first, without having seen their prompts."""
        return self.reading.surprising if self.reading is not None else ()

    def model_name(self) -> str:
        """The reward model that has replaced the head; "" while none has."""
        model_id = self.reading.model_id if self.reading is not None else None
        return self._store.models.find(model_id).name if model_id else ""

    def ranked(self, kind: str) -> Ranked:
        """The prompts whose judgement in a kind would teach most."""
        return self.reading.uncertain.get(kind, Ranked()) if self.reading is not None else Ranked()

    def missing(self) -> str:
        """What the head lacks, in one sentence; "" when it is ready."""
        if self.ready:
            return ""
        if self.problem is not None:
            return f"{self.problem.text} {self.problem.hint}".strip()
        few, reading = FEWEST_PAIRS, self.reading
        if reading is None or (not reading.read and not reading.judged):
            return self.tr("It learns from {few} pairs on, once a loaded model has read the answers.").format(few=few)
        if reading.judged >= few:
            text = self.tr("{read} of {wanted} answers are read so far. Keep a model loaded, and the rest follow.")
            return text.format(read=count(reading.read), wanted=count(reading.wanted))
        text = self.tr("It learns from {few} pairs on; your judgements make {pairs} so far.")
        return text.format(few=few, pairs=count(reading.judged))

    def accuracy(self) -> str:
        """How often the head was right about prompts that it had not seen; "" while that is not known."""
        found = self.reading.accuracy if self.reading is not None and self.reading.ready else None
        if found is None:
            return ""
        text = self.tr("right in {share} % [{low}, {high}] of {count} pairs on prompts it had not seen")
        figures = {"share": found.share, "low": found.low, "high": found.high}
        return text.format(**{name: round(100 * value) for name, value in figures.items()}, count=count(found.count))
