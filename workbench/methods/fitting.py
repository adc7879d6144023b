"""Whether a model fits on a machine: to write with, and for each way of training it, by part. Nothing is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..feedback.base import Demonstration, Pair, Prompt
from ..lm.estimates import BITS, Estimate, Work, estimate, shape_of
from ..lm.refs import LLAMA_CPP, ModelRef
from . import METHODS
from .base import Data, options_from
from .planning import BYTES_A_TOKEN, Plan, micro_tokens_that_fit, plan

PROMPT, ANSWER, CONTEXT = 256, 256, 4096
"""Tokens of the examples that the figures are for, and of what is kept while answers are written."""


@dataclass(frozen=True)
class Way:
    """One thing to do with a model: a method with some knobs other than usual; "" to write with it."""

    key: str
    method: str = ""
    knobs: tuple[tuple[str, Any], ...] = ()


RUNNING = Way("running")
WAYS = (
    Way("sft", "sft"),
    Way("reward", "reward"),
    Way("dpo", "dpo"),
    Way("ppo", "ppo"),
    Way("ppo_whole", "ppo", (("train", "full"),)),
    Way("grpo", "grpo", (("samples", 16), ("batch_size", 32))),
)


@dataclass(frozen=True)
class Machine:
    """Where it is to fit: "cpu", "cuda", ..., all bytes there are and those that are free, bytes of a weight, and how a
    session keeps weights."""

    device: str = "cpu"
    total: int = 0
    free: int = 0
    bytes_each: int = 2
    quantize: str = "none"


@dataclass(frozen=True)
class Fit:
    """What a way takes by part, and how it fits: "fits", "tight", "too large", or "" while the memory is not known."""

    way: str
    parts: Mapping[str, int]
    total: int
    verdict: str
    over: int = 0
    """Bytes more than there are, or than are free where it is tight; 0 where it fits."""
    micro_tokens: int = 0
    """Tokens of a micro-batch with which it is not too large; 0 where it is not, or always is."""

    @property
    def most(self) -> str:
        """The part that takes most."""
        return max(self.parts, key=lambda part: self.parts[part])


def fits(base: ModelRef, machine: Machine, *, writes: bool = True) -> list[Fit]:
    """How a base fits, with the adapter that `base` may name. Empty where its files do not tell its shape.

    writes: whether it can write answers; what cannot is trained as a reward model only.
    """
    shape = shape_of(base)
    if shape is None:
        return []
    found = [_fit(RUNNING.key, _running(base, shape, machine), machine)] if writes else []
    for way in WAYS if writes else ():
        planned = _planned(way, base, machine)
        if planned is not None:
            fit = _fit(way.key, planned.estimate, machine)
            most = micro_tokens_that_fit(planned, machine.total, machine.device) if fit.verdict == "too large" else 0
            found.append(dataclasses.replace(fit, micro_tokens=most))
    return found


def _running(base: ModelRef, shape: Any, machine: Machine) -> Estimate:
    """Four answers at a time: weights, adapter, cache of CONTEXT tokens, and what drawing a token takes."""
    rows = 4
    work = Work(tokens=0, longest=0, rows=rows, prompt=CONTEXT // rows - ANSWER, new=ANSWER, adapter_ranks=())
    bits = BITS.get(machine.quantize, 0)
    found = estimate(shape, work, bytes_each=machine.bytes_each, device=machine.device, quantised_bits=bits)
    if base.engine == LLAMA_CPP:  # it keeps the file's own numbers
        found = dataclasses.replace(found, weights=Path(base.base).expanduser().stat().st_size)
    return dataclasses.replace(found, optimiser=0, activations=0, logits=0, adapters=_size(base.adapter))


def _size(folder: str) -> int:
    if not folder:
        return 0
    return sum(each.stat().st_size for each in Path(folder).glob("*.safetensors"))


def _planned(way: Way, base: ModelRef, machine: Machine) -> Plan | None:
    options = dataclasses.asdict(options_from(METHODS[way.method].Options, dict(way.knobs)))
    plain = dataclasses.replace(base, adapter="", kind="base")
    return plan(options, _typical(), plain, None, bytes_each=machine.bytes_each, device=machine.device)


def _typical() -> Data:
    """Examples of the usual length, as many as a batch may want."""
    said = ({"role": "user", "content": "x" * round(PROMPT * BYTES_A_TOKEN)},)
    answer = "x" * round(ANSWER * BYTES_A_TOKEN)
    numbers = [str(number) for number in range(64)]
    return Data(
        prompts=tuple(Prompt(number, said, "train", ()) for number in numbers),
        pairs=tuple(Pair(number, said, answer, answer, split="train") for number in numbers),
        demonstrations=tuple(Demonstration(number, said, answer, split="train") for number in numbers),
    )


def _fit(way: str, found: Estimate, machine: Machine) -> Fit:
    verdict = found.fit(machine.free, machine.total)
    room = machine.total if verdict == "too large" else machine.free
    over = max(0, found.total - room) if verdict in ("tight", "too large") else 0
    return Fit(way, _parts(found), found.total, verdict, over)


def _parts(found: Estimate) -> dict[str, int]:
    """Four parts that add up: the model, what learns, what comes and goes, and the libraries."""
    told = found.parts()
    passing = sum(told.get(name, 0) for name in ("activations", "logits", "cache", "writing", "heap"))
    parts = {
        "model": found.weights + found.adapters,
        "optimiser": found.optimiser,
        "passing": passing,
        "process": found.process,
    }
    return {name: size for name, size in parts.items() if size}
