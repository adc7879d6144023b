"""Linear heads on frozen features: fitted in milliseconds, the start of a reward model and the line it has to beat.

On 798 PandaLM pairs (cross-validated by prompt) a linear head on SmolLM2-135M's frozen features was right in 72 % if it
read the last token and the mean of the answer at two thirds of the depth, in 66 % to 68 % at the last layer, and
"the longer answer wins" in 67 %. So that is where reward models read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
FOLDS = 5


def fit_preferences(differences: torch.Tensor, strength: float) -> torch.Tensor:
    """Weights [f] of L2-regularised logistic regression on feature differences [n, f] (chosen minus rejected).

    Minimises mean softplus(-d w) + strength |w|^2 by L-BFGS: the Bradley-Terry model with linear scores.
    """
    x = differences.double()
    weights = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.softplus(-(x @ weights)).mean() + strength * weights.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[arg-type]
    return weights.detach().float()


def choose_strength(differences: torch.Tensor, groups: Sequence[object]) -> float:
    """The regularisation with the lowest loss on left-out groups (prompts), in five folds."""
    places = {group: index % FOLDS for index, group in enumerate(dict.fromkeys(groups))}
    fold = torch.tensor([places[group] for group in groups])
    if len(places) < 2 * FOLDS:
        return STRENGTHS[2]

    def loss_of(strength: float) -> float:
        total = 0.0
        for k in range(FOLDS):
            weights = fit_preferences(differences[fold != k], strength)
            total += float(F.softplus(-(differences[fold == k] @ weights)).sum())
        return total

    return min(STRENGTHS, key=loss_of)


def fit_head(
    chosen: torch.Tensor, rejected: torch.Tensor, groups: Sequence[object]
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Weights [f] and feature scales [f] of a head whose score is (features * scale) @ weights, and its strength.

    chosen, rejected: features [n, f] of the two answers of each pair; groups: each pair's prompt.
    """
    differences = chosen - rejected
    scale = 1.0 / (differences.square().mean(0).sqrt() + 1e-4)
    strength = choose_strength(differences * scale, groups)
    return fit_preferences(differences * scale, strength), scale, strength
