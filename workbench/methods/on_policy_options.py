"""Knobs that every on-policy method has: those of a round first, those of the machine last.

A method's own stand between them: `class Options(Machine, _Own, Round)`, as the fields of a dataclass are those of its
last base first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import WorkbenchError
from . import rewarding
from .base import knob
from .rewarding import Scored


@dataclass(frozen=True)
class Round:
    """What a round of answering and learning is."""

    steps: int = knob(30, "Rounds of answering and learning.", low=1, high=100_000, advanced=False)
    batch_size: int = knob(16, "Answers written in each round.", low=2, high=4096, advanced=False)
    samples: int = knob(1, "Answers to the same prompt in a round; its reading is shared.", low=1, high=256)
    max_new_tokens: int = knob(48, "Longest answer, in tokens.", low=1, high=4096, advanced=False)
    learning_rate: float = knob(3e-4, "Size of a step of the policy.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    kl_coef: float = knob(
        0.05,
        "How hard the policy is held to the reference model.",
        label="KL coefficient",
        low=0.0,
        high=10.0,
        step=0.005,
        advanced=False,
    )
    kl_control: str = knob(
        "fixed",
        "adaptive moves the coefficient until the KL is near its target.",
        label="KL control",
        choices=("fixed", "adaptive"),
    )
    target_kl: float = knob(
        6.0, "KL of an answer that the adaptive control aims for, in nats.", label="Target KL", low=0.01, high=1000
    )


@dataclass(frozen=True)
class Reuse:
    """How often a round's answers are learned from."""

    epochs: int = knob(2, "How often each answer is learned from.", low=1, high=32)
    minibatches: int = knob(1, "Optimiser steps in one epoch.", low=1, high=256)
    clip: float = knob(0.2, "How far a token's probability may move in one round.", low=0.01, high=1.0, step=0.01)


@dataclass(frozen=True)
class Grouped:
    """Several answers to a prompt, of which each is compared with the others."""

    samples: int = knob(
        4, "Answers to the same prompt in a round, which are compared.", low=2, high=256, advanced=False
    )


@dataclass(frozen=True)
class Machine(Scored):
    """How scores are read, what writes and what trains."""

    micro_tokens: int = knob(
        0, "Tokens learned from at once; fewer need less memory. 0 chooses, and halves it if memory runs out.",
        label="Tokens at once", low=0, high=1_000_000,
    )  # fmt: skip
    checkpointing: str = knob(
        "auto",
        "Form activations again instead of keeping them: less memory, more time (auto: when memory runs out).",
        label="Gradient checkpointing",
        choices=("auto", "on", "off"),
    )
    entropy_coef: float = knob(0.0, "Reward for staying undecided.", low=0.0, high=1.0, step=0.001)
    reward_clip: float = knob(5.0, "Scores are held within plus and minus this; 0 turns it off.", low=0.0, high=1000)
    missing_eos_penalty: float = knob(1.0, "Taken from the score of an answer that does not end.", low=0.0, high=100)
    min_new_tokens: int = knob(
        0, "Shortest answer, in tokens; equal to the longest makes all the same.", low=0, high=4096
    )
    temperature: float = knob(0.7, "Temperature of the answers that are learned from.", low=0.05, high=2.0, step=0.05)
    old_logprobs: str = knob(
        "auto",
        "Where the old log-probabilities come from: captured while sampling, or computed again (auto: again in bf16).",
        choices=("auto", "sampled", "recomputed"),
    )
    engine: str = knob(
        "auto",
        "What writes the answers: its own loop, continuous batching or vLLM (auto: by what is installed and fits).",
        label="Writes with",
        choices=("auto", "own", "continuous", "vllm"),
    )
    train: str = knob(
        "lora",
        "An adapter, or with full the base's own layers: embeddings, norms and output layer stay. "
        "Full takes far more memory, and a learning rate near 1e-5.",
        label="Trains",
        choices=("lora", "full"),
    )
    quantize: str = knob(
        "none",
        "4bit keeps the base's layers in 4 bits, for a quarter of their memory; needs bitsandbytes.",
        label="Base weights",
        choices=("none", "4bit"),
    )
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    max_prompt_tokens: int = knob(512, "Longest prompt; more is cut off at its beginning.", low=8, high=32768)
    sample_every: int = knob(1, "Show answers every so many rounds.", low=1, high=1000)
    human_every: int = knob(
        5,
        "Measure every so many rounds whether it follows held-out human preferences; 0 never does.",
        label="Human check every",
        low=0,
        high=1000,
    )
    checkpoint_minutes: float = knob(
        5.0,
        "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop and at the end.",
        low=0.0,
        high=1440.0,
        step=1.0,
    )
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))

    def __post_init__(self) -> None:
        self.check()

    def check(self: Any) -> None:
        """Raises WorkbenchError for knobs that do not go together."""
        rewarding.check(self)
        if getattr(self, "minibatches", 1) > self.batch_size:
            raise WorkbenchError(
                f"{self.minibatches} minibatches need at least as many answers in a round.", "Raise the batch size."
            )
        if self.batch_size % self.samples:
            raise WorkbenchError(
                f"{self.batch_size} answers in a round cannot be {self.samples} to each prompt.",
                "Choose a batch size that the samples divide.",
            )
        if self.train == "full" and self.quantize != "none":
            raise WorkbenchError(
                "Weights in 4 bits cannot be trained themselves.", "Train an adapter, or choose unquantised weights."
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise WorkbenchError("The shortest answer is longer than the longest.", "Lower the shortest answer.")
