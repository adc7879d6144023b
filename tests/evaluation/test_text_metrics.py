"""Figures of text are those of the libraries that the field quotes, and known values."""

from __future__ import annotations

import math

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer
from sklearn import metrics

from workbench.evaluation import text_metrics as tm

LABELS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40)
TEXT = st.text(alphabet="the cat sat on a mat. Mats, cats! 12", min_size=0, max_size=60)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(LABELS)
def test_labels_are_counted_as_scikit_learn_counts_them(cases):
    truth, said = [list(each) for each in zip(*cases, strict=True)]
    found = tm.classified(truth, said)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, said))
    assert (found.confusion == metrics.confusion_matrix(truth, said, labels=found.labels)).all()
    for mean in ("macro", "micro"):
        theirs = metrics.precision_recall_fscore_support(truth, said, average=mean, zero_division=0)[:3]
        assert getattr(found, mean)() == pytest.approx(theirs)
    each = metrics.precision_recall_fscore_support(truth, said, labels=found.labels, zero_division=0)[:3]
    for place, label in enumerate(found.labels):
        assert found.by_label()[label] == pytest.approx([float(figure[place]) for figure in each])


def test_labels_keep_the_order_that_is_asked_for_also_those_that_never_occur():
    found = tm.classified(["yes", "no"], ["yes", "yes"], ["yes", "no", "perhaps"])
    assert found.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert found.by_label()["perhaps"] == (0.0, 0.0, 0.0)
    assert found.by_label()["yes"] == pytest.approx((0.5, 1.0, 2 / 3))


@pytest.mark.parametrize(
    ("said", "right", "exact", "f1"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], 1.0, 1.0),
        ("in the Eiffel Tower", ["eiffel tower"], 0.0, 0.8),
        ("1889", ["1887", "in 1889"], 0.0, 2 / 3),
        ("", [""], 1.0, 1.0),
        ("the", ["a"], 1.0, 1.0),
        ("something", [""], 0.0, 0.0),
        ("cat cat", ["cat"], 0.0, 2 / 3),
        ("北京。", ["北京"], 1.0, 1.0),
        ("在北京", ["北京"], 0.0, 0.8),
        ("anything", [], 0.0, 0.0),
    ],
)
def test_answers_to_questions_have_the_known_values(said, right, exact, f1):
    assert tm.exact_match(said, right) == exact
    assert tm.token_f1(said, right) == pytest.approx(f1)


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_rouge_bleu_and_chrf_are_the_libraries_own(pairs):
    said, right = [list(each) for each in zip(*pairs, strict=True)]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    theirs = [scorer.score(target, text) for target, text in zip(right, said, strict=True)]
    for kind, value in tm.rouge(said, right).items():
        assert value == pytest.approx(sum(each[kind].fmeasure for each in theirs) / len(theirs))
    assert tm.bleu(said, right) == sacrebleu.corpus_bleu(said, [right]).score
    assert tm.chrf(said, right) == sacrebleu.corpus_chrf(said, [right]).score


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("rouge1", 10 / 11),  # 5 words in common of 5 and 6
        ("rouge2", 6 / 9),  # 3 of 4 and 5
        ("rougeL", 10 / 11),
        # 5/5, 3/4, 1/3 and none of 2 (smoothed to 1/4), times the penalty for 5 words instead of 6
        ("bleu", 100 * math.exp(1 - 6 / 5) * (1 * 3 / 4 * 1 / 3 * 1 / 4) ** 0.25),
    ],
)
def test_a_sentence_has_the_known_values(figure, value):
    said, right = ["the cat on the mat"], ["the cat sat on the mat"]
    assert (tm.rouge(said, right) | {"bleu": tm.bleu(said, right)})[figure] == pytest.approx(value)


def test_chinese_is_compared_by_character():
    assert tm.rouge(["我喜欢北京"], ["我爱北京"])["rouge1"] == pytest.approx(6 / 9)
    assert tm.bleu(["我喜欢北京的秋天"], ["我喜欢北京的秋天"]) == pytest.approx(100.0)
    assert tm.bleu(["我喜欢北京的秋天"], ["我喜欢北京的冬天"]) == pytest.approx(
        sacrebleu.corpus_bleu(["我喜欢北京的秋天"], [["我喜欢北京的冬天"]], tokenize="zh").score
    )


def test_perplexity_of_a_fair_choice_among_n_is_n():
    assert tm.perplexity(12 * math.log(7), 12) == pytest.approx(7.0)
    assert tm.perplexity(1e6, 1) == math.inf
    assert math.isnan(tm.perplexity(0.0, 0))
