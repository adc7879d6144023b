"""The work is the same in every process, follows its rule, and gives nothing else away."""

from __future__ import annotations

from workbench.bench import workload


def test_prompts_are_the_same_every_time_and_begin_again_when_they_run_out():
    many = workload.prompts(len(workload.INSTRUCTIONS) + 1)
    assert many[: len(many) - 1] == workload.prompts(len(workload.INSTRUCTIONS))
    assert many[-1].messages == many[0].messages
    assert len({prompt.prompt_id for prompt in many}) == len(many)
    assert len(set(workload.INSTRUCTIONS)) == len(workload.INSTRUCTIONS)


def test_the_better_answer_follows_the_rule():
    for pair in workload.pairs(100, seed=3):
        assert workload.count_of(pair.chosen) >= workload.count_of(pair.rejected) + 2
        assert all(8 <= len(text.split()) <= 60 for text in (pair.chosen, pair.rejected))


def test_length_does_not_say_which_answer_is_better():
    pairs = workload.pairs(1000, seed=4)
    longer = sum(len(pair.chosen.split()) > len(pair.rejected.split()) for pair in pairs)
    assert 430 < longer < 570


def test_a_seed_makes_the_same_pairs_and_another_makes_others():
    assert workload.pairs(5, seed=1) == workload.pairs(5, seed=1)
    assert workload.pairs(5, seed=1) != workload.pairs(5, seed=2)


def test_digest_knows_other_tokens_but_not_another_order():
    assert workload.digest([[1, 2], [3]]) == workload.digest([[3], [1, 2]])
    assert workload.digest([[1, 2], [3]]) != workload.digest([[1], [2, 3]])
