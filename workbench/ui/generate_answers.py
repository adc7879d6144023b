"""Fills the columns of Generate from the store and from what is being written, and keeps what is ticked to send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from ..errors import WorkbenchError
from ..store import Model, Prompt, Response
from .context import Context
from .generate_columns import ColumnsArea, ColumnView
from .generate_sampling import DOTS, Sampling
from .generate_writing import Request, Writer

REPAINT_MS = 50
"""Streaming text is painted at most twenty times a second."""

MOST_SHOWN = 24
"""Cards in one column: more answers to one prompt are in Data."""


@dataclass(frozen=True)
class ColumnChoice:
    """A column: which model writes, and how it draws."""

    model: Model
    sampling: Sampling


class Answers(QObject):
    """The answers to the prompt that is shown. `ticks_changed` when what would be sent changes."""

    ticks_changed = Signal()
    shown = Signal()
    """Whole answers came on screen."""
    model_wanted = Signal(int, str)
    removal_wanted = Signal(int)
    stop_wanted = Signal(int)
    again_wanted = Signal(int)
    chosen_changed = Signal()
    """Another answer is the one that a conversation goes on from, or none."""

    def __init__(self, context: Context, writer: Writer, area: ColumnsArea, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._writer, self._area = context, writer, area
        self._choices: list[ColumnChoice] = []
        self._ticks: dict[str, bool] = {}
        self._unqueued: set[str] = set()
        self._rounds: dict[int, list[Response]] = {}
        self.prompt: Prompt | None = None
        self.queue_at_once = True
        self.chats = False
        """Whether the answers are turns of a conversation, which goes on from one of them."""
        self.chosen: Response | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REPAINT_MS)
        self._timer.timeout.connect(self._flush)
        writer.began.connect(self._on_began)
        writer.token.connect(self._on_token)
        writer.answered.connect(self._on_answered)
        writer.ended.connect(self._on_ended)
        writer.changed.connect(self._show_placeholders)

    # -- columns and prompt

    def set_columns(self, choices: Sequence[ColumnChoice], offer: Callable[[], Sequence[Model]]) -> None:
        """Show these columns, with the present prompt's answers in them."""
        self._choices = list(choices)
        views = []
        for place, choice in enumerate(choices):
            view = ColumnView(dot_of(choices, place), choice.model)
            view.offer(offer)
            view.model_wanted.connect(lambda id_, place=place: self.model_wanted.emit(place, id_))
            view.removal_wanted.connect(lambda place=place: self.removal_wanted.emit(place))
            view.stop_wanted.connect(lambda place=place: self.stop_wanted.emit(place))
            view.tick_changed.connect(self._on_tick)
            view.go_on_wanted.connect(self.choose)
            view.again_wanted.connect(lambda place=place: self.again_wanted.emit(place))
            views.append(view)
        self._area.set_views(views)
        self.show_samplings([choice.sampling for choice in choices])
        self.show_prompt(self.prompt)

    def show_samplings(self, samplings: Sequence[Sampling]) -> None:
        """Write each column's settings into its head."""
        choices = zip(self._choices, samplings, strict=True)
        self._choices = [ColumnChoice(choice.model, sampling) for choice, sampling in choices]
        for view, sampling in zip(self._area.views, samplings, strict=True):
            view.show_sampling(sampling)

    def show_prompt(self, prompt: Prompt | None) -> None:
        """Show the stored answers to a prompt, and those that are being written to it."""
        self.prompt = prompt
        for view in self._area.views:
            view.clear()
        found = self._context.store.responses.of_prompt(prompt.id) if prompt else []
        others = [response for response in found if self._place_of(response) < 0]
        self._show_others(others)
        for place, view in enumerate(self._area.views):
            mine = [response for response in found if self._place_of(response) == place]
            for response in mine[-MOST_SHOWN:]:
                view.add_response(response, self._ticks.get(response.id, response.queued))
        for place in range(len(self._area.views)):
            lane = self._writer.lane(place)
            if lane.request is not None and self._shows(lane.request) and not lane.loading:
                self._draft_all(lane.request)
        self._show_placeholders()
        self._show_chosen()
        self._area.lay_out()
        self.ticks_changed.emit()
        self.shown.emit()

    # -- the answer that a conversation goes on from

    def set_chats(self, on: bool) -> None:
        """Whether the answers are turns of a conversation."""
        self.chats = on
        self._show_chosen()

    def responses(self) -> list[Response]:
        """The whole answers that are shown, column by column."""
        cards = [card for view in self._area.all_views() for card in view.cards.values()]
        return [card.response for card in cards if card.response is not None]

    def choose(self, response_id: str) -> None:
        """Go on from this answer."""
        self._show_chosen(response_id)

    def choose_next(self) -> None:
        """Go on from the answer after the chosen one, or from the first again."""
        ids = [each.id for each in self.responses()]
        if ids:
            place = ids.index(self.chosen.id) + 1 if self.chosen and self.chosen.id in ids else 0
            self.choose(ids[place % len(ids)])

    def _show_chosen(self, response_id: str = "") -> None:
        """Mark the chosen answer, the one that was chosen before unless another is named, and the first where a person
        has chosen none of those that are shown."""
        before, found = self.chosen, self.responses() if self.chats else []
        wanted = response_id or (before.id if before is not None else "")
        kept = next((each for each in found if each.id == wanted), None)
        self.chosen = kept or next(iter(found), None)
        for view in self._area.all_views():
            for id_, card in view.cards.items():
                card.offer_going_on(self.chats, self.chosen is not None and id_ == self.chosen.id)
        if before != self.chosen:
            self.chosen_changed.emit()

    def _place_of(self, response: Response) -> int:
        """The column that an answer belongs to: its model's, and among several the one with its settings."""
        maker = response.adapter_id or response.model_id
        places = [place for place, choice in enumerate(self._choices) if choice.model.id == maker]
        for place in places:
            wanted = self._choices[place].sampling.to_json()
            if all(response.sampler.get(key) == value for key, value in wanted.items()):
                return place
        return places[0] if places else -1

    def _show_others(self, responses: Sequence[Response]) -> None:
        if not responses:
            self._area.set_others(None)
            return
        view = ColumnView("text3", None)
        view.tick_changed.connect(self._on_tick)
        view.go_on_wanted.connect(self.choose)
        view.settings.setText(self.tr("imported, or by other models"))
        view.show_placeholder("")
        for response in responses[-MOST_SHOWN:]:
            ticked = self._ticks.get(response.id, response.queued)
            view.add_response(response, ticked, self._maker(response))
        self._area.set_others(view)

    def _maker(self, response: Response) -> str:
        maker = response.adapter_id or response.model_id
        try:
            return self._context.store.models.find(maker).name if maker else ""
        except WorkbenchError:  # merged from another project without its model
            return ""

    def repeats(self, requests: Sequence[Request]) -> bool:
        """Whether writing these would give answers that are here already: same model, seed and settings."""
        views = self._area.views
        for request in requests:
            wanted = request.sampling.to_json()
            for card in views[request.place].cards.values():
                response = card.response
                if response is None or response.seed is None or response.seed < request.seed:
                    continue
                same = all(response.sampler.get(key) == value for key, value in wanted.items())
                if same and response.seed < request.seed + request.samples:
                    return True
        return False

    # -- what is being written

    def _shows(self, request: Request) -> bool:
        return self.prompt is not None and request.prompt_id == self.prompt.id and request.place < len(self._area.views)

    def _draft_all(self, request: Request) -> None:
        view, lane = self._area.views[request.place], self._writer.lane(request.place)
        for index in range(request.samples):
            if index not in lane.answered:
                view.draft(index, lane.drafts.get(index, ""))
        view.show_placeholder("")

    def _on_began(self, request: Request) -> None:
        self._rounds[request.place] = []
        if self._shows(request) and not self._writer.lane(request.place).loading:
            self._draft_all(request)
            first = next(iter(self._area.views[request.place].drafts.values()), None)
            if first is not None and request.place == 0:
                QTimer.singleShot(0, first, lambda: self._area.show_card(first))
        self._show_placeholders()

    def _on_token(self, request: Request, index: int, text: str) -> None:
        if not self._shows(request):
            return
        view = self._area.views[request.place]
        if index not in view.drafts:  # the model has just been loaded: the drafts hold this piece already
            self._draft_all(request)
        else:
            view.drafts[index].add(text)
        if not self._timer.isActive():
            self._timer.start()

    def _flush(self) -> None:
        for view in self._area.views:
            view.flush()

    def _on_answered(self, request: Request, index: int, response: Response) -> None:
        self._rounds.setdefault(request.place, []).append(response)
        self._ticks[response.id] = response.queued
        if response.queued and not self.queue_at_once:
            self._unqueued.add(response.id)
            try:
                self._context.store.responses.queue([response.id], False, by=self)
            except WorkbenchError as error:
                self._context.tell(error)
        if self._shows(request):
            self._area.views[request.place].finish(index, response, response.queued)
            self._show_placeholders()
            self._show_chosen()
        self.ticks_changed.emit()

    def _on_ended(self, request: Request, how: str) -> None:
        if not self._shows(request):
            return
        view = self._area.views[request.place]
        view.flush()
        words = {"stopped": self.tr("Stopped, not kept"), "failed": self.tr("Not finished")}
        view.cut(words.get(how, self.tr("Not finished")))
        view.drafts = dict(view.drafts) if how != "finished" else {}
        view.show_speed(self._rounds.get(request.place, []))
        self._show_placeholders()
        self.shown.emit()

    def _show_placeholders(self) -> None:
        prompt = self.prompt
        for place, view in enumerate(self._area.views):
            lane = self._writer.lane(place)
            here = lane.request is not None and self._shows(lane.request)
            view.set_writing(lane.request is not None)
            if here and lane.loading:
                view.show_placeholder(self.tr("Loading the model"))
            elif prompt is not None and self._writer.waits_for(prompt.id, place):
                view.show_placeholder(self.tr("Waiting for this column"))
            elif not view.cards and not view.drafts:
                view.show_placeholder(self.tr("Starting") if here else self.tr("No answers yet"))
            else:
                view.show_placeholder("")

    # -- what is sent

    def set_queue_at_once(self, on: bool) -> None:
        """Whether answers go into the feedback queue as soon as they are written."""
        self.queue_at_once = on

    def _on_tick(self, response_id: str, on: bool) -> None:
        self._ticks[response_id] = on
        if self.queue_at_once:
            try:
                self._context.store.responses.queue([response_id], on, by=self)
            except WorkbenchError as error:
                self._context.tell(error)
        self.ticks_changed.emit()

    def _shown_ids(self) -> set[str]:
        return {id_ for view in self._area.all_views() for id_ in view.cards}

    def to_send(self) -> list[str]:
        """Ids of the ticked answers to this prompt, and of ticked ones to others that are not in the queue yet."""
        here = [id_ for view in self._area.all_views() for id_ in view.ticked()]
        elsewhere = self._unqueued - self._shown_ids()
        return [*here, *sorted(id_ for id_ in elsewhere if self._ticks.get(id_, True))]

    def send(self) -> int:
        """Put the ticked answers into the feedback queue, take the unticked ones out, and say how many were sent.

        Raises WorkbenchError when that cannot be written.
        """
        ids = self.to_send()
        unticked = self._shown_ids() - set(ids)
        with self._context.store.writing():
            self._context.store.responses.queue(ids, True, by=self)
            self._context.store.responses.queue(sorted(unticked), False, by=self)
        self._unqueued -= set(ids)
        return len(ids)


def dot_of(choices: Sequence[ColumnChoice], place: int) -> str:
    """The colour of a column's dot: grey for a base, else the next colour of a series."""
    if choices[place].model.kind == "base":
        return "ref" if sum(1 for each in choices[:place] if each.model.kind == "base") == 0 else DOTS[place % 4]
    return DOTS[sum(1 for each in choices[:place] if each.model.kind != "base") % 4]
