"""Writing answers: a request is one prompt for one column. Columns write side by side, each one request at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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


@dataclass
class Lane:
    """What one column writes now, and what waits behind it."""

    waiting: list[Request] = field(default_factory=list)
    request: Request | None = None
    id: str = ""
    loading: bool = False
    stopping: bool = False
    drafts: dict[int, str] = field(default_factory=dict)
    """Text so far of the answers that are not whole yet."""
    answered: set[int] = field(default_factory=set)


class Writer(QObject):
    """Sends requests to the session and says what comes of them.

    A column has one request under way at a time, so that Stop reaches all that is left of it. A model that is not
    loaded is loaded first.
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
        self._lanes: dict[int, Lane] = {}
        context.session_event.connect(self._on_event)
        context.answer_stored.connect(self._on_answer)
        context.session_changed.connect(self._on_session_change)

    # -- what is going on

    def lane(self, place: int) -> Lane:
        """What a column writes."""
        return self._lanes.get(place) or Lane()

    def _going(self) -> list[Lane]:
        return [lane for lane in self._lanes.values() if lane.request is not None]

    @property
    def busy(self) -> bool:
        """Whether answers are being written."""
        return bool(self._going())

    @property
    def loading(self) -> bool:
        """Whether everything that is under way waits for its model."""
        return self.busy and all(lane.loading for lane in self._going())

    @property
    def left(self) -> int:
        """Requests that wait behind the current ones."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def prompts(self) -> set[str]:
        """Ids of the prompts that are being answered."""
        return {lane.request.prompt_id for lane in self._going() if lane.request is not None}

    def waits_for(self, prompt_id: str, place: int) -> bool:
        """Whether a request for a prompt and column is still to come."""
        return any(request.prompt_id == prompt_id for request in self.lane(place).waiting)

    # -- what is wanted

    def start(self, requests: Iterable[Request]) -> None:
        """Write these, each after what its column is writing."""
        for request in requests:
            self._lanes.setdefault(request.place, Lane()).waiting.append(request)
        for place in list(self._lanes):
            if self._lanes[place].request is None:
                self._next(place)

    def stop(self, place: int | None = None) -> None:
        """Stop one column, or all of them, and forget what waits there. Whole answers stay."""
        places = list(self._lanes) if place is None else [place] if place in self._lanes else []
        lanes = [self._lanes[each] for each in places]
        for lane in lanes:
            lane.waiting.clear()
            lane.stopping = True
        ids = [lane.id for lane in lanes if lane.request is not None]
        if ids:
            self._context.stop_writing(ids)
        for each, lane in zip(places, lanes, strict=True):
            if lane.request is not None and lane.loading:  # the child hears nothing until the model is there
                self._end(each, "stopped")
        self.changed.emit()

    def _next(self, place: int) -> None:
        lane = self._lanes[place] = Lane(self._lanes[place].waiting)
        if not lane.waiting:
            self.changed.emit()
            return
        request = lane.request = lane.waiting.pop(0)
        try:
            lane.id = self._context.request_answers(
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
            self._end(place, "failed")
            return
        lane.loading = request.model_id in self._context.loading_ids
        self.began.emit(request)
        self.changed.emit()

    # -- what comes of it

    def _place_of(self, id_: str) -> int | None:
        return next((place for place, lane in self._lanes.items() if lane.request is not None and lane.id == id_), None)

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.Token):
            self._on_token(event)
        elif isinstance(event, ev.Finished | ev.Stopped):
            self._on_end(str(event.summary.get("id", "")), "finished" if isinstance(event, ev.Finished) else "stopped")
        elif isinstance(event, ev.Failed):
            self._on_end(event.request, "failed")

    def _on_end(self, id_: str, how: str) -> None:
        place = self._place_of(id_)
        if place is not None:
            self._end(place, how)

    def _on_token(self, event: ev.Token) -> None:
        lane = self.lane(event.column)
        if lane.request is None or event.prompt_id != lane.request.prompt_id or lane.stopping:
            return
        if lane.loading:
            lane.loading = False
            self.changed.emit()
        lane.drafts[event.index] = lane.drafts.get(event.index, "") + event.text
        self.token.emit(lane.request, event.index, event.text)

    def _on_answer(self, answer: ev.Answer, response: Response) -> None:
        lane = self.lane(answer.column)
        if lane.request is None or answer.prompt_id != lane.request.prompt_id:
            return
        lane.loading = False
        lane.drafts.pop(answer.index, None)
        lane.answered.add(answer.index)
        self.answered.emit(lane.request, answer.index, response)

    def _on_session_change(self) -> None:
        gone = self._context.session is None
        for place, lane in list(self._lanes.items()):
            if lane.request is not None and gone:
                self._end(place, "stopped")  # somebody unloaded the models, or their process died
            elif lane.loading and lane.request and lane.request.model_id not in self._context.loading_ids:
                lane.loading = False
                self.changed.emit()

    def _end(self, place: int, how: str) -> None:
        lane = self._lanes[place]
        request, lane.request, lane.loading = lane.request, None, False
        assert request is not None
        if how != "finished":
            lane.waiting.clear()
        self.ended.emit(request, how)
        self._next(place)
