"""What an answer is worth in an on-policy run: the score of a reward model, a rule or a function, or a sum of them."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Demonstration, Prompt
from .base import Data, knob

FUNCTION_FILE = "reward.py"
"""The copy of a person's function in the run's folder: what ran is what was confirmed, and stays with the run."""
SOURCES = ("model", "rule", "function")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or a character of a script that has no spaces between words."""
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

Score = Callable[[str, str, str | None], float]
"""From a prompt, an answer and the prompt's reference answer (None where it has none) to a score."""


@dataclass(frozen=True)
class Scored:
    """Knobs: where rewards come from."""

    model_weight: float = knob(
        1.0, "Weight of the reward model's score, where one is chosen.", low=-100.0, high=100.0, step=0.1
    )
    rule: str = knob(
        "none",
        "A rule that scores answers: near a length, a pattern that is found, or the right final answer.",
        choices=("none", "length", "pattern", "exact"),
        advanced=False,
    )
    rule_weight: float = knob(1.0, "Weight of the rule's score.", low=-100.0, high=100.0, step=0.1)
    rule_words: int = knob(50, "For length: how many words an answer should have.", low=1, high=100_000)
    rule_pattern: str = knob("", "For pattern: a regular expression that should be found in an answer.")
    function: str = knob(
        "", "A Python file in the project's folder with reward(prompt, answer, reference); confirmed once by you."
    )
    function_weight: float = knob(1.0, "Weight of the function's score.", low=-100.0, high=100.0, step=0.1)


def check(options: Any) -> None:
    """Raises WorkbenchError for a rule that lacks what it needs."""
    if options.rule != "pattern":
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
    """Whether a run of these options has no reward but a reward model's."""
    return options.get("rule", "none") == "none" and not options.get("function")


def wants(options: Any) -> tuple[type, ...]:
    """What a run of these options reads: reference answers are demonstrations."""
    return (Prompt, Demonstration) if options.rule == "exact" or options.function else (Prompt,)


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


# --- a function of one's own ---------------------------------------------------------------------------------------


def function_of(path: Path) -> Score:
    """The function `reward` of a file. Raises WorkbenchError when the file has none, or fails."""
    spec = importlib.util.spec_from_file_location("workbench_reward_function", path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise WorkbenchError(
            f"The reward function's file fails: {type(error).__name__}: {error}.", "Correct it, and confirm it again."
        ) from error
    found = getattr(module, "reward", None)
    if not callable(found):
        raise WorkbenchError("The file has no function called reward.", "Write def reward(prompt, answer, reference).")
    return lambda prompt, answer, reference: _checked(found, prompt, answer, reference)


def _checked(function: Callable[..., Any], prompt: str, answer: str, reference: str | None) -> float:
    about = f"to the prompt {prompt[:60]!r}"
    try:
        value = function(prompt, answer, reference)
    except Exception as error:
        raise WorkbenchError(
            f"The reward function failed on an answer {about}: {type(error).__name__}: {error}.",
            "Correct it, confirm it again, and go on with the run or start it again.",
        ) from error
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise WorkbenchError(
        f"The reward function gave {value!r} for an answer {about}, which is no number.",
        "Have it give a finite number for every answer.",
    )


# --- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rewards:
    """The sources of a run beside its reward model, and the reference answers of its prompts."""

    scores: Mapping[str, Score] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Any, data: Data, folder: Path, *, model: bool) -> Rewards:
        """What the options name. Raises WorkbenchError when there is no source at all, or one cannot be used."""
        scores: dict[str, Score] = {}
        if options.rule != "none":
            rules = {"length": near_length(options.rule_words), "exact": right}
            scores["rule"] = finds(options.rule_pattern) if options.rule == "pattern" else rules[options.rule]
        if options.function:
            scores["function"] = function_of(folder / FUNCTION_FILE)
        if not scores and not model:
            raise WorkbenchError(
                "Nothing says what an answer is worth.", "Choose a reward model, a rule or a function."
            )
        names = [*(["model"] if model else []), *scores]
        weights = {name: float(getattr(options, f"{name}_weight")) for name in names}
        references = {item.prompt_id: item.text for item in reversed(data.demonstrations)}
        return cls(scores, weights, references)

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

    def of_texts(self, name: str, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[float]:
        """The scores of one source."""
        score = self.scores[name]
        return [
            score(prompt.messages[-1]["content"], text, self.references.get(prompt.prompt_id))
            for prompt, text in zip(prompts, texts, strict=True)
        ]
