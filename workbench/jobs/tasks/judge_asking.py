"""A judge on a server, asked by a few threads: what it said is handed over as it comes, and kept whatever follows."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...errors import StopRequested
from ...events import Judged
from ...methods import judging, verdicts
from ...methods.base import NoScore
from ...methods.judging import Item, Said
from ...providers.servers import library

BREATH = 0.1
"""Seconds between two looks whether the person wants to stop."""
PATIENCE = 3.0
"""Seconds that replies under way are waited for when another one failed."""
UNFIT = (400, 413, 422)
"""What a server says to a question that it cannot take, as a too long one; others it may."""
KEPT = 500
"""Letters of a reply that is no verdict."""

Row = Mapping[str, Any]


class Crew:
    """Threads that ask one judge. They end with the process: a reply that nobody waits for holds up nothing."""

    def __init__(self, rows: Sequence[Row], options: Any) -> None:
        url = options.judge_url
        self._client = library().OpenAI(
            base_url=url, api_key=judging.key_for(url), timeout=judging.TIMEOUT, max_retries=judging.RETRIES
        )
        self._options = options
        self._todo: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Judged | Exception] = queue.SimpleQueue()
        self._over = threading.Event()
        self._answered = False
        self._left = len(rows)
        for row in rows:
            self._todo.put(row)
        self._threads = [
            threading.Thread(target=self._work, name=f"judge {number}", daemon=True)
            for number in range(min(options.at_once, len(rows)))
        ]

    def verdicts(self, check: Callable[[], None]) -> Iterator[Judged]:
        """What the judge says, as it comes. Raises NoScore when its server does not answer, after what came before."""
        for thread in self._threads:
            thread.start()
        try:
            while self._left:
                check()
                found = self._next(BREATH)
                if isinstance(found, Exception):
                    self._over.set()
                    yield from self._rest(PATIENCE)
                    raise found
                if found is not None:
                    yield found
        except StopRequested:
            self._over.set()
            yield from self._rest(0.0)
            raise
        finally:
            self._over.set()
            self._client.close()

    def _next(self, seconds: float) -> Judged | Exception | None:
        try:
            found = self._done.get(timeout=seconds) if seconds else self._done.get_nowait()
        except queue.Empty:
            return None
        self._left -= 1
        return found

    def _rest(self, seconds: float) -> Iterator[Judged]:
        """What is there, and what comes in so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(thread.is_alive() for thread in self._threads):
            time.sleep(BREATH / 4)
        while (found := self._next(0.0)) is not None:
            if isinstance(found, Judged):
                yield found

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                row = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._done.put(self._judged(row))
            except Exception as error:
                self._done.put(error)
                return

    def _judged(self, row: Row) -> Judged:
        asking = _Asking(self._client, self._options, row)
        begun = time.perf_counter()
        try:
            found = asking.compared() if row["kind"] == "comparison" else asking.rated()
        except NoScore as error:
            # One that this server cannot take is left; where it took none yet, it is no judge at all.
            if getattr(error.__cause__, "status_code", 0) not in UNFIT or not self._answered:
                raise
            found = {"told": {"refused": error.text[:KEPT]}}
        self._answered = self._answered or "value" in found
        return judged(row, self._options, seconds=time.perf_counter() - begun, **asking.spent(), **found)


def judged(row: Row, options: Any, **found: Any) -> Judged:
    """The event that tells of a row."""
    return Judged(options.judge_id, row["kind"], row["prompt_id"], list(row["ids"]), **found)


class _Asking:
    """Everything that is asked about one row."""

    def __init__(self, client: Any, options: Any, row: Row) -> None:
        self._client, self._options, self._row = client, options, row
        self._in = self._out = 0
        self._named = Item(row["prompt"], row["texts"][0], None).named

    def spent(self) -> dict[str, Any]:
        """Tokens, and what they cost at the prices per million that the person typed."""
        cost = (self._in * self._options.price_in + self._out * self._options.price_out) / 1e6
        return {"tokens_in": self._in, "tokens_out": self._out, "cost": cost}

    def rated(self) -> dict[str, Any]:
        """A number from 1 to 5, and the stars nearest to it."""
        question = verdicts.rating_question(self._options.rubric, self._row["prompt"], self._row["texts"][0])
        reminder = f"Reply with one number from {verdicts.LOWEST} to {verdicts.HIGHEST} and nothing else."
        said, found = self._until(question, reminder, verdicts.rating_in)
        if found is None:
            return {"told": {"said": said[:KEPT]}}
        return {"value": {"ratings": [verdicts.stars(found)]}, "score": found}

    def compared(self) -> dict[str, Any]:
        """A choice that stands in both orders, or a tie."""
        told: dict[str, Any] = {}
        found = []
        for name, order in (("first", (0, 1)), ("swapped", (1, 0))):
            one, other = (self._row["texts"][place] for place in order)
            about = (self._options.rubric, self._row["prompt"], one, other, self._options.steps)
            reminder = verdicts.STEPS[self._options.steps]
            said, verdict = self._until(verdicts.comparing_question(*about), reminder, verdicts.choice_in)
            if verdict is None:
                return {"told": {"said": said[:KEPT]}}
            told[name] = verdict[0]
            found.append(verdict)
        settled = verdicts.settled(*found)
        told |= {"agreed": settled.agreed, "by_place": settled.by_place}
        score = {"a": 1.0, "tie": 0.5, "b": 0.0}[settled.verdict[0]]
        return {"value": verdicts.as_value(settled.verdict), "score": score, "told": told}

    def _until(self, question: str, reminder: str, read: Callable[[str], Any]) -> tuple[str, Any]:
        """What it said last and what was read in that; it is reminded of how to reply before it is given up."""
        messages, said = [{"role": "user", "content": question}], ""
        for _ in range(judging.TRIES):
            said = self._said(messages)
            if (found := read(said)) is not None:
                return said, found
            again = [{"role": "assistant", "content": said}, {"role": "user", "content": reminder}]
            messages = [*messages[:1], *again]
        return said, None

    def _said(self, messages: list[dict[str, str]]) -> str:
        options = self._options
        reply: Said = judging.ask(self._client, options.judge_url, options.judge_model, messages, self._named)
        self._in += reply.tokens_in
        self._out += reply.tokens_out
        return reply.text
