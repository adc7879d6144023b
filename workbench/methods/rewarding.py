"""What an answer is worth in an on-policy run: what a reward model, a rule, a function or a judge says, or a sum."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Demonstration, Message, Prompt
from . import judging
from .base import FUNCTION_FILE, Data, NoScore, knob
from .judging import Item, Judge

SOURCES = ("model", "rule", "function", "judge")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or a character of a script that has no spaces between words."""
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

Score = Callable[[str, str, str | None], float]
"""From a prompt, an answer and the prompt's reference answer (None where it has none) to a score."""
Source = Callable[[Sequence[Item], Callable[[], None]], list[float]]
"""From answers to their scores. The second is called now and then, and raises when the person wants to stop."""


@dataclass(frozen=True)
class Scored:
    """Knobs: where rewards come from."""

    model_weight: float = knob(
        1.0, "Weight of the reward model's score, where one is chosen.", low=-100.0, high=100.0, step=0.1
    )
    rule: str = knob(
        "none",
        "Scores answers: near a length, a pattern found in them or matching all of it, the right final answer.",
        choices=("none", "length", "pattern", "match", "exact"),
        advanced=False,
    )
    rule_weight: float = knob(1.0, "Weight of the rule's score.", low=-100.0, high=100.0, step=0.1)
    rule_words: int = knob(50, "For length: how many words an answer should have.", low=1, high=100_000)
    rule_pattern: str = knob("", "For pattern and match: a regular expression.")
    function: str = knob(
        "", "A Python file in the project's folder with reward(prompt, answer, reference); confirmed once by you."
    )
    function_weight: float = knob(1.0, "Weight of the function's score.", low=-100.0, high=100.0, step=0.1)
    judge_url: str = knob(
        "",
        "An OpenAI-compatible server, as http://localhost:8080/v1; it is sent every prompt and answer.",
        label="Judge address",
    )
    judge_model: str = knob("", f"The model there that judges. Its key: {judging.KEY} or the keyring.")
    judge_rubric: str = knob(judging.RUBRIC, "What the judge looks for; it gives a number from 1 to 10.")
    judge_weight: float = knob(1.0, "Weight of a tenth of the judge's number.", low=-100.0, high=100.0, step=0.1)


def check(options: Any) -> None:
    """Raises WorkbenchError for a rule or a judge that lacks what it needs."""
    judging.check_options(options)
    if options.rule not in ("pattern", "match"):
        return
    if not options.rule_pattern:
        raise WorkbenchError("The rule looks for a pattern, and there is none.", "Write a regular expression.")
    try:
        re.compile(options.rule_pattern)
    except re.error as error:
        raise WorkbenchError(
            f"{options.rule_pattern!r} is no regular expression: {error}.", "Correct it, or choose another rule."
        ) from error


def needs_reward(options: Mapping[str, Any]) -> bool:
    """Whether nothing but a reward model says what answers are worth in a run of these options. What has no weight is
    told of in the run's curves, and says nothing."""
    named = {
        "rule": options.get("rule", "none") != "none",
        "function": bool(options.get("function")),
        "judge": bool(options.get("judge_url")),
    }
    return not any(there and options.get(f"{name}_weight", 1.0) for name, there in named.items())


def wants(options: Any) -> tuple[type, ...]:
    """What a run of these options reads: reference answers are demonstrations."""
    compares = options.rule == "exact" or options.function or options.judge_url
    return (Prompt, Demonstration) if compares else (Prompt,)


# --- rules -------------------------------------------------------------------------------------------------------


def near_length(words: int) -> Score:
    """1 for an answer of so many words, less by its distance in units of them, -1 at least."""

    def score(prompt: str, answer: str, reference: str | None) -> float:
        return max(-1.0, 1.0 - abs(len(_WORD.findall(answer)) - words) / words)

    return score


def finds(pattern: str) -> Score:
    """1 where the pattern is found, 0 where not."""
    compiled = re.compile(pattern)
    return lambda prompt, answer, reference: float(compiled.search(answer) is not None)


def matches(pattern: str) -> Score:
    """1 where the pattern matches the whole answer, without the spaces around it, 0 where not."""
    compiled = re.compile(pattern)
    return lambda prompt, answer, reference: float(compiled.fullmatch(answer.strip()) is not None)


