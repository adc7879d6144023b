"""Rows of prompt and answer tokens as right-padded batches, sorted by length so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Row:
    """Token ids of one prompt and one answer to it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batch:
    """Right-padded rows.

    ids, attention [b, l]; answers [b, a]: the answer's tokens; mask [b, a]: True on them; states [b, a]: the position
    whose hidden state predicts each of them; last [b]: the position of each row's last token.
    """

    ids: torch.Tensor
    attention: torch.Tensor
    answers: torch.Tensor
    mask: torch.Tensor
    states: torch.Tensor
    last: torch.Tensor


def collate(rows: Sequence[Row], pad_id: int, device: torch.device | str = "cpu") -> Batch:
    """Rows as one batch. Everything is masked by position, never by token id: prompts may hold the pad token."""
    width = max(len(row) for row in rows)
    length = max(1, max(len(row.answer) for row in rows))
    ids = torch.full((len(rows), width), pad_id)
    attention = torch.zeros((len(rows), width), dtype=torch.long)
    answers = torch.full((len(rows), length), pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.bool)
    states = torch.zeros((len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        start, count = len(row.prompt), len(row.answer)
        ids[index, : len(row)] = torch.tensor(row.prompt + row.answer)
        attention[index, : len(row)] = 1
        answers[index, :count] = torch.tensor(row.answer, dtype=torch.long)
        mask[index, :count] = True
        states[index, :count] = torch.arange(start - 1, start - 1 + count)
    last = torch.tensor([len(row) - 1 for row in rows])
    return Batch(*(part.to(device) for part in (ids, attention, answers, mask, states, last)))


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
