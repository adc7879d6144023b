"""What an iteration costs by hand count, so that a time can be held against the machine's limit.

The counts take every matrix product with weights, at two FLOPs a weight and token. Attention scores, norms and softmax
are left out (2 to 3 % at the lengths compared here), and so is padding: it is what the algorithm asks for, not
what an implementation wastes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shape:
    """A model in the numbers that count: weights of the trunk's linear layers, and of the vocabulary's layer."""

    trunk: int
    head: int
    total: int

    @classmethod
    def of(cls, folder: Path) -> Shape:
        """The shape of the model in `folder`, read from the headers of its weights."""
        from safetensors import safe_open

        trunk = head = total = 0
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, "np") as weights:
                for name in weights.keys():  # noqa: SIM118 - it is no dict
                    shape = weights.get_slice(name).get_shape()
                    count = math.prod(shape)
                    total += count
                    if any(part in name for part in ("embed_tokens", "wte", "lm_head")):
                        head = max(head, count)  # tied or not, a token meets the vocabulary once
                    elif len(shape) == 2 and "embed" not in name and "wpe" not in name:
                        trunk += count
        return cls(trunk, head, total)


@dataclass(frozen=True)
class Tokens:
    """Real tokens of an iteration: of all prompts, and of all answers."""

    prompt: int
    answer: int

    @property
    def all(self) -> int:
        """Both."""
        return self.prompt + self.answer


def ppo_ours(shape: Shape, tokens: Tokens, *, epochs: int, lora: int, reward_depth: float) -> float:
    """One base for four roles, LoRA policy, linear value head. What prompts share counts once: `tokens.prompt` is of
    the distinct beginnings.

    P trunk weights, V vocabulary weights, L LoRA weights, T tokens, A answer tokens, d the share of layers that the
    reward model reads:
    rollout   2 P T + 2 V A
    reading   2 (2 P T + 2 V A)         policy and reference, without gradients
    scoring   2 d P T
    each epoch  2 P T + 2 V A           forward
              + 2 P T + 2 V A           backward to activations only: these weights are frozen
              + 6 L T                   LoRA: forward, and backward to activations and weights
    LoRA in the passes without gradients: 2 L T for each of the policy's two and d of the reward model's.
    """
    through, output = 2.0 * shape.trunk * tokens.all, 2.0 * shape.head * tokens.answer
    adapter = 2.0 * lora * tokens.all
    once = 3 * (through + output) + reward_depth * through + (2 + reward_depth) * adapter
    return once + epochs * (2 * (through + output) + 3 * adapter)


def ppo_trl(shape: Shape, tokens: Tokens, *, epochs: int, lora: int) -> float:
    """TRL's PPOTrainer: separate reward and value models; logits of prompts too. lora 0: full fine-tuning.

    With the letters of `ppo_ours`:
    rollout   2 P T + 2 V A
    scoring   2 P T + 2 V T             reference
              + 2 P T + 2 P T           value and reward model, no vocabulary
    each epoch  2 P T + 4 P T           value model, its weights trained
              + 2 P T + 2 V T           policy, forward
              + 2 P T + 2 V T           backward to activations
              + 6 L T                   LoRA; or, when the policy is trained whole, 2 P T + 2 V T for its weights
    """
    through, everywhere = 2.0 * shape.trunk * tokens.all, 2.0 * shape.head * tokens.all
    adapter = 2.0 * lora * tokens.all
    rollout = through + 2.0 * shape.head * tokens.answer + adapter
    scoring = 3 * through + everywhere
    weights = 3 * adapter if lora else through + everywhere
    return rollout + scoring + epochs * (3 * through + 2 * (through + everywhere) + weights)


def reward(shape: Shape, tokens: int, *, lora: int, depth: float = 1.0) -> float:
    """Reward training on `tokens`: 2 d P T forward, 2 d P T backward to activations, then LoRA's 6 L T, or, for whole
    weights (lora 0), 2 d P T more."""
    through = 2.0 * depth * shape.trunk * tokens
    return 2 * through + (6.0 * lora * tokens if lora else through)


def generating(shape: Shape, tokens: Tokens) -> float:
    """2 P T + 2 V A: every token goes through the trunk once, answers' tokens through the vocabulary too."""
    return 2.0 * shape.trunk * tokens.all + 2.0 * shape.head * tokens.answer
