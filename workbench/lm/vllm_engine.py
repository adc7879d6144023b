"""vLLM as a writer of answers: a base of its own that takes the policy's adapter anew in every round.

Not run here: it needs a CUDA device. Tests stand a hand-written module in its place.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .engines import vllm_bytes
from .estimates import Estimate
from .generating import Draft, Sampler
from .loading import POLICY, Loaded
from .memory import give_back
from .saving import save_adapter
from .writing import Check

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""vLLM's kernels are made for these ranks; an adapter takes the next larger one."""
SHARE = 0.4
"""Of the device's memory, where it is not known what the run takes."""


class Vllm:
    """vLLM in this process. It sleeps while the policy learns: weights in main memory, no cache.

    In this process, because a process of its own would write its log into our events. `generate` cannot be cut off, so
    a stop is heard when the round's answers are written.
    """

    def __init__(self, loaded: Loaded, *, estimate: Estimate | None, longest: int, rows: int, seed: int) -> None:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        os.environ["VLLM_NO_USAGE_STATS"] = "1"
        import vllm  # type: ignore[import-not-found]

        if POLICY not in getattr(loaded.model, "peft_config", {}):
            raise RuntimeError("it takes the policy as an adapter, and this run trains the weights themselves")
        self.loaded = loaded
        self.library: Any = vllm
        self.rounds = 0
        self.asleep = False
        give_back(loaded.compute)  # what torch keeps in reserve counts as taken
        self.llm: Any = vllm.LLM(
            model=os.path.expanduser(loaded.ref.base),
            dtype=loaded.compute.dtype_name,
            seed=seed,
            gpu_memory_utilization=share_of(estimate, loaded.compute.total_bytes),
            max_model_len=min(longest, int(getattr(loaded.causal.config, "max_position_embeddings", longest))),
            max_num_seqs=rows,
            enable_lora=True,
            max_loras=1,
            max_lora_rank=next_rank(loaded),
            enable_sleep_mode=True,
            # Of the distribution that was drawn from, not of the model's at temperature 1.
            logprobs_mode="processed_logprobs",
        )

    def write(
        self, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int], check: Check
    ) -> list[Draft]:
        """See writing.Engine."""
        from vllm.inputs import TokensPrompt  # type: ignore[import-not-found]
        from vllm.lora.request import LoRARequest  # type: ignore[import-not-found]

        check()
        self._wake()
        self.rounds += 1
        try:
            with tempfile.TemporaryDirectory(prefix="workbench-adapter-") as folder:
                place = Path(folder) / POLICY
                save_adapter(self.loaded, POLICY, place, {})
                found = self.llm.generate(
                    [TokensPrompt(prompt_token_ids=list(prompt)) for prompt in prompts],
                    [self._params(sampler, seed) for seed in seeds],
                    use_tqdm=False,
                    # A new number each round: vLLM keeps an adapter, and cached prompts, by theirs.
                    lora_request=LoRARequest(f"{POLICY}-{self.rounds}", self.rounds, str(place)),
                )
        finally:
            self.llm.sleep(level=1)
            self.asleep = True
        check()
        return [_draft(index, answer.outputs[0]) for index, answer in enumerate(found)]

    def _wake(self) -> None:
        if self.asleep:
            give_back(self.loaded.compute)
            self.llm.wake_up()
            self.asleep = False

    def _params(self, sampler: Sampler, seed: int) -> Any:
        return self.library.SamplingParams(
            temperature=sampler.temperature,
            top_p=sampler.top_p,
            top_k=sampler.top_k or -1,
            min_p=sampler.min_p,
            repetition_penalty=sampler.repetition_penalty,
            max_tokens=sampler.max_new_tokens,
            min_tokens=sampler.min_new_tokens,
            stop_token_ids=sorted(self.loaded.stop_ids),
            seed=seed,
            logprobs=0,  # of the chosen token alone
            detokenize=False,
        )


def _draft(index: int, answer: Any) -> Draft:
    ids = list(answer.token_ids)
    logprobs = [float(chances[id_].logprob) for id_, chances in zip(ids, answer.logprobs, strict=True)]
    return Draft(index, ids, logprobs, "stop" if answer.finish_reason == "stop" else "length")


def next_rank(loaded: Loaded) -> int:
    """The smallest rank of vLLM's that the policy's adapter fits into."""
    config = loaded.model.peft_config[POLICY]
    rank = max([config.r, *config.rank_pattern.values()])
    return next((size for size in RANKS if size >= rank), RANKS[-1])


def share_of(estimate: Estimate | None, total_bytes: int) -> float:
    """The share of the device's memory that vLLM may take; left to itself it takes nine tenths."""
    if estimate is None or total_bytes <= 0:
        return SHARE
    return round(min(0.9, vllm_bytes(estimate) / total_bytes), 3)
