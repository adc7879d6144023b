"""What writes a run's answers: from a method's options to what `lm.engines` chooses from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Job
from .planning import Plan

if TYPE_CHECKING:
    from ..lm.devices import Compute
    from ..lm.engines import Choice
    from ..lm.generating import Sampler
    from ..lm.writing import Engine
    from .on_policy import OnPolicy


def sampler_of(options: Any) -> Sampler:
    """The policy's own distribution: any truncation of it would make the ratio wrong."""
    from ..lm.generating import Sampler

    return Sampler(
        temperature=options.temperature,
        top_p=1.0,
        top_k=0,
        max_new_tokens=options.max_new_tokens,
        min_new_tokens=options.min_new_tokens,
    )


def choice_of(job: Job, options: Any, compute: Compute, plan: Plan | None, sampler: Sampler) -> Choice:
    """The engine for a run that is about to begin. Raises WorkbenchError when the one asked for cannot run here."""
    from ..lm.engines import choose_engine, memory_free

    assert job.model is not None
    return choose_engine(
        options.engine,
        compute,
        job.model,
        sampler,
        estimate=plan.estimate if plan else None,
        free_bytes=memory_free(compute),
        quantised=options.quantize != "none",
        whole=options.train == "full",
    )


def engine_of(run: OnPolicy) -> Engine:
    """The engine that was chosen for a run, other than our own loop."""
    from ..lm.vllm_engine import Vllm
    from ..lm.writing import Continuous

    if run.choice.name == "continuous":
        return Continuous(run.loaded)
    return Vllm(
        run.loaded,
        estimate=run.plan.estimate if run.plan else None,
        longest=run.options.max_prompt_tokens + run.options.max_new_tokens,
        rows=run.options.batch_size,
        seed=run.options.seed,
    )
