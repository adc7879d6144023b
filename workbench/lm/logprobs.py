"""Log-probabilities of chosen tokens from hidden states, in chunks: no [tokens, vocabulary] tensor is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

CHUNK = 256
BLOCK = 32


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

    def raw(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the layer's matrix gives, [n, v] in the format of its weights: logits before bias, scale and cap."""
        if _suits_onednn(hidden, self.weight):
            return torch.ops.mkldnn._linear_pointwise(hidden, self.weight, None, "none", [], "")  # type: ignore[no-any-return]
        return hidden @ self.weight.T

    def finished(self, raw: torch.Tensor) -> torch.Tensor:
        """float32 logits [n, v] from raw ones. In place where it can be: a vocabulary is wide."""
        logits = raw.float()
        if self.bias is not None:
            logits = logits.add_(self.bias.float())
        if self.scale != 1.0:
            logits = logits.mul_(self.scale)
        return logits if self.softcap is None else logits.div_(self.softcap).tanh_().mul_(self.softcap)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 logits [n, v] of hidden states [n, h]."""
        return self.finished(self.raw(hidden))

    def bend(self, logits: torch.Tensor) -> torch.Tensor | float:
        """The slope of logits in the raw ones."""
        return self.scale if self.softcap is None else self.scale * (1 - (logits / self.softcap) ** 2)


def _suits_onednn(hidden: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether oneDNN is to take the product with a vocabulary's matrix in float32 on a CPU.

    torch leaves it to its BLAS, which takes 1.2 to 3 times as long for so wide a matrix and few tokens (MKL on an AMD
    EPYC, vocabularies of 49,152 and 128,256). The choice rests on nothing that varies from run to run: the two differ
    in their last bits, and a resumed run is to equal one that was not stopped. The operation has no gradient.
    """
    return (
        hidden.device.type == weight.device.type == "cpu"
        and hidden.dtype == weight.dtype == torch.float32
        and not torch.is_grad_enabled()
        and weight.is_contiguous()
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class _Chosen(torch.autograd.Function):
    """log p(target) and entropy of softmax(logits / T), with the gradient for h formed in the forward pass.

    The output layer is frozen in LoRA training, so h alone needs a gradient, and two vectors per token
    [hidden] are all that the backward pass needs instead of the logits [vocabulary].
    d log p(y) / d logits = onehot(y) - p;  d H / d logits = -p (log p + H).
    The matrix product takes CHUNK tokens at once, everything of float32 BLOCK tokens, which stay in a CPU's cache; the
    slopes take the place of the logits they came from.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        layer: OutputLayer,
        targets: torch.Tensor,
        heat: float,
        with_entropy: bool,
        entropy_gradient: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logp = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        entropy = torch.zeros_like(logp)
        needs = ctx.needs_input_grad[0]
        grad_logp = torch.empty_like(hidden) if needs else None
        tilted = needs and with_entropy and entropy_gradient
        grad_entropy = torch.empty_like(hidden) if tilted else None
        size = BLOCK if hidden.device.type == "cpu" else CHUNK
        for start in range(0, hidden.shape[0], CHUNK):
            part = slice(start, start + CHUNK)
            raw, picked = layer.raw(hidden[part]), targets[part, None]
            bends = torch.empty_like(raw) if grad_entropy is not None else None
            for first in range(0, raw.shape[0], size):
                block = slice(first, first + size)
                found = _slopes(layer, raw[block], picked[block], heat, needs, with_entropy, tilted)
                logp[part][block], entropy[part][block] = found.logp, found.entropy
                if found.tilt is not None and bends is not None:
                    bends[block] = found.tilt  # first: in float32 it stands where the slope will
                if found.slope is not None:
                    raw[block] = found.slope
            if grad_logp is not None:
                grad_logp[part] = raw @ layer.weight
            if grad_entropy is not None and bends is not None:
                grad_entropy[part] = bends @ layer.weight
        ctx.save_for_backward(grad_logp, grad_entropy)
        return logp, entropy

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, None, None, None, None, None]:
        grad_logp, grad_entropy = ctx.saved_tensors
        total = grads[0][:, None].to(grad_logp.dtype) * grad_logp
        if grad_entropy is not None:
            total = total + grads[1][:, None].to(grad_entropy.dtype) * grad_entropy
        return total, None, None, None, None, None


class _Slopes(NamedTuple):
    """log p and entropy [n], and the slopes of both in the raw logits [n, v]."""

    logp: torch.Tensor
    entropy: torch.Tensor
    slope: torch.Tensor | None
    tilt: torch.Tensor | None


def _slopes(
    layer: OutputLayer,
    raw: torch.Tensor,
    picked: torch.Tensor,
    heat: float,
    needs: bool,
    with_entropy: bool,
    tilted: bool,
) -> _Slopes:
    """What _Chosen needs of n tokens, from their raw logits [n, v] (float32 ones are overwritten); `picked` [n, 1].

    log p comes from the largest logit and its probability: torch's softmax is several times as fast on a CPU as its
    exp, and the probability of an unlikely token may be too small for a float32 while the likeliest one's never is.
    """
    logits = layer.finished(raw)
    bend = layer.bend(logits) if needs else 1.0
    logits = logits.div_(heat) if heat != 1.0 else logits
    p = logits.softmax(-1)
    total = logits.amax(-1) - p.amax(-1).log()
    logp = logits.gather(1, picked).squeeze(1) - total
    entropy = total - torch.linalg.vecdot(p, logits) if with_entropy else torch.zeros_like(total)
    if not needs:
        return _Slopes(logp, entropy, None, None)
    tilt = None
    if tilted:
        tilt = logits.sub_((total - entropy)[:, None]).mul_(p).mul_(bend).mul_(-1 / heat)
    slope = p.scatter_add_(1, picked, torch.full_like(picked, -1, dtype=p.dtype)).mul_(bend).mul_(-1 / heat)
    return _Slopes(logp, entropy, slope, tilt)


def chosen_logprobs(
    hidden: torch.Tensor,
    layer: OutputLayer,
    targets: torch.Tensor,
    *,
    temperature: float = 1.0,
    with_entropy: bool = False,
    entropy_gradient: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """log-probability of each target, and with `with_entropy` the entropy of its distribution (else 0).

    hidden [n, h]; targets [n]. Returns two float32 tensors [n]. Gradients flow to `hidden` from both; with
    `entropy_gradient` off from the log-probabilities alone, which spares a matrix product.
    """
    return _Chosen.apply(hidden, layer, targets, temperature, with_entropy, entropy_gradient)  # type: ignore[no-any-return]
