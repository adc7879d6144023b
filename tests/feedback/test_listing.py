"""Pairs and rankings as lists: everything once, ties kept, nothing better than itself."""

from __future__ import annotations

from workbench.feedback.base import Pair, Ranking
from workbench.feedback.converting import convert
from workbench.feedback.listing import of_all, of_pair, placed

from .test_kinds import judged


def test_a_ranking_stays_whole_and_its_pairs_are_not_told_again():
    conversion = convert([judged("ranking", {"order": [[2], [0, 1]]}, "ABC")])
    assert len(conversion.pairs) == 2
    (only,) = of_all(conversion.pairs, conversion.rankings)
    assert placed(only) == [("C", 0), ("A", 1), ("B", 1)]
    assert only.margin == 1.0


def test_other_judgements_are_lists_of_two():
    pair = Pair("p", (), "good", "bad", margin=2.0, split="held_out", sources=("f1",))
    assert of_all([pair], []) == [of_pair(pair)]
    assert of_pair(pair) == Ranking("p", (), (("good",), ("bad",)), "held_out", ("f1",), 2.0)


def test_a_majority_in_which_another_judgement_voted_is_kept():
    ranking = Ranking("p", (), (("a",), ("b",), ("c",)), sources=("r",))
    pairs = [
        Pair("p", (), "a", "b", sources=("r", "comparison")),
        Pair("p", (), "a", "c", sources=("r",)),
        Pair("p", (), "b", "c", sources=()),
    ]
    assert of_all(pairs, [ranking]) == [ranking, of_pair(pairs[0]), of_pair(pairs[2])]


def test_a_text_is_never_ranked_against_itself():
    twice = Ranking("p", (), (("a", "a"), ("a", "b"), ("b",)), sources=("r",))
    assert of_all([], [twice])[0].groups == (("a",), ("b",))
    assert of_all([], [Ranking("p", (), (("a",), ("a",)))]) == []
    assert of_all([], [Ranking("p", (), (("a", "b"),))]) == []
