"""A tokenizer as GGUF keeps it: its tokens with their kinds, its merges or scores, and how llama.cpp splits text.

llama.cpp has the ways of splitting text built in, under names. Which name fits is found here by splitting a text in
each of those ways and comparing, so that a tokenizer that was trained on this computer is known as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from gguf import GGUFWriter, TokenType
from tokenizers import Regex, pre_tokenizers

from ..errors import WorkbenchError
from .gguf_shapes import NeedsConverter
from .loading import Loaded

_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"

PROBE = (
    "It's eight o'clock, WE'LL see: naïve café façade, 12 eggs, 4096 bytes and 3.14159!\r\n\n\n\tif (x==7) {  return;  "
    "}   \nÜber Straße, Größe 42; 東京で９月 100円, Привет мир 2026, مرحبا ١٢٣, हिन्दी क्षेत्र, McDonald iPhone TeX "
    "'tis don'T ...?!?!  https://a.b/c_d-e#f  ½ ² 👩‍👩‍👧 \u00a0 end  \n \n"
)
"""What ways of splitting differ in: digits, case, marks, line ends, apostrophes, spaces."""

BREAK = "▁"
"""What stands for a space in a SentencePiece vocabulary."""


@dataclass(frozen=True)
class Split:
    """A way of splitting that llama.cpp knows. whole_first: it takes a word that is a token as that token, unmerged."""

    name: str
    way: Any
    whole_first: bool = False


def write_words(writer: GGUFWriter, loaded: Loaded, size: int) -> None:
    """Put the tokenizer and the chat template into a file. `size`: rows of the embedding. Raises WorkbenchError for a
    tokenizer that llama.cpp would read otherwise."""
    raw = json.loads(loaded.tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    model = raw["model"]
    if model.get("type") != "BPE":
        raise NeedsConverter(f"A {model.get('type')} tokenizer")
    if not model.get("merges"):
        raise WorkbenchError(
            "The tokenizer has no merges, so no other program could split text with it.",
            "Get the model's tokenizer.json again.",
        )
    (_write_pieces if model.get("byte_fallback") else _write_bytes)(writer, loaded, raw, size)
    _write_ids(writer, loaded)
    if loaded.template.own:
        writer.add_chat_template(loaded.template.text)


def _write_bytes(writer: GGUFWriter, loaded: Loaded, raw: dict[str, Any], size: int) -> None:
    """A byte-level vocabulary: tokens and merges."""
    if (raw.get("normalizer") or {}).get("type", "NFC") != "NFC":
        raise NeedsConverter(f"A tokenizer with {raw['normalizer']['type']}")
    tokens, kinds = _tokens(raw, size, lambda token: TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split_of(loaded.tokenizer))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in _merges(raw)])


def _write_pieces(writer: GGUFWriter, loaded: Loaded, raw: dict[str, Any], size: int) -> None:
    """A SentencePiece vocabulary, as transformers keeps it: each token with a score, the sooner merged the higher."""
    scores = _scores(raw)
    unknown = raw["model"].get("unk_token")

    def kind(token: str) -> TokenType:
        if token == unknown:
            return TokenType.UNKNOWN
        is_byte = len(token) == 6 and token.startswith("<0x") and token.endswith(">")
        return TokenType.BYTE if is_byte else TokenType.NORMAL

    tokens, kinds = _tokens(raw, size, kind)
    tokens = [
        token.replace(BREAK, " ") if what == TokenType.USER_DEFINED else token
        for token, what in zip(tokens, kinds, strict=True)
    ]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([scores.get(token, -1e6) for token in tokens])
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(loaded.tokenizer.tokenize("a")[:1] != ["a"])


def _tokens(raw: dict[str, Any], size: int, kind: Callable[[str], TokenType]) -> tuple[list[str], list[TokenType]]:
    """Token texts by id, with their kinds; rows of the embedding that no token has are unused."""
    tokens, kinds = [f"[PAD{id_}]" for id_ in range(size)], [TokenType.UNUSED] * size
    for token, id_ in raw["model"]["vocab"].items():
        tokens[id_], kinds[id_] = token, kind(token)
    for added in raw.get("added_tokens", ()):
        if added["id"] >= size:
            raise WorkbenchError(
                f"The tokenizer's {added['content']} has no row in the model.", "Get the tokenizer of this model."
            )
        if kinds[added["id"]] != TokenType.UNKNOWN:
            kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
        tokens[added["id"]] = added["content"]
    return tokens, kinds


def _merges(raw: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = (each.split(" ", 1) if isinstance(each, str) else each for each in raw["model"]["merges"])
    return [(first, second) for first, second in pairs]


def _scores(raw: dict[str, Any]) -> dict[str, float]:
    """A score for each merged token. llama.cpp joins any two tokens that make a third, so all such pairs must be
    merges; raises NeedsConverter where they are not."""
    vocab, merges = raw["model"]["vocab"], _merges(raw)
    ranks: dict[str, float] = {}
    for rank, (first, second) in enumerate(merges):
        ranks.setdefault(first + second, -float(rank))
    known = Counter(first + second for first, second in merges)
    for token in ranks:
        if known[token] != sum(token[:at] in vocab and token[at:] in vocab for at in range(1, len(token))):
            raise NeedsConverter("A tokenizer whose merges are not those of its tokens")
    return ranks


def _write_ids(writer: GGUFWriter, loaded: Loaded) -> None:
    tokenizer = loaded.tokenizer
    ids = list(tokenizer("a")["input_ids"])  # type: ignore[arg-type]
    end = loaded.template.end_id
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(int(tokenizer.bos_token_id))  # type: ignore[arg-type]
    writer.add_eos_token_id(end)
    if others := sorted(loaded.stop_ids - {end}):
        writer.add_eot_token_id(others[0])
    if tokenizer.unk_token_id is not None:
        writer.add_unk_token_id(int(tokenizer.unk_token_id))  # type: ignore[arg-type]
    writer.add_pad_token_id(loaded.pad_id)
    writer.add_add_bos_token(tokenizer.bos_token_id is not None and ids[:1] == [tokenizer.bos_token_id])
    writer.add_add_eos_token(len(ids) > 1 and ids[-1] == end)


def split_of(tokenizer: Any) -> str:
    """llama.cpp's name of the way in which this byte-level tokenizer splits text. Raises NeedsConverter for none."""
    raw = tokenizer.backend_tokenizer
    if raw.pre_tokenizer is None:
        raise NeedsConverter("A tokenizer that does not split text")
    found, whole_first = _pieces(raw.pre_tokenizer), bool(getattr(raw.model, "ignore_merges", False))
    for split in _splits():
        if split.whole_first == whole_first and _pieces(split.way) == found:
            return split.name
    raise NeedsConverter("A tokenizer that splits text in a way of its own")


def _pieces(way: Any) -> list[str]:
    return [piece for piece, _ in way.pre_tokenize_str(PROBE)]


@cache
def _splits() -> tuple[Split, ...]:
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    three = _by(rf"{_SHORT}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}")
    cased = r"[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    return (
        Split("gpt-2", gpt2),
        Split("smollm", digits),
        Split("qwen2", _by(rf"{_SHORT}|{_LETTERS}|\p{{N}}|{_REST}")),
        Split("llama-bpe", three, whole_first=True),
        Split("smaug-bpe", three),
        Split("tekken", _by(rf"{_CASED}|\p{{N}}| ?{cased}"), whole_first=True),
    )


def _by(pattern: str) -> Any:
    parts = [
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    return pre_tokenizers.Sequence(parts)
