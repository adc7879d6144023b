"""Log-probabilities of chosen tokens from hidden states, in chunks: no [tokens, vocabulary] tensor is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 1024


@dataclass(frozen=True)
class OutputLayer:
    """The frozen last layer of a language model: hidden states -> logits."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None
    """Logits are held within +-softcap by a tanh (Gemma 2)."""

    @classmethod
    def of(cls, causal: Any) -> OutputLayer:
        """The output layer of a transformers causal language model."""
        layer, config = causal.get_output_embeddings(), causal.config
        divisor = float(getattr(config, "logits_scaling", None) or 1.0)  # Granite
        factor = float(getattr(config, "logit_scale", None) or 1.0)  # Cohere
        return cls(
            layer.weight,
            getattr(layer, "bias", None),
            factor / divisor,
            getattr(config, "final_logit_softcapping", None),
        )

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 logits [n, v] of hidden states [n, h]."""
        raw = (hidden @ self.weight.T).float()
        raw = (raw if self.bias is None else raw + self.bias.float()) * self.scale
        return raw if self.softcap is None else self.softcap * torch.tanh(raw / self.softcap)

    def back(self, logits: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        """The gradient for the hidden states [n, h], given the logits and the slope of the outcome in them."""
        if self.softcap is not None:
            slope = slope * (1 - (logits / self.softcap) ** 2)
        return (slope * self.scale).to(self.weight.dtype) @ self.weight


class _Chosen(torch.autograd.Function):
    """log p(target) and entropy of softmax(logits / T), with the gradient for h formed in the forward pass.

    The output layer is frozen in LoRA training, so h alone needs a gradient, and two vectors per token
    [hidden] are all that the backward pass needs instead of the logits [vocabulary].
    d log p(y) / d logits = onehot(y) - p;  d H / d logits = -p (log p + H).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, layer: OutputLayer, targets: torch.Tensor, heat: float, with_entropy: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logp = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        entropy = torch.empty_like(logp)
        needs = ctx.needs_input_grad[0]
        grad_logp = torch.empty_like(hidden) if needs else None
        grad_entropy = torch.empty_like(hidden) if needs and with_entropy else None
        for start in range(0, hidden.shape[0], CHUNK):
            part = slice(start, start + CHUNK)
            logits, picked = layer.logits(hidden[part]), targets[part, None]
            logs = torch.log_softmax(logits / heat, dim=-1)
            logp[part] = logs.gather(1, picked).squeeze(1)
            p = logs.exp()
            entropy[part] = -(p * logs).sum(-1)
            if grad_entropy is not None:
                grad_entropy[part] = layer.back(logits, -p * (logs + entropy[part, None]) / heat)
            if grad_logp is not None:
                slope = p.neg_().scatter_add_(1, picked, torch.ones_like(picked, dtype=p.dtype)) / heat
                grad_logp[part] = layer.back(logits, slope)
        ctx.save_for_backward(grad_logp, grad_entropy)
        return logp, entropy

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, None, None, None, None]:
        grad_logp, grad_entropy = ctx.saved_tensors
        total = grads[0][:, None].to(grad_logp.dtype) * grad_logp
        if grad_entropy is not None:
            total = total + grads[1][:, None].to(grad_entropy.dtype) * grad_entropy
        return total, None, None, None, None


def chosen_logprobs(
    hidden: torch.Tensor,
    layer: OutputLayer,
    targets: torch.Tensor,
    *,
    temperature: float = 1.0,
    with_entropy: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """log-probability of each target and the entropy of its distribution.

    hidden [n, h]; targets [n]. Returns two float32 tensors [n]. Gradients flow to `hidden` from the first, and from
    the second only with `with_entropy`.
    """
    return _Chosen.apply(hidden, layer, targets, temperature, with_entropy)  # type: ignore[no-any-return]
