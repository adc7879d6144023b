"""Engines that write the answers of an on-policy run, and what happens when one dies: our own loop goes on.

Only our own loop draws each row from its own seed, so that an answer does not depend on the rows beside it. It and
vLLM take a seed a row; continuous batching has one generator for all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from ..errors import StopRequested, WorkbenchError
from .engines import TITLES, Choice, installed
from .generating import Draft, Sampler, sample_all
from .loading import Loaded
from .memory import give_back

log = logging.getLogger(__name__)

FAR = 0.5
"""Mean difference of log-probabilities, in nats a token, above which an engine did not write with this policy. In 16
bits two paths through the same weights differ by 0.04."""
PAGE = 256
"""Tokens in a block of the paged cache: transformers' own default, the least that flash attention takes."""
STEP_TOKENS = 4096
"""Tokens of one forward pass of continuous batching, prompts and answers together."""

Check = Callable[[], None]


class Engine(Protocol):
    """Writes an answer to each prompt, with the log-probability of each token where it was drawn."""

    def write(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check
    ) -> list[Draft]:
        """Drafts in the order of the prompts. `check` may raise, and is called as often as the engine allows."""
        ...


class Own:
    """Our own loop, so many rows at once."""

    def __init__(self, loaded: Loaded, rows: int) -> None:
        self.loaded = loaded
        self.rows = rows

    def write(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check
    ) -> list[Draft]:
        """See Engine."""
        drafts: list[Draft] = []
        for start in range(0, len(prompts), self.rows):
            part = slice(start, start + self.rows)
            drafts += sample_all(self.loaded, prompts[part], sampler, seeds[part], check=check, keep_logprobs=True)
        return drafts


class Continuous:
    """transformers' continuous batching: a paged cache, and rows that join and leave at any step.

    It lives for one call, so its cache is given back before the answers are learned from. All rows are drawn from one
    generator, seeded with the first row's seed.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    def write(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check
    ) -> list[Draft]:
        """See Engine."""
        from transformers import GenerationConfig

        stops = sorted(self.loaded.stop_ids)
        drawn = {"temperature": sampler.temperature, "top_k": sampler.top_k, "top_p": sampler.top_p}
        if sampler.min_p > 0:
            drawn["min_p"] = sampler.min_p
        config = GenerationConfig(
            do_sample=sampler.temperature > 0,
            max_new_tokens=sampler.max_new_tokens,
            eos_token_id=stops,
            pad_token_id=self.loaded.pad_id,
            suppress_tokens=stops if sampler.min_new_tokens else None,
            **(drawn if sampler.temperature > 0 else {}),
        )
        about = {"generation_config": config, "continuous_batching_config": self._batching(prompts, sampler, seeds)}
        # warmup would capture CUDA graphs of the largest batch there can be, anew in every round.
        with _usual_attention(self.loaded):
            with self.loaded.causal.continuous_batching_context_manager(**about, warmup=False) as running:
                try:
                    found = _gathered(running, [list(prompt) for prompt in prompts], sampler.max_new_tokens, check)
                except BaseException:
                    running.stop(hard_stop=True)  # leaving the context would first write all answers to their ends
                    raise
        return [_draft(index, result, self.loaded.stop_ids) for index, result in enumerate(found)]

    def _batching(self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int]) -> Any:
        """A cache of the size that these answers need: by itself it would take nine tenths of the free memory."""
        from transformers.generation.configuration_utils import ContinuousBatchingConfig

        pages = sum((len(prompt) + sampler.max_new_tokens) // PAGE + 1 for prompt in prompts)
        tokens = sum(len(prompt) for prompt in prompts)
        return ContinuousBatchingConfig(
            page_size=PAGE,
            num_blocks=pages,
            max_batch_tokens=max(len(prompts), min(tokens, STEP_TOKENS)),
            max_requests_per_batch=len(prompts),
            return_logprobs=True,
            seed=seeds[0],
            auto_switch_to_flash=False,  # it would look for kernels on the hub
        )


@contextmanager
def _usual_attention(loaded: Loaded) -> Iterator[None]:
    """Continuous batching knows the library's attentions alone, by their names."""
    before = loaded.causal.config._attn_implementation
    loaded.causal.set_attn_implementation(paged_attention(loaded))
    try:
        yield
    finally:
        loaded.causal.set_attn_implementation(before)


def paged_attention(loaded: Loaded, there: Callable[[str], bool] = installed) -> str:
    """The attention for a paged cache: flash attention where it runs."""
    half = loaded.compute.dtype != torch.float32 and loaded.compute.device.type == "cuda"
    flash = half and there("flash_attn") and getattr(loaded.causal, "_supports_flash_attn", False)
    return "flash_attention_2" if flash else "sdpa"


def _gathered(running: Any, prompts: list[list[int]], most: int, check: Check) -> list[Any]:
    """What the manager's thread writes, in the order of the prompts."""
    names = running.add_requests(prompts, max_new_tokens=most)
    found: dict[str, Any] = {}
    while len(found) < len(names):
        check()
        result = running.get_result(timeout=0.1)
        if result is None and not running.is_running():
            raise RuntimeError(f"continuous batching ended early: {running.background_thread_status.fatal_error}")
        if result is not None and result.error is not None:
            raise RuntimeError(str(result.error))
        if result is not None and result.is_finished():
            found[result.request_id] = result
    return [found[name] for name in names]


def _draft(index: int, result: Any, stops: frozenset[int]) -> Draft:
    ids = list(result.generated_tokens)
    return Draft(index, ids, list(result.logprobs), "stop" if ids and ids[-1] in stops else "length")


class Writer:
    """Writes with the engine that was chosen, and with our own loop from the moment that engine fails.

    `make` builds the engine when it is first needed, so that it finds the memory as the run leaves it.
    """

    def __init__(self, loaded: Loaded, choice: Choice, make: Callable[[], Engine]) -> None:
        self.loaded = loaded
        self.name = choice.name
        self._make = make
        self._notices: list[str] = []
        self._engine: Engine | None = None

    def write(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check, *, rows: int
    ) -> list[Draft]:
        """Drafts in the order of the prompts, at most `rows` at once in our own loop (the others schedule rows)."""
        if self.name != "own":
            drafts = self._tried(prompts, sampler, seeds, check)
            if drafts is not None:
                return drafts
        return Own(self.loaded, rows).write(prompts, sampler, seeds, check)

    def doubts(self, drift: float) -> bool:
        """Told how far an engine's log-probabilities lie from the policy's: whether its answers are another model's, as
        when an adapter was lost without an error. That engine writes no more."""
        if self.name == "own" or drift <= FAR:
            return False
        self._fall_back(f"its answers are not this policy's, {drift:.2f} nats a token away")
        return True

    def told(self) -> list[str]:
        """Sentences for a person since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def _tried(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check
    ) -> list[Draft] | None:
        device = self.loaded.compute.device
        try:
            # Both libraries seed the process's generators; the run's own random numbers are to stay as they were.
            with torch.random.fork_rng([0] if device.type == "cuda" else []):
                if self._engine is None:
                    self._engine = self._make()
                return self._engine.write(prompts, sampler, seeds, check)
        except (StopRequested, WorkbenchError):
            raise
        except Exception as error:  # whatever a library may raise, out of memory and a failed import among them
            log.exception("%s failed", self.name)
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        self._fall_back(reason)
        return None

    def _fall_back(self, reason: str) -> None:
        self._notices.append(
            f"From here on answers are written with its own loop: {TITLES[self.name]} failed ({reason})."
        )
        self.name = "own"
        self._engine = None
        give_back(self.loaded.compute)
