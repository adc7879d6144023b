"""What people add to a reward model's score, so that tastes may differ: a few numbers a person, of which all share the
meaning.

An answer with features h is worth h w + u_p D h to person p. D [k, f] are directions in which tastes differ, u_p [k] is
where p stands in them. Nobody in particular stands at zero, which is what most people's judgements have in common.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..errors import WorkbenchError
from ..evaluation.heads import fit_weighted

OWN = 10.0
"""How much more a person's own judgement weighs than another's where their head is fitted: with few of their own it
stays near everybody's."""


class Tastes(nn.Module):
    """People's places [n, k] and the directions [k, f] that they are in."""

    def __init__(self, names: Sequence[str], size: int, width: int) -> None:
        super().__init__()
        self.names = tuple(names)
        self.places = nn.Parameter(torch.zeros(len(names), size))
        # Not zero as well: a product of two zeros would have no gradient.
        self.directions = nn.Parameter(torch.randn(size, width) / width**0.5)

    def of(self, names: Sequence[str]) -> torch.Tensor:
        """Where people stand, [n, k]; somebody whom the model has not met stands at zero."""
        known = {name: place for place, name in enumerate(self.names)}
        places = torch.cat([self.places, torch.zeros_like(self.places[:1])])
        return places[[known.get(name, len(self.names)) for name in names]]

    def place_of(self, name: str) -> torch.Tensor:
        """Where a person stands, [k]. Raises WorkbenchError when the model does not know them."""
        if name not in self.names:
            raise WorkbenchError(
                f"The reward model does not know {name}.", f"It has learned from {', '.join(self.names)}."
            )
        return self.places[self.names.index(name)]

    @torch.no_grad()
    def fit(self, differences: np.ndarray, people: Sequence[str], strength: float) -> None:
        """Begin with a linear head for each person: how it departs from everybody's, in the directions of most.

        differences: scaled features [n, f], chosen minus rejected; people: who judged each pair.
        """
        own = np.array([[who == name for name in self.names] for who in people])
        counts = np.concatenate([np.ones((len(people), 1)), 1.0 + (OWN - 1) * own], axis=1)
        heads = fit_weighted(differences, counts, np.full(counts.shape[1], strength))
        departures = torch.from_numpy(heads[:, 1:] - heads[:, :1]).float().T  # [people, f]
        left, sizes, right = torch.linalg.svd(departures, full_matrices=False)
        k = min(self.places.shape[1], len(sizes))
        root = sizes[:k].sqrt()
        self.places.zero_()[:, :k] = left[:, :k] * root
        self.directions[:k] = root[:, None] * right[:k]
