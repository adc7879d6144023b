"""The exact tokens that a model is given, told by a child: the window and the command line import no tokenizer.

A child stays for as long as somebody looks, since to import the library takes seconds; it is ended when a template,
which is a stranger's program, takes too long.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import psutil

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Failed, Finished
from ..feedback.base import Message
from ..lm.refs import ModelRef
from .process import Child
from .spec import JobSpec

if TYPE_CHECKING:
    from .child import Commands

log = logging.getLogger(__name__)

METHOD = "tokens"
SAMPLE: tuple[Message, ...] = (
    {"role": "system", "content": "You answer in one sentence."},
    {"role": "user", "content": "Why is the sky blue?"},
)
"""What is shown where no prompt is at hand."""
MOST = 4000
"""Tokens that are told; the rest is counted."""
ROOM = 2 << 30
"""Bytes that a child may take beyond what its libraries have."""
IDLE = 180.0
"""Seconds without a question after which a child is ended."""
START, PATIENCE = 120.0, 40.0
"""Seconds until a child is given up: while it starts, which a cold disk makes slow, and with one question."""


class TokenReader:
    """Asks one child after another. For any thread: who comes later waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._events: Iterator[Event] = iter(())
        self._idle: threading.Timer | None = None

    def look(self, ref: ModelRef, messages: Sequence[Message] = (), *, check: bool = False) -> dict[str, Any]:
        """What `ref` makes of a conversation (a sample, if none is given), as serve() tells it; check: also whether its
        template is fit for use. Raises WorkbenchError when it is not, or there is no tokenizer."""
        request = {"do": "look", "model": ref.to_json(), "messages": list(messages or SAMPLE), "check": check}
        with self._lock:
            self._rest(False)
            fresh = self._child is None
            child = self._child = self._child or self._start()
            child.send(request)
            timer = _after(START if fresh else PATIENCE, child.kill)
            try:
                return self._answer(child)
            finally:
                timer.cancel()
                self._rest(True)

    def _rest(self, begins: bool) -> None:
        """Nobody looks: the child's memory is wanted for something else before long."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = _after(IDLE, self.close) if begins and self._child is not None else None

    def _start(self) -> Child:
        folder = paths.user_logs()
        child = Child(JobSpec(METHOD, METHOD, {}, str(folder)), folder / "tokens.log")
        self._events = child.events()
        return child

    def _answer(self, child: Child) -> dict[str, Any]:
        for event in self._events:
            if isinstance(event, Finished):
                return event.summary
            if isinstance(event, Failed):
                if event.details == "request":
                    raise WorkbenchError(event.text, event.hint)
                break
        self._child = None
        if child.killed:
            raise WorkbenchError("The chat template does not come to an end.", "Change it, or choose another format.")
        raise WorkbenchError("The tokens could not be read.", f"The log has the details: {child.log_path}")

    def close(self) -> None:
        """End the child, if there is one."""
        child = self._child
        if child is None:
            return
        child.kill()
        if self._lock.acquire(blocking=False):  # otherwise who waits for its answer hears of its end
            try:
                self._rest(False)
                child.close()
                self._child = None
            finally:
                self._lock.release()


def _after(seconds: float, what: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()
    return timer


def serve(spec: JobSpec, commands: Commands) -> Iterator[Event]:
    """Answer requests until the input ends. A request: {"do": "look", "model" (a ModelRef as JSON), "messages",
    "check"}. Its answer is Finished, with

    tokens: [[text, id, special, number of the message or -1 for the template], ...]; count, special: how many there
    are; left_out: how many are not told; hash; text: of the template; warnings: what to know of it, if it was checked;

    or Failed (details "request").
    """
    known: dict[tuple[str, str], Any] = {}
    while (request := commands.waiting.get()) is not None:
        try:
            yield Finished(_told(request, known))
        except WorkbenchError as error:
            log.info("refused: %s", error)
            yield Failed(error.text, error.hint, "request")


def _told(request: dict[str, Any], known: dict[tuple[str, str], Any]) -> dict[str, Any]:
    from ..lm.loading import load_tokenizer
    from ..lm.template_checks import check
    from ..lm.templates import Template, special_ids
    from ..lm.token_parts import owners
    from ..methods.seeing import tokens_of

    ref = ModelRef.from_json(request["model"])
    assert ref is not None
    place = (ref.base, ref.format)
    if place not in known:
        known.clear()
        known[place] = load_tokenizer(ref)
        _limit_memory()
    template = Template(known[place], ref.template)
    warnings = check(template.tokenizer, template.text) if request["check"] else []
    messages = request["messages"]
    ids = template.prompt_ids(messages)
    shown, special = ids[:MOST], special_ids(template.tokenizer)
    texts = [text for text, _, _ in tokens_of(template.tokenizer, shown, [False] * len(shown))]
    whose = owners(template, messages, ids)
    return {
        "tokens": [
            [text, id_, id_ in special, owner] for text, id_, owner in zip(texts, shown, whose[:MOST], strict=True)
        ],
        "count": len(ids),
        "special": sum(id_ in special for id_ in ids),
        "of_text": sum(owner >= 0 for owner in whose),
        "left_out": len(ids) - len(shown),
        "hash": template.hash,
        "template": template.text,
        "warnings": warnings,
    }


def _limit_memory() -> None:
    """A template that writes without end runs into this, where a system has it, and not into all memory there is."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has none, and a system may forbid it
        import resource

        most = psutil.Process().memory_info().vms + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
