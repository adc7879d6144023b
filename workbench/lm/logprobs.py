"""Log-probabilities of chosen tokens from hidden states, in chunks: no [tokens, vocabulary] tensor is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 256


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
        """float32 logits [n, v] of hidden states [n, h]. In place where it can be: a vocabulary is wide."""
        raw = (hidden @ self.weight.T).float()
        if self.bias is not None:
            raw = raw.add_(self.bias.float())
        if self.scale != 1.0:
            raw = raw.mul_(self.scale)
        return raw if self.softcap is None else raw.div_(self.softcap).tanh_().mul_(self.softcap)

    def back(self, bend: torch.Tensor | None, slope: torch.Tensor) -> torch.Tensor:
        """The gradient for the hidden states [n, h], given the slope of the outcome in the logits and their `bend`."""
        slope = slope if bend is None else slope * bend
        return (slope.to(self.weight.dtype) @ self.weight).mul_(self.scale)

    def bend(self, logits: torch.Tensor) -> torch.Tensor | None:
        """The slope of capped logits in the raw ones; None without a cap."""
        return None if self.softcap is None else 1 - (logits / self.softcap) ** 2


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
        entropy = torch.zeros_like(logp)
        needs = ctx.needs_input_grad[0]
        grad_logp = torch.empty_like(hidden) if needs else None
        grad_entropy = torch.empty_like(hidden) if needs and with_entropy else None
        for start in range(0, hidden.shape[0], CHUNK):
            part = slice(start, start + CHUNK)
            logits, picked = layer.logits(hidden[part]), targets[part, None]
            bend = layer.bend(logits) if needs else None
            logs = torch.log_softmax(logits if heat == 1.0 else logits.div_(heat), dim=-1)
            del logits
            logp[part] = logs.gather(1, picked).squeeze(1)
            if not (needs or with_entropy):
                continue
            p = logs.exp() if with_entropy else logs.exp_()
            if with_entropy:
                entropy[part] = -(p * logs).sum(-1)
            if grad_entropy is not None:
                slope = logs.add_(entropy[part, None]).mul_(p).neg_()
                grad_entropy[part] = layer.back(bend, slope).div_(heat)
            if grad_logp is not None:
                slope = p.scatter_add_(1, picked, torch.full_like(picked, -1, dtype=p.dtype))
                grad_logp[part] = layer.back(bend, slope).div_(-heat)
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
    """log-probability of each target, and with `with_entropy` the entropy of its distribution (else 0).

    hidden [n, h]; targets [n]. Returns two float32 tensors [n]. Gradients flow to `hidden` from both.
    """
    return _Chosen.apply(hidden, layer, targets, temperature, with_entropy)  # type: ignore[no-any-return]
