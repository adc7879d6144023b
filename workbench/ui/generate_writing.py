"""Writing answers one request after another: a request is one prompt for one column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from .. import events as ev
from ..errors import WorkbenchError
from ..store import Response
from .context import Context
from .generate_sampling import Sampling


@dataclass(frozen=True)
class Request:
    """Some answers to one prompt by one model, for one column."""

    prompt_id: str
    model_id: str
    place: int
    samples: int
    seed: int
    sampling: Sampling
    reward_id: str | None = None


class Writer(QObject):
    """Sends requests to the loaded model and says what comes of them.

    One request is under way at a time, so that Stop reaches all that is left. A model that is not loaded is
    loaded first, so requests of one column are best kept together.
    """

    began = Signal(object)
    """A Request is under way."""
    token = Signal(object, int, str)
    """(Request, index of the answer, piece of text)."""
    answered = Signal(object, int, object)
    """(Request, index, Response): an answer is whole and in the store."""
    ended = Signal(object, str)
    """(Request, "finished", "stopped" or "failed")."""
    changed = Signal()
    """Busy or not, loading or not."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: list[Request] = []
        self._id = ""
        self._stopping = False
        self.current: Request | None = None
        self.drafts: dict[int, str] = {}
        """Text so far of the answers that are not whole yet."""
        self.answered_indexes: set[int] = set()
        self.loading = False
        context.session_event.connect(self._on_event)
        context.answer_stored.connect(self._on_answer)
        context.session_changed.connect(self._on_session_change)

    @property
    def busy(self) -> bool:
        """Whether answers are being written."""
        return self.current is not None

    @property
    def left(self) -> int:
        """Requests that wait behind the current one."""
        return len(self._waiting)

    def waits_for(self, prompt_id: str, place: int) -> bool:
        """Whether a request for a prompt and column is still to come."""
        return any(request.prompt_id == prompt_id and request.place == place for request in self._waiting)

    def start(self, requests: Sequence[Request]) -> None:
        """Write these, after what is being written."""
        self._waiting += requests
        if not self.busy:
            self._next()

    def stop(self) -> None:
        """Stop writing and forget what waits. Whole answers stay."""
        self._waiting.clear()
        if not self.busy:
            return
        if self._context.session_loading:  # there is nothing to keep of a model that is half loaded
            self._context.unload_model()
            return
        self._stopping = True
        self._context.stop_writing()
        self.changed.emit()

    def _next(self) -> None:
        self._stopping = False
        self.drafts, self.answered_indexes = {}, set()
        if not self._waiting:
            self.current = None
            self.changed.emit()
            return
        request = self._waiting.pop(0)
        self.current = request
        loaded = self._context.session_model
        self.loading = self._context.session_loading or loaded is None or loaded.id != request.model_id
        try:
            self._id = self._context.request_answers(
                prompt_id=request.prompt_id,
                model_id=request.model_id,
                sampler=request.sampling.to_json(),
                samples=request.samples,
                seed=request.seed,
                column=request.place,
                reward_id=request.reward_id,
            )
        except WorkbenchError as error:
            self._context.tell(error)
            self._end("failed")
            return
        self.began.emit(request)
        self.changed.emit()

    def _on_event(self, event: ev.Event) -> None:
        request = self.current
        if request is None:
            return
        if isinstance(event, ev.Token):
            self._on_token(request, event)
        elif isinstance(event, ev.Finished) and event.summary.get("id") == self._id:
            self._end("finished")
        elif isinstance(event, ev.Stopped):
            self._end("stopped")
        elif isinstance(event, ev.Failed):
            self._end("failed")

    def _on_token(self, request: Request, event: ev.Token) -> None:
        if event.prompt_id != request.prompt_id or event.column != request.place:
            return
        if self._stopping:  # a stop that came while the model was loading was not heard
            self._context.stop_writing()
        if self.loading:
            self.loading = False
            self.changed.emit()
        self.drafts[event.index] = self.drafts.get(event.index, "") + event.text
        self.token.emit(request, event.index, event.text)

    def _on_answer(self, answer: ev.Answer, response: Response) -> None:
        request = self.current
        if request is None or answer.prompt_id != request.prompt_id or answer.column != request.place:
            return
        self.loading = False
        self.drafts.pop(answer.index, None)
        self.answered_indexes.add(answer.index)
        self.answered.emit(request, answer.index, response)

    def _on_session_change(self) -> None:
        if self.busy and self._context.session is None and not self._context.session_loading:
            self._end("stopped")  # somebody unloaded the model
        elif self.loading and not self._context.session_loading:
            self.changed.emit()

    def _end(self, how: str) -> None:
        request = self.current
        assert request is not None
        if how != "finished":
            self._waiting.clear()
        self.current, self.loading = None, False
        self.ended.emit(request, how)
        self._next()
