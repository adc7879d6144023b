"""A generation session in a child: models stay in memory and write answers on request, several side by side.

Every request that writes is a generator of steps; the session takes one step of each in turn, so that columns grow
together and a stop is heard between two tokens.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Chances, Event, Failed, Features, Finished, Loaded, Progress, Stopped
from ..lm.refs import LLAMA_CPP, SERVER, ModelRef
from .rewriting import rewrite
from .session_writing import locally, problem_of, remotely
from .spec import JobSpec

if TYPE_CHECKING:
    from .child import Commands

log = logging.getLogger(__name__)

PAUSE = 0.01
"""Seconds to wait when only servers write and none of them has said anything."""


def serve(spec: JobSpec, commands: Commands) -> Iterator[Event]:
    """Load spec.model, if there is one, then answer requests until the input ends.

    A request: {"do": "generate", "id", "column", "prompt_id", "messages", "model" (a ModelRef as JSON), "samples",
    "sampler" (fields of Sampler), "seed", "reward" (ModelRef as JSON or null)}. It is answered by Token events, an
    Answer per sample, and Finished, Stopped (with the request's id in the summary) or Failed (with it in `request`).
    Several are written side by side as far as their models fit into memory together; the others wait.

    Others: {"do": "load", "model"} and {"do": "unload", "id" (of the model)}, answered by Loaded.

    {"do": "chances", "id", "model", "messages", "text"} is answered by Chances, see lm.chances.

    {"do": "rewrite", "id", "messages", "text", "instruction", "seed"}, see rewriting.rewrite. It is answered by
    Rewritten events of the model that was used last, the last of which says how it ended.

    {"do": "features", "answers": [{"id", "messages", "text"}]}. It is answered by one Features event with the vectors
    of those that were read before somebody wanted the model for something else, "" for one that cannot be.
    """
    desk = _Desk(str(spec.options.get("device", "auto")), str(spec.options.get("dtype", "auto")), commands)
    if spec.model is not None:
        yield Progress(0, 0, "Loading the model")
        yield desk.open(spec.model)
    while True:
        try:
            request = commands.waiting.get(block=desk.idle())
        except queue.Empty:
            yield from desk.step()
            continue
        if request is None:
            return
        yield from desk.take(request)


class _Desk:
    """The models in memory, what is being written with them, and what waits."""

    def __init__(self, device: str, dtype: str, commands: Commands) -> None:
        self.device, self.dtype, self.commands = device, dtype, commands
        self.pool: Any = None
        self.loaded: Any = None
        """The model that was used last: it reads and rewrites."""
        self.ref: ModelRef | None = None
        self.reward: Any = None
        self.reward_ref: ModelRef | None = None
        self.waiting: list[dict[str, Any]] = []
        self.full = False
        """A request waits for room: it is tried again when one that is written has ended."""
        self.writing: dict[str, tuple[Iterator[list[Event]], Any]] = {}
        """By a request's id: its steps, and the model in memory that they need, None for one on a server."""

    def idle(self) -> bool:
        """Whether there is nothing to go on with."""
        return not self.waiting and not self.writing

    # -- models

    def _pool(self) -> Any:
        if self.pool is None:  # a session with servers alone never loads torch
            from ..lm.devices import choose
            from ..lm.pool import Pool

            self.pool = Pool(choose(self.device, self.dtype))
        return self.pool

    def open(self, ref: ModelRef) -> Loaded:
        """Have a model in memory, beside the others where there is room. Raises WorkbenchError, NoRoom among them."""
        pool, before = self._pool(), self.ref
        self.loaded = self.ref = None  # or the model that leaves would stay in memory
        try:
            self.loaded = pool.take(ref, self._busy())
        except WorkbenchError:
            if before is not None and pool.holds(before):
                self.loaded, self.ref = pool.take(before), before
            raise
        self.ref = ref
        return self._told()

    def _busy(self) -> set[str]:
        from ..lm.pool import key_of

        return {key_of(loaded.ref) for _, loaded in self.writing.values() if loaded is not None}

    def _told(self) -> Loaded:
        """What is in memory, and which model was used last."""
        from ..lm.devices import memory_used

        compute, left = self.pool.compute, list(self.pool.left)
        self.pool.left.clear()
        about = {"loaded": self.pool.ids(), "left": left, "memory_used": memory_used(compute)}
        if self.loaded is None or self.ref is None:
            return Loaded(about)
        return Loaded(
            about
            | {
                "id": self.ref.id,
                "name": self.ref.name,
                "device": compute.name,
                "device_kind": compute.device.type,
                "memory_total": compute.total_bytes,
                "template_hash": self.loaded.template.hash,
                "own_template": self.loaded.template.own,
                "engine": self.ref.engine,
            }
            | _facts(self.loaded, self.ref)
        )

    def _unload(self, model_id: str) -> Iterator[Event]:
        """Whoever writes with it is stopped."""
        mine = [id_ for id_, (_, loaded) in self.writing.items() if loaded is not None and loaded.ref.id == model_id]
        self.commands.stopped.update(mine)
        yield from self._stop_wanted()
        if self.ref is not None and self.ref.id == model_id:
            self.loaded = self.ref = None
        if self.pool is not None and self.pool.drop(model_id):
            yield self._told()

    # -- requests

    def take(self, request: dict[str, Any]) -> Iterator[Event]:
        """Begin with a request, or answer it at once where it needs every model to rest."""
        if self.idle():
            self.commands.go_on()  # a stop that found nothing to stop
        do = request["do"]
        if do == "generate":
            self.waiting.append(request)
            return
        try:
            if do == "load":
                yield Progress(0, 0, "Loading the model")
                yield self.open(ModelRef(**request["model"]))
            elif do == "unload":
                yield from self._unload(str(request["id"]))
            elif do == "features":
                yield from self._read(request)
            elif do == "chances":
                yield from self._look(request)
            elif do == "rewrite":
                if self.loaded is not None:
                    self.pool.activate(self.loaded)
                yield from rewrite(self.loaded, self.ref, request, self.commands.stopping)
            else:
                log.error("not a request: %r", do)
        except Exception as error:
            yield self._failed(request, error)

    def step(self) -> Iterator[Event]:
        """Begin what can begin, and take one step of everything that is written."""
        yield from self._stop_wanted()
        yield from self._begin_waiting()
        silent = True
        for id_, (steps, loaded) in list(self.writing.items()):
            yield from self._stop_wanted()  # a step of a large model takes a while
            if id_ not in self.writing:
                continue
            try:
                if loaded is not None:
                    self.pool.activate(loaded)
                events = next(steps, None)
            except Exception as error:
                self._end(id_)
                yield self._failed({"id": id_}, error)
                continue
            silent = silent and loaded is None and not events
            if events is None:
                self._end(id_)
                yield Finished({"id": id_})
            else:
                yield from events
        if silent:
            time.sleep(PAUSE)

    def _stop_wanted(self) -> Iterator[Event]:
        every = self.commands.stopping()
        if every:
            self.commands.go_on()
        for id_ in [each["id"] for each in self.waiting] + list(self.writing):
            if every or id_ in self.commands.stopped:
                self.commands.stopped.discard(id_)
                self.waiting = [each for each in self.waiting if each["id"] != id_]
                self._end(id_)
                yield Stopped(summary={"id": id_})

    def _end(self, id_: str) -> None:
        steps, _ = self.writing.pop(id_, (None, None))
        if steps is not None:
            steps.close()  # type: ignore[attr-defined]
            self.full = False

    def _begin_waiting(self) -> Iterator[Event]:
        for request in list(self.waiting):
            if request["id"] in self.commands.stopped:
                continue
            ref = ModelRef.from_json(request.get("model")) or self.ref
            if self.full and ref is not None and ref.kind != SERVER and not self.pool.holds(ref):
                continue
            try:
                if ref is None:
                    raise WorkbenchError("No model is loaded.", "Load one in Models.")
                if ref.kind == SERVER:
                    steps, loaded = remotely(ref, request, self._score), None
                else:
                    yield from self._had(ref)
                    loaded = self.loaded
                    steps = locally(loaded, ref, request, self._score)
            except Exception as error:
                if self.writing and _is_no_room(error):
                    self.full = True
                    continue
                self.waiting.remove(request)
                yield self._failed(request, error)
                continue
            self.waiting.remove(request)
            self.writing[request["id"]] = (steps, loaded)

    def _had(self, ref: ModelRef) -> Iterator[Event]:
        if self._pool().holds(ref) and self.ref == ref:
            self.pool.activate(self.loaded)
            return
        if not self.pool.holds(ref):
            yield Progress(0, 0, "Loading the model")
        yield self.open(ref)

    def _failed(self, request: Mapping[str, Any], error: Exception) -> Event:
        id_ = request.get("id", "")
        if isinstance(error, StopRequested):
            return Stopped(summary={"id": id_})
        log.error("request %s failed", id_, exc_info=error)
        text, hint = problem_of(error)
        return Failed(text, hint, "request", id_)

    # -- reading and scoring

    def _read(self, request: dict[str, Any]) -> Iterator[Event]:
        """What a linear reward head reads of some answers, as far as nobody waits for the model."""
        from ..lm.features import read, space_of
        from ..lm.vectors import to_text

        def check() -> None:
            if self.commands.stopping() or not self.commands.waiting.empty():
                raise StopRequested

        found: dict[str, str] = {}
        loaded: Any = None if self.ref is None or self.ref.engine == LLAMA_CPP else self.loaded
        for answer in request["answers"] if loaded and self.idle() else ():
            try:
                vector = read(loaded, [(answer["messages"], answer["text"])], check)[0]
            except StopRequested:
                break  # the rest is asked for again
            except WorkbenchError:
                log.exception("answer %s cannot be read", answer["id"])
                found[answer["id"]] = ""
                continue
            found[answer["id"]] = to_text(vector)
        yield Features(space_of(loaded) if loaded else "", found)

    def _look(self, request: dict[str, Any]) -> Iterator[Event]:
        """How likely a model finds an answer, token by token."""
        from ..lm.chances import chances

        try:
            yield from self._had(ModelRef(**request["model"]))
            found = chances(self.loaded, request["messages"], request["text"])
        except WorkbenchError as error:
            log.exception("an answer cannot be looked at")
            yield Chances(request["id"], problem=f"{error.text} {error.hint}".strip())
            return
        yield Chances(request["id"], [[each.text, each.p, each.others] for each in found])

    def _score(self, request: Mapping[str, Any], text: str) -> dict[str, float]:
        ref = ModelRef.from_json(request.get("reward"))
        if ref is None:
            return {}
        from ..lm.scoring import encode_all, load_reward, score_all

        if ref != self.reward_ref:
            from ..lm.loading import load

            # On a base of its own: putting a second adapter on the model that writes would slow every token.
            compute = self._pool().compute
            share = load(dataclasses.replace(ref, adapter="", kind="base"), compute)
            self.reward, self.reward_ref = load_reward(ref, compute, share), ref
        scores = score_all(self.reward, encode_all(self.reward, [(request["messages"], text)]))
        return {"reward": float(scores[0])}


def _facts(loaded: Any, ref: ModelRef) -> dict[str, Any]:
    """What a model in memory is made of. What llama.cpp runs is not read for a reward head: it has no space."""
    from ..lm.estimates import shape_of
    from ..lm.features import space_of

    if ref.engine == LLAMA_CPP:
        shape = shape_of(ref)
        return {"dtype": loaded.numbers, "parameters": shape.parameters if shape else 0, "space": ""}
    parameters = sum(weight.numel() for weight in loaded.causal.parameters())
    return {"dtype": loaded.compute.dtype_name, "parameters": parameters, "space": space_of(loaded)}


def _is_no_room(error: Exception) -> bool:
    from ..lm.pool import NoRoom

    return isinstance(error, NoRoom)
