"""One base in memory for the four roles of PPO: policy and reward are adapters, value a head, reference no adapter.

Two other ways: the policy may be the base's own weights, with the originals kept for the reference and the reward model
(see full.py), and the value function may have an adapter for itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import nn

from ..errors import WorkbenchError
from .batching import Batch
from .loading import CRITIC, POLICY, Loaded, add_new_adapter, prepare_training, train_whole
from .logprobs import OutputLayer, chosen_logprobs
from .reading import hidden_states


@dataclass(frozen=True)
class Reading:
    """What the policy says about each token of the answers in a batch; all [b, t], zero outside the mask.

    values: None where there is no value function, or one with an adapter for itself and so a pass of its own.
    """

    logp: torch.Tensor
    entropy: torch.Tensor
    values: torch.Tensor | None


class PolicyModel:
    """A base with a trainable policy adapter and a value head on its trunk.

    whole: train the matrices of the base's layers instead of an adapter. values: "head" on the policy's trunk,
    "adapter" gives the value function an adapter and so a trunk of its own, "none" leaves it out.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        rank: int,
        alpha: float,
        dropout: float,
        temperature: float,
        whole: bool = False,
        values: str = "head",
    ) -> None:
        self.loaded = loaded
        self.temperature = temperature
        self.own_value = values == "adapter"
        prepare_training(loaded)
        if whole:
            train_whole(loaded)
        elif not loaded.ref.adapter:
            add_new_adapter(loaded, POLICY, rank=rank, alpha=alpha, dropout=dropout)
        if self.own_value:
            add_new_adapter(loaded, CRITIC, rank=rank, alpha=alpha)
        self.value_head: nn.Linear | None = None
        if values != "none":
            # Zero: before it has learned anything, the value of every state is the same.
            self.value_head = nn.Linear(loaded.hidden_size, 1).to(loaded.compute.device)
            nn.init.zeros_(self.value_head.weight)
            nn.init.zeros_(self.value_head.bias)
        self.layer = OutputLayer.of(loaded.causal)
        use_policy(loaded, train=True)

    def adapter_parameters(self) -> list[nn.Parameter]:
        """The policy adapter's weights."""
        return adapter_parameters(self.loaded, POLICY)

    def parameters(self) -> list[nn.Parameter]:
        """What the policy learns with: its adapter, or the base's own matrices."""
        return self.loaded.originals.weights if self.loaded.originals else self.adapter_parameters()

    def value_parameters(self) -> list[nn.Parameter]:
        """What the value function learns with."""
        own = adapter_parameters(self.loaded, CRITIC) if self.own_value else []
        return [*own, *(self.value_head.parameters() if self.value_head else ())]

    def read(self, batch: Batch, *, with_entropy: bool = False, entropy_gradient: bool = True) -> Reading:
        """Log-probabilities, entropies and values of the answers' tokens. Gradients flow where they are enabled; from
        the entropies only with `entropy_gradient`."""
        rows, columns = batch.mask.nonzero(as_tuple=True)
        states = hidden_states(self.loaded, batch)[batch.states[rows, columns]]
        logp, entropy = chosen_logprobs(
            states,
            self.layer,
            batch.answers[rows, columns],
            temperature=self.temperature,
            with_entropy=with_entropy,
            entropy_gradient=entropy_gradient,
        )
        logp, entropy = (_spread(part, batch.mask, rows, columns) for part in (logp, entropy))
        on_trunk = self.value_head is not None and not self.own_value
        return Reading(logp, entropy, self._values(states, batch) if on_trunk else None)

    @contextlib.contextmanager
    def valuing(self) -> Iterator[None]:
        """Within it the value function's own adapter is the active one, and gradients reach it alone. A backward pass
        belongs inside: what checkpointing forms again is formed with the adapter that is active then."""
        use_adapter(self.loaded, CRITIC, train=True)
        try:
            yield
        finally:
            use_policy(self.loaded, train=True)

    def values(self, batch: Batch) -> torch.Tensor:
        """Values [b, t] of a value function that has an adapter for itself; to be called within `valuing`."""
        return self._values(hidden_states(self.loaded, batch)[batch.states[batch.mask.nonzero(as_tuple=True)]], batch)

    @torch.no_grad()
    def own_values(self, batch: Batch) -> torch.Tensor:
        """The same without gradients, from anywhere."""
        with self.valuing():
            return self.values(batch)

    def _values(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        assert self.value_head is not None
        rows, columns = batch.mask.nonzero(as_tuple=True)
        return _spread(self.value_head(states.float()).squeeze(-1), batch.mask, rows, columns)

    @torch.no_grad()
    def reference(self, batch: Batch) -> torch.Tensor:
        """Log-probabilities [b, t] under the base, as it was and with its adapters off."""
        with self.loaded.as_base():
            hidden = hidden_states(self.loaded, batch)
        rows, columns = batch.mask.nonzero(as_tuple=True)
        states = hidden[batch.states[rows, columns]]
        logp, _ = chosen_logprobs(states, self.layer, batch.answers[rows, columns], temperature=self.temperature)
        return _spread(logp, batch.mask, rows, columns)


def _spread(values: torch.Tensor, mask: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    full = torch.zeros(mask.shape, dtype=values.dtype, device=values.device)
    return full.index_put((rows, columns), values)


def adapter_parameters(loaded: Loaded, name: str) -> list[nn.Parameter]:
    """The weights of one adapter."""
    return [parameter for key, parameter in loaded.model.named_parameters() if f".{name}." in key]


def use_adapter(loaded: Loaded, name: str, *, train: bool) -> None:
    """Make one adapter the active one. peft's set_adapter flips requires_grad, so it is put right here, every time."""
    if loaded.originals is not None:  # use_policy turned all of them off
        loaded.model.base_model.enable_adapter_layers()
    loaded.model.set_adapter(name)
    for key, parameter in loaded.model.named_parameters():
        parameter.requires_grad_(train and f".{name}." in key)


def use_policy(loaded: Loaded, *, train: bool) -> None:
    """Make the model the policy: its adapter, or the base's own weights with every adapter off."""
    if loaded.originals is None:
        use_adapter(loaded, POLICY, train=train)
        return
    model: Any = loaded.model
    if isinstance(loaded.model, PeftModel):
        model.base_model.disable_adapter_layers()
    for parameter in loaded.model.parameters():
        parameter.requires_grad_(False)
    for weight in loaded.originals.weights:
        weight.requires_grad_(train)


_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class MasterAdamW:
    """AdamW on float32 copies of low-precision weights: bf16 cannot hold the small steps that training takes."""

    def __init__(self, groups: list[dict[str, Any]], *, weight_decay: float = 0.0, eps: float = 1e-8) -> None:
        self.weights = [weight for group in groups for weight in group["params"]]
        self.masters = [weight.detach().float().clone() for weight in self.weights]
        masters = iter(self.masters)
        self.optimizer = torch.optim.AdamW(
            [{**group, "params": [next(masters) for _ in group["params"]]} for group in groups],
            betas=(0.9, 0.95),
            eps=eps,
            weight_decay=weight_decay,
        )

    def step(self, clip: float) -> float:
        """Clip the gradient's norm, step, and return the norm before clipping. Leaves no gradients behind."""
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        norm = float(nn.utils.clip_grad_norm_(self.masters, clip if clip > 0 else torch.inf))
        if not torch.isfinite(torch.tensor(norm)):
            self.optimizer.zero_grad()
            return norm
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            for master, weight in zip(self.masters, self.weights, strict=True):
                weight.copy_(master)
        return norm

    def drop_gradients(self) -> None:
        """Forget what a step that was not taken has gathered."""
        for weight in [*self.weights, *self.masters]:
            weight.grad = None

    def scale_rate(self, factor: float, rates: list[float]) -> None:
        """Set each group's learning rate to its own rate times `factor` (a schedule)."""
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor

    def state(self, names: dict[int, str]) -> dict[str, torch.Tensor]:
        """Masters and moments by weight; `names` has a name for each weight's id(). The weights follow from masters."""
        found = {}
        for weight, master in zip(self.weights, self.masters, strict=True):
            name = names[id(weight)]
            found[f"master/{name}"] = master.detach()
            found |= {f"{key}/{name}": value for key, value in self.optimizer.state.get(master, {}).items()}
        return found

    @torch.no_grad()
    def restore(self, names: dict[int, str], tensors: dict[str, torch.Tensor]) -> None:
        """Go on from what state() gave. Raises WorkbenchError when it is of other weights, KeyError when it is not
        all of it."""
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for index, (weight, master) in enumerate(zip(self.weights, self.masters, strict=True)):
            name = names[id(weight)]
            kept = tensors.get(f"master/{name}")
            if kept is None or kept.shape != master.shape:
                raise WorkbenchError(
                    f"The checkpoint does not fit this model: {name} is missing or of another size.",
                    "Start a new run instead.",
                )
            master.copy_(kept)
            weight.copy_(master)
            if any(f"{key}/{name}" in tensors for key in _MOMENTS):  # a weight that never moved has none
                moments[index] = {key: tensors[f"{key}/{name}"] for key in _MOMENTS}
        plain = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": moments, "param_groups": plain["param_groups"]})
