"""Figures of what a model says beside what it should have said: labels, answers to questions, summaries, translations.

Shares are from 0 to 1; BLEU and chrF from 0 to 100, as sacrebleu writes them.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

ARTICLES = re.compile(r"\b(a|an|the)\b")
CJK = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f])")
"""Characters of Chinese and Japanese, which are written without spaces: each counts as a word."""
PUNCTUATION = str.maketrans("", "", string.punctuation + "，。、；：？！「」『』《》（）【】“”‘’…—")


@dataclass(frozen=True)
class Classified:
    """How well labels were told. `confusion[i, j]`: how often `labels[j]` was said where `labels[i]` was right."""

    labels: tuple[str, ...]
    confusion: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of cases that were told right."""
        return _share(np.trace(self.confusion), self.confusion.sum())

    def by_label(self) -> dict[str, tuple[float, float, float]]:
        """Precision, recall and F1 of each label; what has no case is 0, as in scikit-learn."""
        right = np.diag(self.confusion)
        rows = zip(right, self.confusion.sum(0), self.confusion.sum(1), strict=True)
        return {label: _scores(*row) for label, row in zip(self.labels, rows, strict=True)}

    def macro(self) -> tuple[float, float, float]:
        """Mean precision, recall and F1 over the labels, each counting the same."""
        means = np.mean(list(self.by_label().values()), axis=0) if self.labels else np.zeros(3)
        return float(means[0]), float(means[1]), float(means[2])

    def micro(self) -> tuple[float, float, float]:
        """Precision, recall and F1 over all cases together."""
        count = self.confusion.sum()
        return _scores(np.trace(self.confusion), count, count)


def classified(truth: Sequence[str], said: Sequence[str], labels: Sequence[str] = ()) -> Classified:
    """Count what was said against what is right. `labels`: their order; those that occur, sorted, unless given."""
    known = tuple(labels) or tuple(sorted({*truth, *said}))
    places = {label: place for place, label in enumerate(known)}
    confusion = np.zeros((len(known), len(known)), dtype=int)
    for right, guess in zip(truth, said, strict=True):
        confusion[places[right], places[guess]] += 1
    return Classified(known, confusion)


def _scores(right: float, said: float, there: float) -> tuple[float, float, float]:
    return _share(right, said), _share(right, there), _share(2 * right, said + there)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


# --- answers to questions --------------------------------------------------------------------------------------------


def normalised(text: str) -> str:
    """As SQuAD compares answers (Rajpurkar et al. 2016): small letters, no punctuation, no articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(said: str, references: Sequence[str]) -> float:
    """1.0 where the answer is one of the references, after normalisation."""
    return float(any(normalised(said) == normalised(reference) for reference in references))


def token_f1(said: str, references: Sequence[str]) -> float:
    """SQuAD's F1 of words in common, with the reference that it is best with."""
    return max((_common_f1(_words(said), _words(reference)) for reference in references), default=0.0)


def _words(text: str) -> list[str]:
    return CJK.sub(r" \1 ", normalised(text)).split()


def _common_f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    return _share(2 * (Counter(said) & Counter(right)).total(), len(said) + len(right))


# --- texts -----------------------------------------------------------------------------------------------------------


def rouge(said: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Mean F-measures of ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004), by rouge-score with stemming as its authors use it.

    Chinese and Japanese, of which that library drops every character, are compared by character.
    """
    from rouge_score import rouge_scorer, tokenizers

    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = rouge_scorer.RougeScorer(kinds, tokenizer=_Tokenizer(tokenizers.DefaultTokenizer(True).tokenize))
    found = [scorer.score(right, text) for right, text in zip(references, said, strict=True)]
    return {kind: _share(sum(each[kind].fmeasure for each in found), len(found)) for kind in kinds}


@dataclass(frozen=True)
class _Tokenizer:
    usual: Callable[[str], list[str]]

    def tokenize(self, text: str) -> list[str]:
        """Words as rouge-score finds them, and each character of Chinese and Japanese."""
        parts = CJK.split(text)
        return [word for part in parts for word in ([part] if CJK.fullmatch(part) else self.usual(part))]


def bleu(said: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus (Papineni et al. 2002), by sacrebleu: its usual words, or those for Chinese where most of the
    references is that."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize="zh" if _is_cjk(references) else "13a").corpus_score(list(said), [list(references)]).score


def chrf(said: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a corpus (Popović 2015), by sacrebleu: F2 of characters' n-grams up to six."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF().corpus_score(list(said), [list(references)]).score


def _is_cjk(texts: Sequence[str]) -> bool:
    letters = "".join("".join(texts).split())
    return 2 * len(CJK.findall(letters)) > len(letters)


def perplexity(nats: float, tokens: int) -> float:
    """e to the mean surprise of a token; infinite where a float ends. `nats`: the sum over `tokens`."""
    mean = nats / tokens if tokens else math.nan
    return math.inf if mean > 709.0 else math.exp(mean)
