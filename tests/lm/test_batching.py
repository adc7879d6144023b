"""Masks hide padding and prompt, by position."""

from __future__ import annotations

import torch

from workbench.lm.batching import Row, by_length, collate

PAD = 2
ROWS = [Row((PAD, 5, 6), (7, PAD)), Row((8,), (9, 10, 11))]


def test_masks_hide_padding_and_prompt_even_where_the_pad_token_is_a_real_one():
    batch = collate(ROWS, PAD)
    assert batch.ids.tolist() == [[2, 5, 6, 7, 2], [8, 9, 10, 11, 2]]
    assert batch.answers[batch.mask].tolist() == [7, 2, 9, 10, 11]
    assert batch.mask.tolist() == [[True, True, False], [True, True, True]]
    assert batch.last.tolist() == [4, 8]


def test_each_answer_token_is_predicted_by_the_position_before_it():
    batch = collate(ROWS, PAD)
    for packed in (False, True):
        batch = collate(ROWS, PAD, packed=packed)
        assert (batch.ids.flatten()[batch.places[batch.mask]] == batch.answers[batch.mask]).all()
    batch = collate(ROWS, PAD)
    assert (batch.states[batch.mask] + 1 == batch.places[batch.mask]).all()


def test_an_empty_answer_has_no_true_position():
    batch = collate([Row((1, 3), ()), Row((1,), (4,))], PAD)
    assert batch.mask.tolist() == [[False], [True]]


def test_groups_are_sorted_bounded_and_complete():
    lengths = [5, 1, 9, 3, 3, 8]
    groups = by_length(lengths, 2, budget=12)
    assert sorted(index for group in groups for index in group) == list(range(6))
    assert all(
        (len(group) <= 2 and len(group) * max(lengths[i] for i in group) <= 12) or len(group) == 1 for group in groups
    )
    flat = [lengths[i] for group in groups for i in group]
    assert flat == sorted(flat)


def test_row_order_does_not_matter(llama):
    from workbench.lm.policy import PolicyModel

    policy = PolicyModel(llama, rank=2, alpha=4, dropout=0.0, temperature=1.0)
    with torch.no_grad():
        one = policy.read(collate(ROWS, PAD)).logp
        other = policy.read(collate(ROWS[::-1], PAD)).logp
    torch.testing.assert_close(one, other.flip(0), rtol=0, atol=1e-5)
