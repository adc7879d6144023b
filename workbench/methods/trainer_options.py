"""Knobs of the methods that learn from stored judgements, and the rate of their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import WorkbenchError
from .base import knob
from .whose import whose_knob

SCHEDULERS = ("cosine", "linear", "constant")


@dataclass(frozen=True)
class TrainerOptions:
    """What all of them have; a method adds its own and chooses other defaults."""

    whose: str = whose_knob()
    epochs: int = knob(2, "How often each example is seen.", low=1, high=100, advanced=False)
    learning_rate: float = knob(2e-4, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    batch_size: int = knob(8, "Examples in one step.", low=1, high=4096, advanced=False)
    train: str = knob(
        "lora",
        "An adapter, or with full the base's own layers: embeddings, norms and output layer stay. "
        "Full takes far more memory, and a learning rate near 1e-5.",
        label="Trains",
        choices=("lora", "full"),
    )
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    dropout: float = knob(0.0, "Share of adapter inputs dropped; above 0 it is slower.", low=0.0, high=0.9, step=0.01)
    target_modules: str = knob(
        "all-linear", "Which layers the adapter is put on.", label="Adapter on", choices=("all-linear", "attention")
    )
    rslora: bool = knob(False, "Scale the adapter by the root of its rank: for high ranks.", label="rsLoRA")
    dora: bool = knob(False, "Learn the length of each output beside its direction: slower.", label="DoRA")
    quantize: str = knob(
        "none",
        "8bit or 4bit keep the base's layers in a half or a quarter of their memory; needs bitsandbytes.",
        label="Base weights",
        choices=("none", "8bit", "4bit"),
    )
    micro_tokens: int = knob(
        0, "Tokens learned from at once; 0 chooses, and halves it if memory runs out.", label="Tokens at once",
        low=0, high=1_000_000,
    )  # fmt: skip
    checkpointing: str = knob(
        "auto",
        "Form activations again instead of keeping them: less memory, more time (auto: when memory runs out).",
        label="Gradient checkpointing",
        choices=("auto", "on", "off"),
    )
    max_tokens: int = knob(1024, "Longest prompt and answer together; more is cut off.", low=16, high=131072)
    scheduler: str = knob("cosine", "How the rate falls after it has risen.", choices=SCHEDULERS)
    warmup: float = knob(0.1, "Share of the steps in which the rate rises.", low=0.0, high=0.9, step=0.05)
    weight_decay: float = knob(0.0, "How fast unused weights fade.", low=0.0, high=1.0, step=0.01)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    evaluations: int = knob(8, "How often held-out examples are measured during the run.", low=1, high=1000)
    patience: int = knob(0, "Stop after so many measurements without a better one; 0 never does.", low=0, high=1000)
    shown: int = knob(
        4, "Held-out prompts answered before and after, to look at.", label="Answers to show", low=0, high=64
    )
    checkpoint_minutes: float = knob(
        5.0, "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop.",
        low=0.0, high=1440.0, step=1.0,
    )  # fmt: skip
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))

    def __post_init__(self) -> None:
        if self.train == "full" and self.quantize != "none":
            raise WorkbenchError(
                f"Weights in {self.quantize.removesuffix('bit')} bits cannot be trained themselves.",
                "Train an adapter, or choose unquantised weights.",
            )


def rate_at(step: int, total: int, scheduler: str, warmup: float) -> float:
    """Share of the learning rate at a step counted from 0: it rises over `warmup` of `total`, then falls."""
    rising = max(1, int(total * warmup))
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, total - rising)
    if scheduler == "constant":
        return 1.0
    return 1 - done if scheduler == "linear" else 0.5 * (1 + math.cos(math.pi * done))
