"""Rows of prompt and answer tokens as batches: packed, where every token is computed once, or padded on the right.

In a packed batch rows that begin alike share those tokens: the chat template's opening is computed once for the whole
batch, a prompt once for all its answers. A token's hidden state depends on the tokens before it alone, so sharing is
exact. How attention finds its way through a packed batch is in `attention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Row:
    """Token ids of one prompt and one answer to it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)

    @property
    def ids(self) -> tuple[int, ...]:
        """Prompt and answer."""
        return self.prompt + self.answer


@dataclass(frozen=True)
class Layout:
    """Where the rows of a packed batch find their tokens.

    keys [r, l]: the token at each position of a row (0 past its end). queries [r, q]: the tokens that a row is the
    first to hold (0 past their end); depth [r, q]: their positions in the row. home [t]: where in the flattened
    `queries` each token stands.
    """

    keys: torch.Tensor
    queries: torch.Tensor
    depth: torch.Tensor
    home: torch.Tensor
    _biases: dict[tuple[int | None, torch.dtype], torch.Tensor] = field(default_factory=dict, repr=False)

    def allowed(self, window: int | None = None) -> torch.Tensor:
        """[r, q, l]: whether a query sees a key: those up to its own position, the last `window` of them if given."""
        places = torch.arange(self.keys.shape[1], device=self.keys.device)
        seen = places <= self.depth[..., None]
        return seen if window is None else seen & (places > self.depth[..., None] - window)

    def bias(self, window: int | None, dtype: torch.dtype) -> torch.Tensor:
        """0 where a query sees a key and -inf elsewhere, [r, q, l]; made once, the layers share it."""
        if (window, dtype) not in self._biases:
            seen = self.allowed(window)
            zeros = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
            self._biases[window, dtype] = zeros.masked_fill_(~seen, -torch.inf)
        return self._biases[window, dtype]


@dataclass(frozen=True)
class Batch:
    """Rows as a model reads them; tokens are numbered along the flattened `ids`.

    ids [1, t] packed or [r, l] padded; positions: of each token in its row, None when padded; layout: None when padded.
    answers [r, a]: the answers' token ids; mask [r, a]: True on them; places [r, a]: which token each of them is;
    states [r, a]: the token whose hidden state predicts it; last [r]: each row's last token.
    """

    ids: torch.Tensor
    positions: torch.Tensor | None
    layout: Layout | None
    answers: torch.Tensor
    mask: torch.Tensor
    places: torch.Tensor
    states: torch.Tensor
    last: torch.Tensor


def collate(rows: Sequence[Row], pad_id: int, device: torch.device | str = "cpu", *, packed: bool = False) -> Batch:
    """Rows as one batch. Everything is masked by position, never by token id: prompts may hold the pad token."""
    width = max(len(row) for row in rows)
    if packed:
        numbers, ids, positions, layout = _share(rows, device)
    else:
        numbers = [list(range(index * width, index * width + len(row))) for index, row in enumerate(rows)]
        ids = torch.tensor([[*row.ids, *[pad_id] * (width - len(row))] for row in rows], device=device)
        positions, layout = None, None
    length = max(1, max(len(row.answer) for row in rows))
    answers = _filled([row.answer for row in rows], length, pad_id, device)
    mask = torch.arange(length, device=device) < torch.tensor([[len(row.answer)] for row in rows], device=device)
    begins = [len(row.prompt) for row in rows]
    places = _filled([own[begin:] for own, begin in zip(numbers, begins, strict=True)], length, 0, device)
    before = [own[begin - 1 : -1] for own, begin in zip(numbers, begins, strict=True)]
    last = torch.tensor([own[-1] for own in numbers], device=device)
    return Batch(ids, positions, layout, answers, mask, places, _filled(before, length, 0, device), last)


def _filled(rows: Sequence[Sequence[int]], width: int, fill: int, device: torch.device | str = "cpu") -> torch.Tensor:
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows], device=device)


def _share(
    rows: Sequence[Row], device: torch.device | str
) -> tuple[list[list[int]], torch.Tensor, torch.Tensor, Layout]:
    """Token numbers of each row, ids [1, t], positions [1, t] and the layout of rows that share what they begin with.

    In lexicographic order a row shares with the one before it at least what it shares with any earlier one.
    """
    numbers: list[list[int]] = [[] for _ in rows]
    owned: list[list[int]] = [[] for _ in rows]
    ids: list[int] = []
    positions: list[int] = []
    before: tuple[int, ...] = ()
    held: list[int] = []
    for index in sorted(range(len(rows)), key=lambda item: rows[item].ids):
        own = rows[index].ids
        shared = _common(before, own)
        fresh = list(range(len(ids), len(ids) + len(own) - shared))
        numbers[index] = held[:shared] + fresh
        owned[index] = fresh
        ids += own[shared:]
        positions += range(shared, len(own))
        before, held = own, numbers[index]
    width = max(1, max(len(item) for item in owned))
    home = torch.empty(len(ids), dtype=torch.long)
    for index, item in enumerate(owned):
        home[item] = torch.arange(index * width, index * width + len(item))
    queries = _filled(owned, width, 0)
    where = torch.tensor(positions)
    keys = _filled(numbers, max(len(row) for row in rows), 0)
    # Past its own tokens a row's queries see key 0 alone: no row of the softmax is empty.
    inside = torch.arange(width) < torch.tensor([[len(item)] for item in owned])
    depth = torch.where(inside, where[queries], torch.zeros_like(queries))
    layout = Layout(keys.to(device), queries.to(device), depth.to(device), home.to(device))
    return numbers, torch.tensor([ids], device=device), where[None].to(device), layout


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))


def by_length(lengths: Sequence[int], most: int, budget: int | None = None) -> list[list[int]]:
    """Indices in groups of rows of similar length: at most `most` rows and `budget` tokens (rows x longest) a group."""
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda item: lengths[item]):
        group = groups[-1] if groups else []
        fits = len(group) < most and (budget is None or (len(group) + 1) * lengths[index] <= budget)
        if group and fits:
            group.append(index)
        else:
            groups.append([index])
    return groups


def by_prompt(rows: Sequence[Row], budget: int) -> list[list[int]]:
    """Indices in groups of at most `budget` tokens, what rows share counted once; answers to one prompt together.

    A row that is longer than the budget is a group of its own.
    """
    order = sorted(range(len(rows)), key=lambda item: (len(rows[item].prompt), rows[item].prompt, len(rows[item])))
    groups: list[list[int]] = []
    used = 0
    for index in order:
        same = groups and rows[groups[-1][-1]].prompt == rows[index].prompt
        cost = len(rows[index].answer) if same else len(rows[index])
        if groups and used + cost <= budget:
            groups[-1].append(index)
            used += cost
        else:
            groups.append([index])
            used = len(rows[index])
    return groups
