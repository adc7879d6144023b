"""Answers of OpenAI-compatible servers, streamed or many at once, through the openai library.

Everything happens in the caller's thread, on an event loop of its own that is left every BREATH seconds to look
whether the person wants to stop: cancelling a task closes its connection, so that the server stops writing, too.
Keys are read here and handed to the library alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import StopRequested, WorkbenchError
from . import asking
from .addresses import OFFICIAL, checked_url, host_of, is_local
from .keys import hidden, key_of
from .replies import (
    BrokenOff,
    Reply,
    Server,
    ServerError,
    broke_off,
    refused,
    said_of,
    silent,
    unreachable,
    unreadable,
)

log = logging.getLogger(__name__)

CONNECT = 10.0
"""Seconds until there is a connection."""
SILENCE = 120.0
"""Seconds between two pieces of an answer; a server may load its model before the first."""
RETRIES = 2
"""Of a request that failed before anything came: with back-off, or when the server says (Retry-After)."""
MANY_RETRIES = 5
"""The same in a long job."""
TRIES = 3
"""Of an answer that broke off in its middle, in a long job."""
BREATH = 0.1
"""Seconds between two looks whether the person wants to stop."""
PARTING = 0.15
"""Seconds for each step of closing connections: a stop must not wait for a server that does not let go."""

Messages = Sequence[Mapping[str, str]]
Work = tuple[Messages, int | None]
Item = TypeVar("Item")


def stream(
    server: Server,
    messages: Messages,
    sampler: Mapping[str, Any],
    seed: int | None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[str | Reply]:
    """Pieces of an answer as they come, and last the whole Reply. Blocks: for a thread of its own.

    sampler: the fields of lm.generating.Sampler. Raises StopRequested soon after `stopping()` says so, also while the
    server says nothing, and a ServerError, which holds what had come, when the server does not answer as it should.
    """
    with _talking(server, RETRIES) as (loop, client):
        yield from _driven(loop, _pieces(client, server, messages, sampler, seed), stopping)


def answers(
    server: Server,
    work: Iterable[Work],
    sampler: Mapping[str, Any],
    at_once: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, Reply]]:
    """The answer to each of `work` with its place there, as they are done; `at_once` are asked for at a time.

    One that fails for good is raised when the others that were on their way have been handed over. Raises StopRequested
    as stream() does.
    """
    with _talking(server, MANY_RETRIES) as (loop, client):
        yield from _driven(loop, _all(client, server, work, sampler, max(1, at_once)), stopping)


@contextlib.contextmanager
def _talking(server: Server, retries: int) -> Iterator[tuple[asyncio.AbstractEventLoop, Any]]:
    openai = library()
    loop = asyncio.new_event_loop()
    timeout = openai.Timeout(SILENCE, connect=CONNECT)
    # A proxy of the environment does not know this computer.
    http = openai.DefaultAsyncHttpxClient(timeout=timeout, trust_env=False) if is_local(server.url) else None
    # Who a person is at OpenAI stands in the environment, and is nothing to other servers.
    nobody = dict.fromkeys(("OpenAI-Organization", "OpenAI-Project"), openai.Omit())
    client = openai.AsyncOpenAI(
        base_url=checked_url(server.url),
        api_key=key_of(server.url),
        timeout=timeout,
        max_retries=retries,
        http_client=http,
        default_headers=None if host_of(server.url) == OFFICIAL else nobody,
    )
    try:
        yield loop, client
    finally:
        _bounded(loop, client.close())
        loop.close()


def _driven(
    loop: asyncio.AbstractEventLoop, items: AsyncGenerator[Item, None], stopping: Callable[[], bool]
) -> Iterator[Item]:
    task: asyncio.Task[Item] | None = None
    try:
        while True:
            task = loop.create_task(_next(items))
            while not task.done():
                if stopping():
                    raise StopRequested
                loop.run_until_complete(asyncio.wait({task}, timeout=BREATH))
            try:
                item = task.result()
            except StopAsyncIteration:
                return
            yield item
            if stopping():
                raise StopRequested
    finally:
        if task is not None and not task.done():
            task.cancel()
            _bounded(loop, asyncio.wait({task}))
        _bounded(loop, items.aclose())


async def _next(items: AsyncGenerator[Item, None]) -> Item:
    return await anext(items)


def _bounded(loop: asyncio.AbstractEventLoop, ending: Any) -> None:
    """Wait for an ending, but not for ever: a connection that does not close is left to the system."""
    try:
        loop.run_until_complete(asyncio.wait_for(ending, PARTING))
    except Exception:
        log.info("a connection was not closed in good order", exc_info=True)


async def _all(
    client: Any, server: Server, work: Iterable[Work], sampler: Mapping[str, Any], at_once: int
) -> AsyncGenerator[tuple[int, Reply], None]:
    waiting = iter(enumerate(work))
    going: set[asyncio.Task[tuple[int, Reply]]] = set()
    failed: BaseException | None = None
    try:
        while True:
            while failed is None and len(going) < at_once and (item := next(waiting, None)):
                going.add(asyncio.ensure_future(_whole(client, server, *item, sampler)))
            if not going:
                break
            done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                if error := each.exception():
                    failed = failed or error
                else:
                    yield each.result()
    finally:
        for each in going:
            each.cancel()
        await asyncio.gather(*going, return_exceptions=True)
    if failed is not None:
        raise failed


async def _whole(client: Any, server: Server, place: int, item: Work, sampler: Mapping[str, Any]) -> tuple[int, Reply]:
    messages, seed = item
    for left in reversed(range(TRIES)):
        try:
            async with contextlib.aclosing(_pieces(client, server, messages, sampler, seed)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Reply):
                        return place, piece
        except BrokenOff:
            if not left:
                raise
            log.info("an answer of %s broke off, asking again", server.url)
    raise unreadable(server)


async def _pieces(
    client: Any, server: Server, messages: Messages, sampler: Mapping[str, Any], seed: int | None
) -> AsyncGenerator[str | Reply, None]:
    begun = time.perf_counter()
    heard = _Heard()
    openai = library()
    try:
        left_out, chunks = await _opened(client, server, messages, sampler, seed)
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                if piece := heard.take(chunk):
                    yield piece
    except ServerError:
        raise
    except Exception as error:
        told = _told(openai, server, error, heard.text)
        if told is None:
            raise
        log.info("%s: %s after %d pieces", server.url, type(error).__name__, heard.chunks)
        # What the library raises may hold the server's own words, and those the key: a chain of causes is logged.
        raise told from None
    if not heard.reason:  # a connection that is closed early ends like a whole answer, but for this
        raise broke_off(server, heard.text) if heard.chunks else unreadable(server)
    if rest := heard.rest():
        yield rest
    yield heard.reply(time.perf_counter() - begun, left_out)


async def _opened(
    client: Any, server: Server, messages: Messages, sampler: Mapping[str, Any], seed: int | None
) -> tuple[tuple[str, ...], Any]:
    """What of the sampler the server does not take, and the stream of an answer without that."""
    openai = library()
    while True:
        known = asking.refusals(server)
        body = asking.request(server, sampler, seed, known)
        try:
            chunks = await client.chat.completions.create(
                model=server.model, messages=[dict(each) for each in messages], stream=True, **body
            )
            return asking.left_out(server, sampler, seed, known), chunks
        except openai.APIStatusError as error:
            said = f"{said_of(error.body, error.message)} {error.body}"
            if error.status_code not in (400, 422) or not asking.learn(server, body, said):
                raise


class _Heard:
    """What has come of one answer."""

    def __init__(self) -> None:
        self.text, self._held = "", ""
        self.reason = ""
        self.chunks = 0
        self._usage: Any = None

    def take(self, chunk: Any) -> str:
        """The piece of the answer in a chunk. What a model thinks before it answers (reasoning_content) is none."""
        self.chunks += 1
        self._usage = getattr(chunk, "usage", None) or self._usage
        piece = ""
        for choice in (getattr(chunk, "choices", None) or [])[:1]:
            piece = getattr(choice.delta, "content", None) or "" if choice.delta else ""
            self.reason = choice.finish_reason or self.reason
        return self._add(piece)

    def _add(self, piece: str) -> str:
        # Some servers cut between the two halves of a character beyond U+FFFF.
        piece, self._held = self._held + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._held = piece[:-1], piece[-1]
        return self._keep(piece)

    def rest(self) -> str:
        """What was held back."""
        piece, self._held = self._held, ""
        return self._keep(piece)

    def _keep(self, piece: str) -> str:
        whole = piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self.text += whole
        return whole

    def reply(self, seconds: float, left_out: tuple[str, ...]) -> Reply:
        """The whole answer."""
        asked, said = (int(getattr(self._usage, f"{name}_tokens", None) or 0) for name in ("prompt", "completion"))
        return Reply(self.text, self.reason, asked, said, seconds, counted=bool(asked or said), left_out=left_out)


def _told(openai: Any, server: Server, error: Any, text: str) -> ServerError | None:
    """The sentence for what went wrong; None for a bug of ours."""
    if text:
        known = isinstance(error, openai.OpenAIError | ValueError | AttributeError | TypeError)
        said = _said(server, error) if type(error) is openai.APIError else ""
        return broke_off(server, text, said) if known else None
    if isinstance(error, openai.APITimeoutError):
        connecting = "Connect" in type(error.__cause__).__name__
        return unreachable(server) if connecting else silent(server)
    if isinstance(error, openai.APIConnectionError):
        return unreachable(server)
    if isinstance(error, openai.APIStatusError):
        return refused(server, error.status_code, _said(server, error))
    if type(error) is openai.APIError:  # an error in place of a piece
        return refused(server, 500, _said(server, error))
    if isinstance(error, openai.OpenAIError | ValueError | AttributeError | TypeError):
        return unreadable(server)
    return None


def _said(server: Server, error: Any) -> str:
    return hidden(said_of(error.body, error.message), key_of(server.url))


def library() -> Any:
    """The openai library, whose log says nothing of headers. Raises WorkbenchError when it is not installed."""
    try:
        import openai
    except ImportError as error:
        raise WorkbenchError(
            "Models behind servers need the openai library.", "Install it: pip install 'feedback-workbench[servers]'."
        ) from error
    for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return openai