def final_answer(text: str) -> str:
    """What an answer comes to: what stands behind "####", or else the last number, or else the whole, without spaces
    and thousands separators."""
    _, mark, behind = text.rpartition("####")
    numbers = _NUMBER.findall(behind if mark else text)
    if numbers:
        plain = numbers[0 if mark else -1].replace(",", "")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "".join((behind if mark else text).split()).lower()


def right(prompt: str, answer: str, reference: str | None) -> float:
    """1 where the final answer is the reference's, 0 where not."""
    return float(reference is not None and final_answer(answer) == final_answer(reference))


def rule_of(options: Any) -> Score:
    """The rule that the options name."""
    if options.rule == "length":
        return near_length(options.rule_words)
    if options.rule == "exact":
        return right
    return finds(options.rule_pattern) if options.rule == "pattern" else matches(options.rule_pattern)


def one_by_one(score: Score) -> Source:
    """A source that looks at one answer after the other."""

    def source(items: Sequence[Item], check: Callable[[], None]) -> list[float]:
        found = []
        for item in items:
            check()
            found.append(score(*item))
        return found

    return source


# --- a function of one's own ---------------------------------------------------------------------------------------


def function_of(path: Path) -> Score:
    """The function `reward` of a file. Raises WorkbenchError when the file has none, or fails."""
    spec = importlib.util.spec_from_file_location("workbench_reward_function", path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise WorkbenchError(
            f"The reward function's file fails: {type(error).__name__}: {error}.", "Correct it, and confirm it again."
        ) from error
    found = getattr(module, "reward", None)
    if not callable(found):
        raise WorkbenchError("The file has no function called reward.", "Write def reward(prompt, answer, reference).")
    return lambda prompt, answer, reference: _checked(found, prompt, answer, reference)


def _checked(function: Callable[..., Any], prompt: str, answer: str, reference: str | None) -> float:
    item = Item(prompt, answer, reference)
    hint = "Correct it and confirm it, then start a new run. What was learned before is kept."
    try:
        value = function(prompt, answer, reference)
    except (Exception, SystemExit) as error:
        raise NoScore(f"The reward function failed on {item.named}: {type(error).__name__}: {error}.", hint) from error
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    raise NoScore(f"The reward function gave {value!r} for {item.named}, which is no number.", hint)


# --- all of them -----------------------------------------------------------------------------------------------------


def conversation(messages: Sequence[Message]) -> str:
    """A prompt as a judge or a function reads it: its text alone, or what was said before under who said it."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{each['role'].capitalize()}: {each['content']}" for each in messages)


@dataclass(frozen=True)
class Rewards:
    """The sources of a run beside its reward model, and the reference answers of its prompts."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Any, data: Data, folder: Path, *, model: bool) -> Rewards:
        """What the options name. Raises WorkbenchError when there is no source at all, or one cannot be used."""
        sources: dict[str, Source] = {}
        if options.rule != "none":
            sources["rule"] = one_by_one(rule_of(options))
        if options.function:
            sources["function"] = one_by_one(function_of(folder / FUNCTION_FILE))
        if options.judge_url:
            sources["judge"] = Judge.of(options).scores
        names = [*(["model"] if model else []), *sources]
        weights = {name: float(getattr(options, f"{name}_weight")) for name in names}
        if not any(weights.values()):
            raise WorkbenchError(
                "Nothing says what an answer is worth.", "Choose a reward model, a rule, a function or a judge."
            )
        references = {item.prompt_id: item.text for item in reversed(data.demonstrations)}
        return cls(sources, weights, references)

    def fitting(self, prompts: Sequence[Prompt], rule: str) -> list[Prompt]:
        """The prompts that can be scored. Raises WorkbenchError when there are none."""
        if rule != "exact":
            return list(prompts)
        known = [prompt for prompt in prompts if prompt.prompt_id in self.references]
        if not known:
            raise WorkbenchError(
                "No prompt has a reference answer to compare with.",
                "Import prompts with their right answers, or choose another rule.",
            )
        return known

    def of_texts(
        self, name: str, prompts: Sequence[Prompt], texts: Sequence[str], check: Callable[[], None]
    ) -> list[float]:
        """The scores of one source. `check` raises when the person wants to stop. Raises NoScore."""
        items = [
            Item(conversation(prompt.messages), text, self.references.get(prompt.prompt_id))
            for prompt, text in zip(prompts, texts, strict=True)
        ]
        return self.sources[name](items, check)
