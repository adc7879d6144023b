"""What an evaluation found, read from the store: pairs of answers, votes, figures. No widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..evaluation.winning import WinRate, outcome, win_rate
from ..store import Feedback, Prompt, Response, Run, Store

TAGS_SHOWN = 4
METRICS = ("reward", "kl", "words", "tokens", "finished")
BETTER_HIGH = ("reward", "finished")
"""Metrics of which more is better. KL, words and tokens are neither good nor bad by themselves."""
GROWN = 0.10
"""Answers longer than this share are worth a word, when the growth is beyond noise."""


@dataclass(frozen=True)
class Beside:
    """One prompt with the answers of both models, and what people said about them."""

    prompt: Prompt
    base: Response
    tuned: Response
    votes: tuple[str, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()

    @property
    def gain(self) -> float | None:
        """By how much the tuned answer scores higher."""
        base, tuned = reward_of(self.base), reward_of(self.tuned)
        return None if base is None or tuned is None else tuned - base

    def result(self, by_votes: bool) -> str:
        """ "won", "tied", "lost" for the tuned model, or "" where it is not known."""
        if by_votes:
            if not self.votes:
                return ""
            balance = self.votes.count("won") - self.votes.count("lost")
            return "won" if balance > 0 else "lost" if balance < 0 else "tied"
        if self.gain is None:
            return ""
        return "tied" if abs(self.gain) < 1e-6 else "won" if self.gain > 0 else "lost"


def reward_of(response: Response) -> float | None:
    """The reward model's score of an answer."""
    value = response.scores.get("reward")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


@dataclass(frozen=True)
class Change:
    """A metric of both models, and its change with the 95 % interval."""

    key: str
    base: float
    tuned: float
    change: float
    low: float
    high: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """ "better", "worse", "noise", or "moved" for a metric that is neither good nor bad."""
        if not self.beyond_noise:
            return "noise"
        if self.key not in BETTER_HIGH:
            return "moved"
        return "better" if self.change > 0 else "worse"


@dataclass(frozen=True)
class Figures:
    """Everything that is shown of one evaluation."""

    run: Run
    beside: tuple[Beside, ...] = ()
    changes: Mapping[str, Change] = field(default_factory=dict)
    votes: WinRate = field(default_factory=WinRate)
    votes_by_tag: Mapping[str, WinRate] = field(default_factory=dict)
    voters: Mapping[str, int] = field(default_factory=dict)

    def rewards(self, role: str) -> list[float]:
        """The reward of every answer of "base" or "tuned"."""
        found = [reward_of(getattr(each, role)) for each in self.beside]
        return [value for value in found if value is not None]

    def of_result(self, result: str) -> list[Beside]:
        """The prompts that were "won", "tied" or "lost": by votes where there are any, else by reward."""
        return [each for each in self.beside if each.result(self.by_votes) == result]

    @property
    def by_votes(self) -> bool:
        """Whether people have voted."""
        return self.votes.votes > 0


def models_of(run: Run) -> tuple[str, str] | None:
    """The ids of base and tuned model of an evaluation."""
    others = run.spec.get("others") or []
    return (others[0]["id"], others[1]["id"]) if len(others) == 2 else None


def evaluations(store: Store, base_id: str | None = None, tuned_id: str | None = None) -> list[Run]:
    """Evaluations, newest first; of two models where they are given."""
    runs = store.runs.list("evaluate")
    if base_id is None or tuned_id is None:
        return runs
    return [run for run in runs if models_of(run) == (base_id, tuned_id)]


