"""What judges said beside what people said: how far they agree, whether place and length decide, what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..evaluation import judged
from ..evaluation.bias import Finding, Seen, longer_wins
from ..evaluation.intervals import wilson
from ..evaluation.judged import Comparison, Draws
from ..evaluation.resampling import Estimate
from ..evaluation.rules import words
from ..events import Event, Finished, plain
from ..feedback.base import Judgement
from ..methods.verdicts import stars
from ..store import Store
from ..store.records import JudgeRecord, JudgeRubric, Verdict
from .judging import people_ratings, people_sides


@dataclass(frozen=True)
class Agreement:
    """A judge beside people on what both judged; prompts: to how many prompts the items belong.

    figures: of ratings "spearman", "kendall", "alpha"; of comparisons "accuracy" (decided: the pairs in which people
    prefer one), "same" (ties counted too) and "alpha".
    """

    items: int
    prompts: int
    decided: int
    figures: Mapping[str, Estimate]
    beside: Comparison


@dataclass(frozen=True)
class Places:
    """Of so many pairs that were asked about in both orders, in how many the choice followed the place."""

    pairs: int
    by_place: int
    agreed: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The position bias rate; NaN of no pairs."""
        return self.by_place / self.pairs if self.pairs else float("nan")


@dataclass(frozen=True)
class Judging:
    """One judge with one rubric, at one kind of judgement: "rating" or "comparison".

    agreement: None where people judged none of it. length, people_length: how often the longer answer wins with the
    judge, and with people on the same answers. places: None where every pair was asked about once.
    """

    judge: JudgeRecord
    rubric: JudgeRubric
    kind: str
    given: int
    no_verdict: int
    agreement: Agreement | None
    places: Places | None
    length: Finding
    people_length: Finding
    tokens_in: int
    tokens_out: int
    cost: float
    seconds: float


@dataclass(frozen=True)
class JudgeReport:
    """Every judge of a project."""

    judges: tuple[Judging, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values; what is not known is None."""
        return plain(asdict(self))


def reporting(store: Store) -> Iterator[Event]:
    """Work the report out as a job: its summary is {"judges": JudgeReport}."""
    yield Finished({"judges": report_of(store)})


def report_of(store: Store) -> JudgeReport:
    """The report on every judge that was asked anything."""
    judgements = store.feedback.judgements()
    found = []
    for judge in store.judges.list():
        for kind in ("rating", "comparison"):
            if said := store.judges.verdicts(judge.id, kind):
                found.append(_judging(store, judge, kind, said, judgements))
    return JudgeReport(tuple(found))


def _judging(
    store: Store, judge: JudgeRecord, kind: str, said: Sequence[Verdict], judgements: Sequence[Judgement]
) -> Judging:
    given = [each for each in said if each.value is not None]
    lengths = _lengths(store, given)
    people: Mapping[Any, Mapping[str, float]] = (people_ratings if kind == "rating" else people_sides)(judgements)
    mine = _ratings(given) if kind == "rating" else _sides(given)
    both = {item: people[item] for item in mine if item in people}
    prompts = {_item(each): each.prompt_id for each in given}
    read = _seen_ratings if kind == "rating" else _seen_sides
    single = {item: {"": value} for item, value in mine.items()}
    return Judging(
        judge=judge,
        rubric=store.judges.rubric(judge.rubric_id),
        kind=kind,
        given=len(given),
        no_verdict=len(said) - len(given),
        agreement=_agreement(kind, mine, both, prompts) if both else None,
        places=_places(said),
        length=longer_wins(read(single, prompts, lengths)),
        people_length=longer_wins(read(both, prompts, lengths)),
        tokens_in=sum(each.tokens_in for each in said),
        tokens_out=sum(each.tokens_out for each in said),
        cost=sum(each.cost for each in said),
        seconds=statistics.median(each.seconds for each in said),
    )


def _item(verdict: Verdict) -> Any:
    """What people's opinions are found by: an answer's id, or two, the smaller first."""
    ids = verdict.response_ids
    return ids[0] if verdict.kind == "rating" else tuple(sorted(ids))


def _ratings(given: Sequence[Verdict]) -> dict[Any, float]:
    return {_item(each): float(each.score if each.score is not None else _star(each)) for each in given}


def _star(verdict: Verdict) -> float:
    assert verdict.value is not None
    return float(verdict.value["ratings"][0])


def _sides(given: Sequence[Verdict]) -> dict[Any, float]:
    return {_item(each): _side(each) for each in given}


def _side(verdict: Verdict) -> float:
    assert verdict.value is not None
    first = {"a": 1.0, "b": -1.0}.get(verdict.value["choice"], 0.0)
    return first if verdict.response_ids[0] <= verdict.response_ids[1] else 0.0 - first


def _agreement(
    kind: str, mine: Mapping[Any, float], both: Mapping[Any, Mapping[str, float]], prompts: Mapping[Any, str]
) -> Agreement:
    items = list(both)
    judge, groups = [mine[item] for item in items], [prompts[item] for item in items]
    said = [list(both[item].values()) for item in items]
    draws, decided = Draws.of(groups), 0
    if kind == "rating":
        whole = [float(stars(value)) for value in judge]
        means = [sum(each) / len(each) for each in said]
        figures = {"spearman": judged.spearman(judge, means, draws), "kendall": judged.kendall(judge, means, draws)}
        figures["alpha"] = judged.alpha(whole, [float(stars(mean)) for mean in means], draws)
    else:
        whole, majority = judge, [float((sum(each) > 0) - (sum(each) < 0)) for each in said]
        decided, right = judged.accuracy(judge, majority, draws)
        figures = {"accuracy": right, "same": judged.same(judge, majority, draws)}
        figures["alpha"] = judged.alpha(judge, majority, draws)
    beside = judged.beside_people(whole, said, groups)
    return Agreement(len(items), len(set(groups)), decided, figures, beside)


def _places(said: Sequence[Verdict]) -> Places | None:
    """By what was told of both orders; rules and reward models were asked once."""
    twice = [each for each in said if "by_place" in each.told]
    if not twice:
        return None
    by_place, agreed = (sum(bool(each.told[name]) for each in twice) for name in ("by_place", "agreed"))
    return Places(len(twice), by_place, agreed, *wilson(by_place, len(twice)))


# --- length


def _lengths(store: Store, given: Sequence[Verdict]) -> dict[str, float]:
    texts = store.judges.texts({id_ for each in given for id_ in each.response_ids})
    return {id_: float(words(text)) for id_, text in texts.items()}


Opinions = Mapping[Any, Mapping[str, float]]


def _seen_ratings(opinions: Opinions, prompts: Mapping[Any, str], lengths: Mapping[str, float]) -> list[Seen]:
    return [
        _seen("rating", who, prompts[item], item, (value,), (lengths[item],))
        for item, said in opinions.items()
        for who, value in said.items()
    ]


def _seen_sides(opinions: Opinions, prompts: Mapping[Any, str], lengths: Mapping[str, float]) -> list[Seen]:
    return [
        _seen(
            "comparison", who, prompts[item], f"{item} {who}", (value, 0.0 - value), tuple(lengths[id_] for id_ in item)
        )
        for item, said in opinions.items()
        for who, value in said.items()
    ]


def _seen(
    kind: str, who: str, prompt_id: str, id_: str, standings: tuple[float, ...], lengths: tuple[float, ...]
) -> Seen:
    return Seen(id_, kind, who, prompt_id, 0.0, 0.0, standings, lengths, (0, 0))
