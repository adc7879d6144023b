"""What a reward model is worth on pairs of held-out prompts: figures, calibration, and whether its doubts are real."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..evaluation import calibration
from ..evaluation.intervals import wilson
from ..events import Event, Sample
from ..feedback.base import Pair
from .base import NotFinite
from .reward_lists import key_of, numbered

if TYPE_CHECKING:
    import torch

    from ..lm.scoring import AdapterReward, RewardModel


@dataclass(frozen=True)
class Held:
    """Raw scores of held-out pairs at one moment: chosen and rejected [n]."""

    chosen: torch.Tensor
    rejected: torch.Tensor

    @property
    def gap(self) -> torch.Tensor:
        """How far the chosen answer is above the other, [n]."""
        return self.chosen - self.rejected

    @property
    def right(self) -> torch.Tensor:
        """1 where the chosen answer is above the other, 0.5 where they are level, [n]."""
        return (self.gap > 0).float() + 0.5 * (self.gap == 0).float()

    @property
    def accuracy(self) -> float:
        """Share of the pairs that are told right; level ones count half."""
        return float(self.right.mean())

    @property
    def loss(self) -> float:
        """Mean of -log p(chosen), whatever the training's loss was, so that runs can be compared."""
        import torch

        return float(torch.nn.functional.softplus(-self.gap).mean())

    def curve(self) -> list[calibration.Bin]:
        """The reliability curve of p(chosen) = sigmoid(gap)."""
        return calibration.reliability(self.gap.sigmoid().tolist(), [1.0] * len(self.gap))

    def metrics(self) -> dict[str, float]:
        """Points of the run's curves."""
        return {
            "accuracy/held_out": self.accuracy,
            "loss/held_out": self.loss,
            "margin/held_out": float(self.gap.mean()),
            "calibration/ece": calibration.distance(self.curve()),
        }

    def summary(self) -> dict[str, Any]:
        """Figures of the run's end."""
        curve = self.curve()
        return {
            "accuracy": self.accuracy,
            "accuracy_ci": list(wilson(self.accuracy * len(self.gap), len(self.gap))),
            "held_out_loss": self.loss,
            "held_out_pairs": len(self.gap),
            "ece": calibration.distance(curve),
            "reliability": [dataclasses.asdict(each) for each in curve],
        }


@dataclass(frozen=True)
class Best:
    """The best weights so far, their scores, and what makes them the best: less is better."""

    order: tuple[float, float]
    step: int
    held: Held
    weights: list[torch.Tensor]
    without: Held | None = None
    """The scores to nobody in particular, where people's tastes are told apart."""


def held_scores(model: RewardModel, pairs: Sequence[tuple[Any, Any]], check: Callable[[], None], step: int) -> Held:
    """Scores of encoded pairs; an answer that stands in several is read once. Raises NotFinite."""
    from ..lm.scoring import score_all

    unique = numbered(pairs)
    found = score_all(model, list(unique.values()), check=check, standard=False)
    checked(found, step)
    places = {key: place for place, key in enumerate(unique)}
    chosen, rejected = (found[[places[key_of(pair[side])] for pair in pairs]] for side in (0, 1))
    return Held(chosen, rejected)


def checked(scores: torch.Tensor, step: int) -> None:
    """Raises NotFinite when a held-out score is no number."""
    import torch

    if not bool(torch.isfinite(scores).all()):
        raise NotFinite(f"A held-out score is no longer a number at step {step}.")


def add_heads(
    model: AdapterReward,
    pairs: Sequence[tuple[Any, Any]],
    groups: Sequence[object],
    held: Sequence[tuple[Any, Any]],
    heads: int,
    seed: int,
    check: Callable[[], None],
) -> torch.Tensor:
    """Fit `heads` linear heads to resamples of the prompts, on the features of the trained trunk.

    groups: each pair's prompt. Returns each head's standardised scores [2n, heads] of the held-out answers, the chosen
    and the rejected one of each pair in turn.
    """
    import torch

    from ..evaluation.heads import fit_ensemble

    rows = [row for some in (pairs, held) for pair in some for row in pair]
    found = model.all_features(rows, check)
    learned, measured = found[: 2 * len(pairs)], found[2 * len(pairs) :]
    differences = (learned[0::2] - learned[1::2]) * model.scale.cpu()
    weights = fit_ensemble(differences.numpy(), groups, heads, seed)
    model.set_ensemble(torch.from_numpy(weights), measured)
    return model.each(measured)


def doubts(scores: torch.Tensor, held: Held) -> dict[str, Any]:
    """Whether the heads' doubts are where the mistakes are: the trained model's accuracy on the pairs about which the
    heads agree more, and on those about which they agree less.

    scores [2n, heads] as `add_heads` returns them. Certainty is |mean gap| in deviations over the heads, not the
    deviation alone, which grows with how different two answers are.
    """
    gaps = scores[0::2] - scores[1::2]
    certainty = gaps.mean(1).abs() / gaps.std(1).clamp(min=1e-9)
    sure, unsure = calibration.by_certainty(certainty.tolist(), held.right.tolist())
    return {
        "heads": gaps.shape[1],
        "spread": float(scores.std(1).mean()),
        "accuracy_certain": sure,
        "accuracy_uncertain": unsure,
    }


def misses(pairs: Sequence[Pair], held: Held, model: RewardModel, step: int) -> Iterator[Event]:
    """The held-out pairs that the best weights get most wrong, worst first."""
    gaps = (held.gap / model.std).tolist()
    for index in sorted(range(len(gaps)), key=lambda place: gaps[place])[:8]:
        pair = pairs[index]
        prompt = pair.messages[-1]["content"]
        for answer, side, word in ((pair.chosen, held.chosen, 1.0), (pair.rejected, held.rejected, 0.0)):
            marks = {"reward": (float(side[index]) - model.mean) / model.std, "gap": gaps[index], "chosen": word}
            yield Sample(step, prompt, answer, marks, pair.prompt_id)
