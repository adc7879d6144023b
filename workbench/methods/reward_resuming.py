"""What a reward run needs to go on where it was cut off, beside the step itself: the order of the judgements follows
from the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reward_measuring import Best, Held

if TYPE_CHECKING:
    import torch

    from .reward import Run


def state_of(run: Run) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and plain JSON of a run that has been measured at least once."""
    assert run.best is not None
    tensors = run.optimizer.state(_names(run)) | run.begun
    tensors |= {f"best/{index}": weight for index, weight in enumerate(run.best.weights)}
    tensors |= {"held/chosen": run.best.held.chosen, "held/rejected": run.best.held.rejected}
    if run.best.without is not None:
        tensors |= {"without/chosen": run.best.without.chosen, "without/rejected": run.best.without.rejected}
    if (scale := getattr(run.model, "scale", None)) is not None:
        tensors["scale"] = scale
    return tensors, {
        "step": run.step,
        "pending": run.pending,
        "waited": run.waited,
        "best": {"order": list(run.best.order), "step": run.best.step},
        "recent": run.recent,
    }


def restore(run: Run, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
    """Go on from what state_of() gave, bit for bit."""
    import torch

    from ..lm import randomness

    run.step, run.pending, run.waited, run.recent = (state[key] for key in ("step", "pending", "waited", "recent"))
    run.make_optimizer()
    run.optimizer.restore(_names(run), tensors)
    with torch.no_grad():
        if (scale := getattr(run.model, "scale", None)) is not None:
            scale.copy_(tensors["scale"])
    weights = [tensors[f"best/{index}"].to(weight.device) for index, weight in enumerate(run.model.state())]
    held = Held(tensors["held/chosen"], tensors["held/rejected"])
    known = "without/chosen" in tensors
    without = Held(tensors["without/chosen"], tensors["without/rejected"]) if known else None
    run.best = Best(tuple(state["best"]["order"]), state["best"]["step"], held, weights, without)
    randomness.put_back(tensors)
    run.begun = randomness.capture()


def told(run: Run) -> dict[int, dict[str, float]]:
    """The metrics of the last steps that were told of."""
    last = run.step if run.pending is None else run.step - 1
    return {last - len(run.recent) + 1 + place: values for place, values in enumerate(run.recent)}


def _names(run: Run) -> dict[int, str]:
    return {id(weight): f"{index:04d}" for index, weight in enumerate(run.optimizer.weights)}
