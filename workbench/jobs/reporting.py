"""The report on a project's judgements: do people agree, what do they lean on, what does it become, is it enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from ..evaluation.agreement import cohen_kappa, weights_at
from ..evaluation.bias import FEW, Finding, Seen, findings, reading_of
from ..evaluation.intervals import wilson
from ..evaluation.readiness import LearningCurve, Readiness, learning_curve, readiness
from ..evaluation.resampling import Reliability, reliability_of
from ..evaluation.rules import words
from ..events import Event, Finished
from ..feedback.base import Answer, Judgement, Pair, Rules
from ..feedback.converting import convert
from ..feedback.opinions import LEVELS, Contradiction, Repeat, contradictions, level_of, opinions, repeats, standings
from ..store import Store
from .preparing import project_rules

MOST_PAIRS, MOST_BYTES = 4_000, 300_000_000
"""Of more pairs or vectors than these only the newest make the learning curve."""
RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own marks (2004): reliable from 0.8 on, for tentative conclusions from 0.667 on."""


@dataclass(frozen=True)
class Consistency:
    """How often a person said the same again without knowing; low and high are Wilson's, at 95 %.

    kappas: Cohen's between then and now by kind, weighted above the nominal level. repeats: oldest first.
    """

    who: str
    kept: int
    n: int
    low: float
    high: float
    kappas: Mapping[str, float]
    repeats: tuple[Repeat, ...]

    @property
    def share(self) -> float:
        """The share that stayed; NaN for none."""
        return self.kept / self.n if self.n else math.nan


@dataclass(frozen=True)
class Becoming:
    """What the judgements become under the rules. counts: by kind, as in Conversion; pairs: after votes are merged."""

    counts: Mapping[str, Mapping[str, int]]
    rules: Rules
    pairs: int
    rankings: int
    labels: int
    demonstrations: int
    contradictions: tuple[Contradiction, ...]


@dataclass(frozen=True)
class Step:
    """Something worth doing next: a key of its words, figures, and the pane that it opens with what in it."""

    key: str
    numbers: Mapping[str, Any]
    pane: str
    payload: Any = None


