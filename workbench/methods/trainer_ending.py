"""How a run ends: its best weights are put back and saved, and their figures told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Saved, Stopped, Warned
from ..lm.folders import free_place
from .base import NotFinite
from .trainer_resuming import Best

if TYPE_CHECKING:
    from .trainer import TrainerRun


TOLD_BEFORE = ("loss", "perplexity", "accuracy", "exact_match", "f1", "rougeL", "bleu", "chrf")
"""Figures that a summary also tells of the model that training began from."""


def finish(run: TrainerRun, *, stopped: bool) -> Iterator[Event]:
    """Save the best weights, and show what the model answers now."""
    assert run.best is not None
    if run.best.step == 0 and run.measured_at == 0:  # stopped before any training was measured
        run.best = Best(run.step, {}, run.copied())
    saved = save(run)
    yield saved
    if not stopped:
        try:
            yield from run.answers()
        except StopRequested:  # what was learned is saved already
            stopped = True
        if run.best.step == 0:
            words = "Held-out loss never fell below where it began, so what is saved is what it began with."
            yield Warned(run.step, words, "nothing_learned")
    summary = saved.info | memory(run)
    yield Stopped(run.step, summary) if stopped else Finished(summary)


def save(run: TrainerRun) -> Saved:
    """Put the best weights back and write the adapter, or the model that was trained whole."""
    import torch

    assert run.best is not None
    with torch.no_grad():
        for weight, kept in zip(run.weights, run.best.weights, strict=True):
            weight.copy_(kept)
    kind = run.saves
    target = free_place(run.job.folder, kind, run.step)
    summary = summary_of(run)
    about = {"method": run.name, "seed": run.options.seed} | summary
    run.write(target, about)
    return Saved(kind, str(target), run.step, summary)


def rescue(run: TrainerRun, problem: NotFinite) -> Iterator[Event]:
    """Save the last weights that were good, and fail."""
    if run.best is None or run.best.step == 0:
        raise WorkbenchError(problem.text, "Lower the learning rate. Nothing was saved.") from problem
    yield save(run)
    hint = f"Lower the learning rate. The best weights before, those of step {run.best.step}, are saved."
    raise WorkbenchError(problem.text, hint) from problem


def summary_of(run: TrainerRun) -> dict[str, Any]:
    """Held-out figures of the weights that are saved, and of those that it began with."""
    assert run.best is not None
    now = {f"held_out_{key}" if key == "loss" else key: value for key, value in run.best.figures.items()}
    before = {f"{key}_before": run.first[key] for key in TOLD_BEFORE if key in run.first}
    return {
        **now,
        **before,
        "examples": len(run.train),
        "held_out": len(run.held),
        "best_step": run.best.step,
        "step": run.step,
        "stopped_early": run.stopped_early,
        **run.told_besides(),
    }


def memory(run: TrainerRun) -> dict[str, int]:
    """The most memory that was taken, in bytes, beside what it was estimated to be."""
    from ..lm.devices import memory_peak

    return {"peak_bytes": memory_peak(run.compute)} | run.estimated
