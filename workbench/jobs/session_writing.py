"""One request of a session while it is answered: every step yields what has come since the last one."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import StopRequested, WorkbenchError
from ..events import BROKE_OFF, Answer, Event, Token
from ..lm.refs import ModelRef, engine_of

Score = Callable[[Mapping[str, Any], str], dict[str, float]]
"""Scores of an answer's text for a request; {} where nothing scores."""

AT_ONCE = 4
"""Samples that are asked of a server at the same time."""


def locally(loaded: Any, ref: ModelRef, request: Mapping[str, Any], score: Score) -> Iterator[list[Event]]:
    """Token and Answer events of a model in memory, a step of its batch at a time."""
    from ..lm.generating import Sampler, sample

    sampler = Sampler(**request["sampler"])
    ids = loaded.template.prompt_ids(request["messages"])
    count = int(request["samples"])
    seeds = [int(request["seed"]) + index for index in range(count)]
    begun, shown = time.perf_counter(), [""] * count
    for grown in sample(loaded, [ids] * count, sampler, seeds):
        events: list[Event] = []
        for draft in grown:
            text = loaded.template.text_of(draft.ids)
            if text.startswith(shown[draft.index]) and len(text) > len(shown[draft.index]):
                piece = text[len(shown[draft.index]) :]
                shown[draft.index] = text
                events.append(Token(int(request["column"]), draft.index, piece, str(request["prompt_id"])))
            if draft.finish_reason:
                made = {
                    "sampler": sampler.to_json() | engine_of(ref),
                    "template_hash": loaded.template.hash,
                    "prompt_tokens": len(ids),
                    "response_tokens": len(draft.ids),
                    "finish_reason": draft.finish_reason,
                    "seconds": time.perf_counter() - begun,
                    "scores": score(request, text),
                }
                events.append(_answer(request, ref, draft.index, text, made))
        yield events


def _answer(request: Mapping[str, Any], ref: ModelRef, index: int, text: str, made: dict[str, Any]) -> Answer:
    return Answer(
        prompt_id=str(request["prompt_id"]),
        text=text,
        column=int(request["column"]),
        index=index,
        seed=int(request["seed"]) + index,
        model_id=ref.id,
        **made,
    )


def remotely(ref: ModelRef, request: Mapping[str, Any], score: Score) -> Iterator[list[Event]]:
    """The same of a model on a server: each sample is read on a thread of its own, so that nobody waits for it.

    Yields an empty list while the server says nothing. Closing it stops the threads. When the server breaks off, what
    it has said is told as answers that are not whole (finish_reason BROKE_OFF) before the WorkbenchError is raised.
    """
    talk = _Talk(ref, request, score)
    try:
        while talk.left:
            events = talk.events()
            yield events
            if talk.problem is not None:
                yield talk.broken()
                raise talk.problem
    finally:
        talk.stop()


class _Talk:
    """The samples of one request, each read from the server on a thread."""

    def __init__(self, ref: ModelRef, request: Mapping[str, Any], score: Score) -> None:
        self.request, self.score, self.ref = request, score, ref
        self.sampler = dict(request["sampler"])
        self.left = int(request["samples"])
        self.texts = [""] * self.left
        self.problem: Exception | None = None
        self._heard: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="server")
        for index in range(self.left):
            self._pool.submit(self._read, index)

    def _read(self, index: int) -> None:
        from ..providers.servers import Server, stream

        seed, server = int(self.request["seed"]) + index, Server.of(self.ref)
        try:
            for piece in stream(server, self.request["messages"], self.sampler, seed, self._stopped.is_set):
                self._heard.put((index, piece))
        except StopRequested:
            return
        except Exception as error:
            self._heard.put((index, error))

    def events(self) -> list[Event]:
        """What was heard since; the first thing that went wrong is kept in `problem`."""
        events: list[Event] = []
        while not self._heard.empty():
            index, piece = self._heard.get()
            if isinstance(piece, Exception):
                self.problem = self.problem or piece
            elif isinstance(piece, str):
                self.texts[index] += piece
                events.append(Token(self._column, index, piece, str(self.request["prompt_id"])))
            else:
                self.left -= 1
                self.texts[index] = ""
                events.append(self._answer(index, piece))
        return events

    @property
    def _column(self) -> int:
        return int(self.request["column"])

    def _answer(self, index: int, reply: Any) -> Event:
        from .tasks.serving import answer_of

        about = {"prompt_id": str(self.request["prompt_id"]), "column": self._column, "index": index}
        scores = self.score(self.request, reply.text)
        seed = int(self.request["seed"]) + index
        return answer_of(reply, self.sampler, seed, scores=scores, model_id=self.ref.id, **about)

    def broken(self) -> list[Event]:
        """What has come of the answers that will not be finished."""
        from ..providers.servers import Reply

        parts = [(index, text) for index, text in enumerate(self.texts) if text]
        return [self._answer(index, Reply(text, BROKE_OFF, 0, 0, 0.0, counted=False)) for index, text in parts]

    def stop(self) -> None:
        """Let the threads end; nobody waits for them."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)


def problem_of(error: Exception) -> tuple[str, str]:
    """What a request failed with, as a sentence and what to do."""
    from .child import failure

    if isinstance(error, WorkbenchError):
        return error.text, error.hint
    failed = failure(error)
    return failed.text, failed.hint
