"""Have a judge rate answers or compare two: a model on a server, a model or reward model of the project, or a rule.

Each verdict is told as it comes. Where the judge's tokens can be seen nothing is parsed: a rating is the mean of 1 to 5
under the model's own probabilities (G-Eval, Liu et al. 2023), and a choice is the likelier of A and B.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StopRequested, WorkbenchError
from ...events import Event, Finished, Judged, Progress, Started, Stopped
from ...methods import judging, rewarding, verdicts
from ...methods.base import Data, Job, knob
from .. import frozen
from .judge_asking import Crew, judged

name = "judge"
title = "Judge"
text = "Has a model or a rule rate answers, or say which of two is better."
WANTS: tuple[type, ...] = ()
KINDS = ("server", "model", "reward", "rule")


@dataclass(frozen=True)
class Options:
    """Knobs of judging."""

    kind: str = knob("server", "Who judges.", choices=KINDS, advanced=False)
    judge_id: str = knob("", "The judge's row in the project.")
    judge_url: str = knob("", "An OpenAI-compatible server, as http://localhost:8080/v1.", label="Judge address")
    judge_model: str = knob("", f"The model there that judges. Its key: {judging.KEY} or the keyring.")
    rubric: str = knob(judging.RUBRIC, "What the judge looks for.", advanced=False)
    compares: bool = knob(False, "Say which of two answers is better, instead of rating each from 1 to 5.")
    steps: int = knob(3, "Steps of a comparison: 3 (A, tie, B) or 5 (with much better).", low=3, high=5, step=2)
    at_once: int = knob(4, "How many questions the server has at once.", low=1, high=64)
    price_in: float = knob(0.0, "Price of a million tokens of questions.", low=0.0, high=1e6)
    price_out: float = knob(0.0, "Price of a million tokens of replies.", low=0.0, high=1e6)
    rule: str = knob("none", "The rule that judges.", choices=("none", "length", "pattern", "match", "exact"))
    rule_words: int = knob(50, "For length: how many words an answer should have.", low=1, high=100_000)
    rule_pattern: str = knob("", "For pattern and match: a regular expression.")
    batch_size: int = knob(16, "Answers read at once; they are kept after each batch.", low=1, high=1024)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))


def lacks(data: Data) -> str:
    """It reads answers and not examples, so it lacks none."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Yields Judged for each answer or two, and at last how many there were and what they cost."""
    rows = frozen.read_answers(job.folder)
    total = {"judged": 0, "no_verdict": 0, "tokens_in": 0, "tokens_out": 0, "cost": 0.0}
    done = 0
    yield Progress(0, len(rows), "Loading the model" if options.kind in ("model", "reward") else "Asking the judge")
    events = _SOURCES[options.kind](job, options, rows)
    yield Started(len(rows))
    try:
        for event in events:
            yield event
            done += 1
            total["no_verdict" if event.value is None else "judged"] += 1
            for key in ("tokens_in", "tokens_out", "cost"):
                total[key] += getattr(event, key)
            yield Progress(done, len(rows), "Judging")
    except StopRequested:
        yield Stopped(done, total)
        return
    yield Finished(total)


Rows = Sequence[Mapping[str, Any]]


def _server(job: Job, options: Options, rows: Rows) -> Iterator[Judged]:
    return Crew(rows, options).verdicts(job.check)


def _in_batches(
    job: Job, options: Options, rows: Rows, judge: Callable[[Rows], Sequence[dict[str, Any]]]
) -> Iterator[Judged]:
    """What `judge` says of some rows at a time, with the time that each took."""
    for start in range(0, len(rows), options.batch_size):
        job.check()
        some, begun = rows[start : start + options.batch_size], time.perf_counter()
        found = judge(some)
        seconds = (time.perf_counter() - begun) / len(some)
        for row, each in zip(some, found, strict=True):
            yield judged(row, options, seconds=seconds, **each)


# --- a model of this project


def _model(job: Job, options: Options, rows: Rows) -> Iterator[Judged]:
    from ...lm.choosing import room, token_sets
    from ...lm.devices import choose
    from ...lm.loading import load

    assert job.model is not None
    loaded = load(job.model, choose(options.device, options.dtype))
    words = ("A", "B") if options.compares else tuple("12345")
    token_sets(loaded, words)  # says at once when the model cannot judge
    most = room(loaded)
    return _in_batches(job, options, rows, lambda some: _chosen(loaded, job, options, some, words, most))


def _chosen(
    loaded: Any, job: Job, options: Options, rows: Rows, words: Sequence[str], most: int | None
) -> list[dict[str, Any]]:
    from ...lm.choosing import choice_shares

    questions = [_questions(options, row) for row in rows]
    fits = [all(_fits(loaded, each, most) for each in some) for some in questions]
    asked = [each for some, fit in zip(questions, fits, strict=True) if fit for each in some]
    shares, masses = choice_shares(loaded, asked, words, check=job.check) if asked else ([], [])
    told = iter(zip([[float(each) for each in row] for row in shares], masses, strict=True))
    read = _compared if options.compares else _rated
    return [read(*(next(told) for _ in some)) if fit else _TOO_LONG for some, fit in zip(questions, fits, strict=True)]