@dataclass(frozen=True)
class Report:
    """Everything. agreement: by kind and criterion, where two people have judged anything in common."""

    judgements: int
    people: Mapping[str, int]
    agreement: Mapping[str, Reliability]
    together: Consistency
    consistency: tuple[Consistency, ...]
    findings: tuple[Finding, ...]
    becoming: Becoming
    readiness: Readiness
    steps: tuple[Step, ...]

    def finding(self, about: str) -> Finding:
        """One of the findings."""
        return next(each for each in self.findings if each.about == about)

    def to_json(self) -> dict[str, Any]:
        """As plain values; what is not known is None."""
        return _plain(self)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {" / ".join(key) if isinstance(key, tuple) else str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def reporting(store: Store) -> Iterator[Event]:
    """Work the report out as a job: its summary is {"report": Report}."""
    yield Finished({"report": report_of(store)})


def report_of(store: Store) -> Report:
    """The report on everything that stands."""
    judgements = store.feedback.judgements()
    rows = {row.id: row for row in store.feedback.list()}
    repeat_of = {id_: row.repeat_of for id_, row in rows.items() if row.repeat_of}
    again = repeats(judgements, repeat_of)
    people: dict[str, int] = {}
    for judgement in judgements:
        people[judgement.annotator] = people.get(judgement.annotator, 0) + 1
    seen = [_seen(judgement, rows[judgement.id], repeat_of) for judgement in judgements if judgement.id in rows]
    becoming, ready = becoming_of(judgements, project_rules(store)), readiness_of(store, judgements)
    found = tuple(findings(seen, _rises(again)))
    agreed = agreement_of([judgement for judgement in judgements if judgement.id not in repeat_of])
    return Report(
        judgements=len(judgements),
        people=people,
        agreement=agreed,
        together=_consistency("", again),
        consistency=tuple(_consistency(who, some) for who, some in _by_person(again).items()),
        findings=found,
        becoming=becoming,
        readiness=ready,
        steps=tuple(steps_of(ready, becoming, found, agreed, again, people)),
    )


def _seen(judgement: Judgement, row: Any, repeat_of: Mapping[str, str]) -> Seen:
    texts = [answer.text for answer in judgement.answers]
    return Seen(
        id=judgement.id,
        kind=judgement.kind,
        annotator=judgement.annotator,
        prompt_id=judgement.prompt_id,
        at=datetime.fromisoformat(row.created_at).timestamp(),
        seconds=row.seconds,
        standings=standings(judgement.kind, judgement.value, len(texts)),
        lengths=tuple(words(text) for text in texts),
        reading=reading_of(texts),
        verdict=judgement.value["choice"] if judgement.kind == "comparison" else "",
        repeat=judgement.id in repeat_of,
        imported=row.import_key is not None,
    )


# --- people


def agreement_of(judgements: Iterable[Judgement]) -> dict[str, Reliability]:
    """How far people agree, by kind and by criterion; only those of which anything was judged by two."""
    found = {}
    for about, said in opinions(judgements).items():
        level: Any = level_of(about)
        found[about] = reliability_of(said, level)
    return {about: each for about, each in found.items() if each.units}


def _by_person(again: Iterable[Repeat]) -> dict[str, list[Repeat]]:
    found: dict[str, list[Repeat]] = {}
    for each in again:
        found.setdefault(each.annotator, []).append(each)
    return found


def _consistency(who: str, again: Sequence[Repeat]) -> Consistency:
    kept = sum(each.kept for each in again)
    kappas = {}
    for kind in dict.fromkeys(each.kind for each in again):
        pairs = [pair for each in again if each.kind == kind for pair in each.values]
        level: Any = LEVELS[kind]
        then, now = ([pair[side] for pair in pairs] for side in (0, 1))
        kappas[kind] = cohen_kappa(then, now, weights_at(level))
    return Consistency(who, kept, len(again), *wilson(kept, len(again)), kappas, tuple(again))


def _rises(again: Iterable[Repeat]) -> dict[str, list[float]]:
    """Of scores in stars."""
    scored = [each for each in again if each.kind in ("rating", "rubric")]
    return {who: [each.rise for each in some] for who, some in _by_person(scored).items()}


# --- what it becomes, and whether that is enough


def becoming_of(judgements: Sequence[Judgement], rules: Rules) -> Becoming:
    """The counts of the live line, with the conflicts by name."""
    made = convert(judgements, rules)
    single = convert(judgements, replace(rules, merge_votes=False)).pairs
    return Becoming(
        counts=made.counts,
        rules=rules,
        pairs=len(made.pairs),
        rankings=len(made.rankings),
        labels=len(made.labels),
        demonstrations=len(made.demonstrations),
        contradictions=tuple(contradictions(single)),
    )


def readiness_of(store: Store, judgements: Sequence[Judgement] | None = None, *, curve: bool = True) -> Readiness:
    """Whether a reward model can be trained on what there is, before a run can waste an hour.

    judgements: those to judge by, all unless given. With `curve` the learning curve is worked out, up to some seconds;
    without it the answer takes milliseconds and knows nothing of accuracy.
    """
    judgements = store.feedback.judgements() if judgements is None else judgements
    rules = project_rules(store)
    made = convert(judgements, rules)
    vectors, found = _curve_of(store, judgements, rules) if curve else (0, None)

    def split(name: str) -> tuple[int, int]:
        pairs = [pair for pair in made.pairs if pair.split == name]
        return len(pairs), len({pair.prompt_id for pair in pairs})

    return readiness(split("train"), split("held_out"), len(made.demonstrations), vectors, found)


def _curve_of(store: Store, judgements: Sequence[Judgement], rules: Rules) -> tuple[int, LearningCurve | None]:
    """How many pairs have vectors, and the curve of the newest of them."""
    import numpy as np

    space = next(iter(store.features.spaces()), "")
    if not space:
        return 0, None
    most = MOST_BYTES // max(1, 2 * store.features.width(space))
    read = store.features.read(space, 0, most)
    places = {id_: place for place, id_ in enumerate(read.ids)}
    named = [
        replace(each, answers=tuple(Answer(answer.id, answer.id) for answer in each.answers)) for each in judgements
    ]
    known = [pair for pair in convert(named, rules).pairs if pair.chosen in places and pair.rejected in places]
    used = known[-MOST_PAIRS:]
    if not used:
        return 0, None
    better, worse = (read.matrix[[places[_side(pair, side)] for pair in used]].astype(np.float32) for side in (0, 1))
    prompts, sources = [pair.prompt_id for pair in used], [pair.sources for pair in used]
    return len(known), learning_curve(better - worse, prompts, sources)


def _side(pair: Pair, side: int) -> str:
    return (pair.chosen, pair.rejected)[side]


# --- worth doing next

MOST_STEPS = 6


def steps_of(
    ready: Readiness,
    becoming: Becoming,
    found: Sequence[Finding],
    agreed: Mapping[str, Reliability],
    again: Sequence[Repeat],
    people: Mapping[str, int],
) -> list[Step]:
    """What is worth doing next, the most useful first."""
    steps = list(_enough(ready))
    if becoming.contradictions:
        ids = [source for each in becoming.contradictions for source in each.sources]
        steps.append(Step("settle", {"count": len(becoming.contradictions)}, "data", _rows(ids)))
    warned = {each.about: each for each in found if each.verdict == "warn"}
    if "haste" in warned:
        steps.append(Step("haste", {"count": len(warned["haste"].ids)}, "data", _rows(warned["haste"].ids)))
    if "length" in warned:
        steps.append(Step("length", {"share": warned["length"].value}, "feedback", "comparison"))
    changed = [id_ for each in again if not each.kept for id_ in (each.first, each.id)]
    if changed and len(again) >= FEW:
        steps.append(Step("changed", {"count": len(changed) // 2}, "data", _rows(changed)))
    shared = max((each.units for each in agreed.values()), default=0)
    if len(people) > 1 and shared < FEW:
        steps.append(Step("share", {"count": FEW - shared}, "feedback"))
    if ready.verdict == "ready":
        steps.insert(0, Step("train", {"pairs": ready.train_pairs}, "train", {"new": "reward"}))
    return steps[:MOST_STEPS]


def _rows(ids: Iterable[str]) -> dict[str, Any]:
    return {"filters": {"ids": list(dict.fromkeys(ids))}}


def _enough(ready: Readiness) -> Iterator[Step]:
    if {"no_pairs", "few_pairs"} & set(ready.reasons):
        yield Step("judge", {"pairs": ready.train_pairs}, "feedback", "comparison")
    elif {"rising", "chance"} & set(ready.reasons) and ready.more:
        yield Step("more", {"count": ready.more}, "feedback", "comparison")
    if {"no_held_out", "few_held_out"} & set(ready.reasons):
        yield Step("held_out", {"pairs": ready.held_pairs}, "feedback", "comparison")
    if "no_vectors" in ready.reasons and ready.pairs:
        yield Step("read", {"vectors": ready.vectors, "pairs": ready.pairs}, "models")
