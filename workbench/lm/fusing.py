"""Fewer and leaner operations inside a model, with the same results: LoRA layers, norms and gated layers.

Each is one autograd function that keeps only what its backward pass needs. Modules are recognised by what they compute,
not by name: a norm or a gated layer is replaced only if a trial gives the module's own answer.
"""

from __future__ import annotations

import logging
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import nn

log = logging.getLogger(__name__)


class _Lora(torch.autograd.Function):
    """x W' + b + s (x A') B' with W and b frozen (Hu et al. 2021, eq. 3).

    With g the gradient of the result: dx = g W + s (g B) A;  dA = s (g B)' x;  dB = s g' (x A').
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        low = flat @ a.T
        ctx.save_for_backward(flat, low, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape
        return F.linear(flat, weight, bias).addmm_(low, b.T, alpha=scale).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        flat, low, weight, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0])
        inner = (grad @ b).mul_(ctx.scale)
        dx = da = db = None
        if ctx.needs_input_grad[0]:
            dx = (grad @ weight).addmm_(inner, a).view(ctx.shape)
        if ctx.needs_input_grad[3]:
            da = inner.T @ flat
            db = (grad.T @ low).mul_(ctx.scale)
        return dx, None, None, da, db, None


def _lora_forward(self: LoraLinear, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """peft's forward for the usual case; anything else goes its own way.

    What it needs is read from the modules' dictionaries: attribute look-ups took a fifth of a decoding step.
    """
    own = self.__dict__
    parts = own["_modules"]
    base = parts["base_layer"]._parameters
    merged, active = own["merged_adapters"], own["_active_adapter"]
    if own["_disable_adapters"] and not merged:
        return F.linear(x, base["weight"], base["bias"])
    name = active if isinstance(active, str) else active[0] if len(active) == 1 else ""
    down = parts["lora_A"]._modules.get(name)
    if down is None or merged or args or kwargs or self.lora_variant:
        return type(self).forward(self, x, *args, **kwargs)
    a, b = down._parameters["weight"], parts["lora_B"]._modules[name]._parameters["weight"]
    dropped = self.training and not isinstance(parts["lora_dropout"]._modules[name], nn.Identity)
    if dropped or x.dtype != a.dtype:
        return type(self).forward(self, x, *args, **kwargs)
    scale = own["scaling"][name]
    if torch.is_grad_enabled():
        return _Lora.apply(x, base["weight"], base["bias"], a, b, scale)  # type: ignore[no-any-return]
    flat = x.view(-1, x.shape[-1]) if x.is_contiguous() else x.reshape(-1, x.shape[-1])
    found = F.linear(flat, base["weight"], base["bias"]).addmm_(F.linear(flat, a), b.t(), alpha=scale)
    return found.view(*x.shape[:-1], -1)


class _Norm(torch.autograd.Function):
    """w * x / rms(x), x taken to float32 inside (Zhang and Sennrich 2019); w frozen.

    With n = x / rms(x) and g = w times the gradient: dx = (g - n mean(g n)) / rms(x).
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        wide = x.float()
        inverse = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        return weight * (wide * inverse).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        x, inverse, weight = ctx.saved_tensors
        unit = x.float() * inverse
        slope = (grads[0] * weight).float()
        along = (slope * unit).mean(-1, keepdim=True)
        return slope.sub_(unit.mul_(along)).mul_(inverse).to(x.dtype), None, None


class _Gate(torch.autograd.Function):
    """silu(gate) * up (Shazeer 2020), keeping gate and up alone."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors
        return torch.ops.aten.silu_backward(grads[0] * up, gate), F.silu(gate).mul_(grads[0])


def _norm_forward(self: Any, x: torch.Tensor) -> torch.Tensor:
    if self.weight.requires_grad:
        return type(self).forward(self, x)
    if torch.is_grad_enabled():
        return _Norm.apply(x, self.weight, _eps(self))  # type: ignore[no-any-return]
    if x.dtype == self.weight.dtype == torch.float32:
        return F.rms_norm(x, self.weight.shape, self.weight, _eps(self))
    wide = x.float()
    inverse = wide.square().mean(-1, keepdim=True).add_(_eps(self)).rsqrt_()
    return self.weight * (wide * inverse).to(x.dtype)


def _gated_forward(self: Any, x: torch.Tensor) -> torch.Tensor:
    gate, up = self.gate_proj(x), self.up_proj(x)
    inner = _Gate.apply(gate, up) if torch.is_grad_enabled() else F.silu(gate).mul_(up)
    return self.down_proj(inner)


def _eps(norm: Any) -> float:
    return float(getattr(norm, "variance_epsilon", getattr(norm, "eps", 0.0)))


def fuse_layers(trunk: nn.Module) -> int:
    """Replace the norms and gated layers of a frozen trunk whose lean form gives their own answer; how many."""
    done = 0
    for module in trunk.modules():
        forward: Any = None
        if type(module).__name__.endswith("RMSNorm") and isinstance(getattr(module, "weight", None), nn.Parameter):
            forward, width = _norm_forward, int(module.weight.shape[-1])  # type: ignore[union-attr, index]
        elif all(hasattr(module, part) for part in ("gate_proj", "up_proj", "down_proj")):
            forward, width = _gated_forward, int(getattr(module.gate_proj, "in_features", 0))
        if forward is not None and width and _agrees(module, forward, width):
            module.forward = MethodType(forward, module)
            done += 1
    return done


@torch.no_grad()
def _agrees(module: nn.Module, forward: Any, width: int) -> bool:
    weight = next(module.parameters())
    form = weight.dtype if weight.is_floating_point() else torch.float32  # 4-bit weights are stored as bytes
    trial = torch.linspace(-2, 2, 2 * width, device=weight.device).view(1, 2, width).to(form)
    try:
        wanted, found = module(trial).float(), forward(module, trial).float()
    except (RuntimeError, TypeError, AttributeError):
        log.info("%s stays as it is", type(module).__name__, exc_info=True)
        return False
    near = 1e-5 if form == torch.float32 else 2e-2
    return wanted.shape == found.shape and float((wanted - found).norm() / wanted.norm().clamp(min=1e-9)) < near


def fuse_adapters(model: nn.Module) -> int:
    """Let LoRA layers on plain linear layers run as one function; how many."""
    done = 0
    for module in model.modules():
        if type(module) is LoraLinear and type(module.base_layer) is nn.Linear:
            module.forward = MethodType(_lora_forward, module)
            done += 1
    return done