_TOO_LONG = {"told": {"reason": "longer than the model can read"}}


def _questions(options: Options, row: Mapping[str, Any]) -> list[list[dict[str, str]]]:
    prompt, texts = row["prompt"], row["texts"]
    if not options.compares:
        asked = [verdicts.rating_question(options.rubric, prompt, texts[0])]
    else:
        orders = ((texts[0], texts[1]), (texts[1], texts[0]))
        asked = [verdicts.comparing_question(options.rubric, prompt, *order, steps=2) for order in orders]
    return [[{"role": "user", "content": each}] for each in asked]


def _fits(loaded: Any, question: Sequence[Mapping[str, str]], most: int | None) -> bool:
    return most is None or len(loaded.template.prompt_ids(question)) < most


def _rated(reply: tuple[Sequence[float], float]) -> dict[str, Any]:
    """The expected rating under the probabilities of 1 to 5."""
    shares, mass = reply
    expected = sum(number * share for number, share in enumerate(shares, 1))
    told = {"shares": [round(share, 4) for share in shares], "mass": mass}
    return {"value": {"ratings": [verdicts.stars(expected)]}, "score": expected, "told": told}


def _compared(first: tuple[Sequence[float], float], swapped: tuple[Sequence[float], float]) -> dict[str, Any]:
    """The likelier letter of each order; where both mean the same answer, how sure they are together."""
    (a_first, _), (a_swapped, _) = first[0], swapped[0]
    settled = verdicts.settled(verdicts.by_share(a_first), verdicts.by_share(a_swapped))
    share = (a_first + 1 - a_swapped) / 2
    verdict = verdicts.by_share(share) if settled.agreed else settled.verdict
    told = {"a_first": a_first, "a_swapped": a_swapped, "mass": (first[1] + swapped[1]) / 2}
    told |= {"agreed": settled.agreed, "by_place": settled.by_place}
    return {"value": verdicts.as_value(verdict), "score": share, "told": told}


# --- a trained reward model, and a rule: they read one answer at a time, so its place means nothing to them


def _reward(job: Job, options: Options, rows: Rows) -> Iterator[Judged]:
    from ...lm.devices import choose
    from ...lm.scoring import encode_all, load_reward, score_all

    assert job.reward is not None
    model = load_reward(job.reward, choose(options.device, options.dtype))

    def judge(some: Rows) -> list[dict[str, Any]]:
        pairs = [(row["messages"], text) for row in some for text in row["texts"]]
        scores = iter(score_all(model, encode_all(model, pairs), check=job.check).tolist())
        return [_scored([next(scores) for _ in row["texts"]], _squeezed, "rewards") for row in some]

    return _in_batches(job, options, rows, judge)


def _rule(job: Job, options: Options, rows: Rows) -> Iterator[Judged]:
    if options.rule == "none":
        raise WorkbenchError("No rule was chosen to judge.", "Choose length, pattern, match or exact.")
    score, lowest = rewarding.rule_of(options), -1.0 if options.rule == "length" else 0.0

    def share(value: float) -> float:
        return (value - lowest) / (1.0 - lowest)

    def judge(some: Rows) -> list[dict[str, Any]]:
        return [_ruled(row, options, score, share) for row in some]

    return _in_batches(job, options, rows, judge)


def _ruled(
    row: Mapping[str, Any], options: Options, score: rewarding.Score, share: Callable[[float], float]
) -> dict[str, Any]:
    reference = row.get("reference")
    if options.rule == "exact" and reference is None:
        return {"told": {"reason": "the prompt has no right answer to compare with"}}
    return _scored([score(row["prompt"], text, reference) for text in row["texts"]], share, "rule")


def _squeezed(score: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))


def _scored(scores: Sequence[float], share: Callable[[float], float], called: str) -> dict[str, Any]:
    """Stars from 1 to 5 by the share of the way up, or the better of two by their difference."""
    told = {called: [float(score) for score in scores]}
    if len(scores) == 1:
        expected = 1 + 4 * share(scores[0])
        return {"value": {"ratings": [verdicts.stars(expected)]}, "score": expected, "told": told}
    better = _squeezed(scores[0] - scores[1])
    return {"value": verdicts.as_value(verdicts.by_share(better)), "score": better, "told": told}


_SOURCES: dict[str, Callable[[Job, Options, Rows], Iterator[Judged]]] = {
    "server": _server, "model": _model, "reward": _reward, "rule": _rule,
}  # fmt: skip
