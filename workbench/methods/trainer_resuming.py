"""What a run needs to go on where it was cut off, beside the step itself: the order of the examples follows from the
seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from .trainer import TrainerRun


@dataclass(frozen=True)
class Best:
    """The best weights so far, on the CPU, and the held-out figures that they have."""

    step: int
    figures: dict[str, float]
    weights: list[torch.Tensor]


def _names(run: TrainerRun) -> dict[int, str]:
    return {id(weight): f"{index:04d}" for index, weight in enumerate(run.weights)}


def state_of(run: TrainerRun) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and plain JSON of a run that has been measured at least once."""
    assert run.best is not None
    tensors = run.optimizer.state(_names(run)) | run.begun
    tensors |= {f"best/{index}": weight for index, weight in enumerate(run.best.weights)}
    tensors |= {f"reference/{name}": found for name, found in run.reference.items()}
    return tensors, {
        "step": run.step,
        "pending": run.pending,
        "waited": run.waited,
        "measured_at": run.measured_at,
        "first": run.first,
        "best": {"step": run.best.step, "figures": run.best.figures},
        "recent": run.recent,
        "held": [run.micro_tokens, run.saving],
    }


def restore(run: TrainerRun, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
    """Go on from what state() gave, bit for bit."""
    from ..lm import randomness

    run.step, run.pending, run.waited, run.recent = (state[key] for key in ("step", "pending", "waited", "recent"))
    run.measured_at, run.first = state["measured_at"], state["first"]
    if not {"micro_tokens", "checkpointing"} & set(run.job.changed):
        run.micro_tokens, run.saving = state["held"]
    run.optimizer.restore(_names(run), tensors)
    if run.reference_keys:
        run.set_reference({name: tensors[f"reference/{name}"] for name, _ in run.splits()})
    weights = [tensors[f"best/{index}"] for index in range(len(run.weights))]
    run.best = Best(state["best"]["step"], state["best"]["figures"], weights)
    randomness.put_back(tensors)
    run.begun = randomness.capture()


def told(run: TrainerRun) -> dict[int, dict[str, float]]:
    """The metrics of the last steps that were told of."""
    last = run.step if run.pending is None else run.step - 1
    return {last - len(run.recent) + 1 + place: values for place, values in enumerate(run.recent)}
