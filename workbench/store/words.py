"""Words of a text in any script, for an index that ranks: Chinese and Japanese in overlapping pairs of characters.

A trigram index finds any three characters and more, which is right for looking something up (finding.py), but most
Chinese words have two, and a rank by trigrams of English counts parts of words. In pairs, as search engines index
Chinese, both scripts are words to the same index and the same bm25.
"""

from __future__ import annotations

import re

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(f"[{CJK}]+")
_WORD = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+|(?<=[。！？；])[”’」』）]*")

_COMMON = (
    "a an and are as at be been but by can could did do does for from had has have how i if in is it its many may me "
    "much my no not of on or our shall should so than that the their there they this to was we were what when where "
    "which who whom whose why will with would you your "
    "什么 怎么 多少 如何 哪里 哪个 为什 是否 可以 我们 你们 他们 这个 那个 一个 的是 是什 么是"
)
COMMON = frozenset(_COMMON.split())
"""Words that say nothing of what a question is about."""
PER_WORD = 1.6
"""Characters of Chinese that say about as much as an English word."""


def indexed(text: str) -> str:
    """The text as the index takes it: words apart, runs of Chinese as pairs."""
    return _RUN.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def terms(text: str) -> list[str]:
    """Each word of a text once, in small letters, runs of Chinese as pairs, without those that say nothing."""
    found: dict[str, None] = {}
    for match in _WORD.finditer(text.lower()):
        found |= dict.fromkeys(_pairs(match[0]) if _RUN.match(match[0]) else [match[0]])
    telling = [word for word in found if word not in COMMON]
    return telling or list(found)


def count_words(text: str) -> int:
    """How many words a text has; Chinese counts as so many English words as say the same."""
    pieces = _WORD.findall(text)
    chinese = sum(len(piece) for piece in pieces if _RUN.match(piece))
    others = sum(1 for piece in pieces if not _RUN.match(piece))
    return others + round(chinese / PER_WORD)


def rough_tokens(text: str) -> int:
    """About how many tokens a model makes of a text, rather too many: without its tokenizer this is a guess."""
    chinese = sum(len(run) for run in _RUN.findall(text))
    return round((len(text) - chinese) / 3.5 + 1.5 * chinese) + 1


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    found = [piece.strip() for line in text.splitlines() for piece in _SENTENCE_END.split(line)]
    return [piece for piece in found if piece]


def language_of(text: str) -> str:
    """ "zh" for a text that is mostly Chinese, "ja" where it has kana; "" where the script does not tell."""
    letters = [sign for sign in text[:20_000] if sign.isalpha()]
    if not letters or sum(1 for sign in letters if _RUN.match(sign)) < 0.4 * len(letters):
        return ""
    return "ja" if any("\u3040" <= sign <= "\u30ff" for sign in letters) else "zh"
