"""Our side of `bench learn`, and the one evaluator that measures the adapters of all sides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..feedback.base import Prompt
from ..lm.refs import ModelRef
from ..methods import ppo
from ..methods.base import Data, Job, options_from
from . import learning_rule, workload
from .ppo_side import ALPHA, LIMIT, trained
from .turns import Turns

if TYPE_CHECKING:
    import torch

    from ..lm.batching import Row
    from ..lm.loading import Loaded

_NAMES = (
    "learning_rate kl_coef batch_size epochs minibatches clip value_coef value_rate gamma lam "
    "whiten_rewards reward_clip missing_eos_penalty temperature max_new_tokens clip_norm"
)
TOLD = _NAMES.split()
"""Knobs that matter to what is learned."""
SAMPLING_SEED = 90_000
CHUNK = 256


class Ruled(ppo.Run):
    """The app's own PPO whose scores are the rule's and not a reward model's."""

    def model_scores(self, prompts: list[Prompt], texts: list[str]) -> torch.Tensor:
        """The rule's scores [b]."""
        import torch

        return torch.tensor([learning_rule.score(text) for text in texts])


def run(config: dict[str, Any], turns: Turns) -> None:
    """A round of PPO each turn; when asked, the adapter is written to its own folder."""
    from ..lm.devices import choose
    from ..lm.loading import POLICY
    from ..lm.saving import save_adapter

    compute = choose(config["device"], config["dtype"])
    # The loop wants a reward model; this one is never asked.
    reward = ModelRef(config["model"], adapter=config["reward"], kind="reward")
    job = Job(Path(config["folder"]), ModelRef(config["model"]), Data(prompts=prompts(learning_rule.TRAIN)), reward)
    options = options_from(ppo.Options, knobs(config))
    learner = Ruled(job, options, compute)
    ids = [learner.loaded.template.prompt_ids(prompt.messages, LIMIT) for prompt in learner.prompts]

    def save() -> dict[str, Any]:
        target = Path(config["folder"]) / f"iteration-{learner.step}"
        save_adapter(learner.loaded, POLICY, target, {"iteration": learner.step})
        return {"adapter": str(target)}

    turns.measure = save
    turns.start(
        prompts_digest=workload.digest(ids),
        dtype=compute.dtype_name,
        about={name: getattr(options, name) for name in TOLD},
        trains=trained(learner)["trains"],
    )
    while True:
        for _ in learner.round():
            pass
        values = learner.recent[-1]
        turns.done(reward=values["objective/scores"], kl=values["objective/kl"])


def prompts(texts: Sequence[str]) -> tuple[Prompt, ...]:
    """Conversations of one turn."""
    return tuple(Prompt(f"p{number}", workload.messages(text)) for number, text in enumerate(texts))


def knobs(config: dict[str, Any]) -> dict[str, Any]:
    """PPO's usual knobs, but for what all sides share: the rule's score is taken as it is."""
    return {
        "batch_size": config["samples"],
        "max_new_tokens": config["new_tokens"],
        "temperature": config["temperature"],
        "learning_rate": config["rate_ours"],
        "kl_coef": config["beta"],
        "rank": config["rank"],
        "alpha": ALPHA * config["rank"],
        "reward_clip": 0.0,
        "missing_eos_penalty": 0.0,
        "max_prompt_tokens": LIMIT,
        "seed": config["seed"],
    } | config["knobs"]


def evaluate(config: dict[str, Any], turns: Turns) -> None:
    """One adapter each turn ("" is the base): its mean reward on the held-out prompts and its KL to the base."""
    from ..lm.devices import choose
    from ..lm.loading import load

    compute = choose(config["device"], config["dtype"])
    turns.start()
    for adapter in config["adapters"]:
        loaded = load(ModelRef(config["model"], adapter=adapter), compute)
        turns.done(**measured(loaded, config))


def measured(loaded: Loaded, config: dict[str, Any]) -> dict[str, Any]:
    """Mean reward, KL to the base in nats an answer, and length of answers to the held-out prompts.

    The seeds are fixed, so that all adapters are given the same luck.
    """
    from ..lm.batching import Row
    from ..lm.generating import Sampler, sample_all

    asked = prompts(learning_rule.HELD_OUT) * int(config["evaluation_samples"])
    ids = [loaded.template.prompt_ids(prompt.messages, LIMIT) for prompt in asked]
    sampler = Sampler(config["temperature"], top_p=1.0, top_k=0, max_new_tokens=config["new_tokens"])
    drafts = sample_all(loaded, ids, sampler, [SAMPLING_SEED + number for number in range(len(ids))])
    texts = [loaded.template.text_of(draft.ids) for draft in drafts]
    rows = [Row(tuple(prompt), tuple(draft.ids)) for prompt, draft in zip(ids, drafts, strict=True)]
    kl = kl_of(loaded, rows, config["temperature"]) if loaded.ref.adapter else [0.0] * len(rows)
    return {
        "reward": sum(map(learning_rule.score, texts)) / len(texts),
        "kl": sum(kl) / len(kl),
        "length": sum(len(draft.ids) for draft in drafts) / len(drafts),
        "example": texts[0],
    }


def kl_of(loaded: Loaded, rows: Sequence[Row], temperature: float) -> list[float]:
    """For each answer, the sum over its places of the KL divergence of the next token's distribution from the base's.

    Its mean over sampled answers is an unbiased estimate of the KL of whole answers, as the mean of log p - log p_base
    is, with far less scatter. Answers are read by the very tokens that were drawn: one that was cut off has no end.
    """
    import torch

    from ..lm.logprobs import OutputLayer
    from ..lm.reading import gather, groups, hidden_states

    layer, found = OutputLayer.of(loaded.causal), [0.0] * len(rows)
    for group in groups(loaded, list(rows), loaded.compute.batch_tokens):
        batch = gather(loaded, [rows[index] for index in group])
        where = batch.mask.nonzero(as_tuple=True)
        with torch.no_grad():
            tuned = hidden_states(loaded, batch)[batch.states[where]]
            with loaded.model.disable_adapter():
                base = hidden_states(loaded, batch)[batch.states[where]]
            each = [
                _divergence(layer.logits(one) / temperature, layer.logits(other) / temperature)
                for one, other in zip(tuned.split(CHUNK), base.split(CHUNK), strict=True)
            ]
        sums = torch.zeros(len(group), device=tuned.device).index_add(0, where[0], torch.cat(each))
        for index, value in zip(group, sums.tolist(), strict=True):
            found[index] = value
    return found


def _divergence(logits: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    logs = logits.log_softmax(-1)
    return (logs.exp() * (logs - base.log_softmax(-1))).sum(-1)
