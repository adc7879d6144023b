"""A generation session in a child: a model stays in memory and writes answers on request, token by token."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Answer, Event, Failed, Features, Finished, Loaded, Progress, Stopped, Token
from ..lm.refs import ModelRef
from .rewriting import rewrite
from .spec import JobSpec

if TYPE_CHECKING:
    from .child import Commands

log = logging.getLogger(__name__)


def serve(spec: JobSpec, commands: Commands) -> Iterator[Event]:
    """Load spec.model, then answer requests until the input ends.

    A request: {"do": "generate", "id", "column", "prompt_id", "messages", "model" (a ModelRef as JSON), "samples",
    "sampler" (fields of Sampler), "seed", "reward" (ModelRef as JSON or null)}. It is answered by Token events, an
    Answer per sample, and Finished, Stopped or Failed (details "request") with the request's id in the summary.

    Another: {"do": "rewrite", "id", "messages", "text", "instruction", "seed"}, see rewriting.rewrite. It is answered
    by Rewritten events of the model that is loaded, the last of which says how it ended.

    Another: {"do": "features", "answers": [{"id", "messages", "text"}]}. It is answered by one Features event with the
    vectors of those that were read before somebody wanted the model for something else, "" for one that cannot be.
    """
    state = _Session(str(spec.options.get("device", "auto")), str(spec.options.get("dtype", "auto")))
    if spec.model is not None:
        yield Progress(0, 0, "Loading the model")
        yield state.open(spec.model)
    while (request := commands.waiting.get()) is not None:
        commands.go_on()
        try:
            yield from state.serve(request, commands)
        except StopRequested:
            yield Stopped(summary={"id": request.get("id", "")})
        except WorkbenchError as error:
            log.exception("request failed")
            yield Failed(error.text, error.hint, "request")


class _Session:
    """The model in memory and the reward model that scores its answers."""

    def __init__(self, device: str, dtype: str) -> None:
        from ..lm.devices import choose

        self.compute = choose(device, dtype)
        self.loaded: Any = None
        self.ref: ModelRef | None = None
        self.reward: Any = None
        self.reward_ref: ModelRef | None = None

    def open(self, ref: ModelRef) -> Loaded:
        """Have this model in memory; the one that was there leaves first."""
        from ..lm.devices import memory_used
        from ..lm.features import space_of
        from ..lm.loading import load

        if ref != self.ref:
            self.loaded = self.reward = self.reward_ref = self.ref = None
            self.loaded = load(ref, self.compute)
            self.ref = ref
        causal = self.loaded.causal
        return Loaded(
            {
                "id": ref.id,
                "name": ref.name,
                "device": self.compute.name,
                "device_kind": self.compute.device.type,
                "dtype": self.compute.dtype_name,
                "parameters": sum(weight.numel() for weight in causal.parameters()),
                "memory_used": memory_used(self.compute),
                "memory_total": self.compute.total_bytes,
                "template_hash": self.loaded.template.hash,
                "own_template": self.loaded.template.own,
                "space": space_of(self.loaded),
            }
        )

    def serve(self, request: dict[str, Any], commands: Commands) -> Iterator[Event]:
        """The events of one request of any kind."""
        if request["do"] == "features":
            yield from self.read(request, commands)
        elif request["do"] == "rewrite":
            yield from rewrite(self.loaded, self.ref, request, commands.stopping)
        else:
            yield from self.answer(request, commands)

    def answer(self, request: dict[str, Any], commands: Commands) -> Iterator[Event]:
        """The events of one request for answers."""
        ref = ModelRef.from_json(request.get("model")) or self.ref
        if ref is None:
            raise WorkbenchError("No model is loaded.", "Load one in Models.")
        if ref != self.ref:
            yield Progress(0, 0, "Loading the model")
            yield self.open(ref)
        yield from self._write(request, commands)
        yield Finished({"id": request["id"]})

    def read(self, request: dict[str, Any], commands: Commands) -> Iterator[Event]:
        """What a linear reward head reads of some answers, as far as nobody waits for the model."""
        from ..lm.features import read, space_of
        from ..lm.vectors import to_text

        def check() -> None:
            if commands.stopping() or not commands.waiting.empty():
                raise StopRequested

        found: dict[str, str] = {}
        for answer in request["answers"] if self.loaded else ():
            try:
                vector = read(self.loaded, [(answer["messages"], answer["text"])], check)[0]
            except StopRequested:
                break  # the rest is asked for again
            except WorkbenchError:
                log.exception("answer %s cannot be read", answer["id"])
                found[answer["id"]] = ""
                continue
            found[answer["id"]] = to_text(vector)
        yield Features(space_of(self.loaded) if self.loaded else "", found)

    def _write(self, request: dict[str, Any], commands: Commands) -> Iterator[Event]:
        from ..lm.generating import Sampler, sample

        sampler = Sampler(**request["sampler"])
        ids = self.loaded.template.prompt_ids(request["messages"])
        count, column, prompt_id = int(request["samples"]), int(request["column"]), str(request["prompt_id"])
        seeds = [int(request["seed"]) + index for index in range(count)]
        begun = time.perf_counter()
        shown = [""] * count

        def check() -> None:
            if commands.stopping():
                raise StopRequested

        for grown in sample(self.loaded, [ids] * count, sampler, seeds, check=check):
            for draft in grown:
                text = self.loaded.template.text_of(draft.ids)
                if text.startswith(shown[draft.index]):
                    piece = text[len(shown[draft.index]) :]
                    shown[draft.index] = text
                    if piece:
                        yield Token(column, draft.index, piece, prompt_id)
                if draft.finish_reason:
                    seconds = time.perf_counter() - begun
                    made = self._made(request, draft, text, sampler, len(ids), seeds[draft.index], seconds)
                    yield self._scored(made, request)

    def _made(
        self,
        request: dict[str, Any],
        draft: Any,
        text: str,
        sampler: Any,
        prompt_tokens: int,
        seed: int,
        seconds: float,
    ) -> Answer:
        return Answer(
            prompt_id=str(request["prompt_id"]),
            text=text,
            column=int(request["column"]),
            index=draft.index,
            sampler=sampler.to_json(),
            seed=seed,
            template_hash=self.loaded.template.hash,
            prompt_tokens=prompt_tokens,
            response_tokens=len(draft.ids),
            finish_reason=draft.finish_reason,
            seconds=seconds,
        )

    def _scored(self, answer: Answer, request: dict[str, Any]) -> Answer:
        ref = ModelRef.from_json(request.get("reward"))
        if ref is None:
            return answer
        from ..lm.loading import POLICY, load
        from ..lm.policy import use_adapter
        from ..lm.scoring import encode_all, load_reward, score_all

        if ref != self.reward_ref:
            # On a base of its own: putting a second adapter on the model that writes would slow every token.
            share = load(dataclasses.replace(ref, adapter="", kind="base"), self.compute)
            self.reward, self.reward_ref = load_reward(ref, self.compute, share), ref
        scores = score_all(self.reward, encode_all(self.reward, [(request["messages"], answer.text)]))
        if self.ref is not None and self.ref.adapter:
            use_adapter(self.loaded, POLICY, train=False)
        return dataclasses.replace(answer, scores={"reward": float(scores[0])})
