"""From plain text to samples: its tokens, their vocabulary, rows of one length; and what to show of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import WorkbenchError
from ..evaluation.ngrams import Counts, surprise
from ..evaluation.text_metrics import perplexity
from .base import Job
from .seeing import tokens_of
from .trainer_trl import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from ..lm.loading import Loaded

FOLDER = "tokenizer"
HELD_TOKENS = 200_000
"""Held-out tokens that are measured, at most: spread over all of the text."""
OPENING, CONTINUED = 24, 40
"""Tokens of a held-out text that a model is given, and that it writes, to be looked at."""
AT_ONCE = 256
"""Passages that are made tokens between two questions whether to stop."""


@dataclass(frozen=True)
class Shown:
    """Something to look at: what it is, the text, and figures."""

    title: str
    text: str
    figures: dict[str, float] = field(default_factory=dict)


class Tokens:
    """The text of a run as tokens. `streams`: by split, all passages one after the other, each with an end token."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, job: Job, context: int) -> None:
        self.tokenizer, self.context = tokenizer, context
        self.texts = {name: [each.text for each in job.data.split(name).documents] for name in ("train", "held_out")}
        self.streams = {name: self._stream(texts, job.check) for name, texts in self.texts.items()}
        for name, words in (("train", "to learn from"), ("held_out", "to be tested on")):
            if len(self.streams[name]) <= context:
                few = f"Text has only {len(self.streams[name])} tokens {words}, and a sample has {context}."
                raise WorkbenchError(few, "Choose more text, or a shorter context.")

    @classmethod
    def of(cls, job: Job, options: Any) -> Tokens:
        """With the tokenizer that the run has already, that of a model, or one learned from the training text."""
        from ..lm.folders import whole_folder
        from ..lm.fresh import learn_tokenizer
        from ..lm.loading import tokenizer_in

        place = job.folder / FOLDER
        if not (job.resumes and place.is_dir()):
            if options.tokenizer:
                tokenizer = tokenizer_in(Path(options.tokenizer).expanduser())
            else:
                train = (each.text for each in job.data.split("train").documents)
                tokenizer = learn_tokenizer(train, options.vocabulary)
            with whole_folder(place) as folder:
                tokenizer.save_pretrained(folder)
        return cls(tokenizer_in(place), job, options.context_length)

    def _stream(self, texts: Sequence[str], check: Callable[[], None]) -> np.ndarray:
        end, parts = [int(self.tokenizer.eos_token_id)], []  # type: ignore[arg-type]
        for start in range(0, len(texts), AT_ONCE):
            check()
            found = self.tokenizer(list(texts[start : start + AT_ONCE]), add_special_tokens=False)["input_ids"]
            parts += [np.array([*ids, *end], dtype=np.int32) for ids in found]  # type: ignore[misc]
        return np.concatenate(parts)

    def samples(self, split: str) -> list[Example]:
        """Rows of `context` tokens and the one after them, which begin where the last one ended.

        Of the training text what is left over at the end is dropped, of the held-out text it is a shorter row.
        """
        stream, size = self.streams[split], self.context
        starts = range(0, len(stream) - 1, size)
        rows = [stream[start : start + size + 1] for start in starts]
        if split == "train":
            rows = [row for row in rows if len(row) == size + 1]
        elif (most := max(1, HELD_TOKENS // size)) < len(rows):
            rows = [rows[place * len(rows) // most] for place in range(most)]
        return [Example({"ids": row}, len(row) - 1, float(len(row) - 1)) for row in rows]

    def baselines(self, held: Sequence[Example]) -> dict[str, float]:
        """Perplexities of counts of the training text, on the tokens that the model is measured on."""
        counts = Counts.of(self.streams["train"], len(self.tokenizer))
        before = np.concatenate([row.fields["ids"][:-1] for row in held])
        after = np.concatenate([row.fields["ids"][1:] for row in held])
        nats = {"unigram": surprise(counts.unigram(after)), "bigram": surprise(counts.bigram(before, after))}
        return {name: perplexity(value, len(after)) for name, value in nats.items()}

    @functools.cached_property
    def bytes_per_token(self) -> float:
        """Of the held-out text, which the tokenizer was not learned from: how much a token says."""
        size = sum(len(text.encode()) for text in self.texts["held_out"])
        return size / (len(self.streams["held_out"]) - len(self.texts["held_out"]))

    def figures(self) -> dict[str, float]:
        """Counts for a summary."""
        return {
            "vocabulary": len(self.tokenizer),
            "bytes_per_token": self.bytes_per_token,
            "tokens": len(self.streams["train"]),
            "held_out_tokens": len(self.streams["held_out"]),
        }

    def continued(self, loaded: Loaded, count: int, check: Callable[[], None]) -> Iterator[Shown]:
        """How the model goes on with beginnings of held-out texts, each token the likeliest."""
        from ..lm.generating import Sampler, sample_all

        room = max(1, min(OPENING, self.context // 2))
        beginnings = [
            list(self.tokenizer(text, add_special_tokens=False)["input_ids"])[:room]  # type: ignore[arg-type]
            for text in self.texts["held_out"][:count]
        ]
        if not beginnings:
            return
        new = max(1, min(CONTINUED, self.context - room))
        sampler = Sampler(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=new)
        drafts = sample_all(loaded, beginnings, sampler, [0] * len(beginnings), check=check)
        for ids, draft in zip(beginnings, drafts, strict=True):
            yield Shown(str(self.tokenizer.decode(ids)), loaded.template.text_of(draft.ids), {"tokens": len(draft.ids)})


def steps_shown(text: Tokens, train: Sequence[Example]) -> Iterator[Shown]:
    """The three steps from text to samples, as a person can follow them."""
    ids = train[0].fields["ids"].tolist()
    pieces = [piece for piece, _, _ in tokens_of(text.tokenizer, ids, [True] * len(ids))]
    size, each = len(text.tokenizer), text.bytes_per_token
    yield Shown(f"1. Tokens: text is cut into pieces of {each:.2f} bytes on average", "|".join(pieces))
    longest = sorted(text.tokenizer.get_vocab(), key=lambda token: (-len(token), token))[:40]
    words = [str(text.tokenizer.convert_tokens_to_string([token])) for token in longest]
    yield Shown(f"2. Vocabulary: {size:,} pieces, the longest of which are these", "|".join(words))
    tokens = len(text.streams["train"])
    yield Shown(
        f"3. Samples: {tokens:,} tokens in {len(train):,} rows of {text.context}; a row may hold several texts",
        str(text.tokenizer.decode(ids)),
    )
