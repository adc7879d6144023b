"""One request of a session while it is answered: every step yields what has come since the last one."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import StopRequested, WorkbenchError
from ..events import Answer, Event, Token
from ..lm.refs import ModelRef

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
                    "sampler": sampler.to_json(),
                    "template_hash": loaded.template.hash,
                    "prompt_tokens": len(ids),
                    "response_tokens": len(draft.ids),
                    "finish_reason": draft.finish_reason,
                    "seconds": time.perf_counter() - begun,
                }
                events.append(_answer(request, ref, draft.index, text, score, made))
        yield events


def _answer(
    request: Mapping[str, Any], ref: ModelRef, index: int, text: str, score: Score, made: dict[str, Any]
) -> Answer:
    return Answer(
        prompt_id=str(request["prompt_id"]),
        text=text,
        column=int(request["column"]),
        index=index,
        seed=int(request["seed"]) + index,
        scores=score(request, text),
        model_id=ref.id,
        **made,
    )


def remotely(ref: ModelRef, request: Mapping[str, Any], score: Score) -> Iterator[list[Event]]:
    """The same of a model on a server: each sample is read on a thread of its own, so that nobody waits for it.

    Yields an empty list while the server says nothing. Closing it stops the threads. Raises WorkbenchError.
    """
    from ..providers.servers import Reply, Server, stream

    server, stopped = Server.of(ref), threading.Event()
    heard: queue.SimpleQueue[tuple[int, str | Reply | Exception]] = queue.SimpleQueue()
    count = int(request["samples"])

    def read(index: int) -> None:
        try:
            for piece in stream(
                server, request["messages"], request["sampler"], int(request["seed"]) + index, stopped.is_set
            ):
                heard.put((index, piece))
        except StopRequested:
            return
        except Exception as error:
            heard.put((index, error))

    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="server")
    try:
        for index in range(count):
            pool.submit(read, index)
        left = count
        while left:
            events: list[Event] = []
            while not heard.empty():
                index, piece = heard.get()
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, str):
                    events.append(Token(int(request["column"]), index, piece, str(request["prompt_id"])))
                    continue
                left -= 1
                events.append(_answer(request, ref, index, piece.text, score, _made(piece, request)))
            yield events
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _made(reply: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    names = ("prompt_tokens", "response_tokens", "finish_reason", "seconds")
    return {"sampler": dict(request["sampler"])} | {name: getattr(reply, name) for name in names}


def problem_of(error: Exception) -> tuple[str, str]:
    """What a request failed with, as a sentence and what to do."""
    from .child import failure

    if isinstance(error, WorkbenchError):
        return error.text, error.hint
    failed = failure(error)
    return failed.text, failed.hint
