"""Answers of a model behind a server, as the events that a local model's answers are. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...events import Answer
from ...lm.refs import ModelRef
from ...methods.base import Job
from ...providers.servers import Reply, Server
from ...providers.servers import answers as answers_of

SETTINGS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens")
AT_ONCE = 8
"""Requests at a time, unless fewer answers are wanted at once: servers that people pay for refuse more."""


def answers(
    job: Job, options: Any, ref: ModelRef, role: str = "", work: Sequence[tuple[Any, int]] | None = None
) -> Iterator[Answer]:
    """Answers to each prompt, as they are done; each has its own seed, as of a local model.

    work: (prompt, number of its answer); None for all that the options want.

    Raises StopRequested when the person asked to stop, and a ServerError for what a server will not do.
    """
    sampler = sampler_of(options)
    if work is None:
        work = [(prompt, index) for prompt in job.data.prompts for index in range(options.samples)]
    asked = ((prompt.messages, options.seed + index) for prompt, index in work)
    at_once = min(options.batch_size, AT_ONCE)
    for place, reply in answers_of(Server.of(ref), asked, sampler, at_once, job.stopping):
        prompt, index = work[place]
        yield answer_of(reply, sampler, options.seed + index, prompt_id=prompt.prompt_id, index=index, role=role)


def sampler_of(options: Any) -> dict[str, Any]:
    """The settings that these options describe, by the names of lm.generating.Sampler."""
    return {name: getattr(options, name) for name in SETTINGS}


def answer_of(reply: Reply, sampler: dict[str, Any], seed: int | None, **fields: Any) -> Answer:
    """The event of a reply. Settings that the server does not take were not used, so they are not told."""
    return Answer(
        text=reply.text,
        sampler={name: value for name, value in sampler.items() if name not in reply.left_out},
        seed=None if "seed" in reply.left_out else seed,
        prompt_tokens=reply.prompt_tokens,
        response_tokens=reply.response_tokens,
        finish_reason=reply.finish_reason,
        seconds=reply.seconds,
        **fields,
    )