def figures(store: Store, run: Run) -> Figures:
    """Read one evaluation."""
    pairs = _pairs(store, run)
    votes = store.feedback.list(kinds=["comparison"], run_id=run.id)
    roles = {each.base.id: "base" for each in pairs} | {each.tuned.id: "tuned" for each in pairs}
    outcomes = _outcomes(votes, roles)
    by_pair: dict[str, list[tuple[Feedback, str]]] = {}
    for vote, said in outcomes:
        by_pair.setdefault(_key(*vote.response_ids), []).append((vote, said))
    beside = tuple(_with_votes(each, by_pair.get(_key(each.base.id, each.tuned.id), [])) for each in pairs)
    voters: dict[str, int] = {}
    for vote, _ in outcomes:
        voters[vote.annotator] = voters.get(vote.annotator, 0) + 1
    return Figures(
        run,
        beside,
        _changes(run.summary),
        win_rate(said for _, said in outcomes),
        _by_tag(store, outcomes),
        voters,
    )


def _pairs(store: Store, run: Run) -> list[Beside]:
    """Answers of both models to the same prompt with the same seed."""
    sides: dict[str, dict[tuple[str, int | None], Response]] = {"base": {}, "tuned": {}}
    for response in store.responses.of_run(run.id):
        role = response.scores.get("role")
        if role in sides:
            sides[role][response.prompt_id, response.seed] = response
    prompts = {prompt.id: prompt for prompt in store.prompts.list()}
    return [
        Beside(prompts[key[0]], base, sides["tuned"][key])
        for key, base in sides["base"].items()
        if key in sides["tuned"]
    ]


def _key(*response_ids: str) -> str:
    return " ".join(sorted(response_ids))


def _outcomes(votes: Sequence[Feedback], roles: Mapping[str, str]) -> list[tuple[Feedback, str]]:
    """Votes on a base answer against a tuned one, from the tuned one's side."""
    found = []
    for vote in votes:
        shown = [roles.get(response_id) for response_id in vote.response_ids]
        if sorted(each or "" for each in shown) == ["base", "tuned"]:
            found.append((vote, outcome(vote.value, ours_first=shown[0] == "tuned")))
    return found


def _with_votes(each: Beside, votes: Sequence[tuple[Feedback, str]]) -> Beside:
    comments = tuple((vote.annotator, vote.comment) for vote, _ in votes if vote.comment)
    return Beside(each.prompt, each.base, each.tuned, tuple(said for _, said in votes), comments)


def _by_tag(store: Store, outcomes: Sequence[tuple[Feedback, str]]) -> dict[str, WinRate]:
    """Win rates of the tags with most votes."""
    prompts = {prompt.id: prompt for prompt in store.prompts.list()}
    said: dict[str, list[str]] = {}
    for vote, result in outcomes:
        for tag in prompts[vote.prompt_id].tags[:1]:
            said.setdefault(tag, []).append(result)
    most = sorted(said.items(), key=lambda item: -len(item[1]))[:TAGS_SHOWN]
    return {tag: win_rate(results) for tag, results in most}


def _changes(summary: Mapping[str, Any]) -> dict[str, Change]:
    found = {}
    for key in METRICS:
        value = summary.get(key)
        if isinstance(value, Mapping):
            low, high = value["ci"]
            found[key] = Change(key, value["base"], value["tuned"], value["change"], low, high)
    return found


@dataclass(frozen=True)
class Caution:
    """What moved beyond noise the wrong way: a key of words that EvaluatePane has, and their figures."""

    key: str
    figures: Mapping[str, str] = field(default_factory=dict)


def cautions(found: Figures, kl_limit: float) -> list[Caution]:
    """What to be careful about, most serious first."""
    said = []
    reward, kl, words, finished = (found.changes.get(key) for key in ("reward", "kl", "words", "finished"))
    if reward and reward.verdict == "better" and found.votes.decided == "worse":
        said.append(Caution("people_disagree", {"share": f"{100 * found.votes.share:.0f}%"}))
    if kl and kl.tuned > kl_limit:
        said.append(Caution("kl", {"kl": f"{kl.tuned:.0f}"}))
    if words and words.low > 0 and words.base > 0 and words.change / words.base > GROWN:
        said.append(Caution("longer", {"share": f"{100 * words.change / words.base:.0f}%"}))
    if finished and finished.verdict == "worse":
        said.append(Caution("cut_off", {"share": f"{100 * (1 - finished.tuned):.0f}%"}))
    return said
